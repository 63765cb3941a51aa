package stage_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
)

// profile stores a profile and returns its digest.
func (w *world) profile(yaml string) string {
	w.t.Helper()
	p, err := media.Parse([]byte(yaml))
	w.must(err)
	w.must(w.book.PutProfile(w.t.Context(), p.Digest(), p.Canonical()))
	return p.Digest()
}

// askFor is ask under a profile.
func (w *world) askFor(digest string) {
	w.t.Helper()
	w.must(w.queue.Enqueue(w.t.Context(), tasks.Ingest{Bucket: source.Bucket, Key: source.Key, Profile: digest}))
}

// A profile that names a job template works, and one whose template can make
// no streams is a failure of the settings, told at once and by name.
func TestTemplates(t *testing.T) {
	video := &cloud.Video{Height: 360, MaxBitrate: 1_000_000, Quality: 7}
	audio := &cloud.Audio{Bitrate: 96_000, SampleRate: 48_000}
	tpl := func(groups ...cloud.OutputGroup) cloud.JobSpec { return cloud.JobSpec{Groups: groups} }
	mp4 := cloud.OutputGroup{Kind: cloud.GroupFile, Outputs: []cloud.Output{{NameModifier: "_360", Video: video, Audio: audio}}}
	smooth := cloud.OutputGroup{Kind: cloud.GroupSmooth, Fragment: 2 * time.Second, Outputs: []cloud.Output{{NameModifier: "_360", Video: video}}}
	sound := cloud.Media{Container: "mp4", Duration: time.Minute, Tracks: []cloud.Track{{Kind: cloud.TrackAudio, Index: 1, Codec: "AAC", Channels: 2, SampleRate: 48_000}}}
	for _, tt := range []struct {
		name  string
		tpl   *cloud.JobSpec
		media *cloud.Media
		class ledger.Class // empty: published
		words string
		runs  int // of the ingest task at most
	}{
		{"it works", new(tpl(mp4)), nil, "", "", 1},
		{"none of that name", nil, nil, ledger.Settings, `job template movies: `, 6},
		{"no streams", new(tpl()), nil, ledger.Settings, `template "movies": it makes nothing that can be played`, 1},
		{"smooth", new(tpl(smooth)), nil, "", "", 1},
		{"pictures of sound", new(tpl(mp4)), &sound, ledger.BadSource, "sound only", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				if tt.tpl != nil {
					w.mem.Transcoder.AddTemplate("movies", *tt.tpl)
				}
				if tt.media != nil {
					w.mem.Transcoder.SetMedia(source, *tt.media, nil)
				}
				w.upload("one")
				w.askFor(w.profile("template: movies\n"))
				w.drain()
				if tt.class == "" {
					if s := w.record().Status(); s != "published" {
						t.Fatalf("%s, want published:\n%s", s, history(w.record()))
					}
					return
				}
				w.failed(tt.class)
				if f := w.record().Failed(); !strings.Contains(f.Message, tt.words) {
					t.Errorf("message %q, want %q in it", f.Message, tt.words)
				}
				if runs := w.mem.Calls()["Transcoder.Template"]; runs > tt.runs {
					t.Errorf("the template was asked for %d times, want at most %d", runs, tt.runs)
				}
			})
		})
	}
}

// A report that is old news names bytes that nobody has any more. That the
// source is gone does not end a build of the latest ones.
func TestOldNewsOfAGoneSource(t *testing.T) {
	for _, state := range []ledger.State{ledger.Planned, ledger.Transcoded} {
		t.Run(string(state), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				w.upload("one")
				w.ask()
				w.until(1, state)
				w.must(w.mem.Store.Delete(t.Context(), source.Bucket, source.Key))
				old := tasks.Ingest{Bucket: source.Bucket, Key: source.Key, SourceVersion: tasks.SourceVersion("older", 9)}
				if err := w.ingest.Handle(t.Context(), old); err != nil {
					t.Fatalf("Handle = %v, want nil: the build goes on", err)
				}
				if s := w.record().Build(1).State; s != state {
					t.Errorf("build 1 is %s, want %s still", s, state)
				}
				w.drain()
				if state == ledger.Transcoded {
					w.published(1, 1) // paid for
				} else {
					w.failed(ledger.SourceGone)
				}
			})
		})
	}
}

// A look that is asked for because the bytes have changed is not asked for by
// itself again, and what it cannot do is a failure in the end.
func TestLookAgain(t *testing.T) {
	for _, tt := range []struct {
		name     string
		arrange  func(w *world)
		failures int
		status   string
		tasks    int // left in the end
	}{
		{"bytes that an operator rejected", func(w *world) {
			o := w.upload("two")
			rev := tasks.Revision(tasks.SourceVersion(o.ETag, o.Size), media.Default().Digest())
			_, err := w.book.Update(w.t.Context(), w.asset(), func(_ time.Time, r *ledger.Record) error {
				r.Rejected = append(r.Rejected, rev)
				return nil
			})
			w.must(err)
		}, 0, "superseded", 0},
		{"a source that cannot be read", func(w *world) {
			w.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
				if op == "Store.Head" && strings.Contains(at, source.Bucket) {
					return cloud.ErrDenied
				}
				return nil
			}})
		}, 30, "failed", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{})
				w.upload("one")
				w.ask()
				w.until(1, ledger.Planned)
				_, err := w.book.Update(t.Context(), w.asset(), func(now time.Time, r *ledger.Record) error { return r.Supersede(now, 1) })
				w.must(err)
				w.step() // the submission finds nothing to do
				look, ok := w.queue.next()
				if again, is := look.(tasks.Ingest); !ok || !is || again.SourceVersion != w.record().Wanted.Source {
					t.Fatalf("task %v, want a look at the source", look)
				}
				tt.arrange(w)
				w.queue.failures[look] = tt.failures
				err, _ = w.run(look)
				w.queue.done(look)
				if w.queue.again {
					t.Error("the task asked for itself again")
				}
				if (err != nil) != (tt.status == "failed") {
					t.Errorf("Handle = %v", err)
				}
				if s := w.record().Status(); s != tt.status || len(w.queue.tasks) != tt.tasks {
					t.Errorf("%s with tasks %v, want %s with %d", s, w.queue.ids(), tt.status, tt.tasks)
				}
			})
		})
	}
}

// turns is a line in which everybody waits for d.
type turns struct {
	d    time.Duration
	lane string // of who asked last
}

func (l *turns) Turn(_ context.Context, lane string, _ cloud.Location) (time.Duration, error) {
	l.lane = lane
	return l.d, nil
}

// A source whose turn to be probed has not come costs no look at anything.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		line := &turns{d: 7 * time.Second}
		w.ingest.Turns = line
		w.upload("a film")
		before := w.mem.Calls()

		task := tasks.Ingest{Bucket: source.Bucket, Key: source.Key}
		if err := w.ingest.Handle(t.Context(), task); fmt.Sprint(err) != fmt.Sprint(queue.NotYet(7*time.Second)) {
			t.Errorf("Handle = %v, want it to wait its turn", err)
		}
		if after := w.mem.Calls(); !maps.Equal(before, after) || line.lane != "live" {
			t.Errorf("calls %v, then %v, of lane %q; want none, of the live lane", before, after, line.lane)
		}
		line.d = 0
		task.Lane = tasks.Bulk
		if err := w.ingest.Handle(t.Context(), task); err != nil || line.lane != "bulk" {
			t.Errorf("Handle = %v, of lane %q", err, line.lane)
		}
	})
}
