package governor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// refusals are the errors of a request for a job of which nothing comes.
var refusals = []error{cloud.ErrThrottled, cloud.ErrQuota, cloud.ErrDenied, cloud.ErrInvalid, cloud.ErrNotFound, cloud.ErrExpired}

// made notes that a job was made of a request, or may have been: it counts for
// the day, whenever its room is given back. Where that cannot be noted a sweep,
// the watch of its poll or an event does.
func (g *Governor) made(ctx context.Context, r cloud.JobRequest, err error) {
	id, _ := g.ours(r.Metadata)
	if g.opt.PerDay <= 0 || id == "" || slices.ContainsFunc(refusals, func(kind error) bool { return errors.Is(err, kind) }) {
		return
	}
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = g.rdb.ZRem(noting, keyUnmade, id).Err()
}

// count counts the jobs of this day that have ended, once for each Redis that
// knows nothing of them, since it is new or lost its keys.
func (s *Sweeper) count(ctx context.Context, begin string) error {
	g := s.Governor
	if g.opt.PerDay <= 0 {
		return nil
	}
	const kept = 7 * 24 * time.Hour
	if counted, err := g.rdb.Expire(ctx, keyDayWhole, kept).Result(); err != nil || counted {
		return err
	}
	ms, err := strconv.ParseInt(begin, 10, 64)
	if err != nil {
		return fmt.Errorf("count the jobs of the day: %w", err)
	}
	midnight := time.UnixMilli(ms).UTC().Truncate(24 * time.Hour)
	for _, state := range []cloud.JobState{cloud.JobComplete, cloud.JobFailed, cloud.JobCanceled} {
		if err := s.countState(ctx, state, midnight); err != nil {
			return fmt.Errorf("count the jobs of the day that are %s: %w", state, err)
		}
	}
	return g.rdb.Set(ctx, keyDayWhole, begin, kept).Err()
}

// countState reads the list of a state from its newest job back to midnight.
func (s *Sweeper) countState(ctx context.Context, state cloud.JobState, midnight time.Time) error {
	g := s.Governor
	q := cloud.JobQuery{State: state}
	for range maxPages {
		page, err := s.Jobs.List(ctx, q)
		if err != nil {
			return err
		}
		var made []redis.Z
		past := false
		for _, job := range page.Jobs {
			past = past || job.Created.Before(midnight)
			if id, _ := g.ours(job.Metadata); id != "" && !job.Created.Before(midnight) {
				made = append(made, redis.Z{Score: float64(job.Created.UnixMilli()), Member: id})
			}
		}
		if len(made) > 0 {
			if err := g.countMade(ctx, made); err != nil {
				return err
			}
		}
		if past || page.Next == "" || page.Next == q.Cursor {
			return nil
		}
		q.Cursor = page.Next
	}
	return fmt.Errorf("more than %d pages", maxPages)
}

// countMade has builds count, unless they do already.
func (g *Governor) countMade(ctx context.Context, made []redis.Z) error {
	args := make([]any, 0, 2*len(made))
	for _, z := range made {
		args = append(args, z.Member, strconv.FormatFloat(z.Score, 'f', 0, 64))
	}
	return scriptCounted.Run(ctx, g.rdb, []string{keyDayLive, keyDayBulk, keyUnmade}, args...).Err()
}
