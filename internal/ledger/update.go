package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

const (
	updateAttempts = 12                    // with the waits between: about 6 s
	firstBackoff   = 20 * time.Millisecond // doubles, up to
	maxBackoff     = time.Second
)

// Update changes the record of an asset by compare-and-swap and returns it as
// it now is. Change gets the record, or one with nothing but its Asset if there
// is none yet, and the cloud's time; it may run several times, each time on
// what is there then. If it returns [ErrUnchanged] nothing is written and the
// record as read is returned; any other error is returned as it is, and
// nothing is written either.
//
// Every write carries a nonce of this call. After a race or a lost answer the
// record is read again, and a record that carries the nonce, or names it among
// the writes before, has the change: it is not made twice. Only if Update
// itself fails with [cloud.ErrUnavailable] or the context's error is it unknown
// whether the change was made.
//
// Update keeps the markers: one for open work or for a failure is put before
// the write that needs it, and removed after the write that needs it no more. A
// crash in between leaves a stale marker, never a missing one.
func (s *Store) Update(ctx context.Context, asset string, change func(now time.Time, r *Record) error) (*Record, error) {
	u := update{Store: s, asset: asset, nonce: rand.Text(), change: change}
	return u.run(ctx)
}

// UpdateFrom is [Store.Update] of r's asset for a caller that has r from a call
// of this store: the first attempt is made on r as it was returned, which saves
// a request. Should r be out of date, or change not want to write, it is read
// again. R itself is left as it is.
func (s *Store) UpdateFrom(ctx context.Context, r *Record, change func(now time.Time, r *Record) error) (*Record, error) {
	u := update{Store: s, asset: r.Asset, nonce: rand.Text(), change: change, known: r.stored}
	return u.run(ctx)
}

func (u *update) run(ctx context.Context) (*Record, error) {
	for attempt := range updateAttempts {
		if err := pause(ctx, attempt); err != nil {
			return nil, errors.Join(err, u.last)
		}
		r, err := u.try(ctx)
		if err == nil {
			return r, nil
		}
		if !u.again(err) {
			return nil, err
		}
		u.last = err
	}
	return nil, fmt.Errorf("%w (after %d attempts)", u.last, updateAttempts)
}

// update is one call of [Store.Update].
type update struct {
	*Store
	asset  string
	nonce  string
	change func(time.Time, *Record) error

	known *stored         // the record as the caller has it; nil to read it
	sent  bool            // a write was sent; it may have been done
	first bool            // that write was to make the record
	stale map[marker]bool // markers that the writes need no more, or never came to need
	last  error           // of the last attempt
}

// again reports whether another attempt may end otherwise.
func (u *update) again(err error) bool {
	switch {
	case !u.sent:
		return false // nothing is in doubt: the caller may repeat it all
	case errors.Is(err, cloud.ErrPrecondition):
		return true
	case errors.Is(err, cloud.ErrNotFound):
		return !u.first // the record went away; else the bucket is not there
	}
	return cloud.Retryable(err)
}

// try reads, changes and writes once.
func (u *update) try(ctx context.Context) (*Record, error) {
	if known := u.known; known != nil {
		u.known = nil
		if r, err := u.apply(ctx, known.version(), true); err == nil || u.sent {
			return r, err
		}
	}
	v, err := u.read(ctx, u.asset)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		v = version{record: &Record{Asset: u.asset}}
	case err != nil:
		return nil, err
	}
	return u.apply(ctx, v, false)
}

// errOutdated says that a change was not made on a record that may be out of
// date; what it would do to the one that is there must be seen.
var errOutdated = errors.New("the record may be out of date")

// apply changes v and writes it. Of a record that may be out of date only a
// write counts, as that will fail if it is.
func (u *update) apply(ctx context.Context, v version, outdated bool) (*Record, error) {
	r := v.record
	if u.sent && (r.Nonce == u.nonce || slices.Contains(r.Nonces, u.nonce)) {
		u.sweep(ctx, r)
		return r, nil
	}
	marks := r.Marks
	now := u.store.Now().UTC().Truncate(time.Millisecond)
	switch err := u.change(now, r); {
	case err != nil && outdated:
		return nil, errOutdated
	case errors.Is(err, ErrUnchanged):
		return u.asRead(ctx, v)
	case err != nil:
		u.sent = false
		return nil, err
	}
	r.Marks = marks.after(r)
	body, err := u.seal(r, now)
	if err != nil {
		return nil, err
	}
	if err := u.mark(ctx, marks, r.Marks); err != nil {
		return nil, err
	}
	etag := ""
	if v.stored != nil {
		etag = v.stored.etag
	}
	return r, u.write(ctx, r, body, etag)
}

// asRead returns the record without what the change may have done to it.
func (u *update) asRead(ctx context.Context, v version) (*Record, error) {
	if v.stored == nil {
		return &Record{Asset: u.asset}, nil
	}
	again := v.stored.version()
	u.sweep(ctx, again.record)
	return again.record, nil
}

// seal makes the changed record one of this update, and returns its stored
// form. A record that breaks a rule gets no further, and leaves no marker.
func (u *update) seal(r *Record, now time.Time) ([]byte, error) {
	if r.Asset != u.asset {
		return nil, fmt.Errorf("write record of asset %s: the change made it one of %q", u.asset, r.Asset)
	}
	if r.Nonce != "" {
		r.Nonces = slices.Insert(r.Nonces, 0, r.Nonce)
		r.Nonces = r.Nonces[:min(len(r.Nonces), keptNonces)]
	}
	r.Schema, r.Updated, r.Nonce = r.schema(), now, u.nonce
	if err := r.Check(); err != nil {
		return nil, err
	}
	return Encode(r)
}

// write stores r in place of what was read.
func (u *update) write(ctx context.Context, r *Record, body []byte, etag string) error {
	at, err := u.recordAt(u.asset)
	if err != nil {
		return err
	}
	u.sent, u.first = true, etag == ""
	o, err := u.store.Put(ctx, cloud.Put{
		Location:    at,
		Body:        body,
		ContentType: "application/json",
		If:          cloud.Condition{Absent: u.first, ETag: etag},
	})
	if err != nil {
		return fmt.Errorf("write record of asset %s: %w", u.asset, err)
	}
	r.stored = newStored(r, o.ETag)
	u.sweep(ctx, r)
	return nil
}

// pause waits before a repeat, longer each time, by a random part of the wait.
func pause(ctx context.Context, attempt int) error {
	if attempt == 0 {
		return nil
	}
	most := min(firstBackoff<<(attempt-1), maxBackoff)
	t := time.NewTimer(mathrand.N(most) + time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
