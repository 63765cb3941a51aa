// Package notices words what happens in the cloud as messages: changes of jobs
// as EventBridge passes them on from MediaConvert, and new objects as S3
// notifies of them. It leaves the queues to whoever sends.
package notices

import (
	"encoding/json"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/transcode"
	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

// account is whose all is.
const account = "111122223333"

type doc map[string]any

// Jobs makes events of the changes of jobs ("EventBridge events", MediaConvert
// user guide). Each is told at once; STATUS_UPDATE at the job's own interval.
// QUEUE_HOP does not happen here: jobs stay in their queue. It is safe for
// concurrent use.
type Jobs struct {
	send func(body string)

	mu   sync.Mutex
	work map[string]*work // by the ID of a job at work
}

// work is what has been told of a job at work.
type work struct {
	informed bool      // of its input
	updated  time.Time // when its progress was told last, or when it began
}

// NewJobs returns the maker of events that send takes. It must not wait.
func NewJobs(send func(body string)) *Jobs {
	return &Jobs{send: send, work: make(map[string]*work)}
}

// Tell makes the events of one change.
func (j *Jobs) Tell(e mediaconvert.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	w := j.work[e.Job.ID]
	if w == nil && e.Job.Finished == nil {
		w = &work{updated: e.Time}
		j.work[e.Job.ID] = w
	}
	switch e.Status {
	case "STATUS_UPDATE":
		if !w.informed && e.Job.Phase != string(transcode.Probing) {
			w.informed = true
			j.event(e, "INPUT_INFORMATION", doc{"inputDetails": []any{doc{"id": 1, "uri": e.Job.Input}}})
		}
		if e.Time.Sub(w.updated) >= interval(e.Interval) {
			w.updated = e.Time
			j.event(e, "STATUS_UPDATE", doc{"jobProgress": progress(e.Job)})
		}
		return
	case "COMPLETE":
		if e.Result != nil {
			j.warnings(e)
		}
		j.event(e, e.Status, complete(e.Result))
	case "ERROR":
		j.event(e, e.Status, doc{"errorCode": e.Job.ErrorCode, "errorMessage": e.Job.ErrorMessage})
	default:
		j.event(e, e.Status, doc{})
	}
	if e.Job.Finished != nil {
		delete(j.work, e.Job.ID)
	}
}

// warnings tells each warning once.
func (j *Jobs) warnings(e mediaconvert.Event) {
	told := make(map[int]bool)
	for _, w := range e.Result.Warnings {
		if !told[w.Code] {
			told[w.Code] = true
			j.event(e, "NEW_WARNING", doc{"warningCode": w.Code, "warningMessage": w.Message})
		}
	}
}

// event sends one event.
func (j *Jobs) event(e mediaconvert.Event, status string, detail doc) {
	metadata := e.Job.UserMetadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	detail["timestamp"], detail["accountId"], detail["queue"] = e.Time.UnixMilli(), account, e.Job.Queue
	detail["jobId"], detail["status"], detail["userMetadata"] = e.Job.ID, status, metadata
	body, _ := json.Marshal(doc{ // it is plain data
		"version": "0", "id": uuid.NewString(), "detail-type": "MediaConvert Job State Change", "source": "aws.mediaconvert",
		"account": account, "time": e.Time.UTC().Format("2006-01-02T15:04:05Z"), "region": sigv4.Region,
		"resources": []string{"arn:aws:mediaconvert:" + sigv4.Region + ":" + account + ":jobs/" + e.Job.ID}, "detail": detail,
	})
	j.send(string(body))
}

// interval reads SECONDS_60.
func interval(s string) time.Duration {
	n, err := strconv.Atoi(strings.TrimPrefix(s, "SECONDS_"))
	if err != nil {
		return time.Minute
	}
	return time.Duration(n) * time.Second
}

// progress is how far a job has come. Its phases are by order; those before the
// current one are complete.
func progress(j mediaconvert.Job) doc {
	phases := doc{}
	status, percent := "COMPLETE", 100
	for _, phase := range []transcode.Phase{transcode.Probing, transcode.Transcoding, transcode.Uploading} {
		if j.Phase == string(phase) {
			phases[string(phase)] = doc{"status": "PROGRESSING", "percentComplete": j.Percent}
			status, percent = "PENDING", 0
			continue
		}
		phases[string(phase)] = doc{"status": status, "percentComplete": percent}
	}
	return doc{"phaseProgress": phases, "jobPercentComplete": j.Percent, "currentPhase": j.Phase, "retryCount": 0}
}

// complete is what a job has made.
func complete(r *transcode.Result) doc {
	groups := []any{}
	warnings := []any{}
	if r == nil {
		return doc{"outputGroupDetails": groups}
	}
	for _, g := range r.Groups {
		outputs := []any{}
		for _, o := range g.Outputs {
			out := doc{"durationInMs": o.Duration.Milliseconds()}
			if len(o.Files) > 0 {
				out["outputFilePaths"] = o.Files
			}
			if o.Width > 0 {
				out["videoDetails"] = doc{"widthInPx": o.Width, "heightInPx": o.Height}
			}
			outputs = append(outputs, out)
		}
		group := doc{"type": groupType(g), "outputDetails": outputs}
		if len(g.Playlists) > 0 {
			group["playlistFilePaths"] = g.Playlists
		}
		groups = append(groups, group)
	}
	counts := make(map[int]int)
	for _, w := range r.Warnings {
		counts[w.Code]++
	}
	for code, n := range counts {
		warnings = append(warnings, doc{"code": code, "count": n})
	}
	return doc{"outputGroupDetails": groups, "warnings": warnings, "paddingInserted": 0, "blackVideoDetected": 0}
}

// groupType tells a group by its manifests.
func groupType(g transcode.GroupResult) string {
	has := make(map[string]bool)
	for _, p := range g.Playlists {
		has[path.Ext(p)] = true
	}
	switch {
	case has[".ism"]:
		return "MS_SMOOTH_GROUP"
	case has[".mpd"] && has[".m3u8"]:
		return "CMAF_GROUP"
	case has[".mpd"]:
		return "DASH_ISO_GROUP"
	case has[".m3u8"]:
		return "HLS_GROUP"
	}
	return "FILE_GROUP"
}
