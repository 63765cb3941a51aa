package stage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"go.uber.org/zap"
)

// Names of the UserMetadata pairs that every job carries.
const (
	metaFleet    = "fleet"
	metaAsset    = "asset"
	metaBuild    = "build"
	metaRevision = "revision"
)

// intentToken is the client request token of a build's one job. Within the
// service's minute it makes the attempts of one request the same job. No run
// relies on it for another's: a request that is held up on its way would make
// a second job once the token of the repeat is forgotten. So an intent is sent
// by the run that wrote it, once, and everybody else looks for its job.
func intentToken(fleet, asset string, build int) string {
	sum := sha256.Sum256([]byte(fleet + "\x00" + asset + "\x00" + strconv.Itoa(build)))
	return hex.EncodeToString(sum[:16])
}

// Lister lists jobs; see [cloud.Transcoder].
type Lister interface {
	List(ctx context.Context, q cloud.JobQuery) (cloud.JobPage, error)
}

// Lookup is what a [Lister] may be besides: it reads the lists for all open
// intents of the fleet at once. Without it everyone reads them for itself,
// which is for small fleets. See package governor.
type Lookup interface {
	// Ask says what is known of the jobs of this build, and has the lists read
	// if that is not enough. Jobs carry the fleet, the asset and the build; they
	// are told as soon as they are met. Done says that a pass which began at the
	// time told, not before after, has read all lists back to since. Until then
	// ask again, in some seconds to half a minute. A repeat is harmless. Times
	// are the cloud's.
	Ask(ctx context.Context, asset string, build int, since, after time.Time) (jobs []cloud.Job, began time.Time, done bool, err error)
}

// Canceler stops jobs; see [cloud.Transcoder].
type Canceler interface {
	Cancel(ctx context.Context, id string) error
}

// finder finds the job of a build's intent.
type finder struct {
	Lister
	fleet string
}

// Waits between look-ups of an intent's job.
const (
	lostDelay  = 30 * time.Second // the first, and between early ones; lists show a job late
	secondLook = time.Minute      // from the first look-up that counts to the second: a job may be in no list while it moves
	passDelay  = 20 * time.Second // while a shared look-up is under way
)

// resolve looks for the job of b's intent until it is certain. It returns the
// job, or none if there is none and none will be; and [queue.NotYet] as long as
// one may come to be, or may be in no list yet. That takes two look-ups that
// both began later than [ledger.IntentGuard] after the intent.
func (f finder) resolve(ctx context.Context, book Book, rec *ledger.Record, b ledger.Build) (cloud.Job, bool, error) {
	now := book.Now()
	age := now.Sub(b.Intent.At)
	job, found, began, done, err := f.look(ctx, rec.Asset, b, now)
	if err != nil || found {
		return job, found, err
	}
	switch {
	case !done:
		err = queue.NotYet(passDelay)
	case age < ledger.IntentGuard:
		err = queue.NotYet(min(max(age, lostDelay), ledger.IntentGuard-age))
	case b.Intent.Looked.IsZero():
		_, err = book.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
			return r.Looked(now, b.Number, began)
		})
		if err = unlessIllegal(err); err == nil {
			err = queue.NotYet(secondLook)
		}
	default:
		if since := began.Sub(b.Intent.Looked); since < secondLook {
			err = queue.NotYet(secondLook - since)
		}
	}
	return cloud.Job{}, false, err
}

// clockSlack is how far the times of two of the cloud's services may differ.
const clockSlack = time.Minute

// look looks once, and says when that look-up began; done says that it was
// whole and is one of those that [finder.resolve] needs now.
func (f finder) look(ctx context.Context, asset string, b ledger.Build, now time.Time) (job cloud.Job, found bool, began time.Time, done bool, err error) {
	shared, ok := f.Lister.(Lookup)
	if !ok {
		job, found, err = f.find(ctx, asset, b)
		return job, found, now, true, err
	}
	after := b.Intent.At.Add(ledger.IntentGuard)
	switch {
	case now.Before(after): // none of it counts yet
		after = now.Add(-lostDelay)
	case !b.Intent.Looked.IsZero():
		after = b.Intent.Looked.Add(secondLook)
	}
	jobs, began, done, err := shared.Ask(ctx, asset, b.Number, b.Intent.At, after)
	if err != nil {
		return cloud.Job{}, false, began, false, fmt.Errorf("look for the job of build %d: %w", b.Number, err)
	}
	for _, job := range jobs {
		if f.ours(job, asset, b) {
			return job, true, began, true, nil
		}
	}
	return cloud.Job{}, false, began, done, nil
}

