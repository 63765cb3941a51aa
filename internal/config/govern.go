package config

import (
	"fmt"
	"time"
)

// Govern says what the account allows the fleet. All workers of a fleet should
// be told the same.
type Govern struct {
	APIRate   float64       `name:"api-rate" env:"VODFLEET_API_RATE" default:"0" help:"MediaConvert's quota of requests a second, for each method; the fleet uses nine tenths of it. 0 asks Service Quotas, and takes 2 where that does not tell."`
	APIBurst  int           `name:"api-burst" env:"VODFLEET_API_BURST" default:"100" help:"MediaConvert's quota of requests at once, for each method; with an api-rate of 0 only where Service Quotas does not tell."`
	Jobs      int           `name:"jobs-in-flight" env:"VODFLEET_JOBS_IN_FLIGHT" default:"250" help:"Jobs submitted and not ended, fleet-wide: the slots of the MediaConvert queue and a quarter more, so that no slot waits for a submission." placeholder:"N"`
	LiveJobs  int           `name:"live-jobs" env:"VODFLEET_LIVE_JOBS" help:"How many of the jobs in flight only the live lane may use; 0 is a tenth of them, -1 none." placeholder:"N"`
	DailyJobs int           `name:"jobs-a-day" env:"VODFLEET_JOBS_A_DAY" help:"Most jobs to submit in one day of UTC; 0 for any number." placeholder:"N"`
	Board     time.Duration `name:"board-interval" env:"VODFLEET_BOARD_INTERVAL" default:"20s" help:"Longest time between two looks at the lists of running jobs, fleet-wide, where no events tell of them." placeholder:"D"`
	Events    string        `name:"events-queue-url" env:"VODFLEET_EVENTS_QUEUE_URL" help:"SQS queue of MediaConvert's job state changes; empty for none: then jobs are watched through lists alone." placeholder:"URL"`
}

// Check says what is wrong with the settings.
func (g Govern) Check() error {
	switch {
	case !(g.APIRate >= 0 && g.APIRate <= 100_000): // NaN is neither
		return fmt.Errorf("api-rate %v: want 0 to 100000 a second", g.APIRate)
	case g.APIBurst < 1 || g.APIBurst > 1_000_000:
		return fmt.Errorf("api-burst %d: want 1 to 1000000", g.APIBurst)
	case g.Jobs < 1 || g.Jobs > 1_000_000:
		return fmt.Errorf("jobs-in-flight %d: want 1 to 1000000", g.Jobs)
	case g.LiveJobs < -1 || g.LiveJobs >= g.Jobs:
		return fmt.Errorf("live-jobs %d: want -1 to %d, fewer than the %d jobs in flight", g.LiveJobs, g.Jobs-1, g.Jobs)
	case g.DailyJobs < 0:
		return fmt.Errorf("jobs-a-day %d: want 0 or more", g.DailyJobs)
	case g.Board < 100*time.Millisecond || g.Board > time.Hour:
		return fmt.Errorf("board-interval %v: want 100ms to 1h", g.Board)
	}
	return nil
}
