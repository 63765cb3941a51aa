package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
)

// quick is a cloud whose jobs end by the clock, soon.
var quick = []string{"--simulate", "--job-time", "1s-2s"}

// Keys that are trouble to somebody on the way, out of a report and from the
// command line, each become their own asset, and play by its URL.
func TestOddKeys(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: quick})
	keys := []string{
		"films/a b.mp4", "films/a+b.mp4", "films/50%.mp4", "films/a%20b.mp4", "films/a#b?c&d=e.mp4", `films/'one' "two".mp4`,
		"films/übung 日本 🎬.mp4", "films/one.mp4", "films/one.mov", "films/one", "films/ONE.Mp4", "films/$(id);<a>{{b}}.mp4",
		"long/" + strings.Repeat(strings.Repeat("p", 200)+"/", 4) + "x.mp4",
	}
	var assets []string
	for _, key := range keys {
		assets = append(assets, f.Upload(key, media(key)))
	}
	f.Worker()
	f.Report()
	if out, code := f.Run("watch", "--once"); code != 0 {
		t.Fatalf("watch --once exits %d: %s", code, out)
	}
	recs := f.Await(time.Minute, fleet.Ended, assets...)
	add(t, f, keys...) // each is known by then
	for i, rec := range f.Await(time.Minute, fleet.Ended, assets...) {
		if rec.Status() != "published" || rec.Location.Key != keys[i] || rec.Seq != recs[i].Seq {
			t.Errorf("%q is %s of %q, switch %d: %+v", keys[i], rec.Status(), rec.Location.Key, rec.Seq, rec.Failed())
			continue
		}
		if got := fetch(t, links(f, rec).HLS); !strings.HasPrefix(got, "#EXTM3U") {
			t.Errorf("%q: its playlist reads %.100q", keys[i], got)
		}
		if out, code := f.Run("explain", "s3://"+fleet.Library+"/"+keys[i]); code != 0 || !strings.Contains(out, rec.Asset) {
			t.Errorf("explain %q exits %d: %s", keys[i], code, out)
		}
	}
	onceEach(t, f, len(keys))
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("GET %s: %s, %v", url, resp.Status, err)
	}
	return string(body)
}

// onceEach fails the test unless n jobs were made, and no more were paid for.
func onceEach(t *testing.T, f *fleet.Fleet, n int) {
	t.Helper()
	builds := map[string]int{}
	for _, j := range f.Cloud.Jobs() {
		builds[j.UserMetadata["asset"]+" "+j.UserMetadata["revision"]]++
	}
	if got := len(f.Cloud.Jobs()); got != n || len(builds) != n {
		t.Errorf("%d jobs of %d revisions, want %d of each: %v", got, len(builds), n, builds)
	}
	for _, v := range f.Cloud.Violations() {
		t.Errorf("%s.%s broke the published model %d times: %s", v.Service, v.Operation, v.Count, v.What)
	}
}

// foreign puts a task into a queue as a client that is not ours would.
func foreign(t *testing.T, f *fleet.Fleet, kind, id string, payload []byte) {
	t.Helper()
	opt, err := queue.ParseRedis(f.Redis.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := asynq.NewClient(opt)
	defer client.Close()
	task := asynq.NewTask(kind, payload, asynq.Queue(tasks.QueueIngest), asynq.TaskID(id), asynq.MaxRetry(tasks.MaxRetry))
	if _, err := client.Enqueue(task); err != nil {
		t.Fatal(err)
	}
}

// What other services enqueue wrongly, and sources that are nothing, are told
// in clear words where people look, and harm nothing else.
func TestForeignTasks(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: quick})
	worker := f.Worker()
	opt, err := queue.ParseRedis(f.Redis.URL())
	if err != nil {
		t.Fatal(err)
	}
	client, err := tasks.NewClient(opt)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const digest = "0123456789abcdef0123456789abcdef"
	good := f.Upload("good.mp4", media("good"))
	f.Upload("empty.mp4", nil)
	f.Upload("notes.mp4", []byte("these are notes, not a video"))
	f.Upload("profile.mp4", media("profile"))
	for _, task := range []tasks.Ingest{
		{Bucket: "private", Key: "x.mp4"}, {Bucket: fleet.Library, Key: "profile.mp4", Profile: digest},
		{Bucket: fleet.Library, Key: "empty.mp4"}, {Bucket: fleet.Library, Key: "notes.mp4"}, {Bucket: fleet.Library, Key: "none.mp4"},
	} {
		if _, err := client.Enqueue(t.Context(), task); err != nil {
			t.Fatal(err)
		}
	}
	newer, broken := tasks.AssetID(fleet.Library, "newer.mp4"), tasks.AssetID(fleet.Library, "broken.mp4")
	foreign(t, f, tasks.KindIngest, "ingest:"+newer+":x:default", []byte(`{"v":99,"bucket":"library","key":"newer.mp4","shape":[1]}`))
	foreign(t, f, tasks.KindIngest, "ingest:"+broken+":x:default", []byte(`{"v":1,"bucket":"library","key":`))
	foreign(t, f, "mail:send", "mail", []byte("hello"))
	add(t, f, "good.mp4")

	if rec := f.Await(time.Minute, fleet.Ended, good)[0]; rec.Status() != "published" {
		t.Errorf("the good one is %s: %+v", rec.Status(), rec.Failed())
	}
	for _, tt := range []struct{ key, class, says string }{
		{"empty.mp4", "bad source", "the file is empty (0 bytes)"},
		{"notes.mp4", "bad source", "not a video"},
		{"none.mp4", "source gone", "gone"},
		{"profile.mp4", "settings", "profile " + digest + " is not stored"},
	} {
		rec := f.Await(time.Minute, fleet.Ended, tasks.AssetID(fleet.Library, tt.key))[0]
		out, code := f.Run("explain", rec.Asset)
		if code != 0 || rec.Status() != "failed" || !strings.Contains(out, tt.class) || !strings.Contains(out, tt.says) {
			t.Errorf("explain %s exits %d:\n%s\nwant %s: %s", tt.key, code, out, tt.class, tt.says)
		}
	}
	for _, tt := range []struct{ asset, state, says string }{
		{tasks.AssetID("private", "x.mp4"), "archived", "ingest s3://private/x.mp4: not among the allowed sources; add its bucket or prefix to VODFLEET_SOURCES"},
		{broken, "archived", "payload is broken"},
		{newer, "retry", "newer version"}, // it waits for a worker that can read it
	} {
		awaitTask(t, f, tt.asset, tt.state)
		out, code := f.Run("explain", tt.asset)
		if code != 0 || !strings.Contains(out, tt.state) || !strings.Contains(out, tt.says) {
			t.Errorf("explain %s exits %d:\n%s\nwant %s: %s", tt.asset, code, out, tt.state, tt.says)
		}
		if _, err := f.Book.Get(t.Context(), tt.asset); err == nil {
			t.Errorf("the ledger has a record of %s", tt.asset)
		}
	}
	if log := worker.Log(); strings.Contains(log, "panic") {
		t.Errorf("a worker panicked:\n%s", log)
	}
	onceEach(t, f, 1)
}