// find looks for the job of b's intent through the lists, in the order in
// which a job moves, back to the intent's time.
func (f finder) find(ctx context.Context, asset string, b ledger.Build) (cloud.Job, bool, error) {
	since := b.Intent.At.Add(-clockSlack)
	for _, state := range cloud.JobStates {
		query := cloud.JobQuery{State: state}
		for {
			page, err := f.List(ctx, query)
			if err != nil {
				return cloud.Job{}, false, fmt.Errorf("look for the job of build %d: %w", b.Number, err)
			}
			for _, job := range page.Jobs {
				if f.ours(job, asset, b) {
					return job, true, nil
				}
			}
			if page.Next == "" || len(page.Jobs) > 0 && page.Jobs[len(page.Jobs)-1].Created.Before(since) {
				break
			}
			query.Cursor = page.Next
		}
	}
	return cloud.Job{}, false, nil
}

// ours reports whether job was submitted for b: by this fleet, for this asset
// and build, writing where the build writes.
func (f finder) ours(job cloud.Job, asset string, b ledger.Build) bool {
	m := job.Metadata
	return m[metaFleet] == f.fleet && m[metaAsset] == asset && m[metaBuild] == strconv.Itoa(b.Number) &&
		b.Spec != nil && len(b.Spec.Groups) > 0 && job.Destination == b.Spec.Groups[0].Destination
}

// dropper ends the runs of tasks whose build is not, or no longer, theirs to
// bring forward.
type dropper struct {
	finder
	Canceler
	book   Book
	retire *Retirement
	next   Queue
	room   room
	log    *zap.Logger
}

// again reads the record once more and ends the run by it: another run got
// further, or other content is wanted, and whoever did that may have died
// before it handed on itself.
func (d dropper) again(ctx context.Context, asset string, build int) error {
	rec, err := d.book.Get(ctx, asset)
	if err != nil {
		return unread(ctx, fmt.Errorf("read asset %s again: %w", asset, err))
	}
	return d.end(ctx, rec, build)
}

// end resolves what a superseded build left open, and hands on.
func (d dropper) end(ctx context.Context, rec *ledger.Record, build int) error {
	if b := rec.Build(build); b != nil && b.State == ledger.Superseded {
		dropped, err := d.drop(ctx, rec, *b)
		if queue.IsVerdict(err) { // what is wanted instead does not wait for it
			if err := handOn(ctx, d.next, rec); err != nil {
				return verdict(ctx, err, nil)
			}
		}
		if err != nil {
			return verdict(ctx, fmt.Errorf("drop asset %s build %d: %w", rec.Asset, build, err), nil)
		}
		rec = dropped
	}
	d.room.freeEnded(ctx, rec, build)
	return leave(ctx, d.next, d.retire, rec, build)
}

// drop resolves what a superseded build left open: the job of its intent is
// found, canceled so that it is not paid for, and its end is noted. Only then
// may the build's files go. It returns [queue.NotYet] as long as that job may
// yet come to be.
func (d dropper) drop(ctx context.Context, rec *ledger.Record, b ledger.Build) (*ledger.Record, error) {
	if !open(&b) {
		return rec, nil
	}
	id := b.Job
	if id == "" {
		job, found, err := d.resolve(ctx, d.book, rec, b)
		if err != nil {
			return nil, err
		}
		if found {
			id = job.ID
			if _, err := d.book.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
				return r.Submitted(now, b.Number, id)
			}); unlessIllegal(err) != nil {
				return nil, err
			}
		}
	}
	end := func(now time.Time, r *ledger.Record) error {
		return r.FailBuild(now, b.Number, ledger.Failure{Class: ledger.Canceled, Message: "superseded: another revision is wanted"})
	}
	if id != "" {
		switch err := d.Cancel(ctx, id); {
		case err == nil:
			d.log.Info("job of a superseded build canceled", zap.String("asset", rec.Asset), zap.String("job", id), zap.Int("build", b.Number))
		case errors.Is(err, cloud.ErrConflict): // it has ended
			end = func(now time.Time, r *ledger.Record) error { return r.Completed(now, b.Number) }
		case errors.Is(err, cloud.ErrNotFound):
		default:
			return nil, err
		}
	}
	done, err := d.book.Update(ctx, rec.Asset, end)
	if unlessIllegal(err) != nil {
		return nil, err
	}
	if err != nil {
		return d.book.Get(ctx, rec.Asset) // another run's word counts
	}
	return done, nil
}
