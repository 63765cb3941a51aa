package governor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// eventQueue gives its batches, one each Receive.
type eventQueue struct {
	batches [][]cloud.Event
	done    []string
	end     context.CancelFunc
}

func (q *eventQueue) Receive(ctx context.Context, _ time.Duration) ([]cloud.Event, error) {
	if len(q.batches) == 0 {
		q.end()
		return nil, ctx.Err()
	}
	got := q.batches[0]
	q.batches = q.batches[1:]
	return got, nil
}

func (q *eventQueue) Done(_ context.Context, receipts ...string) error {
	q.done = append(q.done, receipts...)
	return nil
}

func event(receipt, job, asset string, state cloud.JobState) cloud.Event {
	return cloud.Event{Receipt: receipt, Job: &cloud.JobEvent{ID: job, State: state, Percent: 70, Metadata: map[string]string{"fleet": "f1", "asset": asset, "build": "1"}}}
}

// hears hands events over, and returns what was done and which were done with.
func (b *board) hears(events ...cloud.Event) string {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	q := &eventQueue{batches: [][]cloud.Event{events}, end: cancel}
	b.did = nil
	if err := b.Listen(ctx, q); !errors.Is(err, context.Canceled) {
		b.t.Fatalf("Listen = %v", err)
	}
	return strings.Join(b.did, ", ") + "; done " + strings.Join(q.done, " ")
}

func TestListen(t *testing.T) {
	b := newBoard(t, Options{Rates: plenty})
	b.swept()
	b.admit("bulk", "a")
	b.watch("j1", "a")
	for i, tt := range []struct {
		event cloud.Event
		want  string
		look  string // at j1
	}{
		{event("1", "j1", "a", cloud.JobProgressing), "; done 1", "70% again in 10m0s"}, // events tell: sweeps are rare
		{cloud.Event{Receipt: "2", Job: &cloud.JobEvent{ID: "j1", Status: "NEW_STATUS"}}, "; done 2", "70% again in 10m0s"},
		{cloud.Event{Receipt: "3", Problem: "no JSON"}, "; done 3", "70% again in 10m0s"},
		{cloud.Event{Receipt: "4", Uploads: []cloud.UploadEvent{{}}}, "; done ", "70% again in 10m0s"},
		{cloud.Event{Receipt: "5"}, "; done 5", "70% again in 10m0s"},
		{event("6", "j9", "z", cloud.JobComplete), "; done 6", "70% again in 10m0s"},     // nobody watches it yet
		{event("7", "j1", "zz", cloud.JobComplete), "poll a 1; done 7", "ask"},           // whatever its metadata say
		{event("8", "j1", "a", cloud.JobProgressing), "; done 8", "ask"},                 // late
		{event("9", "j1", "a", cloud.JobComplete), "poll a 1; done 9", "ask"},            // twice
		{cloud.Event{Receipt: "10", Job: &cloud.JobEvent{ID: "j8"}}, "; done 10", "ask"}, // unknown
	} {
		if got := b.hears(tt.event); got != tt.want {
			t.Errorf("event %d: %q, want %q", i, got, tt.want)
		}
		if got := b.look("j1"); got != tt.look {
			t.Errorf("event %d: look %q, want %q", i, got, tt.look)
		}
	}
	if got := b.rooms(); got != "" {
		t.Errorf("in flight %q", got)
	}
	b.watch("j9", "z") // its event came before
	if got := b.look("j9"); got != "ask" {
		t.Errorf("look at a job that ended before it was watched: %q", got)
	}
	b.pass(time.Second)
	if got := b.swept(); got != "poll a 1, poll z 1" {
		t.Errorf("did %q, want both woken again", got)
	}
}

// TestListenFails shows that an event whose poll could not be woken comes again.
func TestListenFails(t *testing.T) {
	b := newBoard(t, Options{})
	b.watch("j1", "a")
	b.broken = errors.New("no Redis")
	ctx, cancel := context.WithCancel(t.Context())
	q := &eventQueue{batches: [][]cloud.Event{{event("1", "j1", "a", cloud.JobFailed), event("2", "j2", "b", cloud.JobFailed)}}, end: cancel}
	if err := b.hear(ctx, q); err == nil || err.Error() != "wake poll of asset a build 1: no Redis" {
		t.Errorf("hear = %v", err)
	}
	if !slices.Equal(q.done, []string{"2"}) {
		t.Errorf("done with %q, want the other only", q.done)
	}
	cancel()
}

// TestEventsHealth shows how often lists are read, by how events are doing.
func TestEventsHealth(t *testing.T) {
	b := newBoard(t, Options{Rates: plenty})
	due := func(want time.Duration) {
		t.Helper()
		_, got, err := b.call(t.Context())
		if got != want || err != nil {
			t.Errorf("after %v the next sweep is due in %v, %v, want %v", b.now.Sub(start), got, err, want)
		}
	}
	due(0)
	b.swept()
	due(20 * time.Second) // there is nothing to see
	b.watch("j1", "a")
	b.watch("j2", "b")
	due(4 * time.Second)
	b.list.put("j1", "a", cloud.JobProgressing)
	b.list.put("j2", "b", cloud.JobProgressing)
	b.hears(event("1", "j1", "a", cloud.JobProgressing))
	b.swept()
	due(5 * time.Minute)

	// j1 ends with an event, late. j2 ends with none.
	clear(b.list.jobs)
	b.pass(59 * time.Second)
	b.hears()
	b.swept()
	due(5 * time.Minute)
	b.hears(event("2", "j1", "a", cloud.JobComplete))
	b.pass(59 * time.Second)
	b.hears()
	if got := b.swept(); got != "poll a 1, poll b 1" {
		t.Errorf("did %q", got)
	}
	due(5 * time.Minute)
	b.pass(2 * time.Second)
	b.swept()
	due(4 * time.Second) // one was missed
	b.pass(9 * time.Minute)
	b.hears()
	due(0)
	b.swept()
	due(4 * time.Second)
	b.pass(61 * time.Second)
	b.hears()
	b.swept()
	due(5 * time.Minute) // events get another try
	if err := b.Missed(t.Context()); err != nil {
		t.Fatal(err)
	}
	due(4 * time.Second) // Redis lost what they said
	b.pass(9 * time.Minute)
	b.hears()
	b.swept()
	due(4 * time.Second)
	b.pass(61 * time.Second)
	b.hears()
	b.swept()
	due(5 * time.Minute)
	b.pass(time.Minute)
	due(0) // nobody listens
}
