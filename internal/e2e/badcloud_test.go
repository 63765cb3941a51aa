package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
	"github.com/vodfleet/vodfleet/tasks"
)

// byLists has jobs watched through lists alone, and often.
var byLists = []string{"VODFLEET_BOARD_INTERVAL=1s", "VODFLEET_EVENTS_QUEUE_URL="}

// MediaConvert's answers may be 200 and tell of a status that nobody knows: the
// job has not ended then, whatever it is, and nothing is made again for it.
func TestUnknownStatus(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: quick, Env: byLists})
	f.Cloud.SetFaults(
		lcproc.Fault{API: "mediaconvert.CreateJob", Kind: "odd-status", Rate: 1, Times: 2},
		lcproc.Fault{API: "mediaconvert.GetJob", Kind: "odd-status", Rate: 1, Times: 6},
		lcproc.Fault{API: "mediaconvert.ListJobs", Kind: "odd-status", Rate: 0.5},
	)
	keys, assets := library(f, 4)
	worker := f.Worker()
	add(t, f, keys...)
	published(t, f, 2*time.Minute, assets)
	for _, fault := range f.Cloud.Faults() {
		if fault.API == "mediaconvert.GetJob" {
			t.Errorf("%d answers of GetJob were never asked for", fault.Times)
		}
	}
	if log := worker.Log(); strings.Contains(log, "panic") {
		t.Errorf("a worker panicked:\n%s", log)
	}
}

// Quotas of nought hold everything up and lose nothing: of jobs at work, then
// of calls.
func TestQuotaOfZero(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{Cloud: quick, Env: byLists})
	f.Cloud.SetLimits(lcproc.Limits{ConcurrentJobs: new(0)})
	keys, assets := library(f, 6)
	f.Worker()
	add(t, f, keys[:3]...)
	awaitWork(t, f, assets)
	time.Sleep(3 * time.Second) // and they stay where they are
	for _, j := range f.Cloud.Jobs() {
		if j.Status != "SUBMITTED" {
			t.Errorf("job %s is %s under a quota of no jobs", j.ID, j.Status)
		}
	}
	f.Cloud.SetLimits(lcproc.Limits{Rate: new(0.0), Burst: new(0), ConcurrentJobs: new(200)})
	add(t, f, keys[3:]...)
	time.Sleep(5 * time.Second)
	for _, asset := range assets[3:] {
		out, code := f.Run("explain", asset)
		if code != 0 || !strings.Contains(out, "ingest") || strings.Contains(out, "failed") {
			t.Errorf("explain without a quota exits %d: %s\nwant ingest, which waits", code, out)
		}
	}
	f.Cloud.SetLimits(lcproc.Limits{Rate: new(-1.0), Burst: new(-1)})
	published(t, f, 2*time.Minute, assets)
}

// Jobs of others in the account, and jobs that say they are ours and are not,
// keep no asset from its streams; those of others are never touched.
func TestForgedJobs(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{
		Cloud: []string{"--simulate", "--job-time", "4s-6s", "--api-rate=-1", "--api-burst=-1"}, Env: byLists,
	})
	keys, assets := library(f, 3)
	worker := f.Worker()
	add(t, f, keys[0])
	awaitWork(t, f, assets)
	first := f.Cloud.Jobs()[0].UserMetadata
	transcoder := f.Client().Transcoder()
	submit := func(name string, metadata map[string]string) string {
		t.Helper()
		job, err := transcoder.Submit(t.Context(), cloud.JobRequest{
			Token: name, Role: f.Cloud.Role, Metadata: metadata,
			Spec: cloud.JobSpec{Input: cloud.Location{Bucket: fleet.Library, Key: keys[0]}, Audio: 1, Groups: []cloud.OutputGroup{{
				Package: "mp4", Kind: cloud.GroupFile, Destination: cloud.Location{Bucket: fleet.Streams, Key: "elsewhere/" + name},
				Outputs: []cloud.Output{{
					Video: &cloud.Video{Height: 720, MaxBitrate: 4_000_000, Quality: 8, GOP: 2 * time.Second},
					Audio: &cloud.Audio{Bitrate: 128_000, SampleRate: 48000},
				}},
			}}},
		})
		if err != nil {
			t.Fatalf("submit a job with %s: %v", name, err)
		}
		return job.ID
	}
	meta := func(fleet, asset, build string) map[string]string {
		return map[string]string{"fleet": fleet, "asset": asset, "build": build, "revision": first["revision"]}
	}
	foreign := map[string]string{ // job IDs by what is odd about them
		"nothing":        submit("nothing", nil),
		"another fleet":  submit("another", meta("another", assets[1], "1")),
		"our asset":      submit("running", meta(first["fleet"], assets[0], "1")), // which has a job
		"another build":  submit("build", meta(first["fleet"], assets[0], "7")),
		"no build":       submit("number", meta(first["fleet"], assets[0], "x")),
		"not yet ours":   submit("soon", meta(first["fleet"], assets[1], "1")), // which has none yet
		"an odd asset":   submit("odd", meta(first["fleet"], "../../etc", "1")),
		"no asset known": submit("unknown", meta(first["fleet"], tasks.AssetID("nowhere", "x"), "1")),
	}
	add(t, f, keys[1:]...)
	recs := f.Await(2*time.Minute, fleet.Ended, assets...)
	of := map[string]lcproc.Job{}
	for _, j := range f.Cloud.Jobs() {
		of[j.ID] = j
	}
	for _, rec := range recs {
		b := rec.Build(1)
		if rec.Status() != "published" || len(rec.Builds) != 1 {
			t.Errorf("%s is %s with %d builds: %+v", rec.Location, rec.Status(), len(rec.Builds), rec.Failed())
			continue
		}
		if job := of[b.Job]; job.Input != "s3://library/"+rec.Location.Key || strings.Contains(strings.Join(job.Destinations, " "), "elsewhere") {
			t.Errorf("%s is published of job %+v", rec.Location, job)
		}
	}
	for what, id := range foreign {
		deadline := time.Now().Add(30 * time.Second)
		j := of[id]
		for ; j.Finished == nil && time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
			for _, now := range f.Cloud.Jobs() {
				if now.ID == id {
					j = now
				}
			}
		}
		if j.Status != "COMPLETE" {
			t.Errorf("the job with %s is %s: it is not ours to cancel", what, j.Status)
		}
	}
	if n := len(f.Cloud.Jobs()); n != len(foreign)+len(assets) {
		t.Errorf("%d jobs, want %d of others and %d of ours", n, len(foreign), len(assets))
	}
	log := worker.Log()
	if strings.Contains(log, "panic") || !strings.Contains(log, "the ledger does not know") {
		t.Errorf("the worker says nothing of the jobs that it does not know, or panicked:\n%s", log)
	}
	for _, name := range []string{foreign["nothing"], foreign["another fleet"]} {
		if strings.Contains(log, name) {
			t.Errorf("the worker tells of job %s, which is another's", name)
		}
	}
	if out, code := f.Run("explain", assets[1]); code != 0 || strings.Contains(out, fmt.Sprintf("job %s", foreign["not yet ours"])) {
		t.Errorf("explain exits %d:\n%s", code, out)
	}
}
