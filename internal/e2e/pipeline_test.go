package e2e

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/e2e/clips"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
	"github.com/vodfleet/vodfleet/internal/e2e/players"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"golang.org/x/sync/errgroup"
)

// aProfile makes every package, so that one run shows them all.
const aProfile = `packages: [cmaf, hls, mp4]
`

// sample is one of the sample library, made and uploaded.
type sample struct {
	clips.Spec
	key   string
	asset string
}

// upload makes a clip and puts it into the library under folder.
func upload(t *testing.T, f *fleet.Fleet, folder string, s clips.Spec) sample {
	t.Helper()
	file, err := clips.Make(t.Context(), t.TempDir(), s)
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key := path.Join(folder, s.Name)
	return sample{s, key, f.Upload(key, body)}
}

func assetsOf(all []sample) (ids []string) {
	for _, c := range all {
		ids = append(ids, c.asset)
	}
	return ids
}

// The whole pipeline on real video: an inventory report in, streams out that
// real players play, by two workers over real Redis and real ffmpeg.
func TestPipeline(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Env: []string{"VODFLEET_GRACE=15s"}})
	file := filepath.Join(t.TempDir(), "profile.yaml")
	if err := os.WriteFile(file, []byte(aProfile), 0o600); err != nil {
		t.Fatal(err)
	}
	var library []sample
	for _, s := range clips.Library() {
		library = append(library, upload(t, f, "sample", s))
	}
	f.Worker()
	f.Worker()
	f.Enqueuer("watch", "--profile", file)
	f.Report()

	recs := f.Await(4*time.Minute, fleet.Ended, assetsOf(library)...)

	published := 0
	for i, c := range library {
		switch rec := recs[i]; {
		case c.Kind == clips.Whole && rec.Status() == "published":
			published++
		case c.Kind == clips.Text && rec.Status() == "failed":
			if fail := rec.Failed(); fail.Class != ledger.BadSource || !strings.Contains(fail.Message, "not a video") {
				t.Errorf("%s failed as %s: %q, want a bad source, in words", c.key, fail.Class, fail.Message)
			}
		default:
			t.Errorf("%s is %s: %+v", c.key, rec.Status(), rec.Failed())
		}
	}
	if published != 6 {
		t.Errorf("%d assets published, want 6", published)
	}
	jobs := f.Cloud.Calls().Of("mediaconvert.CreateJob")
	if jobs != 6 {
		t.Errorf("%d calls of CreateJob, want 6", jobs)
	}
	checkPlay(t, f, library, recs)

	t.Run("an unchanged report does nothing", func(t *testing.T) {
		f.Report()
		awaitReports(t, f, 2)
		if got := f.Cloud.Calls().Of("mediaconvert.CreateJob"); got != jobs {
			t.Errorf("%d calls of CreateJob after an unchanged report, want %d", got, jobs)
		}
	})
	t.Run("replaced twice", func(t *testing.T) { replaceTwice(t, f, library, jobs) })
	for _, v := range f.Cloud.Violations() {
		t.Errorf("%s.%s broke the published model %d times: %s", v.Service, v.Operation, v.Count, v.What)
	}
}

// awaitReports waits until watch has taken n reports.
func awaitReports(t *testing.T, f *fleet.Fleet, n int) {
	t.Helper()
	for range 150 {
		for o, err := range f.Store.List(t.Context(), cloud.Location{Bucket: fleet.Ledger, Key: "fleet/watch/"}, "") {
			if err != nil {
				t.Fatal(err)
			}
			body, _, err := f.Store.Get(t.Context(), o.Location, 1<<20)
			if err == nil && strings.Count(string(body), `"rows"`) > 0 && f.Cloud.Calls().Of("s3.PutObject") > 0 && reportsIn(t, f) == n && settled(string(body), f, t) {
				return
			}
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Fatalf("watch has not taken report %d", n)
}

// reportsIn counts the complete reports.
func reportsIn(t *testing.T, f *fleet.Fleet) (n int) {
	t.Helper()
	for o, err := range f.Store.List(t.Context(), cloud.Location{Bucket: fleet.Reports, Key: "inventory/"}, "") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(o.Key, "manifest.checksum") {
			n++
		}
	}
	return n
}

// settled reports whether watch's progress names the latest report.
func settled(progress string, f *fleet.Fleet, t *testing.T) bool {
	var latest string
	for o, err := range f.Store.List(t.Context(), cloud.Location{Bucket: fleet.Reports, Key: "inventory/"}, "") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(o.Key, "manifest.json") {
			latest = max(latest, o.Key)
		}
	}
	return strings.Contains(progress, path.Base(path.Dir(latest)))
}

