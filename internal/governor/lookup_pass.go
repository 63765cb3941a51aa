package governor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"go.uber.org/zap"
)

const (
	lookEvery = 2 * time.Second  // between looks at whether somebody waits
	lookLease = "lookup"         // of the one who reads the lists
	lookTime  = time.Minute      // without a sign of life
	pageTime  = 25 * time.Second // of one page, with its wait for a token; with a pause after it less than lookTime
	maxTries  = 6                // of one page
	jobSlack  = time.Minute      // how far the times of two of the cloud's services may differ
)

// Run reads the lists while somebody waits, until ctx ends, whose error it
// returns. What fails is logged and tried again.
func (l *Lookups) Run(ctx context.Context) error {
	defer func() { // the next one need not wait for the lease to run out
		dropping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = l.Governor.Drop(dropping, lookLease)
	}()
	var quiet pauses
	for {
		switch err := l.turn(ctx); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			l.Log.Warn("look-up of open intents was not whole; begins anew", zap.Error(err), zap.Duration("in", quiet.grow()))
		default:
			quiet.reset()
		}
		if err := sleep(ctx, max(lookEvery, time.Until(quiet.until))); err != nil {
			return err
		}
	}
}

// turn makes one pass, if this one has the lease and somebody waits.
func (l *Lookups) turn(ctx context.Context) error {
	g := l.Governor
	if mine, err := g.Hold(ctx, lookLease, lookTime); err != nil || !mine {
		return err
	}
	p := pass{Lookups: l, token: rand.Text()}
	began := l.Now() // before anything is listed
	reach, err := scriptBegin.Run(ctx, g.rdb, []string{keySince, keyAsked, keyNumber, keyFound, keyPass}, p.token, began.UnixMilli()).Text()
	if err != nil {
		return fmt.Errorf("begin a pass: %w", err)
	}
	if reach == "" {
		return nil
	}
	oldest, err := strconv.ParseInt(reach, 10, 64)
	if err != nil {
		return fmt.Errorf("begin a pass: %w", err)
	}
	p.back = time.UnixMilli(oldest).Add(-jobSlack)
	// In the order in which a job moves: one that moves meanwhile is met later.
	for _, state := range cloud.JobStates {
		if err := p.list(ctx, state); err != nil {
			return fmt.Errorf("list %s jobs: %w", state, err)
		}
	}
	if err := l.asked(ctx, scriptFinish, []string{keyPass}, p.token, p.notes); err != nil {
		return fmt.Errorf("end a pass: %w", err)
	}
	l.Log.Debug("open intents looked up", zap.Int("pages", p.pages), zap.Time("back to", p.back))
	return nil
}

// pass is one way through the lists. It counts only if it reads all of them.
type pass struct {
	*Lookups
	token string
	back  time.Time // jobs created before are nobody's
	notes int       // taken in Redis, to see that none was lost
	pages int
}

// list reads the jobs of a state, the newest first.
func (p *pass) list(ctx context.Context, state cloud.JobState) error {
	q := cloud.JobQuery{State: state}
	for p.pages < maxPages {
		page, err := p.page(ctx, q)
		if err != nil {
			return err
		}
		p.pages++
		if err := p.note(ctx, page.Jobs); err != nil {
			return err
		}
		if err := sleep(ctx, p.pause()); err != nil { // the last page too: another list follows
			return err
		}
		n := len(page.Jobs)
		switch {
		case page.Next == "", n > 0 && page.Jobs[n-1].Created.Before(p.back):
			return nil
		case page.Next == q.Cursor:
			return errors.New("the list does not go on")
		}
		q.Cursor = page.Next
	}
	return fmt.Errorf("more than %d pages since %v", maxPages, p.back)
}

// page reads one page, and tries it again some times.
func (p *pass) page(ctx context.Context, q cloud.JobQuery) (cloud.JobPage, error) {
	var lame pauses
	for try := 1; ; try++ {
		page, err := p.once(ctx, q)
		if err == nil || ctx.Err() != nil || errors.Is(err, errOvertaken) || try == maxTries {
			return page, err
		}
		p.Log.Warn("page of jobs is tried again", zap.Error(err), zap.Duration("in", lame.grow()))
		if err := sleep(ctx, lame.d); err != nil {
			return cloud.JobPage{}, err
		}
	}
}

func (p *pass) once(ctx context.Context, q cloud.JobQuery) (cloud.JobPage, error) {
	switch mine, err := p.Governor.Hold(ctx, lookLease, lookTime); {
	case err != nil:
		return cloud.JobPage{}, err
	case !mine:
		return cloud.JobPage{}, errOvertaken
	}
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	return p.Jobs.List(ctx, q)
}

// note notes those of the fleet's jobs that somebody looks for.
func (p *pass) note(ctx context.Context, jobs []cloud.Job) error {
	args := []any{p.token, p.notes, maxMet}
	for _, job := range jobs {
		id, _ := p.Governor.ours(job.Metadata)
		if id == "" {
			continue
		}
		text, err := noted(job)
		if err != nil {
			return fmt.Errorf("note job %s: %w", job.ID, err)
		}
		args = append(args, id, job.ID, text)
	}
	if len(args) == 3 {
		return nil
	}
	if err := p.asked(ctx, scriptMet, []string{keySince, keyFound, keyPass}, args...); err != nil {
		return fmt.Errorf("note jobs: %w", err)
	}
	p.notes++
	return nil
}

// pause is the time between two pages, by which passes take half of the quota
// of ListJobs at most: the job board reads lists too.
func (p *pass) pause() time.Duration {
	r := p.Governor.share(ListJobs).PerSecond
	if r <= 0 { // the call says so
		return time.Second
	}
	return time.Duration(float64(2*time.Second) / r)
}

// sleep waits for d. It returns ctx's error once that ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
