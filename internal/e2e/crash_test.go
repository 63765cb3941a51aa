package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// recovery is how long after its worker's death a task may take to be done, its
// job's time aside: Asynq sees a lost lease after 30 s, looks for such once a
// minute, and allows for clocks half a minute apart.
const recovery = 150 * time.Second

// The worker that holds an active task of each kind in turn is killed. Every
// asset is published in the end, and no job is made twice.
func TestKilledWithATask(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: []string{"--simulate", "--job-time", "2s-4s"}, Env: []string{"VODFLEET_GRACE=1h"}})
	type victim struct {
		kind, slow string // a call that is made slow, to hold the task
		asset      string
		killed     time.Time
	}
	victims := []*victim{
		{kind: tasks.KindIngest, slow: "mediaconvert.Probe"},
		{kind: tasks.KindTranscodeSubmit, slow: "mediaconvert.CreateJob"},
		{kind: tasks.KindTranscodePoll, slow: "mediaconvert.GetJob"},
		{kind: tasks.KindPublish, slow: "s3.ListObjectsV2"},
		{kind: tasks.KindInvalidateOrRename, slow: "s3.GetObject"},
	}
	for _, v := range victims {
		key := "films/" + v.kind + ".mp4"
		if v.kind == tasks.KindInvalidateOrRename { // only a replacement has that stage
			w := f.Worker()
			v.asset = f.Upload(key, media("first "+v.kind))
			add(t, f, key)
			f.Await(time.Minute, fleet.Ended, v.asset)
			w.Stop()
		}
		var others []string
		for _, q := range tasks.Queues() {
			if !slices.Contains(tasks.QueuesOf(v.kind), q) {
				others = append(others, q)
			}
		}
		rest := f.Worker("--queues", strings.Join(others, ","))
		v.asset = f.Upload(key, media(v.kind))
		add(t, f, key)
		awaitTasks(t, f, v.kind, func(l lengths) bool { return l.waiting == 1 })
		rest.Stop()

		f.Cloud.SetFaults(lcproc.Fault{API: v.slow, Kind: "latency", Rate: 1, LatencyMS: 20_000})
		w := f.Worker("--queues", strings.Join(tasks.QueuesOf(v.kind), ","))
		awaitTasks(t, f, v.kind, func(l lengths) bool { return l.active == 1 })
		time.Sleep(500 * time.Millisecond) // into the slow call
		w.Kill()
		v.killed = time.Now()
		f.Cloud.SetFaults()
		if n := count(t, f, v.kind).active; n != 1 {
			t.Errorf("%s: %d active tasks after the kill, want the one that the worker held", v.kind, n)
		}
	}
	f.Worker()
	f.Worker()
	for _, v := range victims {
		limit := recovery + 4*time.Second
		if v.kind == tasks.KindInvalidateOrRename {
			limit += 35 * time.Second // its invalidation waits for others, and takes a while
		}
		rec := f.Await(time.Until(v.killed.Add(limit)), func(r *ledger.Record) bool {
			return fleet.Ended(r) && r.Status() == "published"
		}, v.asset)[0]
		t.Logf("%-22s killed; published %v later", v.kind, time.Since(v.killed).Round(time.Second))
		if rec.LiveSeq != rec.Seq {
			t.Errorf("%s: switch %d is live, want %d", v.kind, rec.LiveSeq, rec.Seq)
		}
	}
	if got := f.Cloud.Calls()["mediaconvert.CreateJob"]["201"]; got != len(victims)+1 {
		t.Errorf("%d jobs created, want %d: one for each revision", got, len(victims)+1)
	}
	if got := len(f.Cloud.Jobs()); got != len(victims)+1 {
		t.Errorf("%d jobs, want %d", got, len(victims)+1)
	}
}

// media is a file that the simulated service takes for a video.
func media(text string) []byte {
	return append([]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"), text...)
}

func add(t *testing.T, f *fleet.Fleet, keys ...string) {
	t.Helper()
	args := []string{"add"}
	for _, k := range keys {
		args = append(args, "s3://"+fleet.Library+"/"+k)
	}
	if out, code := f.Run(args...); code != 0 {
		t.Fatalf("enqueuer add exits %d: %s", code, out)
	}
}

// lengths are the tasks of a kind.
type lengths struct{ waiting, active int64 }

func count(t *testing.T, f *fleet.Fleet, kind string) (l lengths) {
	t.Helper()
	all, err := f.Queue.Lengths(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range all {
		if slices.Contains(tasks.QueuesOf(kind), q.Queue) {
			l.active += q.Active
			l.waiting += q.Outstanding() - q.Active
		}
	}
	return l
}

func awaitTasks(t *testing.T, f *fleet.Fleet, kind string, ok func(lengths) bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok(count(t, f, kind)) {
		if time.Now().After(deadline) {
			t.Fatalf("tasks of %s after a minute: %+v", kind, count(t, f, kind))
		}
		time.Sleep(50 * time.Millisecond)
	}
}
