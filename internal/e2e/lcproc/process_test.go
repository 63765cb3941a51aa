package lcproc

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestProcess(t *testing.T) {
	p := Start(t, "--simulate", "--mirror-port=0", "--iis-port=0")
	env := p.Env()
	for _, want := range []string{"AWS_ENDPOINT_URL_S3=" + p.S3, "AWS_ENDPOINT_URL_MEDIACONVERT=" + p.MediaConvert, "VODFLEET_VIEWER_URL=" + p.Edge, "LOCALCLOUD_MIRROR_URL=" + p.Mirror, "LOCALCLOUD_IIS_URL=" + p.IIS} {
		if !slices.Contains(env, want) {
			t.Errorf("environment lacks %s:\n%s", want, strings.Join(env, "\n"))
		}
	}
	anonymous(t, p)
	p.SetFaults(Fault{API: "s3.ListBuckets", Kind: "throttle", Rate: 1, Times: 1})
	if got := p.Faults(); len(got) != 1 || got[0].Kind != "throttle" {
		t.Errorf("faults = %+v, want the one that was set", got)
	}
	anonymous(t, p)
	want := Counts{"s3.ListBuckets": {"403": 1, "503": 1}}
	if got := p.Calls(); got.Of("s3.ListBuckets") != 2 || got["s3.ListBuckets"]["503"] != 1 || got.Service("s3") != 2 {
		t.Errorf("calls = %v, want %v", got, want)
	}
	if a := p.Invalidations(); a.Distribution != p.Distribution || a.Total.Batches != 0 {
		t.Errorf("invalidations %+v, want none", a)
	}
	if v, j := p.Violations(), p.Jobs(); len(v)+len(j) != 0 {
		t.Errorf("violations %v and jobs %v, want none", v, j)
	}
	before := p.Endpoints
	p.Kill()
	p.Restart()
	if p.Endpoints != before {
		t.Errorf("after a restart at %+v, want %+v", p.Endpoints, before)
	}
	if got := p.Calls(); got.Of("s3.ListBuckets") != 2 {
		t.Errorf("after a restart calls = %v, want %v", got, want)
	}
	p.ResetCalls()
	if got := p.Calls(); len(got) != 0 {
		t.Errorf("after a reset calls = %v, want none", got)
	}
}

// anonymous asks S3 for its buckets, as nobody.
func anonymous(t *testing.T, p *Process) {
	t.Helper()
	resp, err := http.Get(p.S3)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func TestUnquote(t *testing.T) {
	for in, want := range map[string]string{
		"A=b":           "A=b",
		"A=''":          "A=",
		`A='it'\''s x'`: "A=it's x",
	} {
		if got := unquote(in); got != want {
			t.Errorf("unquote(%s) = %s, want %s", in, got, want)
		}
	}
}
