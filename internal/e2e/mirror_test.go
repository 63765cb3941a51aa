package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// TestMirror publishes through servers that have what is written to the output
// some seconds later: whatever viewers are shown is there.
func TestMirror(t *testing.T) {
	t.Parallel()
	profile := filepath.Join(t.TempDir(), "profile.yaml")
	if err := os.WriteFile(profile, []byte("packages: [cmaf, smooth]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"custom", "iis"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			const lag = 3 * time.Second
			f := fleet.Start(t, fleet.Options{Cloud: append([]string{"--mirror-port=0", "--iis-port=0", "--mirror-lag=3s", "--deploy-time=100ms"}, quick...)})
			server := map[string]string{"custom": f.Cloud.Mirror, "iis": f.Cloud.IIS}[kind]
			run := func(args ...string) {
				t.Helper()
				if out, code := f.Run(args...); code != 0 {
					t.Fatalf("enqueuer %s exits %d: %s", strings.Join(args, " "), code, out)
				}
			}
			run("distribution", "apply", "--yes", "--origin-server", server, "--origin-kind", kind)
			f.Worker("--origin-url", server, "--origin-kind", kind)
			asset := f.Upload("film.mp4", media("film"))
			run("add", "--profile", profile, "s3://"+fleet.Library+"/film.mp4")

			f.Await(time.Minute, func(r *ledger.Record) bool { return r.Current == 1 }, asset)
			for _, name := range []string{"cmaf/video.m3u8", "cmaf/video.mpd", "smooth/video.ism/Manifest", "thumbs/thumbnails.vtt"} {
				fetch(t, f.Cloud.Edge+"/media/"+asset+"/1/"+name)
			}
			rec := f.Await(time.Minute, fleet.Ended, asset)[0]
			u := links(f, rec)
			for _, url := range []string{u.HLS, u.DASH, u.Playback} {
				if body := fetch(t, url); !strings.Contains(body, "media/"+asset+"/1/") {
					t.Errorf("%s leads elsewhere:\n%s", url, body)
				}
			}
			// Times of files are whole seconds.
			files, entries := rec.Switched.Sub(rec.Build(1).JobDone), rec.Updated.Sub(rec.Switched)
			t.Logf("switched %v after the job, entries shown %v after that", files, entries)
			if files < lag-time.Second || entries < lag-time.Second {
				t.Errorf("want each %v and more", lag)
			}
		})
	}
}
