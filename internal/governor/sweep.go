package governor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"go.uber.org/zap"
)

// never is how long an admission may be without a job: a build is submitted
// within seconds, or after the intent of an earlier run has run out.
const never = 10 * time.Minute

// maxPages bounds what one sweep reads of one state.
const maxPages = 5000

// Sweep reads the lists once, whoever has the lease: it notes who is running,
// counts anew what is in flight, wakes the polls of watched jobs that are not
// running (see [Governor.Watch]), and tells Seen of the jobs that nobody watches. If it cannot
// read all lists nothing is taken for ended. If a poll cannot be woken the
// others are, and the next sweep tries again.
func (s *Sweeper) Sweep(ctx context.Context) error { return s.sweep(ctx, false) }

func (s *Sweeper) sweep(ctx context.Context, leased bool) error {
	ctx, cancel := context.WithTimeout(ctx, sweepLimit)
	defer cancel()
	g := s.Governor
	begin, err := scriptClock.Run(ctx, g.rdb, nil).Text()
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	pages := 0
	var strays []cloud.Job
	// In the order in which a job moves: one that moves meanwhile is met later.
	for _, state := range []cloud.JobState{cloud.JobSubmitted, cloud.JobProgressing} {
		n, err := s.list(ctx, state, begin, leased, &strays)
		if err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		pages += n
	}
	ended, err := s.swept(ctx, begin, pages)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	s.Log.Debug("jobs swept", zap.Int("pages", pages), zap.Int("ended", len(ended)/2), zap.Int("unwatched", len(strays)))
	return errors.Join(s.count(ctx, begin), s.wake(ctx, ended), s.tell(ctx, strays))
}

// list notes all jobs of a state and returns how many pages they are.
func (s *Sweeper) list(ctx context.Context, state cloud.JobState, begin string, leased bool, strays *[]cloud.Job) (pages int, err error) {
	q := cloud.JobQuery{State: state, Oldest: true}
	for pages < maxPages {
		page, err := s.Jobs.List(ctx, q)
		if err != nil {
			return 0, err
		}
		pages++
		unwatched, err := s.note(ctx, begin, page.Jobs)
		if err != nil {
			return 0, err
		}
		*strays = append(*strays, unwatched...)
		if page.Next == "" || page.Next == q.Cursor {
			return pages, nil
		}
		q.Cursor = page.Next
		if !leased {
			continue
		}
		if mine, err := s.Governor.Hold(ctx, leaseName, leaseTime); err != nil || !mine {
			return 0, cmp.Or(err, errors.New("somebody else has the lease"))
		}
	}
	return 0, fmt.Errorf("more than %d pages of jobs are %s", maxPages, state)
}

// note notes a page of jobs and returns those of the fleet that nobody watches
// under their build.
func (s *Sweeper) note(ctx context.Context, begin string, jobs []cloud.Job) ([]cloud.Job, error) {
	g := s.Governor
	var own []cloud.Job
	args := []any{begin, flag(g.opt.PerDay > 0)}
	for _, job := range jobs {
		id, fleet := g.ours(job.Metadata)
		if fleet {
			own = append(own, job)
			args = append(args, job.ID, id, min(max(job.Percent, 0), 100), job.Created.UnixMilli())
		}
	}
	if len(own) == 0 {
		return nil, nil
	}
	watched, err := scriptListed.Run(ctx, g.rdb,
		[]string{keyWatch, keyWho, keySeen, keyLost, keyPercent, keyLiveRoom, keyBulkRoom, keyMet, keyLeft, keyDoubt, keyWoken, keyUnmade, keyDayLive, keyDayBulk}, args...).Int64Slice()
	if err != nil {
		return nil, err
	}
	var strays []cloud.Job
	for i, job := range own {
		if i < len(watched) && watched[i] == 0 {
			strays = append(strays, job)
		}
	}
	return strays, nil
}

// pace is the time from one sweep of so many pages to the next: at most every,
// unless the pages would take more than about half of the quota of ListJobs.
func (s *Sweeper) pace(pages int, every time.Duration) time.Duration {
	page := time.Second
	if r := s.Governor.share(ListJobs); r.PerSecond > DefaultRate.PerSecond {
		page = time.Duration(float64(page) * DefaultRate.PerSecond / r.PerSecond)
	}
	n := time.Duration(pages)
	return max(min(n*2*time.Second, every), n*page, min(3*time.Second, every))
}

