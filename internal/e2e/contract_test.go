package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
	"github.com/vodfleet/vodfleet/internal/cloud/cloudtest"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
)

// TestContract runs the contract of the ports on awscloud over the local
// cloud, whose jobs end by its clock, which is fast.
func TestContract(t *testing.T) {
	const rate = 20
	p := lcproc.Start(t, "--simulate", "--sqs-duplicates=0.2", "--sqs-reorder=0.5", "--events-lag=0s-5s", fmt.Sprint("--clock-rate=", rate), "--job-time=20s", "--invalidate-time=60s", "--api-rate=-1", "--api-burst=-1", "--list-lag=1s")
	run := newContract(t, p, rate).run
	t.Run("Store", func(t *testing.T) { cloudtest.Store(t, run) })
	t.Run("Transcoder", func(t *testing.T) { cloudtest.Transcoder(t, run) })
	t.Run("CDN", func(t *testing.T) { cloudtest.CDN(t, run) })
	t.Run("Distributions", func(t *testing.T) { cloudtest.Distributions(t, run) })
	t.Run("Events", func(t *testing.T) { cloudtest.Events(t, run) })
	for _, v := range p.Violations() {
		t.Errorf("%s.%s broke the model %d times: %s", v.Service, v.Operation, v.Count, v.What)
	}
}

// TestContractOfRealJobs runs the transcoder's part where ffmpeg does the work.
func TestContractOfRealJobs(t *testing.T) {
	const rate = 10
	p := lcproc.Start(t, fmt.Sprint("--clock-rate=", rate), "--api-rate=-1", "--api-burst=-1")
	cloudtest.Transcoder(t, newContract(t, p, rate).run)
	for _, v := range p.Violations() {
		t.Errorf("%s.%s broke the model %d times: %s", v.Service, v.Operation, v.Count, v.What)
	}
}

