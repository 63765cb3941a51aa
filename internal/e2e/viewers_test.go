package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/e2e/clips"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/e2e/players"
	"github.com/vodfleet/vodfleet/internal/e2e/show"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"golang.org/x/sync/errgroup"
)

// viewersProfile makes every package that streams, in two renditions far apart,
// of short segments.
const viewersProfile = `packages: [cmaf, hls, smooth]
renditions:
  - {short_side: 360, max_bitrate: 1500000, quality: 9}
  - {short_side: 180, max_bitrate: 200000, quality: 5}
segment: 1s
fragment: 1s
gop: 1s
`

var viewersClip = clips.Spec{Name: "regatta.mp4", Identity: 2024, Width: 640, Height: 360, Length: 12 * time.Second}

// What viewers get, with the players that they have: every package is played
// whole and each rendition alone, over a link that becomes too narrow for the
// best rendition, and while the video is replaced.
func TestViewers(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: []string{"--invalidate-time=1s", "--smooth"}})
	v := &viewers{t: t, f: f, profile: filepath.Join(t.TempDir(), "profile.yaml")}
	if err := os.WriteFile(v.profile, []byte(viewersProfile), 0o600); err != nil {
		t.Fatal(err)
	}
	f.Worker()
	urls := links(f, v.publish(viewersClip, 1))
	v.h = harness(t, f)
	t.Cleanup(func() { show.Table(t, "players", players.Table(v.seen)) })

	t.Run("published", func(t *testing.T) {
		t.Run("whole", func(t *testing.T) { t.Parallel(); v.whole(t, urls) })
		t.Run("narrow", func(t *testing.T) { t.Parallel(); v.narrow(t, urls) })
	})
	t.Run("replaced", func(t *testing.T) { v.replaced(t, urls) })
	for _, w := range f.Cloud.Violations() {
		t.Errorf("%s.%s broke the published model %d times: %s", w.Service, w.Operation, w.Count, w.What)
	}
}

// viewers watch one video.
type viewers struct {
	t       *testing.T
	f       *fleet.Fleet
	h       *players.Harness
	profile string // file

	mu   sync.Mutex
	seen []players.Seen
}

// publish uploads a version of the video and waits until it is the n-th that
// viewers get.
func (v *viewers) publish(c clips.Spec, n int) *ledger.Record {
	s := upload(v.t, v.f, "films", c)
	if out, code := v.f.Run("add", "--profile", v.profile, "s3://"+fleet.Library+"/"+s.key); code != 0 {
		v.t.Fatalf("add exits %d: %s", code, out)
	}
	rec := v.f.Await(2*time.Minute, func(r *ledger.Record) bool { return fleet.Ended(r) && (r.Seq == n || r.Failed() != nil) }, s.asset)[0]
	if rec.Status() != "published" {
		v.t.Fatalf("%s is %s: %+v", c.Name, rec.Status(), rec.Failed())
	}
	return rec
}

// streamsOf are the packages behind urls.
func streamsOf(urls delivery.URLs) (all []players.Package) {
	for _, p := range urls.Packages {
		for _, one := range []players.Package{
			{Name: p.Name + " hls", URL: p.HLS, Kind: players.HLS},
			{Name: p.Name + " dash", URL: p.DASH, Kind: players.DASH},
			{Name: p.Name, URL: p.Smooth, Kind: players.Smooth},
		} {
			if one.URL != "" {
				all = append(all, one)
			}
		}
	}
	return all
}

// play plays some packages, two at a time, and keeps what was seen for the
// table.
func (v *viewers) play(t *testing.T, abreast int, all []players.Package, o players.Options, check func(players.Seen) error) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(abreast)
	for _, p := range all {
		for _, player := range p.Kind.Players() {
			if !slices.Contains(o.Whole, player) {
				continue
			}
			group.Go(func() error {
				o := o
				o.Whole = []players.Player{player}
				if player != players.GStreamer {
					o.Each = []players.Player{}
				}
				seen, err := v.h.Play(t.Context(), p, o)
				if err != nil {
					t.Errorf("play %s: %v", p.Name, err)
				}
				for i := range seen {
					seen[i].Package = path.Base(t.Name()) + ": " + p.Name
					if err := check(seen[i]); err != nil {
						t.Error(err)
					}
				}
				v.mu.Lock()
				defer v.mu.Unlock()
				v.seen = append(v.seen, seen...)
				return nil
			})
		}
	}
	_ = group.Wait() // faults are the test's already
}

var everyPlayer = []players.Player{players.GStreamer, players.HLSJS, players.DashJS, players.Native}

func wantOf(c clips.Spec) players.Want {
	return players.Want{Identity: int(c.Identity), Frames: c.Frames(), Aspect: c.Aspect(), FPS: c.FPS()}
}

