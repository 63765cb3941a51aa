package delivery

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

var update = flag.Bool("update", false, "write golden files")

const watch = "/watch/" + asset + "/"

// golden compares text with a golden file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}

func (f *fixture) head(path string) cloud.Object {
	f.Helper()
	o, err := f.Store.Head(f.Context(), f.at(path))
	if err != nil {
		f.Fatal(err)
	}
	return o
}

// TestWrite holds the documents of a default build.
func TestWrite(t *testing.T) {
	f := setUp(t, "{}")
	r := f.verify()
	if err := f.Write(t.Context(), r, true); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, contentType, cacheControl string }{
		{"master.m3u8", "application/vnd.apple.mpegurl", "max-age=0, s-maxage=31536000"},
		{"manifest.mpd", "application/dash+xml", "max-age=0, s-maxage=31536000"},
		{"playback.json", "application/json", "no-cache"},
	} {
		golden(t, tt.name, f.read(watch+tt.name))
		o := f.head(watch + tt.name)
		if o.ContentType != tt.contentType || o.CacheControl != tt.cacheControl || o.Metadata["seq"] != "1" || o.Metadata["build"] != "1" {
			t.Errorf("%s is %+v", tt.name, o)
		}
	}
}

// TestWriteLeads follows the entries into the build, as a player would.
func TestWriteLeads(t *testing.T) {
	f := setUp(t, "{}")
	if err := f.Write(t.Context(), f.verify(), true); err != nil {
		t.Fatal(err)
	}
	list, err := media.ParseHLS([]byte(f.read(watch + "master.m3u8")))
	if err != nil {
		t.Fatal(err)
	}
	mpd, err := media.ParseMPD([]byte(f.read(watch + "manifest.mpd")))
	if err != nil {
		t.Fatal(err)
	}
	var refs []media.Ref
	for r := range list.Refs() {
		refs = append(refs, r)
	}
	for _, track := range mpd.Tracks {
		refs = append(refs, track.Files...)
	}
	for _, r := range refs {
		path, err := media.Resolve(strings.TrimPrefix(watch, "/")+"x", r.URI)
		if err != nil {
			t.Fatal(err)
		}
		f.head("/" + path)
	}
	if len(refs) != 6+5*6+2 {
		t.Errorf("the entries name %d files", len(refs))
	}
}

// TestCalls counts what a first publication costs.
func TestCalls(t *testing.T) {
	f := setUp(t, "{}")
	for _, tt := range []struct {
		name string
		run  func()
		want map[string]int
	}{
		// Eight manifests: two to start from, four of picture, one of sound, one
		// of images.
		{"verify", func() { f.verify() }, map[string]int{"Store.List": 1, "Store.Get": 8, "Store.Put": 1}},
		{"write", func() { _ = f.Write(t.Context(), record(1, 1, f.spare()), true) }, map[string]int{"Store.Put": 3}},
		{"write again", func() { _ = f.Write(t.Context(), record(1, 1, f.spare()), true) }, map[string]int{"Store.Put": 3, "Store.Head": 3}},
		{"write in another process", func() {
			_ = New(f.Store, output, viewer).Write(t.Context(), record(2, 1, f.spare()), true)
		}, map[string]int{"Store.Get": 2, "Store.Head": 3, "Store.Put": 3}},
		{"write again there", func() {
			_ = New(f.Store, output, viewer).Write(t.Context(), record(2, 1, f.spare()), true)
		}, map[string]int{"Store.Get": 2, "Store.Head": 3}},
		{"remove", func() { _ = f.Remove(t.Context(), f.prefix) }, map[string]int{"Store.List": 1, "Store.Delete": 1}},
	} {
		if got := f.calls(tt.run); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s calls %v, want %v", tt.name, got, tt.want)
		}
	}
}

// spare is what a default build has, without looking.
func (f *fixture) spare() ledger.Outputs {
	return ledger.Outputs{Packages: []ledger.Package{{Name: "cmaf", HLS: "cmaf/video.m3u8", DASH: "cmaf/video.mpd"}}}
}