// swept ends a sweep; it returns job, ASSET:BUILD, ... of who is to be woken.
func (s *Sweeper) swept(ctx context.Context, begin string, pages int) ([]string, error) {
	every, rare := cmp.Or(s.Every, 20*time.Second), cmp.Or(s.Rare, 5*time.Minute)
	short := s.pace(pages, every)
	return scriptSwept.Run(ctx, s.Governor.rdb,
		[]string{
			keyWatch, keyWho, keySeen, keyOver, keyLost, keyDoubt, keyPercent,
			keyLiveRoom, keyBulkRoom, keyMet, keyLeft, keyPace, keySweep, keyEvents, keyWoken, keyUnmade, keyDayLive, keyDayBulk,
		},
		begin, ms(listLag), ms(never), ms(short), ms(every), ms(rare)).StringSlice()
}

func (s *Sweeper) wake(ctx context.Context, ended []string) error {
	var errs []error
	var failed []any
	for pair := range slices.Chunk(ended, 2) {
		asset, build, ok := split(pair[len(pair)-1])
		if !ok {
			continue
		}
		if err := s.Wake(ctx, pair[0], asset, build); err != nil {
			errs = bound(errs, fmt.Errorf("wake poll of asset %s build %d: %w", asset, build, err))
			failed = append(failed, pair[0])
		}
	}
	if len(failed) > 0 {
		if err := s.Governor.rdb.ZRem(ctx, keyWoken, failed...).Err(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Sweeper) tell(ctx context.Context, strays []cloud.Job) error {
	if s.Seen == nil {
		return nil
	}
	var errs []error
	for _, job := range strays {
		if err := s.Seen(ctx, job); err != nil {
			errs = bound(errs, fmt.Errorf("job %s: %w", job.ID, err))
		}
	}
	return errors.Join(errs...)
}

// bound keeps the first few errors: of thousands the others say the same.
func bound(errs []error, err error) []error {
	if len(errs) < 5 {
		errs = append(errs, err)
	}
	return errs
}

// Call wakes the tasks at the head of the lines for which there is room and a
// token now, once each, and returns how many. Run does it each second.
func (s *Sweeper) Call(ctx context.Context) (int, error) {
	n, _, err := s.call(ctx)
	return n, err
}

// call also returns when the next sweep is due.
func (s *Sweeper) call(ctx context.Context) (called int, due time.Duration, err error) {
	g := s.Governor
	r := g.share(CreateJob)
	got, err := scriptTick.Run(ctx, g.rdb,
		[]string{
			keyEpoch, keyGates, keyLiveRoom, keyBulkRoom, keyLiveLine, keyBulkLine, keyDue,
			keyBucket(CreateJob), keyDayLive, keySweep, keyEvents, keyWatch, keyDayBulk, keyLimits,
		},
		g.opt.InFlight, g.opt.Reserve, max(g.opt.PerDay, 0), float(r.PerSecond), r.Burst, ms(grace), callLimit, scopeAccount, scopeSubmit).StringSlice()
	if err == nil && len(got) < 2 {
		err = errors.New("the script's answer has another form")
	}
	if err != nil {
		return 0, 0, fmt.Errorf("call waiting tasks: %w", err)
	}
	wait, err := strconv.ParseInt(got[1], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("call waiting tasks: %w", err)
	}
	var errs []error
	for pair := range slices.Chunk(got[2:], 2) {
		asset, build, ok := split(pair[len(pair)-1])
		if !ok {
			continue
		}
		if err := s.WakeSubmit(ctx, pair[0], asset, build); err != nil {
			errs = bound(errs, fmt.Errorf("wake submission of asset %s build %d: %w", asset, build, err))
			continue
		}
		called++
	}
	if err := errors.Join(errs...); err != nil { // they come by themselves, later
		s.Log.Warn("waiting tasks could not be woken", zap.Error(err))
	}
	return called, fromMS(wait), nil
}
