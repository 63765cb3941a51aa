package storm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

const viewers = "http://viewers"

// good is a world with one published asset and one that has failed, and
// nothing wrong with it.
func good(t *testing.T) *World {
	t.Helper()
	w := &World{
		Store:  memcloud.New(memcloud.Options{}).Store,
		Ledger: cloud.Location{Bucket: "ledger", Key: "fleet"}, Output: cloud.Location{Bucket: "streams"}, Library: cloud.Location{Bucket: "library"},
		Viewer: viewers,
	}
	asset, src, rev := source(t, w, "one.mp4")
	update(t, w, asset, func(now time.Time, r *ledger.Record) error {
		r.Location = cloud.Location{Bucket: "library", Key: "one.mp4"}
		_, err := r.Plan(now, src, rev, func(int) (cloud.JobSpec, error) { return spec(), nil }, nil)
		return err
	})
	update(t, w, asset, func(now time.Time, r *ledger.Record) error { return r.Intend(now, 1, "token") })
	update(t, w, asset, func(now time.Time, r *ledger.Record) error { return r.Submitted(now, 1, "job-1") })
	update(t, w, asset, func(now time.Time, r *ledger.Record) error { return r.Completed(now, 1) })
	update(t, w, asset, func(now time.Time, r *ledger.Record) error {
		return r.Switch(now, 1, ledger.Outputs{Packages: []ledger.Package{{Name: "cmaf", HLS: "cmaf/video.m3u8"}}})
	})
	update(t, w, asset, func(now time.Time, r *ledger.Record) error { return r.EntriesWritten(now, 1) })
	update(t, w, asset, func(now time.Time, r *ledger.Record) error { return r.Live(now, 1) })
	w.Jobs = []lcproc.Job{paid("job-1", asset, rev.ID)}

	page, err := json.Marshal(map[string]any{
		"asset": asset, "seq": 1, "build": 1, "revision": rev.ID,
		"urls": map[string]string{"playback": viewers + "/watch/" + asset + "/playback.json", "hls": viewers + "/watch/" + asset + "/master.m3u8", "dash": viewers + "/watch/" + asset + "/manifest.mpd"},
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, w, "watch/"+asset+"/playback.json", string(page))
	put(t, w, "watch/"+asset+"/master.m3u8", "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"../../media/"+asset+"/1/cmaf/audio.m3u8\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n../../media/"+asset+"/1/cmaf/video.m3u8\n")
	put(t, w, "watch/"+asset+"/manifest.mpd", `<MPD><BaseURL>../../media/`+asset+`/1/cmaf/</BaseURL><Period><AdaptationSet><Representation id="7">
		<SegmentTemplate initialization="$RepresentationID$.mp4" media="v$Number%03d$.m4s" startNumber="2"><SegmentTimeline><S d="1" r="1"/></SegmentTimeline></SegmentTemplate>
		</Representation></AdaptationSet></Period></MPD>`)
	build := "media/" + asset + "/1/cmaf/"
	put(t, w, build+"audio.m3u8", "#EXTM3U\n#EXTINF:1,\na1.m4s\n")
	put(t, w, build+"video.m3u8", "#EXTM3U\n#EXT-X-MAP:BYTERANGE=\"1@0\",URI=\"7.mp4\"\n#EXTINF:1,\nv002.m4s\n")
	for _, name := range []string{"a1.m4s", "7.mp4", "v002.m4s", "v003.m4s"} {
		put(t, w, build+name, "media")
	}

	broken, src, rev := source(t, w, "two.mp4")
	update(t, w, broken, func(now time.Time, r *ledger.Record) error {
		r.Location = cloud.Location{Bucket: "library", Key: "two.mp4"}
		return r.FailSource(now, src, rev, ledger.Failure{Class: ledger.BadSource, Message: "no video", Stage: "ingest", At: now})
	})
	return w
}

func paid(id, asset, revision string) lcproc.Job {
	return lcproc.Job{ID: id, Status: "COMPLETE", UserMetadata: map[string]string{"asset": asset, "build": "1", "revision": revision}}
}

func spec() cloud.JobSpec {
	return cloud.JobSpec{Input: cloud.Location{Bucket: "library", Key: "one.mp4"}}
}

// source puts a source into the library.
func source(t *testing.T, w *World, key string) (asset string, src ledger.Source, rev ledger.Revision) {
	t.Helper()
	o, err := w.Store.Put(t.Context(), cloud.Put{Location: w.Library.Join(key), Body: []byte(key)})
	if err != nil {
		t.Fatal(err)
	}
	version := tasks.SourceVersion(o.ETag, o.Size)
	return tasks.AssetID(w.Library.Bucket, key), ledger.Source{Version: version, ETag: o.ETag, Size: o.Size},
		ledger.Revision{ID: tasks.Revision(version, strings.Repeat("0", 32)), Source: version, Profile: strings.Repeat("0", 32)}
}

func put(t *testing.T, w *World, path, body string) {
	t.Helper()
	if _, err := w.Store.Put(t.Context(), cloud.Put{Location: w.Output.Join(path), Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, w *World, at cloud.Location) {
	t.Helper()
	if _, err := w.Store.Head(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	if err := w.Store.Delete(t.Context(), at.Bucket, at.Key); err != nil {
		t.Fatal(err)
	}
}

func update(t *testing.T, w *World, asset string, change func(time.Time, *ledger.Record) error) {
	t.Helper()
	if _, err := ledger.New(w.Store, w.Ledger).Update(t.Context(), asset, change); err != nil {
		t.Fatal(err)
	}
}

// The judge finds nothing wrong with a world that is right, and each thing
// that is not.
func TestJudge(t *testing.T) {
	one := tasks.AssetID("library", "one.mp4")
	at := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		mar  func(t *testing.T, w *World)
		want []string // parts of the violations, in their order
		also int      // explained doubles
	}{
		{"all is well", func(*testing.T, *World) {}, nil, 0},
		{"a canceled duplicate is none", func(_ *testing.T, w *World) {
			j := paid("job-2", one, w.Jobs[0].UserMetadata["revision"])
			j.Status = "CANCELED"
			w.Jobs = append(w.Jobs, j)
		}, nil, 0},
		{"another revision is none", func(_ *testing.T, w *World) { w.Jobs = append(w.Jobs, paid("job-2", one, "other")) }, nil, 0},
		{"paid twice", func(_ *testing.T, w *World) {
			w.Jobs = append(w.Jobs, paid("job-2", one, w.Jobs[0].UserMetadata["revision"]))
		}, []string{"is paid for 2 times"}, 0},
		{"paid twice by a worker that stood still", func(_ *testing.T, w *World) {
			w.Jobs = append(w.Jobs, paid("job-2", one, w.Jobs[0].UserMetadata["revision"]))
			w.Creates = []Entry{{Slot: 1, About: one + ":1", At: at.Add(time.Second)}, {Slot: 0, About: one + ":1", At: at.Add(-5 * time.Minute)}}
			w.Stalls = []Entry{{Slot: 1, At: at, Took: 80}}
		}, nil, 1},
		{"paid twice while another worker stood still", func(_ *testing.T, w *World) {
			w.Jobs = append(w.Jobs, paid("job-2", one, w.Jobs[0].UserMetadata["revision"]))
			w.Creates = []Entry{{Slot: 0, About: one + ":1", At: at.Add(time.Second)}}
			w.Stalls = []Entry{{Slot: 1, At: at, Took: 80}}
		}, []string{"is paid for 2 times"}, 0},
		{"an unfinished duplicate", func(_ *testing.T, w *World) {
			j := paid("job-2", one, "r")
			j.Status = "PROGRESSING"
			w.Jobs = append(w.Jobs, j)
		}, []string{"job job-2 is PROGRESSING"}, 0},
		{"published without a job", func(_ *testing.T, w *World) { w.Jobs = nil }, []string{"is not among those that are complete"}, 0},
		{"a lost asset", func(t *testing.T, w *World) { source(t, w, "three.mp4") }, []string{"is lost: three.mp4 has no record"}, 0},
		{"a changed source", func(t *testing.T, w *World) {
			if _, err := w.Store.Put(t.Context(), cloud.Put{Location: w.Library.Join("one.mp4"), Body: []byte("newer")}); err != nil {
				t.Fatal(err)
			}
		}, []string{"the record is of source version"}, 0},
		{"work left", func(t *testing.T, w *World) {
			asset, src, rev := source(t, w, "three.mp4")
			update(t, w, asset, func(now time.Time, r *ledger.Record) error {
				r.Location = w.Library.Join("three.mp4")
				_, err := r.Plan(now, src, rev, func(int) (cloud.JobSpec, error) { return spec(), nil }, nil)
				return err
			})
		}, []string{"has an open marker", "is not at its end: planned"}, 0},
		{"a segment of a playlist that is missing", func(t *testing.T, w *World) {
			remove(t, w, w.Output.Join("media/"+one+"/1/cmaf/a1.m4s"))
		}, []string{"audio.m3u8 names media/" + one + "/1/cmaf/a1.m4s, which is not there"}, 0},
		{"a playlist of the entry that is missing", func(t *testing.T, w *World) {
			remove(t, w, w.Output.Join("media/"+one+"/1/cmaf/video.m3u8"))
		}, []string{"master.m3u8 names media/" + one + "/1/cmaf/video.m3u8, which is not there"}, 0},
		{"a file of the DASH manifest that is missing", func(t *testing.T, w *World) {
			remove(t, w, w.Output.Join("media/"+one+"/1/cmaf/v003.m4s"))
		}, []string{"manifest.mpd names media/" + one + "/1/cmaf/v003.m4s, which is not there"}, 0},
		{"an empty file", func(t *testing.T, w *World) { put(t, w, "media/"+one+"/1/cmaf/7.mp4", "") }, []string{"7.mp4, which is not there"}, 0},
		{"no playback.json", func(t *testing.T, w *World) { remove(t, w, w.Output.Join("watch/"+one+"/playback.json")) }, []string{"has no playback.json"}, 0},
		{"playback.json of another build", func(t *testing.T, w *World) {
			put(t, w, "watch/"+one+"/playback.json", `{"asset":"`+one+`","seq":1,"build":7,"revision":"`+w.Jobs[0].UserMetadata["revision"]+`","urls":{"hls":"`+viewers+`/watch/`+one+`/master.m3u8","dash":"`+viewers+`/watch/`+one+`/manifest.mpd"}}`)
		}, []string{"playback.json shows build 7 at switch 1, the record has build 1 at 1"}, 0},
		{"an entry that leads away", func(t *testing.T, w *World) {
			put(t, w, "watch/"+one+"/master.m3u8", "#EXTM3U\nhttps://elsewhere.example/a.m3u8\n")
		}, []string{"which leads away"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := good(t)
			tt.mar(t, w)
			v, err := w.Judge(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ok := len(v.Violations) == len(tt.want) && len(v.Explained) == tt.also
			for i, want := range tt.want {
				ok = ok && strings.Contains(v.Violations[min(i, len(v.Violations)-1)], want)
			}
			if !ok {
				t.Errorf("violations:\n%s\nwant %q, and %d explained, got %q", strings.Join(v.Violations, "\n"), tt.want, tt.also, v.Explained)
			}
			if tt.want == nil && (v.Published != 1 || v.Failed["bad-source"] != 1 || v.Files < 8) {
				t.Errorf("verdict %+v", v)
			}
		})
	}
}

// A store that does not answer is no verdict.
func TestJudgeCannot(t *testing.T) {
	w := good(t)
	cannot := errors.New("cannot")
	w.Store = unread{w.Store, cannot}
	if v, err := w.Judge(t.Context()); !errors.Is(err, cannot) {
		t.Errorf("Judge = %+v, %v", v, err)
	}
}

type unread struct {
	cloud.Store
	err error
}

func (u unread) Get(_ context.Context, at cloud.Location, _ int64) ([]byte, cloud.Object, error) {
	return nil, cloud.Object{}, fmt.Errorf("get %s: %w", at, u.err)
}

func TestSteps(t *testing.T) {
	for name, p := range map[string]Plan{"short": short, "full": full} {
		p.Seed = 7
		steps := p.Steps()
		if again := p.Steps(); !slices.EqualFunc(steps, again, func(a, b Step) bool {
			return a.N == b.N && a.At == b.At && a.Kind == b.Kind && a.Batch == b.Batch && (a.Point == nil) == (b.Point == nil)
		}) {
			t.Errorf("%s: the same seed gives other steps", name)
		}
		n := make(map[string]int)
		chosen := 0
		for i, s := range steps {
			n[s.Kind]++
			if s.Kind == stepKill && s.Point != nil {
				chosen++
			}
			if s.N != i+1 || s.At > p.Lasts || i > 0 && s.At < steps[i-1].At {
				t.Errorf("%s: step %d is number %d at %v", name, i, s.N, s.At)
			}
		}
		if n[stepKill] != p.Kills || chosen != p.Chosen || n[stepFlush] != p.Flushes || n[stepRedis] != p.Redis || n[stepStall] != p.Stalls || n[stepBatch] != p.Batches {
			t.Errorf("%s: %v and %d chosen, want %+v", name, n, chosen, p)
		}
	}
}

// A journal goes on where the last one ended, also behind half a line.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	for session := 1; session <= 3; session++ {
		j, err := OpenJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(j.Of("kill")); got != session-1 {
			t.Errorf("session %d: %d kills, want %d", session, got, session-1)
		}
		j.Note(Entry{What: "kill", N: session})
		j.Note(Entry{What: "figures", Figures: &Figures{Calls: 5, Names: map[string]int64{"x": 1}}})
		j.Note(Entry{What: "figures", Figures: &Figures{Calls: 10, Names: map[string]int64{"x": 2}}})
		if got := total(j.Entries()); got.Calls != int64(10*session) || got.Names["x"] != int64(2*session) {
			t.Errorf("session %d: total %+v", session, got)
		}
		if _, err := j.file.WriteString(`{"what":"ki`); err != nil { // the driver dies in the middle
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A viewer at work sees a file that is missing, and a switch undone.
func TestLooker(t *testing.T) {
	w := good(t)
	one := tasks.AssetID("library", "one.mp4")
	l := NewLooker(w.Store, w.Output, w.Viewer)
	look := func(want bool) {
		t.Helper()
		if there, err := l.Look(t.Context(), one); err != nil || there != want {
			t.Errorf("Look = %v, %v, want %v", there, err, want)
		}
	}
	look(true)
	if got := l.Wrong(); len(got) != 0 {
		t.Errorf("wrong %q, want nothing", got)
	}
	remove(t, w, w.Output.Join("media/"+one+"/1/cmaf/v003.m4s"))
	look(true)
	page, _, err := w.Store.Get(t.Context(), w.Output.Join("watch/"+one+"/playback.json"), maxManifest)
	if err != nil {
		t.Fatal(err)
	}
	put(t, w, "media/"+one+"/1/cmaf/v003.m4s", "media")
	put(t, w, "watch/"+one+"/playback.json", strings.Replace(string(page), `"seq":1`, `"seq":0`, 1))
	look(true)
	remove(t, w, w.Output.Join("watch/"+one+"/playback.json"))
	look(false)
	want := []string{
		"asset " + one + ", seen at work: watch/" + one + "/manifest.mpd names media/" + one + "/1/cmaf/v003.m4s, which is not there",
		"asset " + one + ", seen at work: playback.json went back from switch 1 to 0",
	}
	if got := l.Wrong(); !slices.Equal(got, want) {
		t.Errorf("wrong:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