// replaceTwice replaces one source twice, with a report after each.
func replaceTwice(t *testing.T, f *fleet.Fleet, library []sample, jobs int) {
	i := slices.IndexFunc(library, func(c sample) bool { return c.Silent })
	c := library[i]
	for n := 1; n <= 2; n++ {
		s := c.Spec
		s.Identity += uint16(1000 * n)
		replaced := upload(t, f, "sample", s)
		f.Report()
		rec := f.Await(2*time.Minute, func(r *ledger.Record) bool { return fleet.Ended(r) && r.Seq == n+1 }, c.asset)[0]
		if got := f.Cloud.Calls().Of("mediaconvert.CreateJob"); got != jobs+n {
			t.Errorf("%d calls of CreateJob after replacement %d, want %d", got, n, jobs+n)
		}
		h := harness(t, f)
		urls := links(f, rec)
		seen, err := h.Play(t.Context(), players.Package{Name: fmt.Sprintf("replaced %d", n), URL: urls.HLS, Kind: players.HLS}, players.Options{Each: []players.Player{players.GStreamer}})
		if err != nil {
			t.Fatal(err)
		}
		checkSeen(t, seen, replaced.Spec)
	}
	rec := f.Await(time.Minute, func(r *ledger.Record) bool { return r.Build(1).State == ledger.Retired }, c.asset)[0]
	for build, want := range map[int]bool{1: false, 2: true, 3: true} {
		prefix := cloud.Location{Bucket: fleet.Streams, Key: fmt.Sprintf("media/%s/%d/", rec.Asset, build)}
		some := false
		for _, err := range f.Store.List(t.Context(), prefix, "") {
			if err != nil {
				t.Fatal(err)
			}
			some = true
			break
		}
		if some != want {
			t.Errorf("build %d has files: %v, want %v", build, some, want)
		}
	}
}

func links(f *fleet.Fleet, rec *ledger.Record) delivery.URLs {
	return delivery.LinkTo(f.Cloud.Edge, rec, true)
}

func harness(t *testing.T, f *fleet.Fleet) *players.Harness {
	t.Helper()
	h, err := players.Open(t.Context(), f.Cloud.Edge, filepath.Join(lcproc.Root(), "enqueuer/web/vendor"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// checkPlay plays every rendition of what was published: each by GStreamer, and
// in the browser too. A machine of two cores plays two videos at a time.
func checkPlay(t *testing.T, f *fleet.Fleet, library []sample, recs []*ledger.Record) {
	t.Helper()
	h := harness(t, f)
	played := make([][]players.Seen, len(library))
	var wg errgroup.Group
	wg.SetLimit(2)
	for i, c := range library {
		if recs[i].Status() == "published" {
			wg.Go(func() error {
				played[i] = playAll(t, h, links(f, recs[i]), c.Spec, i == 0)
				return nil
			})
		}
	}
	_ = wg.Wait() // faults are the test's already
	t.Logf("played:\n%s", players.Table(slices.Concat(played...)))
}

// playAll plays and judges the packages of one video. Browsers are slow: they
// play all of them if every, otherwise what viewers start from.
func playAll(t *testing.T, h *players.Harness, urls delivery.URLs, c clips.Spec, every bool) (all []players.Seen) {
	streams := []players.Package{
		{Name: c.Name + " cmaf", URL: urls.HLS, Kind: players.HLS},
		{Name: c.Name + " dash", URL: urls.DASH, Kind: players.DASH},
	}
	for _, p := range urls.Packages {
		switch p.Name {
		case "hls":
			streams = append(streams, players.Package{Name: c.Name + " hls", URL: p.HLS, Kind: players.HLS})
		case "mp4":
			streams = append(streams, players.Package{Name: c.Name + " mp4", URL: p.Files[0], Kind: players.File})
		}
	}
	for n, p := range streams {
		o := players.Options{Each: []players.Player{players.GStreamer}}
		if every || n < 2 {
			o.Whole = p.Kind.Players()
		}
		seen, err := h.Play(t.Context(), p, o)
		if err != nil {
			t.Errorf("play %s: %v", p.Name, err)
			continue
		}
		checkSeen(t, seen, c)
		all = append(all, seen...)
	}
	if !c.Silent {
		if err := h.Listen(t.Context(), streams[0], players.Options{}).Check(c.Length, c.Pitch()); err != nil {
			t.Errorf("listen to %s: %v", c.Name, err)
		}
	}
	return all
}

func checkSeen(t *testing.T, seen []players.Seen, s clips.Spec) {
	t.Helper()
	for _, one := range seen {
		if err := one.Check(players.Want{Identity: int(s.Identity), Frames: s.Frames(), Aspect: s.Aspect(), FPS: s.FPS()}); err != nil {
			t.Errorf("%s, %s, %s: %v", one.Package, one.Rendition, one.Player, err)
		}
	}
}

// Sources that disappoint end with a reason, and the odd but legal ones in
// streams.
func TestOddSources(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{})
	f.Worker()
	var all []sample
	for _, s := range clips.Disappointing() {
		all = append(all, upload(t, f, "odd", s))
	}
	args := []string{"add", "--wait", "--timeout", "4m"}
	for _, c := range all {
		args = append(args, "s3://"+fleet.Library+"/"+c.key)
	}
	out, code := f.Run(args...)
	if code != 3 {
		t.Errorf("add --wait exits %d, want 3, as some sources are broken\n%s", code, out)
	}
	recs := f.Await(time.Minute, fleet.Ended, assetsOf(all)...)
	for i, c := range all {
		want := "published"
		if c.Kind == clips.Text || c.Kind == clips.Truncated || c.Kind == clips.Empty {
			want = "failed"
		}
		rec := recs[i]
		if rec.Status() != want {
			t.Errorf("%s is %s, want %s: %+v", c.key, rec.Status(), want, rec.Failed())
		}
		if fail := rec.Failed(); fail != nil && fail.Class != ledger.BadSource {
			t.Errorf("%s failed as %s: %s, want a bad source", c.key, fail.Class, fail.Message)
		}
	}
	for _, v := range f.Cloud.Violations() {
		t.Errorf("%s.%s broke the published model %d times: %s", v.Service, v.Operation, v.Count, v.What)
	}
}
