// Package mediaconvert stands in for AWS Elemental MediaConvert: its REST API
// (version 2017-08-29) over jobs that really run, by ffmpeg, or are simulated
// by the cloud's clock. Requests and answers are held to the published model,
// settings to the rules between them (package rules). What a job makes is left
// to packages transcode and pack, events to whoever sets [Config.Events].
package mediaconvert

import (
	"net/http"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/ffmpeg"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/transcode"
	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
)

// Recorder counts calls, applies injected faults and notes what breaks the
// published model. [calls.Recorder] is one.
type Recorder interface {
	Wrap(service string, op func(*http.Request) string, refuse func(w http.ResponseWriter, req *http.Request, throttle bool, status int), next http.Handler) http.Handler
	Violation(service, op, text string)
	FailJob(input string) (code int, ok bool)
	OddStatus(service, op string) bool
}

// Config configures a Service. Dir, Objects and Clock are required.
type Config struct {
	Dir     string // the local cloud's; state and work are in its folder "mediaconvert"
	Objects objects.Store
	Clock   *clock.Clock
	Calls   Recorder // nil: nothing is counted, no faults

	// Events is told of each change of a job, in order and without delay: it
	// must not block and not call the Service. Nil: nobody is.
	Events func(Event)

	Tools ffmpeg.Tools
	Slots int   // jobs at work at once, over all queues; 0: 2, or 200 when simulating
	Space int64 // bytes that one job's temporary files may take; 0: 50 GB

	Simulate bool             // jobs end by the clock, without ffmpeg
	JobTime  [2]time.Duration // of a simulated job, in the cloud's time: the range, by a hash of its ID; zero: 30 s

	Quotas  Quotas
	ListLag time.Duration // how much later lists see a change of a job, in the cloud's time
}

// Quotas are the account's limits. Zero members have the service's defaults,
// negative rates and bursts mean no limit.
type Quotas struct {
	Rate           float64            // calls a second of each API method; 0: 2
	Burst          int                // calls at once of each API method; 0: 100
	Rates          map[string]float64 // calls a second by operation, where not Rate
	Bursts         map[string]int     // by operation, where not Burst
	ConcurrentJobs int                // of one on-demand queue; 0: 200
	Queues         int                // on-demand queues, the default one included; 0: 10
	Templates      int                // custom job templates; 0: 100
}

func (c *Config) defaults() {
	if c.Slots <= 0 {
		c.Slots = 2
		if c.Simulate {
			c.Slots = 200
		}
	}
	if c.Space <= 0 {
		c.Space = 50e9
	}
	if c.JobTime == [2]time.Duration{} {
		c.JobTime = [2]time.Duration{30 * time.Second, 30 * time.Second}
	}
	q := &c.Quotas
	orDefault(&q.Rate, 2)
	orDefault(&q.Burst, 100)
	orDefault(&q.ConcurrentJobs, 200)
	orDefault(&q.Queues, 10)
	orDefault(&q.Templates, 100)
}

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Event is one change of a job.
type Event struct {
	Status   string // of the job, or STATUS_UPDATE when it has got on
	Time     time.Time
	Job      Job
	Interval string            // at which the job's request wants STATUS_UPDATEs to be sent: SECONDS_60
	Result   *transcode.Result // of COMPLETE
}

// Job is a job as an operator of the local cloud sees it.
type Job struct {
	ID           string            `json:"id"`
	Status       string            `json:"status"` // SUBMITTED, PROGRESSING, COMPLETE, CANCELED, ERROR
	Phase        string            `json:"phase,omitempty"`
	Percent      int               `json:"percent"`
	Queue        string            `json:"queue"` // ARN
	Priority     int               `json:"priority"`
	Token        string            `json:"token,omitempty"` // ClientRequestToken
	UserMetadata map[string]string `json:"userMetadata,omitempty"`
	Input        string            `json:"input"`        // s3:// URI
	Destinations []string          `json:"destinations"` // of the output groups, as given
	Submitted    time.Time         `json:"submitted"`
	Started      *time.Time        `json:"started,omitempty"`
	Finished     *time.Time        `json:"finished,omitempty"`
	ErrorCode    int               `json:"errorCode,omitempty"`
	ErrorMessage string            `json:"errorMessage,omitempty"`
	Runs         int               `json:"runs"` // how often its work was begun
}
