package ledger

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

const (
	asset   = "AKJ4CWLQ2FNNMLVQ7J6HGEVHLA"
	profile = "0123456789abcdef0123456789abcdef"
	grace   = 24 * time.Hour
)

var (
	start  = time.Date(2026, 11, 22, 19, 0, 0, 0, time.UTC)
	source = cloud.Location{Bucket: "library", Key: "a.mp4"}

	revA, revB, revC = rev("A"), rev("B"), rev("C")
	outputs          = Outputs{Packages: []Package{{Name: "cmaf", HLS: "cmaf/video.m3u8"}}, Files: 9, Bytes: 1000}
	badSource        = Failure{Class: BadSource, Message: "no video", Stage: "transcode-poll"}
	transient        = Failure{Class: Transient, Message: "again", Stage: "transcode-poll"}
	incomplete       = Failure{Class: Incomplete, Message: "a segment is missing", Stage: "publish"}
	quarantined      = Failure{Class: BadSource, Message: "no video", Stage: "transcode-poll", Quarantine: true}
	revX             = Revision{ID: "revX", Source: "A", Profile: "another"}
	gone             = Failure{Class: SourceGone, Message: "deleted", Stage: "ingest"}
)

func rev(name string) Revision { return Revision{ID: "rev" + name, Source: name, Profile: profile} }

func src(r Revision) Source { return Source{Version: r.Source, ETag: "e" + r.Source, Size: 7} }

func spec(build int) (cloud.JobSpec, error) {
	return cloud.JobSpec{Input: source}, nil
}

func respec(old Build, build int) (cloud.JobSpec, error) { return *old.Spec, nil }

// history makes a record step by step, an hour between two.
type history struct {
	t *testing.T
	*Record
	now time.Time
}

func begin(t *testing.T) *history {
	return &history{t, &Record{Schema: 1, Asset: asset, Location: source}, start}
}

// do makes one step, which has to be legal.
func (h *history) do(err error) *history {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("a step of the fixture: %v", err)
	}
	h.now = h.now.Add(time.Hour)
	return h
}

func (h *history) plan(r Revision) *history {
	h.t.Helper()
	_, err := h.Plan(h.now, src(r), r, spec, nil)
	return h.do(err)
}

func (h *history) replan(b int) *history {
	h.t.Helper()
	_, err := h.Replan(h.now, b, spec)
	return h.do(err)
}

func (h *history) submit(b int) *history {
	h.t.Helper()
	return h.do(h.Intend(h.now, b, fmt.Sprintf("token-%d", b))).do(h.Submitted(h.now, b, fmt.Sprintf("job-%d", b)))
}

// publish brings a planned build to viewers, and makes the switch live.
func (h *history) publish(b int) *history {
	h.t.Helper()
	return h.submit(b).do(h.Completed(h.now, b)).show(b)
}

func (h *history) show(b int) *history {
	h.t.Helper()
	return h.do(h.Switch(h.now, b, outputs)).do(h.EntriesWritten(h.now, h.Seq)).do(h.Live(h.now, h.Seq))
}

// remove takes a published asset from viewers, to the end.
func (h *history) remove() *history {
	h.t.Helper()
	h.do(h.Remove(h.now, "rights")).do(h.EntriesWritten(h.now, h.Seq))
	for i := range h.Builds {
		if n := h.Builds[i].Number; h.Builds[i].State == Retiring {
			h.do(h.Retired(h.now, n))
		}
	}
	return h.do(h.Live(h.now, h.Seq)).do(h.Cleared(h.now))
}

func (h *history) retiring(b int) *history { h.t.Helper(); return h.do(h.Retiring(h.now, b)) }

// gist tells a record in short: its builds by number with * for the current
// one and - for the previous one, its wanted revision, its counts of switches,
// and whether the source failed.
func gist(r *Record) string {
	var parts []string
	for _, b := range r.Builds {
		mark := ""
		switch b.Number {
		case r.Current:
			mark = "*"
		case r.Previous:
			mark = "-"
		}
		parts = append(parts, fmt.Sprintf("%s%d%s %s", strings.TrimPrefix(b.Revision.ID, "rev"), b.Number, mark, b.State))
	}
	s := strings.Join(parts, ", ") + "; wants " + strings.TrimPrefix(r.Wanted.ID, "rev")
	if r.Seq > 0 {
		s += fmt.Sprintf(", %d/%d/%d", r.Seq, r.EntriesSeq, r.LiveSeq)
	}
	if m := r.Removed; m != nil {
		switch {
		case !m.Gone.IsZero():
			s += ", gone"
		case !m.Shut.IsZero():
			s += ", shut"
		default:
			s += ", removed"
		}
	}
	if r.Failure != nil {
		s += ", " + string(r.Failure.Class)
	}
	return s
}

// outcome runs a transition: what came out, "=" for unchanged, "no" for
// refused. It fails the test if a record that was not changed is another.
func outcome(t testing.TB, r *Record, transition func(*Record) error) string {
	t.Helper()
	before := encode(t, r)
	err := transition(r)
	if err == nil {
		if err := r.Check(); err != nil {
			t.Errorf("after the transition: %v", err)
		}
		return gist(r)
	}
	if after := encode(t, r); after != before {
		t.Errorf("refused with %v, and changed from\n%s to\n%s", err, before, after)
	}
	if errors.Is(err, ErrUnchanged) {
		return "="
	}
	if refused, ok := errors.AsType[*TransitionError](err); !ok || refused.Asset != r.Asset {
		t.Errorf("refused with %#v, want a *TransitionError of the asset", err)
	}
	return "no"
}

func encode(t testing.TB, r *Record) string {
	t.Helper()
	b, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
