package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// reader reads entry documents in a loop, through the distribution.
type reader struct {
	urls  []string
	build *regexp.Regexp

	mu    sync.Mutex
	looks int
	seen  map[string]bool // builds
	wrong []string
}

// read reads every document once: each answer is 200, and names one build only.
func (r *reader) read(ctx context.Context) {
	for _, url := range r.urls {
		body, status, err := answer(ctx, url)
		if ctx.Err() != nil {
			return
		}
		builds := map[string]bool{}
		for _, m := range r.build.FindAllStringSubmatch(body, -1) {
			builds[m[1]] = true
		}
		r.mu.Lock()
		r.looks++
		maps.Copy(r.seen, builds)
		if (err != nil || status != http.StatusOK || len(builds) != 1) && len(r.wrong) < 5 {
			r.wrong = append(r.wrong, fmt.Sprintf("%s: %d, %v, builds %q", url, status, err, slices.Sorted(maps.Keys(builds))))
		}
		r.mu.Unlock()
	}
}

func answer(ctx context.Context, url string) (body string, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return string(b), resp.StatusCode, err
}

// TestTakedown replaces, rolls back and removes a video while a client reads: it
// sees one build at a time, and after the removal nothing, whatever is uploaded.
func TestTakedown(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: append([]string{"--invalidate-time=200ms"}, quick...)})
	keys, assets := library(f, 1)
	key, asset := keys[0], assets[0]
	f.Worker()
	shows := func(build int) *ledger.Record {
		t.Helper()
		return f.Await(2*time.Minute, func(r *ledger.Record) bool { return r.Current == build && !r.Open() }, asset)[0]
	}
	add(t, f, key)
	u := links(f, shows(1))
	r := &reader{urls: []string{u.HLS, u.DASH, u.Playback}, build: regexp.MustCompile(`media/` + asset + `/(\d+)/`), seen: map[string]bool{}}
	ctx, stop := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() {
		for ctx.Err() == nil {
			r.read(ctx)
			time.Sleep(20 * time.Millisecond)
		}
	})

	replace(t, f, key, "another")
	shows(2)
	if out, code := f.Run("rollback", "s3://library/"+key); code != 0 {
		t.Errorf("rollback exits %d: %s", code, out)
	}
	shows(1)
	if out, code := f.Run("rollback", "s3://library/"+key); code != 3 || !strings.Contains(out, "was rolled back from") {
		t.Errorf("rollback once more exits %d: %s", code, out)
	}
	replace(t, f, key, "a third")
	shows(3)
	stop()
	reading.Wait()
	if len(r.wrong) > 0 || len(r.seen) != 3 {
		t.Errorf("%d looks saw builds %q: %s", r.looks, slices.Sorted(maps.Keys(r.seen)), strings.Join(r.wrong, "\n"))
	}
	t.Logf("%d answers, each 200 and of one build", r.looks)

	if out, code := f.Run("remove", "--reason", "rights ended", "s3://library/"+key); code != 0 || !strings.Contains(out, "Smooth") {
		t.Errorf("remove exits %d: %s", code, out)
	}
	f.Await(time.Minute, func(r *ledger.Record) bool { return r.Removed != nil && !r.Removed.Shut.IsZero() && r.LiveSeq == r.Seq }, asset)
	for _, url := range r.urls {
		if body, status, err := answer(t.Context(), url); err != nil || r.build.MatchString(body) {
			t.Errorf("%s after the removal: %d, %v\n%s", url, status, err, body)
		}
	}
	for o, err := range f.Store.List(t.Context(), cloud.Location{Bucket: fleet.Streams, Key: "media/" + asset + "/"}, "") {
		t.Errorf("%s is left, %v", o.Key, err)
	}
	replace(t, f, key, "a fourth")
	deadline := time.Now().Add(30 * time.Second)
	for out := "ingest:"; strings.Contains(out, "ingest:"); out, _ = f.Run("explain", asset) {
		if time.Now().After(deadline) {
			t.Fatalf("the upload is still at work:\n%s", out)
		}
	}
	if rec, err := f.Book.Get(t.Context(), asset); err != nil || rec.Removed == nil || len(rec.Builds) != 3 || f.Cloud.Calls().Of("mediaconvert.CreateJob") != 3 {
		t.Errorf("after another upload: %+v, %v", rec, err)
	}
	if out, code := f.Run("restore", asset); code != 3 || !strings.Contains(out, "its removal is not done yet") {
		t.Errorf("restore exits %d: %s", code, out)
	}
}

// replace uploads other bytes, and adds them.
func replace(t *testing.T, f *fleet.Fleet, key, body string) {
	t.Helper()
	f.Upload(key, media(body))
	add(t, f, key)
}
