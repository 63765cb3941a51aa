package stage_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
)

// gatedTurns is a line without waiting, and its gates.
type gatedTurns struct {
	*governed
	closed time.Duration // the gate asked for
	asked  string        // the last gate
}

var (
	_ stage.Turns = (*gatedTurns)(nil)
	_ stage.Gates = (*gatedTurns)(nil)
)

func (g *gatedTurns) Turn(context.Context, string, cloud.Location) (time.Duration, error) {
	return 0, g.err
}

func (g *gatedTurns) Closed(_ context.Context, scopes ...string) (string, time.Duration, error) {
	g.asked = strings.Join(scopes, " ")
	return "", g.closed, g.err
}

// A profile by which nothing can be made closes its gate at the first source
// that shows it, whatever stage it is; a source by which nothing can be made
// closes none.
func TestIngestClosesTheProfilesGate(t *testing.T) {
	empty := cloud.JobSpec{}
	for _, tt := range []struct {
		name    string
		body    string
		profile func(w *world) string
		shut    bool
		class   ledger.Class
	}{
		{"no streams", "one", func(w *world) string {
			w.mem.Transcoder.AddTemplate("movies", empty)
			return w.profile("template: movies\n")
		}, true, ledger.Settings},
		{"not stored", "one", func(*world) string { return strings.Repeat("0123456789abcdef", 4) }, true, ledger.Settings},
		{"an empty file", "", func(w *world) string { return w.profile("packages: [mp4]\n") }, false, ledger.BadSource},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, g := newWorld(t, memcloud.Options{}), &gatedTurns{governed: &governed{}}
				w.ingest.Turns = g
				w.upload(tt.body)
				digest := tt.profile(w)
				task := tasks.Ingest{Bucket: source.Bucket, Key: source.Key, Profile: digest}
				if err := w.ingest.Handle(t.Context(), task); !errors.Is(err, asynq.SkipRetry) {
					t.Errorf("Handle = %v, want it to end", err)
				}
				if f := w.record().Failed(); f == nil || f.Class != tt.class {
					t.Errorf("failure %+v, want %s", f, tt.class)
				}
				want := fmt.Sprintf("shut %.12s 10m0s", "profile:"+digest)
				if g.told(want) != tt.shut || !tt.shut && len(g.said) > 0 {
					t.Errorf("the governor heard %q, want %s: %v", g.said, want, tt.shut)
				}
			})
		})
	}
}

// While a profile's gate is closed its sources wait, and nothing is read for
// them.
func TestIngestWaitsForTheProfilesGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, g := newWorld(t, memcloud.Options{}), &gatedTurns{governed: &governed{}, closed: 3 * time.Minute}
		w.ingest.Turns = g
		w.upload("one")
		task := tasks.Ingest{Bucket: source.Bucket, Key: source.Key}
		before := fmt.Sprint(w.mem.Calls())
		if err := w.ingest.Handle(t.Context(), task); fmt.Sprint(err) != fmt.Sprint(queue.NotYet(3*time.Minute)) {
			t.Errorf("Handle = %v, want a wait of three minutes", err)
		}
		if after := fmt.Sprint(w.mem.Calls()); after != before {
			t.Errorf("calls %s, before %s: want none", after, before)
		}
		g.err = errors.New("no Redis")
		if err := w.ingest.Handle(t.Context(), task); err == nil || queue.IsVerdict(err) {
			t.Errorf("Handle = %v without an answer, want a failure", err)
		}
		g.closed, g.err = 0, nil
		w.must(w.ingest.Handle(t.Context(), task))
		if want := "profile:" + w.record().Wanted.Profile; g.asked != want {
			t.Errorf("asked for %s, want %s", g.asked, want)
		}
	})
}
