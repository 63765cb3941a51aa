package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/cloudtest"
	"github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/doctor"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
)

// TestDoctor seeds faults into the local cloud: each has its line; --fix mends
// those of the distribution and its root, and a second run is clean.
func TestDoctor(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "smooth.yaml")
	if err := os.WriteFile(profile, []byte("packages: [cmaf, smooth]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := fleet.Start(t, fleet.Options{
		Cloud: []string{"--simulate", "--deploy-time=1s", "--invalidate-time=1s"},
		Env:   []string{"VODFLEET_PROFILE=" + profile, "VODFLEET_API_RATE=2"},
	})
	f.Cloud.Setenv(t)
	settings, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cdn := f.Client().CDN()
	if _, err := mediaconvert.NewFromConfig(settings).CreateQueue(t.Context(), &mediaconvert.CreateQueueInput{Name: new("second")}); err != nil {
		t.Fatal(err)
	}
	cloudtest.Inspector(t, cloudtest.Inspected{
		Inspector: f.Client().Inspector(), Plain: fleet.Streams, Versioned: fleet.Ledger, Missing: "none-such", Queue: "second",
		Events: f.Cloud.EventsQueue, NoEvents: f.Cloud.EventsQueue + "-none",
	})
	c, err := cdn.Configuration(t.Context(), f.Cloud.Distribution)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Behaviors {
		c.Behaviors[i].Headers = cloud.HeadersPolicy{}
		c.Behaviors[i].Methods = []string{"GET", "HEAD"}
	}
	c.Comment = "not a word of this is to be lost"
	if _, err := cdn.Configure(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	run := func(want int, args ...string) string {
		t.Helper()
		out, code := f.Run(append([]string{"doctor"}, args...)...)
		if code != want {
			t.Fatalf("doctor %q exits with %d, want %d:\n%s", args, code, want, out)
		}
		return out
	}
	// faults are the checks that find something, told as JSON.
	faults := func(code int, args ...string) string {
		t.Helper()
		out := run(code, append(args, "--output", "json")...)
		var told struct{ Findings []doctor.Finding }
		if err := json.NewDecoder(strings.NewReader(out)).Decode(&told); err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		var list []string
		for _, f := range told.Findings {
			if f.Severity != distribution.OK && (len(list) == 0 || list[len(list)-1] != f.Check) {
				list = append(list, f.Check)
			}
		}
		return strings.Join(list, " ")
	}

	const mendable = "smooth-flag methods cors cache-control-media"
	found := faults(4)
	for want := range strings.FieldsSeq("bucket-policy policy-files " + mendable) {
		if !strings.Contains(" "+found+" ", " "+want+" ") {
			t.Errorf("doctor finds %q, and not %s", found, want)
		}
	}
	if out := run(2, "--fix"); !strings.Contains(out, "add --yes") {
		t.Errorf("--fix without a terminal says %q", out)
	}
	if again, err := cdn.Configuration(t.Context(), f.Cloud.Distribution); err != nil || again.Comment != c.Comment || again.Behaviors[0].Smooth {
		t.Errorf("without --fix the distribution was changed: %+v, %v", again, err)
	}
	t.Log("\n" + run(4, "--fix", "--yes"))
	if left := faults(4); left != "bucket-policy" {
		t.Errorf("after --fix doctor finds %q, want the bucket's policy alone", left)
	}
	// Its statement has to be put there by hand; of principals that are services
	// the local cloud's S3 knows none.
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + fleet.Streams + `/*"}]}`
	if _, err := s3.NewFromConfig(settings, func(o *s3.Options) { o.UsePathStyle = true }).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: new(fleet.Streams), Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	if left := faults(0); left != "" {
		t.Errorf("mended, and doctor finds %q", left)
	}
	for _, v := range f.Cloud.Violations() {
		t.Errorf("%s.%s broke the published model %d times: %s", v.Service, v.Operation, v.Count, v.What)
	}
}
