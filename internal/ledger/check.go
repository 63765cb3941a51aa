package ledger

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Check says what is wrong with a record: the rules that every transition
// keeps. [Store.Update] checks before each write, so a record that breaks one
// is never stored.
func (r *Record) Check() error {
	for _, check := range []func() error{r.checkSource, r.checkBuilds, r.checkShown, r.checkWanted, r.checkBounds} {
		if err := check(); err != nil {
			return fmt.Errorf("check record of asset %s: %w", r.Asset, err)
		}
	}
	return nil
}

func (r *Record) checkSource() error {
	switch {
	case !validName(r.Asset):
		return fmt.Errorf("asset %q is no asset ID", r.Asset)
	case r.Location.Bucket == "" || r.Location.Key == "":
		return fmt.Errorf("no source: %s", r.Location)
	case !utf8.ValidString(r.Location.Bucket) || !utf8.ValidString(r.Location.Key):
		return fmt.Errorf("source %q is not UTF-8", r.Location.String())
	case !utf8.ValidString(r.Reference):
		return fmt.Errorf("reference %q is not UTF-8", r.Reference)
	}
	return nil
}

func (r *Record) checkBuilds() error {
	jobs := make(map[string]int)
	last, unfinished := 0, 0
	for i := range r.Builds {
		b := &r.Builds[i]
		if b.Number <= last {
			return fmt.Errorf("build %d follows build %d", b.Number, last)
		}
		last = b.Number
		if err := b.check(); err != nil {
			return fmt.Errorf("build %d (%s): %w", b.Number, b.State, err)
		}
		if b.Job != "" {
			if other, ok := jobs[b.Job]; ok {
				return fmt.Errorf("builds %d and %d have the same job %s", other, b.Number, b.Job)
			}
			jobs[b.Job] = b.Number
		}
		if !b.State.unfinished() {
			continue
		}
		if unfinished != 0 {
			return fmt.Errorf("builds %d and %d are both unfinished", unfinished, b.Number)
		}
		unfinished = b.Number
		if b.Revision.ID != r.Wanted.ID {
			return fmt.Errorf("build %d is %s, but revision %s is wanted", b.Number, b.State, r.Wanted.ID)
		}
	}
	if last > 0 && r.NextBuild <= last {
		return fmt.Errorf("next build %d, but build %d is there", r.NextBuild, last)
	}
	return nil
}

// check says what a build lacks, or has too much, for its state.
func (b *Build) check() error {
	if b.Revision.ID == "" {
		return errors.New("no revision")
	}
	if b.State.unfinished() && b.Spec == nil {
		return errors.New("no job spec")
	}
	if b.Job != "" && b.Intent == nil {
		return errors.New("a job without an intent")
	}
	if b.State != Failed && b.failed() && b.State != Retiring && b.State != Retired {
		return errors.New("a failure")
	}
	switch b.State {
	case Planned:
		if b.Intent != nil {
			return errors.New("an intent")
		}
	case Submitting:
		if b.Intent == nil || b.Job != "" {
			return errors.New("want an intent and no job")
		}
	case Transcoding:
		if b.Job == "" || !b.JobDone.IsZero() {
			return errors.New("want a running job")
		}
	case Transcoded, Published:
		if b.Job == "" || b.JobDone.IsZero() {
			return errors.New("want a job that ended")
		}
		if b.State == Published && b.Outputs == nil {
			return errors.New("no outputs")
		}
	case Failed:
		if !b.failed() {
			return errors.New("no failure of its own")
		}
	case Superseded:
		if b.Replaced.IsZero() {
			return errors.New("no time of its replacement")
		}
	case Retiring, Retired:
	default:
		return errors.New("unknown state")
	}
	return nil
}

func (r *Record) checkShown() error {
	for _, n := range []int{r.Current, r.Previous} {
		if n == 0 {
			continue
		}
		if b := r.Build(n); b == nil {
			return fmt.Errorf("build %d is shown and not there", n)
		} else if b.State != Published {
			return fmt.Errorf("build %d is shown and %s", n, b.State)
		}
	}
	switch {
	case r.Current == r.Previous && r.Current != 0:
		return fmt.Errorf("build %d is current and previous", r.Current)
	case r.Current == 0 && (r.Previous != 0 || r.Seq != r.Taken):
		return fmt.Errorf("no current build after %d switches", r.Seq)
	case r.Current != 0 && r.Removed != nil:
		return fmt.Errorf("build %d is current in a removed asset", r.Current)
	case r.Current != 0 && r.Seq < 1:
		return fmt.Errorf("build %d is current without a switch", r.Current)
	case r.LiveSeq < 0 || r.LiveSeq > r.EntriesSeq || r.EntriesSeq > r.Seq:
		return fmt.Errorf("want live switch %d ≤ entries' switch %d ≤ switch %d", r.LiveSeq, r.EntriesSeq, r.Seq)
	}
	return nil
}

func (r *Record) checkWanted() error {
	if r.Wanted.ID == "" {
		if len(r.Builds) > 0 || r.Failure != nil {
			return errors.New("no wanted revision")
		}
		return nil
	}
	if b := r.speaker(r.Wanted.ID); r.Failure != nil && b != nil && !b.failed() {
		return fmt.Errorf("the wanted revision has failed, and its build %d is %s", b.Number, b.State)
	}
	if r.Failure != nil && r.Failure.Class == "" {
		return errors.New("a failure without a class")
	}
	return nil
}

func (r *Record) checkBounds() error {
	switch m := r.Marks; {
	case len(r.History) > keptEvents:
		return fmt.Errorf("%d lines of history, limit %d", len(r.History), keptEvents)
	case len(r.Nonces) > keptNonces:
		return fmt.Errorf("%d nonces, limit %d", len(r.Nonces), keptNonces)
	case len(r.Reference) > maxReference:
		return fmt.Errorf("reference of %d bytes, limit %d", len(r.Reference), maxReference)
	case m.Open < 0 || m.Failed < 0 || m.Open > m.Last || m.Failed > m.Last:
		return fmt.Errorf("markers %d and %d, the last is %d", m.Open, m.Failed, m.Last)
	}
	return nil
}
