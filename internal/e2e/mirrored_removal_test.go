package e2e

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// TestMirroredRemoval removes an asset that a mirror has for some seconds more,
// while a viewer asks for it again and again: that is waited for, and once its
// removal is live, caches have none of it.
func TestMirroredRemoval(t *testing.T) {
	t.Parallel()
	const lag = 8 * time.Second
	f := fleet.Start(t, fleet.Options{Cloud: append([]string{
		"--mirror-port=0", "--mirror-lag", lag.String(), "--deploy-time=100ms", "--invalidate-time=200ms"}, quick...)})
	run := func(args ...string) string {
		t.Helper()
		out, code := f.Run(args...)
		if code != 0 {
			t.Fatalf("enqueuer %s exits %d: %s", strings.Join(args, " "), code, out)
		}
		return out
	}
	run("distribution", "apply", "--yes", "--origin-server", f.Cloud.Mirror, "--origin-kind", "custom")
	f.Worker("--origin-url", f.Cloud.Mirror)
	asset := f.Upload("film.mp4", media("film"))
	add(t, f, "film.mp4")
	u := links(f, f.Await(3*time.Minute, fleet.Ended, asset)[0])
	urls := []string{u.Packages[0].HLS, u.Packages[0].DASH, u.Poster}
	for _, url := range urls {
		fetch(t, url)
	}

	ctx, stop := context.WithCancel(t.Context())
	var viewing sync.WaitGroup
	defer viewing.Wait()
	defer stop()
	viewing.Go(func() {
		for ctx.Err() == nil {
			for _, url := range urls {
				_, _, _ = answer(ctx, url) // what matters is that edges take it in
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	run("remove", "--reason", "rights ended", "s3://"+fleet.Library+"/film.mp4")
	rec := f.Await(2*time.Minute, func(r *ledger.Record) bool { return r.Removed != nil && !r.Removed.Shut.IsZero() && r.LiveSeq == r.Seq }, asset)[0]
	for _, url := range urls {
		if _, status, err := answer(t.Context(), url); err != nil || status < 400 {
			t.Errorf("%s: %d, %v after the removal", url, status, err)
		}
	}
	for o, err := range f.Store.List(t.Context(), cloud.Location{Bucket: fleet.Streams, Key: "media/" + asset + "/"}, "") {
		t.Errorf("%s is left, %v", o.Key, err)
	}
	if took := rec.Updated.Sub(rec.Removed.Shut); took < lag-time.Second { // its clock has whole seconds
		t.Errorf("caches were told %v after its entries were shut, want it after %v", took, lag)
	}
	waited := func(e ledger.Event) bool {
		return strings.Contains(e.What, "caches are told once the origin has let go of it") && strings.Contains(e.What, "answers 200 for media/"+asset)
	}
	if !slices.ContainsFunc(rec.History, waited) || !strings.Contains(run("explain", asset), "caches are told once the origin has let go of it") {
		t.Errorf("nothing tells of the wait: %+v", rec.History)
	}
}
