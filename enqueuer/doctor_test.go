package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// surgery is a doctor over a stand, with a distribution that plays no Smooth.
func surgery(t *testing.T) (s *stand, run func(code int, in string, args ...string) string) {
	s = newStand(t)
	edge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if strings.HasPrefix(r.URL.Path, "/media/") {
			w.Header().Set("Cache-Control", distribution.Immutable)
		}
		body, _, err := s.mem.Store.Get(r.Context(), cloud.Location{Bucket: "streams", Key: strings.TrimPrefix(r.URL.Path, "/")}, 1<<20)
		if err != nil && strings.HasSuffix(r.URL.Path, ".xml") {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(edge.Close)
	t.Setenv("VODFLEET_VIEWER_URL", edge.URL)
	t.Setenv("VODFLEET_DISTRIBUTION_ID", "E1")
	t.Setenv("VODFLEET_MEDIACONVERT_ROLE", "arn:aws:iam::111122223333:role/vodfleet")
	c, err := distribution.New(distribution.Wish{Delivery: distribution.Delivery{Output: cloud.Location{Bucket: "streams"}, Viewer: edge.URL, Smooth: true}}, "")
	if err != nil {
		t.Fatal(err)
	}
	c.ID, c.Domain, c.Origins[0].Access = "E1", "d1.cloudfront.net", "EAC"
	for i := range c.Behaviors {
		b := &c.Behaviors[i]
		b.Smooth = false
		b.Cache.ID, b.Cache.Name, b.Headers.ID, b.Headers.Name = fmt.Sprint("C", i), fmt.Sprint("c", i), fmt.Sprint("H", i), fmt.Sprint("h", i)
	}
	s.mem.CDN.SetConfiguration(c)
	inspector := s.mem.Inspector()
	inspector.Policies = map[string]string{"streams": `{"Statement":` + distribution.Statement(cloud.Location{Bucket: "streams"}, "arn:aws:cloudfront::111122223333:distribution/E1") + `}`}
	return s, func(code int, in string, args ...string) string {
		t.Helper()
		var b bytes.Buffer
		e := env{
			ctx: t.Context(), out: &b, log: &s.log,
			store:      func(context.Context) (cloud.Store, error) { return s.mem.Store, nil },
			cdn:        func(context.Context) (cloud.CDN, error) { return s.mem.CDN, nil },
			transcoder: func(context.Context) (cloud.Transcoder, error) { return s.mem.Transcoder, nil },
			account:    func(context.Context) (cloud.Inspector, error) { return inspector, nil },
		}
		if in != "" {
			e.in = strings.NewReader(in)
		}
		err := e.run(append([]string{"doctor"}, args...))
		if exit(err) != code {
			t.Errorf("doctor %q exits with %d, %v; want %d\n%s", args, exit(err), err, code, b.String())
		}
		return b.String() + fmt.Sprint(err)
	}
}

// smooth publishes an object with a Smooth package.
func (s *stand) smooth(o cloud.Object) {
	s.t.Helper()
	s.show(o, ledger.Package{Name: "smooth", Smooth: "smooth/video.ism"})
}

func TestDoctorFinds(t *testing.T) {
	s, run := surgery(t)
	for i := range 7 {
		s.smooth(s.upload(fmt.Sprint("film", i, ".mp4"), "a film"))
	}
	s.publish(s.upload("other.mp4", "without Smooth"))

	out := run(doctorBroken, "", "--output", "json")

	var told examined
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&told); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	found := map[string]string{}
	for _, f := range told.Findings {
		if n := len(f.Assets); f.Check == "published-smooth" && n != 7 || f.Check != "published-smooth" && n > 0 {
			t.Errorf("%s names the assets %q, want the seven that cannot play", f.Check, f.Assets)
		}
		if f.Severity != distribution.OK {
			found[f.Check] = f.What
		}
	}
	if got := found["published-smooth"]; !strings.HasPrefix(got, "7 of 8 published assets have Smooth links that cannot play: ") || !strings.HasSuffix(got, " … (--output json names all)") {
		t.Errorf("of assets published it says %q", got)
	}
	if len(found) != 4 || found["smooth-flag"] == "" || found["policy-files"] == "" || found["ledger"] == "" {
		t.Errorf("found %q, want the flag, the policy files, the published and the ledger's versions", found)
	}
	run(doctorBroken, "", "--most", "3", "--no-probe")
	if n := s.mem.Calls()["CDN.Configure"]; n > 0 {
		t.Errorf("%d changes without --fix", n)
	}
}

