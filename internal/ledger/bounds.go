package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of what a record keeps, so that it stays far below [MaxRecord].
const (
	keptBuilds   = 20   // of those that could be dropped
	keptEvents   = 50   // of the history
	keptNonces   = 16   // of the writes before
	maxText      = 240  // bytes of an event or a warning
	maxMessage   = 1000 // bytes of a failure's message
	maxWarnings  = 20   // of one build
	clippedMark  = "…"
	maxReference = 256 // bytes; the bound of the tasks' field
)

// note adds a line to the history and drops the oldest beyond the bound.
func (r *Record) note(now time.Time, format string, args ...any) {
	r.History = append(r.History, Event{At: now, What: clip(fmt.Sprintf(format, args...), maxText)})
	if n := len(r.History) - keptEvents; n > 0 {
		r.History = slices.Delete(r.History, 0, n)
	}
}

// prune drops old builds that have ended and have no files, except the one
// that speaks for the wanted revision.
func (r *Record) prune() {
	surplus := len(r.Builds) - keptBuilds
	if surplus <= 0 {
		return
	}
	keep := r.speaker(r.Wanted.ID)
	kept := 0
	if keep != nil {
		kept = keep.Number
	}
	oldest := r.Builds[surplus].Number // the first of those that stay anyway
	r.Builds = slices.DeleteFunc(r.Builds, func(b Build) bool {
		return b.Number < oldest && b.Number != kept && b.droppable()
	})
}

// droppable reports whether nothing is lost with the build: it has ended, no
// job of it is running and it has no files.
func (b *Build) droppable() bool {
	switch b.State {
	case Retired:
		return true
	case Failed, Superseded:
		return !b.hasFiles()
	}
	return false
}

// at returns f as it is stored, stamped if it has no time of its own.
func (f Failure) at(now time.Time) *Failure {
	if f.At.IsZero() {
		f.At = now
	}
	f.Message = clip(f.Message, maxMessage)
	return &f
}

// clip returns s as valid UTF-8 of at most limit bytes.
func clip(s string, limit int) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= limit {
		return s
	}
	n := limit - len(clippedMark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + clippedMark
}

func clipAll(texts []string) []string {
	if len(texts) == 0 {
		return nil
	}
	var out []string
	for i, t := range texts {
		if i == maxWarnings-1 && len(texts) > maxWarnings {
			return append(out, fmt.Sprintf("%d more warnings", len(texts)-i))
		}
		out = append(out, clip(t, maxText))
	}
	return out
}