// TestWriteReplaces makes builds of changing profiles current, one by one.
func TestWriteReplaces(t *testing.T) {
	f := setUp(t, "{}")
	for _, tt := range []struct {
		profile   string
		stable    bool
		hls, dash string // what the entries say: "live", "withdrawn" or "none"
		urlHLS    string
	}{
		{"packages: [hls]", false, "none", "none", "https://video.example/v/media/" + asset + "/2/hls/video.m3u8"},
		{"packages: [hls]", true, "live", "none", "https://video.example/v" + watch + "master.m3u8"},
		{"{}", true, "live", "live", "https://video.example/v" + watch + "master.m3u8"},
		{"packages: [dash]\nthumbnails: {sprite: off}", true, "withdrawn", "live", ""},
		{"{}", true, "live", "live", "https://video.example/v" + watch + "master.m3u8"},
		{"{}", false, "withdrawn", "withdrawn", "https://video.example/v/media/" + asset + "/7/cmaf/video.m3u8"},
	} {
		seq := 1
		if o, err := f.Store.Head(t.Context(), f.at(watch+playback)); err == nil {
			_, _ = fmt.Sscan(o.Metadata["seq"], &seq)
			seq++
		}
		f.build(seq+1, tt.profile, film())
		out, err := f.Verify(t.Context(), f.prefix, f.spec)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // a repeat is harmless
			if err := f.Write(t.Context(), record(seq, seq+1, out), tt.stable); err != nil {
				t.Fatal(err)
			}
		}
		if hls, dash := f.state("master.m3u8", seq), f.state("manifest.mpd", seq); hls != tt.hls || dash != tt.dash {
			t.Errorf("switch %d to %q: entries are %s and %s, want %s and %s", seq, tt.profile, hls, dash, tt.hls, tt.dash)
		}
		if got := f.URLs(record(seq, seq+1, out), tt.stable).HLS; got != tt.urlHLS || tt.urlHLS != "" && !strings.Contains(f.read(watch+playback), `"hls": "`+got+`"`) {
			t.Errorf("switch %d: HLS at %q, want %q", seq, got, tt.urlHLS)
		}
	}
}

// state tells what an entry is, and that it is of switch seq.
func (f *fixture) state(name string, seq int) string {
	f.Helper()
	body, o, err := f.Store.Get(f.Context(), f.at(watch+name), 1<<20)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		return "none"
	case err != nil:
		f.Fatal(err)
	case o.Metadata["seq"] != fmt.Sprint(seq):
		return "of switch " + o.Metadata["seq"]
	case strings.Contains(string(body), "Withdrawn"):
		return "withdrawn"
	case strings.Contains(string(body), fmt.Sprintf("../../media/%s/%s/", asset, o.Metadata["build"])):
		return "live"
	}
	return "of no build"
}

// TestWithdrawn: what takes an entry's place is a manifest that names nothing.
func TestWithdrawn(t *testing.T) {
	if l, err := media.ParseHLS([]byte(withdrawnHLS)); err != nil || l.Multivariant || len(l.Segments) > 0 {
		t.Errorf("HLS: %+v, %v", l, err)
	}
	if m, err := media.ParseMPD([]byte(withdrawnDASH)); err != nil || len(m.Tracks) > 0 || m.Dynamic {
		t.Errorf("DASH: %+v, %v", m, err)
	}
}