func TestDoctorFixes(t *testing.T) {
	s, run := surgery(t)
	s.smooth(s.upload("film.mp4", "a film"))
	if out := run(3, "no\n", "--fix"); !strings.Contains(out, "SmoothStreaming: off -> on") || !strings.Contains(out, "nothing was changed") {
		t.Errorf("a refusal says:\n%s", out)
	}
	if n := s.mem.Calls()["CDN.Configure"]; n > 0 {
		t.Errorf("%d changes without a yes", n)
	}
	// Somebody is faster once: it is shown and asked anew.
	faster := 0
	s.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
		if op == "CDN.Configure" && faster == 0 {
			faster++
			return &cloud.Error{Op: op, Object: at, Kind: cloud.ErrPrecondition}
		}
		return nil
	}})
	out := run(doctorWarns, "", "--fix", "--yes", "--wait", "0s")
	if strings.Count(out, "SmoothStreaming: off -> on") != 2 || !strings.Contains(out, "wrote s3://streams/clientaccesspolicy.xml") {
		t.Errorf("--fix says:\n%s", out)
	}
	if out := run(doctorWarns, "", "--fix", "--yes"); !strings.Contains(out, "nothing that --fix can mend") {
		t.Errorf("a second --fix says:\n%s", out)
	}
	if out := run(doctorWarns, "", "--fix", "--yes", "--wait", "0s", "--allow-domain", "example.com"); !strings.Contains(out, "wrote s3://streams/crossdomain.xml") {
		t.Errorf("--allow-domain says:\n%s", out)
	}
}

// Builds that are held back are reason enough to mend what holds them back.
func TestDoctorFindsWhatIsHeldBack(t *testing.T) {
	s, run := surgery(t)
	o := s.upload("film.mp4", "a film")
	src, rev := revision(o)
	s.change(o, func(now time.Time, r *ledger.Record) error {
		_, err := r.Plan(now, src, rev, func(int) (cloud.JobSpec, error) {
			return cloud.JobSpec{Input: o.Location, Groups: []cloud.OutputGroup{{Package: "smooth", Kind: cloud.GroupSmooth}}}, nil
		}, nil)
		return err
	})
	if out := run(doctorWarns, "", "--fix", "--yes", "--wait", "0s"); !strings.Contains(out, "SmoothStreaming: off -> on") {
		t.Errorf("--fix says:\n%s", out)
	}
}

// So is a job template that makes Smooth.
func TestDoctorReadsTheTemplate(t *testing.T) {
	s, run := surgery(t)
	t.Setenv("VODFLEET_PROFILE", filepath.Join(t.TempDir(), "house.yaml"))
	if err := os.WriteFile(os.Getenv("VODFLEET_PROFILE"), []byte("template: house\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(doctorBroken, ""); !strings.Contains(out, "make the job template") {
		t.Errorf("without the template it says:\n%s", out)
	}
	s.mem.Transcoder.AddTemplate("house", cloud.JobSpec{Groups: []cloud.OutputGroup{{Package: "smooth", Kind: cloud.GroupSmooth}}})
	if out := run(doctorBroken, ""); !strings.Contains(out, "SmoothStreaming is off") {
		t.Errorf("with the template it says:\n%s", out)
	}
}

// What could not be done is told, with what was found: to programs too.
func TestDoctorTellsWhatIsLeft(t *testing.T) {
	for _, tt := range []struct{ op, kind, left string }{
		{"CDN.Configure", "denied", "change distribution E1: CDN.Configure distribution E1: denied"},
		{"CDN.Configure", "precondition", "the distribution has changed 3 times meanwhile: nothing was changed"},
		{"Store.Get s3://streams/crossdomain.xml", "denied", "Store.Get s3://streams/crossdomain.xml: denied"},
	} {
		s, run := surgery(t)
		s.smooth(s.upload("film.mp4", "a film"))
		s.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
			switch {
			case !strings.HasPrefix(op+" "+at, tt.op):
				return nil
			case tt.kind == "denied":
				return &cloud.Error{Op: op, Object: at, Kind: cloud.ErrDenied}
			}
			return &cloud.Error{Op: op, Object: at, Kind: cloud.ErrPrecondition}
		}})
		out := run(doctorBroken, "", "--fix", "--yes", "--wait", "0s", "--output", "json")
		var told examined
		if err := json.NewDecoder(strings.NewReader(out)).Decode(&told); err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		if len(told.Left) != 1 || told.Left[0] != tt.left || told.Broken == 0 || len(told.Findings) == 0 {
			t.Errorf("%s is %s: left %q, want %q; %d broken", tt.op, tt.kind, told.Left, tt.left, told.Broken)
		}
	}
}

func TestDoctorRefuses(t *testing.T) {
	_, run := surgery(t)
	for _, tt := range []struct{ args, want string }{
		{"--yes", "--yes without --fix"},
		{"--fix", "standard input is no terminal: add --yes"},
		{"--fix --output json", "add --yes"},
		{"--allow-domain a/b", "allow-domain"},
		{"--limit 1ms", "limit 1ms"},
		{"--most 0", "most 0"},
		{"--wait=-1s", "wait -1s"},
	} {
		if out := run(2, "", strings.Fields(tt.args)...); !strings.Contains(out, tt.want) {
			t.Errorf("doctor %s says %q, want %q", tt.args, out, tt.want)
		}
	}
}

// No password is told.
func TestDoctorRedacts(t *testing.T) {
	_, run := surgery(t)
	t.Setenv("VODFLEET_REDIS_URL", "redis://me:hidden%2Fword@127.0.0.1:1/0")
	if out := run(doctorBroken, ""); strings.Contains(out, "hidden") || !strings.Contains(out, "127.0.0.1:1/0") {
		t.Errorf("of a Redis with a password it says:\n%s", out)
	}
}
