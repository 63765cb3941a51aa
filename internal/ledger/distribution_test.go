package ledger

import (
	"testing"
	"time"
)

// TestHeldByTheDistribution is of a whole build that viewers could not play: it
// is kept, and taken up again however often, without being paid for again.
func TestHeldByTheDistribution(t *testing.T) {
	unplayable := Failure{Class: Distribution, Message: "SmoothStreaming is off", Stage: "publish"}
	h := begin(t).plan(revA).submit(1)
	h.do(h.Completed(h.now, 1))
	for range 3 {
		h.do(h.FailBuild(h.now, 1, unplayable))
		if f := h.Failed(); f == nil || f.Class != Distribution || h.Open() {
			t.Fatalf("failed of %+v, open %v", f, h.Open())
		}
		if at := h.NextRetirement(grace); !at.IsZero() || len(h.Retirable(h.now.Add(1000*grace), grace)) > 0 {
			t.Errorf("its files go at %v, want never while it is wanted", at)
		}
		h.do(h.Redrive(h.now, respec))
		if got, want := gist(h.Record), "A1 transcoded; wants A"; got != want {
			t.Fatalf("redriven: %s, want %s", got, want)
		}
	}
	h.do(h.FailBuild(h.now, 1, unplayable))
	h.plan(revB)
	if due := h.Retirable(h.now.Add(grace+time.Hour), grace); len(due) != 1 {
		t.Errorf("retirable %v once other content is wanted, want build 1", due)
	}
}
