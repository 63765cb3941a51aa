package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
)

// cliWrapper is the AWS CLI of the commands in the README. What the local cloud
// does not serve it notes: the CLI has then checked the request against AWS's
// model, which it does before it sends one.
const cliWrapper = `
aws() {
	case "$1 $2" in
	"sts get-caller-identity") echo 111122223333; return ;;
	esac
	"$AWS_CLI" "$@" 2>err && return
	if grep -q -e NotImplemented -e 'Invalid principal in policy' err; then
		echo "$1 $2" >>unserved
		return
	fi
	{ echo "aws $*"; cat err; } >>broken
	return 1
}
EDITOR=true
`

// TestRealAWS runs the commands of the README's section "Real AWS", but for
// Docker's, against the local cloud.
func TestRealAWS(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("envsubst"); err != nil {
		t.Fatal("envsubst is missing: apt-get install --no-install-recommends gettext-base")
	}
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Real AWS\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := strings.Split(section, "\n```sh\n")
	if !ok || len(blocks) < 8 {
		t.Fatalf("README.md has %d blocks of commands for real AWS", len(blocks)-1)
	}
	var script strings.Builder
	script.WriteString("set -eu -o pipefail\n" + cliWrapper)
	for _, block := range blocks[1:] {
		commands, _, _ := strings.Cut(block, "\n```")
		if !strings.HasPrefix(commands, "docker ") {
			script.WriteString(commands + "\n")
		}
	}
	script.WriteString(`echo "$ACCOUNT|$DISTRIBUTION|$DOMAIN|$VODFLEET_VIEWER_URL|$VODFLEET_PROFILE|$VODFLEET_EVENTS_QUEUE_URL|$VODFLEET_UPLOADS_QUEUE_URL" >names` + "\n")

	p := lcproc.Start(t, "--simulate", "--job-time=1h", "--deploy-time=10ms", "--api-rate=-1", "--events-queue=", "--uploads-queue=")
	cli := newAWSCLI(t, p)
	job := cliJob(p.Role)
	job["UserMetadata"] = map[string]string{"fleet": "f1", "asset": "a1"}
	cli.run("s3", "mb", "s3://my-videos")
	cli.run("s3", "cp", "--quiet", cli.file([]byte("\x00\x00\x00\x18ftypisom")), "s3://vodfleet-library/clip.mp4")
	ours := cli.text("Job.Id", "mediaconvert", "create-job", "--cli-input-json", "file://"+cli.file(job))
	delete(job, "UserMetadata")
	other := cli.text("Job.Id", "mediaconvert", "create-job", "--cli-input-json", "file://"+cli.file(job))

	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "bin")+"/", "./enqueuer")
	build.Dir = lcproc.Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	if err := os.Symlink(filepath.Join(lcproc.Root(), "deploy"), filepath.Join(dir, "deploy")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	cmd.Dir, cmd.Env = dir, append(slices.Clone(cli.env), "AWS_CLI="+cli.path)
	out, err := cmd.CombinedOutput()
	read := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(dir, name))
		return string(b)
	}
	if broken := read("broken"); err != nil || broken != "" {
		t.Fatalf("%v\n%s\n%s", err, out, broken)
	}

	// What the local cloud does not serve, or knows no principals for.
	want := []string{
		"events put-rule", "events put-targets", "iam create-policy", "iam create-role", "iam put-role-policy",
		"s3api put-bucket-inventory-configuration", "s3api put-bucket-lifecycle-configuration",
		"s3api put-bucket-notification-configuration", "s3api put-bucket-policy", "s3api put-public-access-block",
	}
	unserved := strings.Split(strings.TrimSpace(read("unserved")), "\n")
	slices.Sort(unserved)
	if unserved = slices.Compact(unserved); !slices.Equal(unserved, want) {
		t.Errorf("unserved are %q, want %q", unserved, want)
	}
	names := strings.Split(strings.TrimSpace(read("names")), "|")
	if len(names) != 7 || slices.Contains(names, "") || slices.Contains(names, "None") || names[3] != "https://"+names[2] || len(names[4]) != 32 || names[5] != p.SQS+"/111122223333/vodfleet-events" {
		t.Fatalf("account, distribution, domain, viewer URL, profile and queues are %q", names)
	}
	if got := cli.text("Distribution.DistributionConfig.[Origins.Items[0].DomainName,CacheBehaviors.Items[].PathPattern,CacheBehaviors.Items[].SmoothStreaming]",
		"cloudfront", "get-distribution", "--id", names[1]); got != "my-videos-streams.s3.us-east-1.amazonaws.com\nmedia/*\twatch/*\nTrue\tFalse" {
		t.Errorf("the distribution has %q", got)
	}
	if got := cli.text("Status", "s3api", "get-bucket-versioning", "--bucket", "my-videos-ledger"); got != "Enabled" {
		t.Errorf("the ledger's versioning is %q", got)
	}
	if got := cli.text("Attributes.Policy", "sqs", "get-queue-attributes", "--queue-url", names[6], "--attribute-names", "Policy"); !strings.Contains(got, "arn:aws:s3:::my-videos") || !json.Valid([]byte(got)) {
		t.Errorf("the queue of uploads has policy %q", got)
	}
	for id, want := range map[string]string{ours: "CANCELED", other: "PROGRESSING"} {
		if got := cli.text("Job.Status", "mediaconvert", "get-job", "--id", id); got != want {
			t.Errorf("job %s is %s, want %s", id, got, want)
		}
	}
	if v := p.Violations(); len(v) > 0 {
		t.Errorf("requests broke the published models: %+v", v)
	}
}
