package ledger

import (
	"fmt"
	"time"
)

// IntentGuard is how long after an intent its job may still come to be: the
// request is signed as of the intent and refused from five minutes later on,
// and two of the cloud's clocks may differ. Before it has passed nothing more
// is submitted for the build.
const IntentGuard = 6 * time.Minute

// Looked notes that a look-up through the lists of jobs that began at a time,
// later than [IntentGuard] after the intent, found no job. A superseded build
// keeps its state. A repeat is [ErrUnchanged].
func (r *Record) Looked(now time.Time, build int, began time.Time) error {
	const op = "note the look-up of"
	b := r.Build(build)
	switch {
	case b == nil || !b.openIntent():
		return r.refuse(op, build, b, "")
	case began.Sub(b.Intent.At) < IntentGuard:
		return r.refuse(op, build, b, fmt.Sprintf("it began %v after the intent, and counts from %v", began.Sub(b.Intent.At), IntentGuard))
	case !b.Intent.Looked.IsZero():
		return ErrUnchanged
	}
	b.intent(func(i *Intent) { i.Looked = began })
	r.note(now, "build %d: no job of its intent is listed", build)
	return nil
}

// Refused notes that the service refused the request of the build's intent, so
// that no job of it will come to be. Only the run that wrote the intent can
// know; at is that intent's time, and another intent is left alone: it is
// refused. A superseded build keeps its state. A repeat is [ErrUnchanged].
func (r *Record) Refused(now time.Time, build int, at time.Time, why string) error {
	const op = "withdraw the intent of"
	b := r.Build(build)
	switch {
	case b == nil || !b.openIntent():
		return r.refuse(op, build, b, "")
	case !b.Intent.At.Equal(at):
		return r.refuse(op, build, b, "it has another intent")
	case b.Intent.Refused:
		return ErrUnchanged
	}
	b.intent(func(i *Intent) { i.Refused = true })
	r.note(now, "build %d: request refused: %s", build, why)
	return nil
}

// Renew writes another intent in place of one that came to nothing: its
// request was refused, or it is older than [IntentGuard] and one look-up since
// then is noted, and the caller has made a second. Of runs that overlap only
// one succeeds, since the new intent is young. The token is as in
// [Record.Intend].
func (r *Record) Renew(now time.Time, build int, token string) error {
	const op = "renew the intent of"
	b := r.Build(build)
	if b == nil || b.State != Submitting {
		return r.refuse(op, build, b, "")
	}
	old := b.Intent
	switch age := now.Sub(old.At); {
	case !validToken(token):
		return r.refuse(op, build, b, fmt.Sprintf("token %q: want 1 to 64 ASCII characters", token))
	case old.Refused:
	case age < IntentGuard:
		return r.refuse(op, build, b, fmt.Sprintf("it is %v old, and its job may come to be until %v", age, IntentGuard))
	case old.Looked.IsZero():
		return r.refuse(op, build, b, "its job has not been looked for")
	}
	b.Intent = &Intent{Token: token, At: now, Renewals: old.Renewals + 1}
	if !old.Refused {
		b.Intent.Unanswered = old.Unanswered + 1
	}
	r.note(now, "build %d: submitting again, intent %d", build, b.Intent.Renewals+1)
	return nil
}

// openIntent reports whether a job of the build's intent may come to be, or be
// there and not be known.
func (b *Build) openIntent() bool {
	return b.Intent != nil && b.Job == "" && b.Failure == nil && (b.State == Submitting || b.State == Superseded)
}

// intent changes the intent; what builds point to is replaced, never changed.
func (b *Build) intent(change func(i *Intent)) {
	i := *b.Intent
	change(&i)
	b.Intent = &i
}