// TestWriteNeverGoesBack runs a writer of switch 2 while the writer of switch 3
// comes in before each of its calls in turn.
func TestWriteNeverGoesBack(t *testing.T) {
	full := ledger.Outputs{Packages: []ledger.Package{{Name: "cmaf", HLS: "cmaf/video.m3u8", DASH: "cmaf/video.mpd"}}}
	hls := ledger.Outputs{Packages: []ledger.Package{{Name: "cmaf", HLS: "cmaf/video.m3u8"}}}
	for _, tt := range []struct {
		name   string
		first  *ledger.Outputs // of switch 1, nil: its documents were never written
		newest ledger.Outputs  // of switch 3
		dash   []string        // what the DASH entry may be in the end
	}{
		{"over earlier entries", &full, full, []string{"live"}},
		{"first entries", nil, full, []string{"live"}},
		{"package dropped", &full, hls, []string{"withdrawn", "of switch 2"}},
		{"package dropped, first entries", nil, hls, []string{"none", "withdrawn", "of switch 2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for n := 1; ; n++ {
				f := setUp(t, "{}")
				for build := 2; build <= 3; build++ {
					f.build(build, "{}", film())
				}
				if tt.first != nil {
					if err := f.Write(t.Context(), record(1, 1, *tt.first), true); err != nil {
						t.Fatal(err)
					}
				}
				count := 0
				f.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
					if count++; count == n {
						if err := New(f.Store, output, viewer).Write(t.Context(), record(3, 3, tt.newest), true); err != nil {
							t.Errorf("call %d: the newest: %v", n, err)
						}
					}
					return nil
				}})
				if err := f.Write(t.Context(), record(2, 2, full), true); err != nil {
					t.Errorf("call %d: %v", n, err)
				}
				f.SetHooks(memcloud.Hooks{})
				if count < n {
					break // the writer needs fewer calls
				}
				if got := f.head(watch + playback).Metadata["seq"]; got != "3" {
					t.Errorf("call %d: playback.json is of switch %s", n, got)
				}
				if got := f.state("master.m3u8", 3); got != "live" {
					t.Errorf("call %d: the HLS entry is %s", n, got)
				}
				dash := f.state("manifest.mpd", 3)
				if dash == "of switch 2" && !strings.Contains(f.read(watch+"manifest.mpd"), "Withdrawn") {
					dash = "live of switch 2"
				}
				if !strings.Contains(strings.Join(tt.dash, ","), dash) {
					t.Errorf("call %d: the DASH entry is %s, want one of %q", n, dash, tt.dash)
				}
			}
		})
	}
}

// TestWriteNeverGoesBackToBytes: the writer of switch 2 is held up before a call
// while switch 3 shows the build of switch 1 again, with the same files.
func TestWriteNeverGoesBackToBytes(t *testing.T) {
	full := ledger.Outputs{Packages: []ledger.Package{{Name: "cmaf", HLS: "cmaf/video.m3u8", DASH: "cmaf/video.mpd"}}}
	for n := 1; ; n++ {
		f := setUp(t, "{}")
		f.build(2, "{}", film())
		if err := f.Write(t.Context(), record(1, 1, full), true); err != nil {
			t.Fatal(err)
		}
		count := 0
		f.SetHooks(memcloud.Hooks{Before: func(string, string) error {
			if count++; count == n {
				if err := New(f.Store, output, viewer).Write(t.Context(), record(3, 1, full), true); err != nil {
					t.Errorf("call %d: the newest: %v", n, err)
				}
			}
			return nil
		}})
		if err := f.Write(t.Context(), record(2, 2, full), true); err != nil {
			t.Errorf("call %d: %v", n, err)
		}
		f.SetHooks(memcloud.Hooks{})
		if count < n {
			return // the writer needs fewer calls
		}
		for _, name := range []string{"master.m3u8", "manifest.mpd", playback} {
			if got := f.head(watch + name).Metadata["seq"]; got != "3" {
				t.Errorf("call %d: %s is of switch %s", n, name, got)
			}
		}
	}
}

// TestWriteMends lets each call of a writer fail, before or after it was done:
// a repeat leaves what an undisturbed one leaves.
func TestWriteMends(t *testing.T) {
	for seq := 1; seq <= 2; seq++ {
		for _, lost := range []bool{false, true} {
			for n := 1; n <= 12; n++ {
				f := setUp(t, "{}")
				out := *f.verify().Builds[0].Outputs
				f.build(2, "{}", film())
				if seq == 2 {
					if err := f.Write(t.Context(), record(1, 1, out), true); err != nil {
						t.Fatal(err)
					}
				}
				count := 0
				hook := func(string, string) error {
					if count++; count == n {
						return cloud.ErrUnavailable
					}
					return nil
				}
				if lost {
					f.SetHooks(memcloud.Hooks{After: hook})
				} else {
					f.SetHooks(memcloud.Hooks{Before: hook})
				}
				err := f.Write(t.Context(), record(seq, 2, out), true)
				if failed := count >= n; failed != errors.Is(err, cloud.ErrUnavailable) {
					t.Errorf("switch %d, call %d, lost %t: Write = %v", seq, n, lost, err)
				}
				f.SetHooks(memcloud.Hooks{})
				if err := f.Write(t.Context(), record(seq, 2, out), true); err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"master.m3u8", "manifest.mpd"} {
					if got := f.state(name, seq); got != "live" {
						t.Errorf("switch %d, call %d, lost %t: %s is %s", seq, n, lost, name, got)
					}
				}
				if got := f.head(watch + playback).Metadata["build"]; got != "2" {
					t.Errorf("switch %d, call %d, lost %t: playback.json is of build %s", seq, n, lost, got)
				}
			}
		}
	}
}

