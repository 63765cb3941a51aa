package e2e

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
)

// TestDistribution has the program make distributions and adapt one, of the
// local cloud, and asks them as viewers do.
func TestDistribution(t *testing.T) {
	p := lcproc.Start(t, "--simulate", "--clock-rate=20", "--api-rate=-1", "--api-burst=-1")
	p.Setenv(t)
	binary := filepath.Join(t.TempDir(), "enqueuer")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../enqueuer").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	t.Setenv("VODFLEET_OUTPUT", "s3://"+p.OriginBucket)
	t.Setenv("VODFLEET_VIEWER_URL", p.Edge)
	run := func(code int, args string, words ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, binary, append([]string{"distribution"}, strings.Fields(args)...)...)
		out, err := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Errorf("distribution %s exits with %d, %v; want %d\n%s", args, got, err, code, out)
		}
		for _, w := range words {
			if !strings.Contains(string(out), w) {
				t.Errorf("distribution %s does not say %q:\n%s", args, w, out)
			}
		}
		return string(out)
	}
	account, err := awscloud.New(t.Context(), awscloud.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const jpeg, path = "\xff\xd8 a picture", "media/AAAAAAAAAAAAAAAAAAAAAAAAAA/1/thumbs/poster.jpg"
	if _, err := account.Store().Put(t.Context(), cloud.Put{Location: cloud.Location{Bucket: p.OriginBucket, Key: path}, Body: []byte(jpeg), ContentType: "image/jpeg"}); err != nil {
		t.Fatal(err)
	}
	asked := func(id string) {
		t.Helper()
		c, err := account.CDN().Configuration(t.Context(), id)
		if err == nil {
			c, err = account.CDN().Policies(t.Context(), c)
		}
		if err != nil {
			t.Fatal(err)
		}
		d := distribution.Delivery{Output: cloud.Location{Bucket: p.OriginBucket}, Viewer: "http://" + id + ".localhost", Smooth: true}
		if found := distribution.Check(c, d); distribution.Worst(found) != distribution.OK {
			t.Errorf("distribution %s has %v", id, found)
		}
		edge, err := url.Parse(p.Edge)
		if err != nil {
			t.Fatal(err)
		}
		for file, want := range map[string]string{path: jpeg, "clientaccesspolicy.xml": "<access-policy>", "crossdomain.xml": "<cross-domain-policy>"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, edge.JoinPath(file).String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = id + ".localhost"
			req.Header.Set("Origin", "https://player.example")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			cors := resp.Header.Get("Access-Control-Allow-Origin")
			if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) || file == path && (string(body) != want || cors != "*") {
				t.Errorf("%s of %s: %s, CORS %q, %q, %v", file, id, resp.Status, cors, body, err)
			}
			if cache := resp.Header.Get("Cache-Control"); file == path && cache != distribution.Immutable {
				t.Errorf("%s of %s: Cache-Control %q, want %q", file, id, cache, distribution.Immutable)
			}
		}
	}

	run(3, "plan --distribution-id="+p.Distribution, "~ behaviour media/*: SmoothStreaming: off -> on", "+ policy file s3://"+p.OriginBucket+"/clientaccesspolicy.xml")
	run(3, "apply --distribution-id="+p.Distribution, "not confirmed")
	run(0, "apply --yes --distribution-id="+p.Distribution, "is changed")
	run(0, "apply --distribution-id="+p.Distribution, "nothing to change")
	run(0, "plan --distribution-id="+p.Distribution, "nothing to change")
	asked(p.Distribution)

	for _, kind := range []string{"--narrow", "--wide", ""} {
		args := "--new " + kind + " --comment=e2e" + kind
		run(3, "plan "+args, "new distribution: ")
		out := run(0, "apply --yes "+args, "is changed")
		run(0, "apply "+args, "nothing to change")
		id := regexp.MustCompile(`distribution (E[0-9A-Z]+) \(.*\) is changed`).FindStringSubmatch(out)
		if id == nil || id[1] == p.Distribution {
			t.Fatalf("no new distribution in %s", out)
		}
		asked(id[1])
	}
	for _, v := range p.Violations() {
		t.Errorf("%s.%s broke the model %d times: %s", v.Service, v.Operation, v.Count, v.What)
	}
}