// TestLostAnswers takes away the answers to calls that had their effect. The
// SDK asks again: a job is not made twice, and a conditional write that meets
// itself says that there is something, which its writer can recognize.
func TestLostAnswers(t *testing.T) {
	p := lcproc.Start(t, "--simulate", "--api-rate=-1", "--api-burst=-1")
	c := newContract(t, p, 1)
	t.Setenv("AWS_MAX_ATTEMPTS", "3")
	account, err := awscloud.New(t.Context(), awscloud.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.run(t, func(t *testing.T, cc *cloudtest.Cloud) {
		at := cloud.Location{Bucket: cc.Bucket, Key: "in.mp4"}
		p.SetFaults(lcproc.Fault{API: "s3.PutObject", Kind: "lost-response", Rate: 1, Times: 1})
		_, err := account.Store().Put(t.Context(), cloud.Put{Location: at, Body: c.media, If: cloud.Condition{Absent: true}})
		if !errors.Is(err, cloud.ErrPrecondition) {
			t.Errorf("Put with a lost answer = %v, want %v", err, cloud.ErrPrecondition)
		}
		p.SetFaults(lcproc.Fault{API: "mediaconvert.CreateJob", Kind: "lost-response", Rate: 1, Times: 2})
		job, err := account.Transcoder().Submit(t.Context(), cloud.JobRequest{Token: "lost", Role: p.Role, Spec: cloud.JobSpec{Input: at, Groups: []cloud.OutputGroup{{
			Package: "mp4", Kind: cloud.GroupFile, Destination: cloud.Location{Bucket: cc.Bucket, Key: "out"},
			Outputs: []cloud.Output{{Video: &cloud.Video{Height: 144, MaxBitrate: 300_000, Quality: 7, GOP: 2 * time.Second}}},
		}}}})
		if jobs := p.Jobs(); err != nil || len(jobs) != 1 || jobs[0].ID != job.ID || p.Calls().Of("mediaconvert.CreateJob") != 3 {
			t.Errorf("Submit with two lost answers = %+v, %v; the cloud has %d jobs of %d calls, want one of three", job, err, len(jobs), p.Calls().Of("mediaconvert.CreateJob"))
		}
	})
}

// contract is a local cloud with what the checks need.
type contract struct {
	p        *lcproc.Process
	rate     time.Duration // of its clock
	cloud    *awscloud.Cloud
	settings aws.Config
	events   cloud.Events
	noEvents cloud.Events
	media    []byte
	domain   string
	buckets  atomic.Int64
}

func newContract(t *testing.T, p *lcproc.Process, rate int) *contract {
	t.Helper()
	p.Setenv(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	c := &contract{p: p, rate: time.Duration(rate), media: shortClip(t)}
	var err error
	if c.settings, err = config.LoadDefaultConfig(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.cloud, err = awscloud.New(t.Context(), awscloud.Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := mediaconvert.NewFromConfig(c.settings).CreateQueue(t.Context(), &mediaconvert.CreateQueueInput{Name: new("second")}); err != nil {
		t.Fatal(err)
	}
	if c.events, err = c.cloud.Events(p.EventsQueue); err != nil {
		t.Fatal(err)
	}
	if c.noEvents, err = c.cloud.Events(p.EventsQueue + "-none"); err != nil {
		t.Fatal(err)
	}
	if _, err := sqs.NewFromConfig(c.settings).SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
		QueueUrl: &p.EventsQueue, Attributes: map[string]string{"VisibilityTimeout": fmt.Sprint(int(contractVisibility.Seconds()))},
	}); err != nil {
		t.Fatal(err)
	}
	d, err := c.cloud.CDN().Distribution(t.Context(), p.Distribution)
	if err != nil || d.Domain == "" {
		t.Fatalf("Distribution = %+v, %v", d, err)
	}
	c.domain = d.Domain
	return c
}

// contractVisibility is of the queue of events, in the cloud's time.
const contractVisibility = time.Minute

// shortClip is a video of a few seconds with a picture and sound.
func shortClip(t *testing.T) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clip.mp4")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=5",
		"-f", "lavfi", "-i", "sine=duration=5:sample_rate=48000", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", file).CombinedOutput()
	if err != nil {
		t.Fatalf("make a clip: %v: %s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run runs one check in a bucket of its own.
func (c *contract) run(t *testing.T, check func(*testing.T, *cloudtest.Cloud)) {
	bucket := fmt.Sprint("contract-", c.buckets.Add(1))
	if _, err := s3.NewFromConfig(c.settings, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	check(t, &cloudtest.Cloud{
		Store: c.cloud.Store(), Transcoder: c.cloud.Transcoder(), CDN: c.cloud.CDN(), Events: c.events, NoEvents: c.noEvents, Visibility: contractVisibility,
		Bucket: bucket, Missing: bucket + "-none", Role: c.p.Role, Queue: "second",
		Media: c.media, Junk: []byte(strings.Repeat("this is no video ", 100)),
		Distribution: cloud.Distribution{ID: c.p.Distribution, Domain: c.domain, Enabled: true},
		Sleep:        func(d time.Duration) { time.Sleep(d / c.rate) },
		Patience:     10 * time.Minute, Slack: time.Minute,
		Fail:        c.fail,
		FailJob:     func(code int) { c.p.SetFaults(lcproc.Fault{Kind: "fail-job", Rate: 1, Code: code, Times: 1}) },
		AddTemplate: func(name string, spec cloud.JobSpec) { c.addTemplate(t, name, spec) },
	})
}

func (c *contract) fail(kind error) {
	switch kind {
	case nil:
		c.p.SetFaults()
	case cloud.ErrThrottled:
		c.p.SetFaults(lcproc.Fault{API: "*", Kind: "throttle", Rate: 1})
	case cloud.ErrDenied:
		c.p.SetFaults(lcproc.Fault{API: "*", Kind: "error", Rate: 1, Code: http.StatusForbidden})
	default:
		c.p.SetFaults(lcproc.Fault{API: "*", Kind: "error", Rate: 1, Code: http.StatusInternalServerError})
	}
}

// addTemplate makes a template of the settings that awscloud would send. The
// SDK's own shapes cannot be read from JSON, so the request is made by hand.
func (c *contract) addTemplate(t *testing.T, name string, spec cloud.JobSpec) {
	t.Helper()
	var kept keeper
	account, err := awscloud.New(t.Context(), awscloud.Options{HTTP: &kept})
	if err != nil {
		t.Fatal(err)
	}
	spec.Input = cloud.Location{Bucket: "any", Key: "any"}
	if _, err := account.Transcoder().Submit(t.Context(), cloud.JobRequest{Token: "t", Role: c.p.Role, Spec: spec}); !errors.Is(err, cloud.ErrUnavailable) {
		t.Fatalf("Submit of nothing sent = %v", err)
	}
	var job struct {
		Settings map[string]any `json:"settings"`
	}
	if err := json.Unmarshal(kept.body, &job); err != nil {
		t.Fatal(err)
	}
	delete(job.Settings, "inputs")
	body, err := json.Marshal(map[string]any{"name": name, "settings": job.Settings})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.p.MediaConvert+"/2017-08-29/jobTemplates", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	credentials, err := c.settings.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, req, hex.EncodeToString(sum[:]), "mediaconvert", c.settings.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("CreateJobTemplate: %s: %s, %v", resp.Status, answer, err)
	}
}

// keeper keeps the body of a request and sends nothing.
type keeper struct{ body []byte }

func (k *keeper) Do(r *http.Request) (*http.Response, error) {
	k.body, _ = io.ReadAll(r.Body)
	return nil, context.DeadlineExceeded
}
