package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/clips"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/e2e/players"
	"github.com/vodfleet/vodfleet/tasks"
)

// uploadsTime is how soon after its upload a video's ingest is to have planned
// its first build.
const uploadsTime = 5 * time.Second

// Uploads are playable without any report, although every third notification
// comes twice, and what is no video is left out.
func TestUploads(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{
		Cloud: []string{"--uploads-bucket", fleet.Library, "--sqs-duplicates=0.3"},
		Env:   []string{"VODFLEET_INVENTORY="},
	})
	worker, watch := f.Worker(), f.Enqueuer("watch")
	for deadline := time.Now().Add(time.Minute); !strings.Contains(watch.Log(), "S3 has tested the notification"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("watch has not met S3's test of the notification:\n%s", watch.Log())
		}
	}
	f.Upload("films/", nil)
	f.Upload("films/empty.mp4", nil)
	one := upload(t, f, "films/a b+ü 100%", clips.Library()[0])
	at := cloud.Location{Bucket: fleet.Library, Key: one.key}
	copied := cloud.Location{Bucket: fleet.Library, Key: "copies/two.mp4"}
	if _, err := f.Store.Copy(t.Context(), at, copied, ""); err != nil {
		t.Fatal(err)
	}

	recs := f.Await(2*time.Minute, fleet.Ended, one.asset, tasks.AssetID(copied.Bucket, copied.Key))

	for i, where := range []cloud.Location{at, copied} {
		o, err := f.Store.Head(t.Context(), where)
		if err != nil {
			t.Fatal(err)
		}
		rec := recs[i]
		if began := rec.History[0].At.Sub(o.LastModified); began > uploadsTime || rec.Status() != "published" || rec.Lane != string(tasks.Live) {
			t.Errorf("%s is %s in lane %s, planned %v after its upload; want it published in lane live, within %v", where, rec.Status(), rec.Lane, began, uploadsTime)
		} else {
			t.Logf("%s: planned %v after its upload (by times told to the second)", where, began)
		}
	}
	if n := f.Cloud.Calls().Of("mediaconvert.CreateJob"); n != 2 {
		t.Errorf("%d calls of CreateJob, want 2", n)
	}
	for reason, key := range map[string]string{"a folder's placeholder": "films/", "empty": "films/empty.mp4"} {
		if log := watch.Log(); !strings.Contains(log, reason) {
			t.Errorf("watch does not say that %s is %s:\n%s", key, reason, log)
		}
	}
	seen, err := harness(t, f).Play(t.Context(), players.Package{Name: "uploaded", URL: links(f, recs[0]).HLS, Kind: players.HLS}, players.Options{Each: []players.Player{players.GStreamer}})
	if err != nil {
		t.Fatal(err)
	}
	checkSeen(t, seen, one.Spec)
	watch.Stop()
	worker.Stop()
	for _, q := range f.Cloud.Queues() {
		if q.Name == "vodfleet-uploads" && (q.Sent != 5 || q.Deleted < q.Sent) {
			t.Errorf("notifications %+v, want all five taken out of the queue", q)
		}
	}
	for _, v := range f.Cloud.Violations() {
		t.Errorf("%s.%s broke the published model %d times: %s", v.Service, v.Operation, v.Count, v.What)
	}
}
