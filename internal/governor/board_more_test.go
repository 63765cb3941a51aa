package governor

import (
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// TestBoardLostAgain shows that a job which the lists lacked once is believed
// when it is listed again, and when it is gone again.
func TestBoardLostAgain(t *testing.T) {
	b := newBoard(t, Options{Rates: plenty})
	b.watch("j1", "a")
	for i, tt := range []struct {
		listed bool
		want   string
	}{{true, "40% again in 5m0s"}, {false, "ask"}, {true, "40% again in 5m0s"}, {false, "ask"}} {
		b.pass(5 * time.Second)
		clear(b.list.jobs)
		if tt.listed {
			b.list.put("j1", "a", cloud.JobProgressing)
		}
		b.swept()
		if got := b.look("j1"); got != tt.want {
			t.Errorf("sweep %d: look %q, want %q", i, got, tt.want)
		}
	}
}

// TestBoardWithoutSweeps shows that a young job is not left to sweeps that do
// not come.
func TestBoardWithoutSweeps(t *testing.T) {
	b := newBoard(t, Options{Rates: plenty})
	b.swept()
	b.pass(10 * time.Minute)
	b.watch("j1", "a")
	if got := b.look("j1"); got != "ask" {
		t.Errorf("look %q", got)
	}
}

// TestEventFreesRoom shows that a job which an event ended takes no room again
// while the lists still show it.
func TestEventFreesRoom(t *testing.T) {
	b := newBoard(t, Options{Rates: plenty})
	b.admit("bulk", "a")
	b.watch("j1", "a")
	b.list.put("j1", "a", cloud.JobProgressing)
	b.swept()
	b.hears(event("1", "j1", "a", cloud.JobComplete))
	b.pass(time.Second)
	b.swept()
	if got := b.rooms(); got != "" {
		t.Errorf("in flight %q", got)
	}
}

// TestDoubtEnds shows that an event which comes late, and a job that was listed
// again, are no missed events.
func TestDoubtEnds(t *testing.T) {
	b := newBoard(t, Options{Rates: plenty})
	for _, j := range []string{"j1", "j2"} {
		b.watch(j, "a"+j)
		b.list.put(j, "a"+j, cloud.JobProgressing)
	}
	b.hears(event("1", "j1", "aj1", cloud.JobProgressing))
	b.swept()
	clear(b.list.jobs)
	b.pass(time.Second)
	b.swept() // both are in doubt
	b.hears(event("2", "j1", "aj1", cloud.JobComplete))
	b.list.put("j2", "aj2", cloud.JobProgressing)
	b.pass(time.Second)
	b.swept()
	for range 3 {
		b.pass(30 * time.Second)
		b.hears()
		b.swept()
	}
	if s, err := b.Stats(t.Context()); err != nil || !s.Events {
		t.Errorf("events are not trusted, %v", err)
	}
}

// TestCallBounds shows what keeps those at the head of the line from being
// called though there is room.
func TestCallBounds(t *testing.T) {
	for _, tt := range []struct {
		name string
		opt  Options
		do   func(*board)
		want string
	}{
		{"nothing", Options{}, func(*board) {}, "submit live c 1, submit bulk d 1"},
		{"a closed gate", Options{}, func(b *board) { _ = b.ShutBy(b.t.Context(), "account", "x", "ann", time.Hour) }, ""},
		{"a probe", Options{}, func(b *board) {
			_ = b.Shut(b.t.Context(), "account", "x", time.Second)
			b.pass(2 * time.Second)
		}, "submit live c 1"},
		{"the day's cap", Options{PerDay: 3}, func(*board) {}, "submit live c 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.opt.InFlight, tt.opt.Reserve, tt.opt.Rates = 2, -1, plenty
			b := newBoard(t, tt.opt)
			for _, a := range []string{"a", "b"} {
				b.admit("bulk", a)
				b.watch("job-"+a, a)
			}
			b.admit("live", "c")
			b.admit("bulk", "d")
			b.release("a")
			b.release("b")
			tt.do(b)
			b.did = nil
			if _, err := b.Call(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(b.did, ", "); got != tt.want {
				t.Errorf("called %q, want %q", got, tt.want)
			}
		})
	}
}
