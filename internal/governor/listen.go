package governor

import (
	"context"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"go.uber.org/zap"
)

// Listen notes and wakes by events until ctx ends, whose error it returns. An
// event is done with once its poll was woken; if that fails it comes again.
// What cannot be read is logged and done with. Uploads are left in the queue,
// for somebody else must be meant to read them.
//
// Any number of workers may listen to one queue.
func (s *Sweeper) Listen(ctx context.Context, events cloud.Events) error {
	var quiet pauses
	for ctx.Err() == nil {
		err := s.hear(ctx, events)
		if err == nil {
			quiet.reset()
			continue
		}
		if ctx.Err() != nil {
			break
		}
		pause := quiet.grow()
		s.Log.Warn("events are not heard; tries again", zap.Error(err), zap.Duration("in", pause))
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return ctx.Err()
}

// Missed tells that what events have said is lost: for ten minutes lists are
// read as if there were none. A repeat is harmless.
func (g *Governor) Missed(ctx context.Context) error {
	now, err := scriptClock.Run(ctx, g.rdb, nil).Text()
	if err == nil {
		err = g.rdb.HSet(ctx, keyEvents, "missed", now).Err()
	}
	if err != nil {
		return fmt.Errorf("note missed events: %w", err)
	}
	return nil
}

// hear receives once.
func (s *Sweeper) hear(ctx context.Context, events cloud.Events) error {
	got, err := events.Receive(ctx, cloud.MaxEventWait)
	if err != nil {
		return fmt.Errorf("receive events: %w", err)
	}
	if err := scriptHeard.Run(ctx, s.Governor.rdb, []string{keyEvents}).Err(); err != nil {
		return fmt.Errorf("note events: %w", err)
	}
	var done []string
	var failed error
	for _, e := range got {
		switch {
		case e.Problem != "":
			s.Log.Warn("event is of no use", zap.String("event", e.ID), zap.String("problem", e.Problem))
		case e.Job != nil:
			if err := s.heed(ctx, *e.Job); err != nil {
				failed = err // it comes again
				continue
			}
		case len(e.Uploads) > 0:
			s.Log.Warn("upload event in the queue of job events; it is left there", zap.String("event", e.ID))
			continue
		}
		done = append(done, e.Receipt)
	}
	if err := events.Done(ctx, done...); err != nil && failed == nil {
		failed = fmt.Errorf("end events: %w", err)
	}
	return failed
}

// heed notes what an event says, in whatever order and however often it comes:
// a job that ended stays so. What it says of a build is not believed; the poll
// that it wakes asks for the job.
func (s *Sweeper) heed(ctx context.Context, e cloud.JobEvent) error {
	g := s.Governor
	what, percent := "other", any("")
	switch {
	case e.State.Ended():
		what = "ended"
	case e.State == cloud.JobSubmitted, e.State == cloud.JobProgressing:
		what = "running"
		if e.Percent > 0 {
			percent = min(e.Percent, 100)
		}
	}
	id, _ := g.ours(e.Metadata)
	who, err := scriptNote.Run(ctx, g.rdb,
		[]string{
			keyWatch, keyWho, keySeen, keyOver, keyLost, keyDoubt, keyPercent,
			keyLiveRoom, keyBulkRoom, keyMet, keyLeft, keyPace, keyEvents, keyUnmade,
		},
		e.ID, id, what, percent).Text()
	if err != nil {
		return fmt.Errorf("note event of job %s: %w", e.ID, err)
	}
	asset, build, ok := split(who)
	if !ok {
		return nil
	}
	if err := s.Wake(ctx, e.ID, asset, build); err != nil {
		return fmt.Errorf("wake poll of asset %s build %d: %w", asset, build, err)
	}
	return nil
}
