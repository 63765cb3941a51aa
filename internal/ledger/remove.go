package ledger

import (
	"fmt"
	"time"
)

// Removal is an operator's order that nobody gets an asset any more: the
// tombstone that reports, uploads and orders meet. It is of the asset, not of
// one version of its source.
type Removal struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"` // the operator's
	Shut   time.Time `json:"shut,omitzero"`    // when its entries had been replaced by documents that play nothing
	Gone   time.Time `json:"gone,omitzero"`    // when those had been deleted
}

const (
	// ShutFor is how long documents that play nothing stand in an asset's
	// entries' place before they are deleted. A run that was about to write
	// entries when the asset was removed finds them and stops; where nothing
	// stood, it could not know. No run lives as long.
	ShutFor = 30 * time.Minute

	removedReason = "it is removed; take it back with enqueuer restore"
	maxReason     = 500 // bytes of a removal's reason
)

// schema is the version that r is written as. A worker that knows nothing of
// removals must not touch a record that speaks of one: it would lose the
// tombstone and publish the asset again.
func (r *Record) schema() int {
	if r.Removed != nil || r.Current == 0 && r.Taken != 0 {
		return 2
	}
	return 1
}

// Remove takes the asset from viewers: there is no current build any more, and
// what was published may never be shown again. Unfinished builds are superseded,
// so that their jobs are canceled. What was shown is taken away by a switch,
// whose entries play nothing; see [Record.Removing] for what then follows. It is
// legal in every state, also of an asset of which nothing is known but its
// source. A repeat is [ErrUnchanged]; the first reason stays.
func (r *Record) Remove(now time.Time, reason string) error {
	if r.Removed != nil {
		return ErrUnchanged
	}
	for i := range r.Builds {
		switch b := &r.Builds[i]; {
		case b.State.unfinished():
			r.supersede(now, b)
		case b.State == Published:
			b.State, b.Replaced = Retiring, now
		}
	}
	r.Removed = &Removal{At: now, Reason: clip(reason, maxReason)}
	r.Failure, r.Current, r.Previous = nil, 0, 0
	if r.Seq == 0 || r.Seq == r.Taken && r.EntriesSeq == r.Seq { // viewers have nothing
		r.Removed.Shut, r.Removed.Gone = now, now
		r.note(now, "removed: %s", r.Removed.Reason)
		return nil
	}
	r.Seq++
	r.Taken, r.Switched = r.Seq, now
	r.note(now, "removed, switch %d: %s", r.Seq, r.Removed.Reason)
	return nil
}

// Removing reports whether work is left of a removal: entries to be shut, files
// to be deleted, caches to be told, or the entries themselves to be deleted. A
// build whose job may be running is not waited for here; see
// [Record.Unresolved].
func (r *Record) Removing() bool {
	if r.Removed == nil {
		return false
	}
	if r.EntriesSeq < r.Seq || r.LiveSeq < r.Seq || r.Removed.Gone.IsZero() {
		return true
	}
	return !r.NextRetirement(0).IsZero()
}

// shut notes that the entries of a removal play nothing.
func (r *Record) shut(now time.Time) {
	if r.Removed == nil || r.EntriesSeq < r.Seq {
		return
	}
	removal := *r.Removed
	removal.Shut = now
	r.Removed = &removal
}

// Cleared notes that a removed asset's entries are deleted. It is refused until
// they have played nothing for [ShutFor]. A repeat is [ErrUnchanged].
func (r *Record) Cleared(now time.Time) error {
	const op = "clear the entries of"
	switch {
	case r.Removed == nil:
		return r.refuse(op, 0, nil, "it is not removed")
	case !r.Removed.Gone.IsZero():
		return ErrUnchanged
	case r.Removed.Shut.IsZero():
		return r.refuse(op, 0, nil, "they are not shut")
	case now.Before(r.Removed.Shut.Add(ShutFor)):
		return r.refuse(op, 0, nil, fmt.Sprintf("they are shut for %v, want %v", now.Sub(r.Removed.Shut), ShutFor))
	}
	removal := *r.Removed
	removal.Gone = now
	r.Removed = &removal
	r.note(now, "entries deleted")
	return nil
}

// Restore takes a removed asset back: its source is looked at again and made
// anew, whatever failed or was rolled back from before. It is refused until the
// removal is done, since files that are being deleted cannot be shown, and for
// an asset that is not removed; so a repeat is refused.
func (r *Record) Restore(now time.Time) error {
	const op = "restore"
	switch {
	case r.Removed == nil:
		return r.refuse(op, 0, nil, "it is not removed")
	case r.Open():
		return r.refuse(op, 0, nil, "its removal is not done yet; see enqueuer explain, and try again later")
	}
	r.Removed, r.Rejected = nil, nil
	r.Redriven = max(r.NextBuild, 1)
	r.note(now, "restored: its source is to be looked at")
	return nil
}