func awaitTask(t *testing.T, f *fleet.Fleet, asset, state string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		found, err := f.Queue.Find(t.Context(), asset)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 1 && found[0].State == state {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("tasks of %s: %+v, want one that is %s", asset, found, state)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// A report is old news: what was deleted or replaced since is seen.
func TestChangedAfterTheReport(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: quick})
	gone, changed := f.Upload("gone.mp4", media("gone")), f.Upload("changed.mp4", media("before"))
	f.Report()
	if err := f.Store.Delete(t.Context(), fleet.Library, "gone.mp4"); err != nil {
		t.Fatal(err)
	}
	f.Upload("changed.mp4", media("after, and longer"))
	if out, code := f.Run("watch", "--once"); code != 0 {
		t.Fatalf("watch --once exits %d: %s", code, out)
	}
	f.Worker()
	recs := f.Await(time.Minute, fleet.Ended, gone, changed)
	if fail := recs[0].Failed(); fail == nil || fail.Class != ledger.SourceGone {
		t.Errorf("the deleted one is %s: %+v, want gone", recs[0].Status(), fail)
	}
	obj, err := f.Store.Head(t.Context(), cloud.Location{Bucket: fleet.Library, Key: "changed.mp4"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := recs[1].Source.Version, tasks.SourceVersion(obj.ETag, obj.Size); recs[1].Status() != "published" || got != want {
		t.Errorf("the replaced one is %s of version %s, want published of %s", recs[1].Status(), got, want)
	}
	f.Report()
	if out, code := f.Run("watch", "--once"); code != 0 {
		t.Errorf("watch --once exits %d: %s", code, out)
	}
	onceEach(t, f, 1)
}

// The command line tells at once what cannot be.
func TestRefusedAtOnce(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: quick})
	f.Upload("good.mp4", media("good"))
	profile := filepath.Join(t.TempDir(), "profile.yaml")
	if err := os.WriteFile(profile, []byte("packages: [cmaf]\nsegment: 5s\nwrong_name: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		code int
		says string
	}{
		{"add s3://library/none.mp4", 1, "add s3://library/none.mp4: "},
		{"add s3://private/x.mp4 s3://library/good.mp4", 2, "s3://private/x.mp4 is not among the allowed sources"},
		{"add --profile " + profile + " s3://library/good.mp4", 2, profile},
		{"profile check " + profile, 2, profile},
		{"add --profile 0123456789abcdef0123456789abcdef s3://library/good.mp4", 1, "profile 0123456789abcdef0123456789abcdef is not stored"},
		{"scan --manifest s3://reports/none/manifest.json", 1, "s3://reports/none/manifest."},
		{"explain s3://library/good.mp4", 1, "the ledger does not know it and no task is about it"},
	} {
		out, code := f.Run(strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(out, tt.says) {
			t.Errorf("%s exits %d: %s\nwant %d: %s", tt.args, code, out, tt.code, tt.says)
		}
	}
	out, code := f.Run("status", "--output", "json")
	var status struct{ Assets int }
	if err := json.Unmarshal([]byte(out), &status); err != nil || code != 0 || status.Assets != 0 {
		t.Errorf("status exits %d: %s, want no assets", code, out)
	}
	for _, kind := range []string{tasks.KindIngest} {
		if l := count(t, f, kind); l != (lengths{}) {
			t.Errorf("tasks of %s: %+v, want none", kind, l)
		}
	}
}

// library uploads n videos and returns their keys and assets.
func library(f *fleet.Fleet, n int) (keys, assets []string) {
	for i := range n {
		key := fmt.Sprintf("films/%02d.mp4", i)
		keys, assets = append(keys, key), append(assets, f.Upload(key, media(key)))
	}
	return keys, assets
}