func checkOf(c clips.Spec) func(players.Seen) error {
	return func(s players.Seen) error { return s.Check(wantOf(c)) }
}

// whole plays every package with every player that can, and every rendition
// with GStreamer.
func (v *viewers) whole(t *testing.T, urls delivery.URLs) {
	v.play(t, 2, streamsOf(urls), players.Options{Each: []players.Player{players.GStreamer}, Whole: everyPlayer}, checkOf(viewersClip))
}

// narrow plays over links that carry the smaller rendition only, once a few
// seconds of the larger one have come; half-way between the two leaves room for
// sound, which some manifests count apart. Players wait more than they work here.
func (v *viewers) narrow(t *testing.T, urls delivery.URLs) {
	var group errgroup.Group
	for _, p := range streamsOf(urls) {
		renditions, err := v.h.Renditions(t.Context(), p)
		if err != nil || len(renditions) != 2 {
			t.Fatalf("%s has renditions %v, %v, want two", p.Name, renditions, err)
		}
		low, high := renditions[0].Bandwidth/8, renditions[1].Bandwidth/8
		if low > high {
			low, high = high, low
		}
		const seconds = 3
		group.Go(func() error {
			v.play(t, 2, []players.Package{p}, players.Options{
				Each: []players.Player{}, Whole: []players.Player{players.GStreamer, players.HLSJS, players.DashJS}, Rate: 1,
				Link: players.Link{Wide: 10 * high, After: seconds * high, Narrow: (low + high) / 2},
			}, checkSwitched)
			return nil
		})
	}
	_ = group.Wait()
}

// checkSwitched is nil if a player went from the larger pictures to the smaller
// ones and showed the video to its end all the same.
func checkSwitched(s players.Seen) error {
	const large, small = "640x360", "320x180"
	from := slices.Index(s.Sizes, large)
	if from < 0 || !slices.Contains(s.Sizes[from:], small) {
		return errors.Join(fmt.Errorf("%s %s: pictures of %v, want %s and then %s", s.Player, s.Package, s.Sizes, large, small), s.Err)
	}
	want := wantOf(viewersClip)
	want.Near = 0.1
	return s.Check(want)
}

// replaced has players stand still while their video is replaced: they reach
// the end of what they play, and whoever comes then gets what is new.
func (v *viewers) replaced(t *testing.T, urls delivery.URLs) {
	second := viewersClip
	second.Identity++
	open := []players.Package{{Name: "open hls entry", URL: urls.HLS, Kind: players.HLS}, {Name: "open dash entry", URL: urls.DASH, Kind: players.DASH}}
	if urls.Smooth != "" {
		open = append(open, players.Package{Name: "open smooth", URL: urls.Smooth, Kind: players.Smooth})
	}
	arrived, release, ended := make(chan struct{}, len(open)), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		v.play(t, len(open), open, players.Options{
			Each: []players.Player{}, Whole: []players.Player{players.HLSJS, players.DashJS}, Patience: 2 * time.Minute,
			Pause: func(ctx context.Context) error {
				arrived <- struct{}{}
				select {
				case <-release:
					return nil
				case <-ctx.Done():
					return errors.New("the replacement takes too long")
				}
			},
		}, func(s players.Seen) error {
			want := wantOf(viewersClip)
			want.Near = 0.15 // they stood still, and may have switched
			if err := s.Check(want); err != nil {
				return err
			}
			if s.Later == 0 {
				return fmt.Errorf("%s %s: it had all of it before the replacement", s.Player, s.Package)
			}
			return nil
		})
	}()
	for range open {
		select {
		case <-arrived:
		case <-ended:
			t.Fatal("a player ended before the replacement")
		}
	}
	rec := v.publish(second, 2)
	close(release)
	<-ended

	now := links(v.f, rec)
	if now.HLS != urls.HLS || now.DASH != urls.DASH {
		t.Errorf("entries are %s and %s, were %s and %s", now.HLS, now.DASH, urls.HLS, urls.DASH)
	}
	fresh := []players.Package{{Name: "hls entry", URL: now.HLS, Kind: players.HLS}, {Name: "dash entry", URL: now.DASH, Kind: players.DASH}}
	if urls.Smooth != "" {
		if now.Smooth == urls.Smooth {
			t.Errorf("Smooth is still at %s", now.Smooth)
		}
		fresh = append(fresh, players.Package{Name: "smooth", URL: now.Smooth, Kind: players.Smooth})
		// Until it is retired, the old name keeps showing the old video.
		v.play(t, 1, []players.Package{{Name: "old smooth", URL: urls.Smooth, Kind: players.Smooth}},
			players.Options{Each: []players.Player{}, Whole: []players.Player{players.GStreamer}}, checkOf(viewersClip))
	}
	v.play(t, 3, fresh, players.Options{Each: []players.Player{}, Whole: everyPlayer}, checkOf(second))
}