// TestWriteGivesUp: a writer that is always overtaken ends.
func TestWriteGivesUp(t *testing.T) {
	f := setUp(t, "{}")
	r := f.verify()
	r.Seq = 2
	n := 0
	f.SetHooks(memcloud.Hooks{Before: func(op, _ string) error {
		if n++; op == "Store.Put" {
			return cloud.ErrConflict
		}
		return nil
	}})
	if err := f.Write(t.Context(), r, true); !errors.Is(err, cloud.ErrConflict) || n != 2*putAttempts {
		t.Errorf("Write = %v after %d calls", err, n)
	}
}

// TestWriteAfterDeletion: an entry goes away between the look and the write.
func TestWriteAfterDeletion(t *testing.T) {
	f := setUp(t, "{}")
	r := f.verify()
	if err := f.Write(t.Context(), r, true); err != nil {
		t.Fatal(err)
	}
	r.Seq = 2
	f.SetHooks(hooksOf("Store.Put", entryHLS, 1, cloud.ErrNotFound, false))
	if err := f.Write(t.Context(), r, true); err != nil || f.state(entryHLS, 2) != "live" {
		t.Errorf("Write = %v, the entry is %s", err, f.state(entryHLS, 2))
	}
}

// TestWriteAtOnce runs the writers of several switches side by side.
func TestWriteAtOnce(t *testing.T) {
	f := setUp(t, "{}")
	out := *f.verify().Builds[0].Outputs
	const writers = 4
	var done sync.WaitGroup
	for seq := range writers {
		done.Go(func() {
			// Six attempts are enough where every writer but one is turned away.
			if err := f.Write(t.Context(), record(seq+1, 1, out), true); err != nil {
				t.Errorf("switch %d: %v", seq+1, err)
			}
		})
	}
	done.Wait()
	if got := []string{f.state(entryHLS, writers), f.state(entryDASH, writers), f.head(watch + playback).Metadata["seq"]}; !slices.Equal(got, []string{"live", "live", "4"}) {
		t.Errorf("the documents are %q", got)
	}
}

// TestWriteRefuses: nothing is written of a record that shows nothing.
func TestWriteRefuses(t *testing.T) {
	f := setUp(t, "{}")
	none, odd := record(1, 1, f.spare()), record(1, 1, f.spare())
	none.Builds[0].Outputs = nil
	odd.Asset = "../x"
	gone := record(1, 9, f.spare())
	for _, tt := range []struct {
		r    *ledger.Record
		want string
	}{
		{&ledger.Record{Asset: asset}, `write entries of asset "` + asset + `": it has no current build with outputs`},
		{none, `write entries of asset "` + asset + `": it has no current build with outputs`},
		{odd, `write entries of asset "../x": it has no current build with outputs`},
		{gone, "write entries of asset " + asset + " build 9: cmaf/video.m3u8: Store.Get s3://out/vod/media/" + asset + "/9/cmaf/video.m3u8: not found"},
	} {
		calls := f.calls(func() {
			if err := f.Write(t.Context(), tt.r, true); fmt.Sprint(err) != tt.want {
				t.Errorf("Write = %v, want %s", err, tt.want)
			}
		})
		if calls["Store.Put"] != 0 {
			t.Errorf("%s: %v", tt.want, calls)
		}
	}
}
