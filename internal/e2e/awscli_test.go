package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
)

// awsCLI is the AWS CLI pointed at a cloud by `localcloud env`.
type awsCLI struct {
	t    *testing.T
	path string
	env  []string
}

// newAWSCLI finds the AWS CLI. Linux distributions' own comes first: what else
// is called aws may be a version manager's shim with nothing behind it.
func newAWSCLI(t *testing.T, p *lcproc.Process) *awsCLI {
	t.Helper()
	for _, path := range []string{"/usr/bin/aws", "/usr/local/bin/aws", "/opt/homebrew/bin/aws", "aws"} {
		path, err := exec.LookPath(path) // whole: scripts have a function of this name
		if err != nil || exec.CommandContext(t.Context(), path, "--version").Run() != nil {
			continue
		}
		env := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1"}, p.Env()...)
		return &awsCLI{t, path, env}
	}
	t.Fatal("the AWS CLI is missing: apt-get install --no-install-recommends awscli")
	return nil
}

// try runs the CLI and returns what it prints, or what it complains of.
func (a *awsCLI) try(env []string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(a.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, a.path, args...)
	cmd.Env = append(slices.Clone(a.env), env...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w: %s", err, strings.TrimSpace(complaints.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// run is try for what must succeed.
func (a *awsCLI) run(args ...string) string {
	a.t.Helper()
	out, err := a.try(nil, args...)
	if err != nil {
		a.t.Fatalf("aws %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// text asks for one value.
func (a *awsCLI) text(query string, args ...string) string {
	a.t.Helper()
	return a.run(append(args, "--output", "text", "--query", query)...)
}

// refused is for what must fail with this error code.
func (a *awsCLI) refused(code string, args ...string) {
	a.t.Helper()
	a.refusedAs(nil, code, args...)
}

func (a *awsCLI) refusedAs(env []string, code string, args ...string) {
	a.t.Helper()
	out, err := a.try(env, args...)
	if err == nil || !strings.Contains(err.Error(), "("+code+")") {
		a.t.Errorf("aws %s: %q, %v, want %s", strings.Join(args, " "), out, err, code)
	}
}

// file writes v, as JSON unless it is bytes, and returns its name.
func (a *awsCLI) file(v any) string {
	a.t.Helper()
	b, ok := v.([]byte)
	if !ok {
		var err error
		if b, err = json.Marshal(v); err != nil {
			a.t.Fatal(err)
		}
	}
	name := filepath.Join(a.t.TempDir(), "file")
	if err := os.WriteFile(name, b, 0o644); err != nil {
		a.t.Fatal(err)
	}
	return name
}

func startAWSCLI(t *testing.T) (*lcproc.Process, *awsCLI) {
	t.Helper()
	p := lcproc.Start(t, "--simulate", "--job-time=1s", "--invalidate-time=10ms", "--api-rate=-1")
	return p, newAWSCLI(t, p)
}

func TestAWSCLIObjects(t *testing.T) {
	t.Parallel()
	p, aws := startAWSCLI(t)
	if got, want := aws.text("Buckets[].Name", "s3api", "list-buckets"), "vodfleet-ledger\tvodfleet-library\tvodfleet-output"; got != want {
		t.Errorf("buckets %q, want %q", got, want)
	}
	const key = "films/a b+ü 100%.mp4"
	clip := []byte("\x00\x00\x00\x18ftypisom and more")
	aws.run("s3", "cp", "--quiet", aws.file(clip), "s3://vodfleet-library/"+key)
	if got := aws.run("s3", "ls", "s3://vodfleet-library/films/"); !strings.HasSuffix(got, " 21 a b+ü 100%.mp4") {
		t.Errorf("listed as %q", got)
	}
	if got := aws.text("Contents[].[Key,Size]", "s3api", "list-objects-v2", "--bucket", "vodfleet-library"); got != key+"\t21" {
		t.Errorf("listed as %q", got)
	}
	back := filepath.Join(t.TempDir(), "back")
	aws.run("s3", "cp", "--quiet", "s3://vodfleet-library/"+key, back)
	if b, err := os.ReadFile(back); err != nil || !bytes.Equal(b, clip) {
		t.Errorf("it comes back as %q, %v", b, err)
	}

	for range 2 {
		aws.run("s3api", "put-object", "--bucket", "vodfleet-ledger", "--key", "ledger/AA/X.json", "--body", aws.file(map[string]int{"n": 1}))
	}
	if got := aws.text("Versions[].IsLatest", "s3api", "list-object-versions", "--bucket", "vodfleet-ledger"); got != "True\tFalse" {
		t.Errorf("versions in the ledger: latest %q, want one of two", got)
	}
	aws.refused("404", "s3api", "head-object", "--bucket", "vodfleet-library", "--key", "nothing")
	aws.refused("NoSuchKey", "s3api", "get-object", "--bucket", "vodfleet-library", "--key", "nothing", back)
	aws.refused("NoSuchBucket", "s3api", "list-objects-v2", "--bucket", "nowhere")
	guess := []string{"AWS_SECRET_ACCESS_KEY=guess"}
	aws.refusedAs(guess, "SignatureDoesNotMatch", "s3api", "list-buckets")
	aws.refusedAs([]string{"AWS_ACCESS_KEY_ID=AKIAOTHER"}, "InvalidAccessKeyId", "s3api", "list-buckets")
	aws.refused("NotImplemented", "sts", "get-caller-identity")
	if got := p.Calls(); got["other.sts"]["501"] != 1 || got["s3.PutObject"]["200"] != 3 {
		t.Errorf("calls %v, want three of PutObject and one of sts", got)
	}
}

// cliJob is a job of one HLS rendition.
func cliJob(role string) map[string]any {
	return map[string]any{
		"Role": role, "UserMetadata": map[string]string{"fleet": "f", "asset": "a1"},
		"Settings": map[string]any{
			"Inputs": []any{map[string]any{
				"FileInput":      "s3://vodfleet-library/clip.mp4",
				"AudioSelectors": map[string]any{"Audio Selector 1": map[string]any{"DefaultSelection": "DEFAULT"}},
			}},
			"OutputGroups": []any{map[string]any{
				"OutputGroupSettings": map[string]any{
					"Type": "HLS_GROUP_SETTINGS",
					"HlsGroupSettings": map[string]any{
						"Destination": "s3://vodfleet-output/media/a1/1/hls/video", "SegmentLength": 6, "MinSegmentLength": 0,
					},
				},
				"Outputs": []any{map[string]any{
					"NameModifier": "_480p", "ContainerSettings": map[string]any{"Container": "M3U8"},
					"VideoDescription": map[string]any{
						"Width": 854, "Height": 480,
						"CodecSettings": map[string]any{"Codec": "H_264", "H264Settings": map[string]any{
							"RateControlMode": "QVBR", "MaxBitrate": 1000000, "GopSize": 2, "GopSizeUnits": "SECONDS",
						}},
					},
					"AudioDescriptions": []any{map[string]any{
						"AudioSourceName": "Audio Selector 1",
						"CodecSettings": map[string]any{"Codec": "AAC", "AacSettings": map[string]any{
							"Bitrate": 96000, "CodingMode": "CODING_MODE_2_0", "SampleRate": 48000,
						}},
					}},
				}},
			}},
		},
	}
}

// at walks into nested maps and lists.
func at(v any, path ...any) map[string]any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			v = v.(map[string]any)[step]
		case int:
			v = v.([]any)[step]
		}
	}
	return v.(map[string]any)
}

func TestAWSCLIJobs(t *testing.T) {
	t.Parallel()
	p, aws := startAWSCLI(t)
	aws.run("s3", "cp", "--quiet", aws.file([]byte("\x00\x00\x00\x18ftypisom")), "s3://vodfleet-library/clip.mp4")
	create := func(job map[string]any) []string {
		return []string{"mediaconvert", "create-job", "--cli-input-json", "file://" + aws.file(job)}
	}
	id := aws.text("Job.Id", create(cliJob(p.Role))...)
	var status string
	for deadline := time.Now().Add(30 * time.Second); status != "COMPLETE" && time.Now().Before(deadline); {
		status = aws.text("Job.Status", "mediaconvert", "get-job", "--id", id)
	}
	if status != "COMPLETE" {
		t.Errorf("the job is %s", status)
	}
	if got, want := aws.text("Jobs[].[Id,UserMetadata.asset]", "mediaconvert", "list-jobs", "--status", "COMPLETE"), id+"\ta1"; got != want {
		t.Errorf("jobs %q, want %q", got, want)
	}
	if got := aws.run("s3", "ls", "s3://vodfleet-output/media/a1/1/hls/"); !strings.Contains(got, "video.m3u8") || !strings.Contains(got, "video_480p.m3u8") {
		t.Errorf("outputs:\n%s", got)
	}
	if j := p.Jobs(); len(j) != 1 || j[0].ID != id || j[0].Status != "COMPLETE" || j[0].UserMetadata["asset"] != "a1" || j[0].Finished == nil {
		t.Errorf("jobs as the administration shows them: %+v", j)
	}

	for name, change := range map[string]func(job map[string]any){
		"an illegal value": func(j map[string]any) {
			at(j, "Settings", "OutputGroups", 0, "Outputs", 0, "VideoDescription", "CodecSettings", "H264Settings")["RateControlMode"] = "BEST"
		},
		"out of range": func(j map[string]any) {
			at(j, "Settings", "OutputGroups", 0, "Outputs", 0, "VideoDescription")["Width"] = 9000
		},
		"a missing bit rate": func(j map[string]any) {
			delete(at(j, "Settings", "OutputGroups", 0, "Outputs", 0, "VideoDescription", "CodecSettings", "H264Settings"), "MaxBitrate")
		},
		"a wrong container": func(j map[string]any) {
			at(j, "Settings", "OutputGroups", 0, "Outputs", 0, "ContainerSettings")["Container"] = "MXF"
		},
		"no destination": func(j map[string]any) {
			delete(at(j, "Settings", "OutputGroups", 0, "OutputGroupSettings", "HlsGroupSettings"), "Destination")
		},
	} {
		job := cliJob(p.Role)
		change(job)
		t.Run(name, func(t *testing.T) { (&awsCLI{t, aws.path, aws.env}).refused("BadRequestException", create(job)...) })
	}
	aws.refused("NotFoundException", "mediaconvert", "get-job", "--id", "1772326923000-aaaaaa")
	aws.refusedAs([]string{"AWS_SECRET_ACCESS_KEY=guess"}, "InvalidSignatureException", "mediaconvert", "list-queues")
	if n := len(p.Jobs()); n != 1 {
		t.Errorf("%d jobs after the refusals, want 1", n)
	}
	checkAnswers(t, p)
}

func TestAWSCLIDistribution(t *testing.T) {
	t.Parallel()
	p, aws := startAWSCLI(t)
	id := p.Distribution
	if got := aws.text("DistributionList.Items[].Id", "cloudfront", "list-distributions"); got != id {
		t.Errorf("distributions %q, want %s", got, id)
	}
	var current struct {
		ETag               string
		DistributionConfig map[string]any
	}
	if err := json.Unmarshal([]byte(aws.run("cloudfront", "get-distribution-config", "--id", id)), &current); err != nil {
		t.Fatal(err)
	}
	current.DistributionConfig["Comment"] = "changed by hand"
	update := []string{"cloudfront", "update-distribution", "--id", id, "--distribution-config", "file://" + aws.file(current.DistributionConfig), "--if-match"}
	if got := aws.text("Distribution.[Status,DistributionConfig.Comment]", append(update, current.ETag)...); got != "InProgress\tchanged by hand" {
		t.Errorf("updated: %q", got)
	}
	aws.refused("PreconditionFailed", append(update, current.ETag)...)
	current.DistributionConfig["PriceClass"] = "PriceClass_3"
	etag := aws.text("ETag", "cloudfront", "get-distribution", "--id", id)
	update[5] = "file://" + aws.file(current.DistributionConfig)
	aws.refused("MalformedXML", append(update, etag)...)

	batch := aws.text("Invalidation.Id", "cloudfront", "create-invalidation", "--distribution-id", id, "--paths", "/watch/a/master.m3u8", "/watch/b/*")
	if got := aws.text("Invalidation.[Status,InvalidationBatch.Paths.Quantity]", "cloudfront", "get-invalidation", "--distribution-id", id, "--id", batch); got != "Completed\t2" {
		t.Errorf("invalidation: %q", got)
	}
	if got := aws.text("InvalidationList.Items[].Id", "cloudfront", "list-invalidations", "--distribution-id", id); got != batch {
		t.Errorf("invalidations %q, want %s", got, batch)
	}
	aws.refused("InvalidArgument", "cloudfront", "create-invalidation", "--distribution-id", id, "--paths", "watch/a")
	aws.refused("NoSuchDistribution", "cloudfront", "get-distribution", "--id", "E0")
	aws.refusedAs([]string{"AWS_SECRET_ACCESS_KEY=guess"}, "SignatureDoesNotMatch", "cloudfront", "list-distributions")
	checkAnswers(t, p)
}

func TestAWSCLIQueues(t *testing.T) {
	t.Parallel()
	p := lcproc.Start(t, "--simulate", "--job-time=1s", "--api-rate=-1", "--sqs-duplicates=0", "--sqs-reorder=0")
	aws := newAWSCLI(t, p)
	if got := aws.text("QueueUrls", "sqs", "list-queues"); got != p.EventsQueue+"\t"+p.UploadsQueue {
		t.Errorf("queues %q, want %s and %s", got, p.EventsQueue, p.UploadsQueue)
	}
	queue := aws.text("QueueUrl", "sqs", "create-queue", "--queue-name", "mine", "--attributes", "VisibilityTimeout=7,DelaySeconds=0")
	if got := aws.text("QueueUrl", "sqs", "get-queue-url", "--queue-name", "mine"); got != queue {
		t.Errorf("the queue is at %s, want %s", got, queue)
	}
	if got := aws.text("Attributes.[VisibilityTimeout,QueueArn]", "sqs", "get-queue-attributes", "--queue-url", queue, "--attribute-names", "All"); got != "7\tarn:aws:sqs:us-east-1:111122223333:mine" {
		t.Errorf("attributes %q", got)
	}
	sent := aws.text("MessageId", "sqs", "send-message", "--queue-url", queue, "--message-body", "a <b> & ü",
		"--message-attributes", `{"n":{"DataType":"Number","StringValue":"1"}}`)
	batch := aws.text("Successful[].Id", "sqs", "send-message-batch", "--queue-url", queue, "--entries", "Id=x,MessageBody=two", "Id=y,MessageBody=three")
	if batch != "x\ty" {
		t.Errorf("sent in a batch: %q", batch)
	}
	var got struct {
		Messages []struct{ MessageId, ReceiptHandle, Body string }
	}
	out := aws.run("sqs", "receive-message", "--queue-url", queue, "--max-number-of-messages", "10", "--message-attribute-names", "All", "--output", "json")
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Messages) != 3 || got.Messages[0].MessageId != sent || got.Messages[0].Body != "a <b> & ü" {
		t.Fatalf("received %s, %v", out, err)
	}
	aws.run("sqs", "change-message-visibility", "--queue-url", queue, "--receipt-handle", got.Messages[1].ReceiptHandle, "--visibility-timeout", "0")
	aws.run("sqs", "delete-message", "--queue-url", queue, "--receipt-handle", got.Messages[0].ReceiptHandle)
	if got := aws.text("Messages[].Body", "sqs", "receive-message", "--queue-url", queue); got != "two" {
		t.Errorf("received again %q, want two", got)
	}
	aws.run("sqs", "purge-queue", "--queue-url", queue)
	aws.refused("AWS.SimpleQueueService.NonExistentQueue", "sqs", "get-queue-url", "--queue-name", "none")
	aws.refusedAs([]string{"AWS_SECRET_ACCESS_KEY=guess"}, "InvalidSignatureException", "sqs", "list-queues")
	aws.run("s3", "cp", "--quiet", aws.file([]byte("\x00\x00\x00\x18ftypisom")), "s3://vodfleet-library/a b.mp4")
	uploads := aws.text("Messages[].Body", "sqs", "receive-message", "--queue-url", p.UploadsQueue, "--max-number-of-messages", "10")
	if !strings.Contains(uploads, `"s3:TestEvent"`) || !strings.Contains(uploads, `"ObjectCreated:Put"`) || !strings.Contains(uploads, `"a+b.mp4"`) {
		t.Errorf("notifications %s, want S3's test and an upload", uploads)
	}
	aws.run("mediaconvert", "create-job", "--cli-input-json", "file://"+aws.file(cliJobOf(p.Role, "s3://vodfleet-library/a b.mp4")))
	statuses := map[string]bool{}
	for deadline := time.Now().Add(30 * time.Second); !statuses["COMPLETE"] && time.Now().Before(deadline); {
		for line := range strings.Lines(aws.text("Messages[].[Body]", "sqs", "receive-message", "--queue-url", p.EventsQueue, "--max-number-of-messages", "10", "--wait-time-seconds", "5")) {
			var e struct {
				Detail struct{ Status string }
			}
			if json.Unmarshal([]byte(line), &e) == nil {
				statuses[e.Detail.Status] = true
			}
		}
	}
	for _, want := range []string{"PROGRESSING", "INPUT_INFORMATION", "COMPLETE"} {
		if !statuses[want] {
			t.Errorf("events of statuses %v, want %s too", statuses, want)
		}
	}
	checkAnswers(t, p)
}

// cliJobOf is cliJob of another source.
func cliJobOf(role, source string) map[string]any {
	job := cliJob(role)
	at(job, "Settings", "Inputs", 0)["FileInput"] = source
	return job
}

// checkAnswers fails the test for answers of the cloud that broke the models.
// Requests that did are what these tests send on purpose.
func checkAnswers(t *testing.T, p *lcproc.Process) {
	t.Helper()
	for _, v := range p.Violations() {
		if v.Service == "cloudfront" || strings.HasPrefix(v.What, "answer") {
			t.Errorf("%s.%s: %s (%d times)", v.Service, v.Operation, v.What, v.Count)
		}
	}
}
