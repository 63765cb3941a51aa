package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/queue/redistest"
	"go.uber.org/zap"
)

func TestMain(m *testing.M) {
	queue.LogRedis(zap.NewNop())
	os.Exit(m.Run())
}

const (
	eventsURL = "https://sqs.example/111122223333/events"
	assetID   = "AAAAAAAAAAAAAAAAAAAAAAAAAA"
	smoothISM = "media/" + assetID + "/1/smooth/video.ism"
)

// ward is a fleet's surroundings in which all is well, with what a test may
// spoil.
type ward struct {
	mem       *memcloud.Cloud
	inspector *memcloud.Inspector
	redis     string // URL
	config    cloud.DistributionConfig
	answer    func(w http.ResponseWriter, path string) bool // false: as usual
	doctor    *Doctor
}

func newWard(t *testing.T, redis string, skew time.Duration) *ward {
	t.Helper()
	w := &ward{redis: redis, mem: memcloud.New(memcloud.Options{Buckets: []string{"library", "streams", "ledger"}, Versioning: true, Skew: skew})}
	w.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: "library", Key: "a.mp4"}, Body: []byte("a")})
	w.inspector = w.mem.Inspector()
	w.inspector.Queues = []string{eventsURL}
	w.inspector.Rates = map[string]float64{"CreateJob": 2, "GetJob": 4, "ListJobs": 2}
	edge := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(edge.Close)
	d := distribution.Delivery{Output: cloud.Location{Bucket: "streams"}, Viewer: edge.URL, Smooth: true}
	c, err := distribution.New(distribution.Wish{Delivery: d}, "ward")
	if err != nil {
		t.Fatal(err)
	}
	c.ID, c.Domain = "E1", "d1.cloudfront.net"
	for i := range c.Origins {
		c.Origins[i].Access = "EAC"
	}
	for i := range c.Behaviors {
		c.Behaviors[i].Cache.ID, c.Behaviors[i].Cache.Name = fmt.Sprint("C", i), fmt.Sprint("c", i)
		c.Behaviors[i].Headers.ID, c.Behaviors[i].Headers.Name = fmt.Sprint("H", i), fmt.Sprint("h", i)
	}
	w.config = c
	w.mem.CDN.SetConfiguration(c)
	arn := "arn:aws:cloudfront::111122223333:distribution/E1"
	w.inspector.Policies = map[string]string{"streams": `{"Statement":[` + distribution.Statement(d.Output, arn) + `]}`}
	opt, err := queue.ParseRedis(redis)
	if err != nil {
		t.Fatal(err)
	}
	w.doctor = &Doctor{
		Store: w.mem.Store, Inspector: w.inspector, CDN: w.mem.CDN, HTTP: edge.Client(), RedisName: "redis",
		Redis:   func(ctx context.Context) (queue.Fitness, error) { return queue.Examine(ctx, opt, false) },
		Sources: []cloud.Location{{Bucket: "library"}}, Ledger: cloud.Location{Bucket: "ledger", Key: "fleet"}, Output: d.Output,
		Viewer: edge.URL, Distribution: "E1", Role: "arn:aws:iam::111122223333:role/vodfleet", Events: eventsURL, Smooth: true,
		Published: func(_ context.Context, show func(Asset)) (Extent, error) {
			show(Asset{ID: assetID, Smooth: []string{smoothISM}, URLs: delivery.URLs{
				HLS: edge.URL + "/watch/" + assetID + "/master.m3u8", Playback: edge.URL + "/watch/" + assetID + "/playback.json",
				Packages: []delivery.PackageURLs{{Name: "smooth", Smooth: edge.URL + "/" + smoothISM + "/Manifest"}},
			}})
			return Extent{}, nil
		},
		Probe: true, Limit: 5 * time.Second, Now: func() time.Time { return time.Now() },
	}
	return w
}

// serve answers as a good distribution does; files at its root come from the
// bucket.
func (w *ward) serve(rw http.ResponseWriter, r *http.Request) {
	if w.answer != nil && w.answer(rw, r.URL.Path) {
		return
	}
	rw.Header().Set("Access-Control-Allow-Origin", "*")
	switch {
	case strings.HasPrefix(r.URL.Path, "/media/"):
		rw.Header().Set("Cache-Control", distribution.Immutable)
	case strings.HasPrefix(r.URL.Path, "/watch/"):
		rw.Header().Set("Cache-Control", "max-age=0, s-maxage=31536000")
	default:
		body, _, err := w.mem.Store.Get(r.Context(), cloud.Location{Bucket: "streams", Key: strings.TrimPrefix(r.URL.Path, "/")}, 1<<20)
		if err != nil {
			rw.WriteHeader(http.StatusForbidden)
		}
		_, _ = rw.Write(body)
	}
}

// bad are the findings that are not well, as "check severity", by "; ".
func bad(t *testing.T, found []Finding) string {
	t.Helper()
	var list []string
	for _, f := range found {
		if f.Severity == distribution.OK {
			continue
		}
		if f.Fix == "" || f.What == "" {
			t.Errorf("%+v has no words or no fix", f)
		}
		list = append(list, f.Check+" "+string(f.Severity))
	}
	return strings.Join(list, "; ")
}

// TestFaults changes everything that a check reads, one at a time: each has its
// line.
func TestFaults(t *testing.T) {
	good := redistest.Start(t).URL()
	evicts := redistest.Start(t, "--maxmemory-policy", "allkeys-lru").URL()
	volatile := redistest.Start(t, "--appendonly", "no").URL()
	refuse := func(op string, kind error) func(w *ward) {
		return func(w *ward) {
			w.mem.SetHooks(memcloud.Hooks{Before: func(o, at string) error {
				if o+" "+at == op || o == op {
					return kind
				}
				return nil
			}})
		}
	}
	configure := func(change func(c *cloud.DistributionConfig)) func(w *ward) {
		return func(w *ward) {
			c := w.config.Clone()
			change(&c)
			w.mem.CDN.SetConfiguration(c)
		}
	}
	answers := func(path string, header, value string, status int) func(w *ward) {
		return func(w *ward) {
			w.answer = func(rw http.ResponseWriter, p string) bool {
				if !strings.HasSuffix(p, path) {
					return false
				}
				rw.Header().Set("Access-Control-Allow-Origin", "*")
				rw.Header().Set("Cache-Control", "max-age=0")
				if strings.HasPrefix(p, "/media/") {
					rw.Header().Set("Cache-Control", distribution.Immutable)
				}
				rw.Header().Set(header, value)
				rw.WriteHeader(status)
				return true
			}
		}
	}
	for _, tt := range []struct {
		name  string
		redis string
		skew  time.Duration
		spoil func(w *ward)
		want  string
	}{
		{name: "nothing", want: ""},
		{name: "no redis", redis: "redis://127.0.0.1:1/0", want: "redis broken"},
		{name: "redis evicts", redis: evicts, want: "redis broken"},
		{name: "redis forgets", redis: volatile, want: "redis broken"},
		{name: "redis's clock", spoil: func(w *ward) {
			w.doctor.Redis = func(context.Context) (queue.Fitness, error) { return queue.Fitness{Ahead: -time.Minute}, nil }
		}, want: "redis broken"},
		{name: "a slow clock", skew: time.Minute, want: "clock warning"},
		{name: "a wrong clock", skew: -time.Hour, want: "clock broken"},
		{name: "no source", spoil: func(w *ward) { w.doctor.Sources = []cloud.Location{{Bucket: "none"}} }, want: "sources broken"},
		{name: "source cannot be listed", spoil: refuse("Store.List s3://library/", cloud.ErrDenied), want: "sources broken"},
		{name: "source cannot be read", spoil: refuse("Store.Head s3://library/a.mp4", cloud.ErrDenied), want: "sources broken"},
		{name: "output cannot be listed", spoil: refuse("Store.List s3://streams/media/", cloud.ErrUnavailable), want: "output broken"},
		{name: "output cannot be written", spoil: func(w *ward) {
			w.mem.SetHooks(memcloud.Hooks{Before: func(o, at string) error {
				if o == "Store.Put" && strings.HasPrefix(at, "s3://streams/") {
					return cloud.ErrDenied
				}
				return nil
			}})
		}, want: "output broken"},
		{name: "output cannot be deleted", spoil: func(w *ward) {
			w.mem.SetHooks(memcloud.Hooks{Before: func(o, at string) error {
				if o == "Store.Delete" && strings.HasPrefix(at, "s3://streams") {
					return cloud.ErrDenied
				}
				return nil
			}})
		}, want: "output broken"},
		{name: "ledger cannot be listed", spoil: refuse("Store.List s3://ledger/fleet/ledger/", cloud.ErrDenied), want: "ledger broken"},
		{name: "ledger keeps no versions", spoil: func(w *ward) { w.inspector.Plain = []string{"ledger"} }, want: "ledger warning"},
		{name: "ledger's versions are not told", spoil: refuse("Inspector.Versioned", cloud.ErrDenied), want: "ledger warning"},
		{name: "conditions are ignored", spoil: func(w *ward) { w.doctor.Store = careless{w.mem.Store} }, want: "ledger broken; ledger broken"},
		{name: "ledger is served", spoil: func(w *ward) {
			w.doctor.Ledger = cloud.Location{Bucket: "streams", Key: "fleet"}
		}, want: "ledger-served broken"},
		{name: "no role", spoil: func(w *ward) { w.doctor.Role = "" }, want: "role broken"},
		{name: "no role's ARN", spoil: func(w *ward) { w.doctor.Role = "vodfleet" }, want: "role broken"},
		{name: "another account's role", spoil: func(w *ward) { w.doctor.Role = "arn:aws:iam::999999999999:role/vodfleet" }, want: "role broken"},
		{name: "no queue", spoil: func(w *ward) { w.doctor.Queue = "none" }, want: "job-queue broken"},
		{name: "queue is paused", spoil: func(w *ward) { w.inspector.Paused = []string{"Default"} }, want: "job-queue broken"},
		{name: "no job template", spoil: func(w *ward) {
			w.doctor.Template = func(ctx context.Context) (cloud.JobSpec, error) { return w.mem.Transcoder.Template(ctx, "house") }
		}, want: "job-template broken"},
		{name: "quota of nought", spoil: func(w *ward) { w.inspector.Rates["GetJob"] = 0 }, want: "quotas broken"},
		{name: "rate above the quota", spoil: func(w *ward) { w.doctor.Rate = 3 }, want: "quotas warning; quotas warning"},
		{name: "rate below the quota", spoil: func(w *ward) { w.doctor.Rate = 1.5 }, want: "quotas warning"},
		{name: "quotas are not told", spoil: refuse("Inspector.APIRates", cloud.ErrDenied), want: "quotas warning"},
		{name: "no queue of events", spoil: func(w *ward) { w.doctor.Events += "-none" }, want: "events broken"},
		{name: "queue of events denied", spoil: refuse("Inspector.EventQueue", cloud.ErrDenied), want: "events broken"},
		{name: "no distribution told", spoil: func(w *ward) { w.doctor.Distribution = "" },
			want: "distribution warning; published-smooth warning"},
		{name: "no such distribution", spoil: func(w *ward) { w.doctor.Distribution = "E2" }, want: "distribution broken; published-smooth warning"},
		{name: "distribution denied", spoil: refuse("CDN.Configuration", cloud.ErrDenied), want: "distribution broken; published-smooth warning"},
		{name: "bucket's policy", spoil: func(w *ward) { w.inspector.Policies = nil }, want: "bucket-policy broken"},
		{name: "bucket's policy is not told", spoil: refuse("Inspector.BucketPolicy", cloud.ErrDenied), want: "bucket-policy warning"},
		{name: "flag off", spoil: configure(func(c *cloud.DistributionConfig) {
			for i := range c.Behaviors {
				c.Behaviors[i].Smooth = false
			}
		}), want: "smooth-flag broken; published-smooth broken"},
		{name: "disabled", spoil: configure(func(c *cloud.DistributionConfig) { c.Enabled = false }), want: "enabled broken; published-smooth broken"},
		{name: "no clientaccesspolicy.xml", spoil: answers("/clientaccesspolicy.xml", "X-None", "", 403), want: "policy-files broken"},
		{name: "no crossdomain.xml", spoil: answers("/crossdomain.xml", "X-None", "", 404), want: "policy-files broken"},
		{name: "another file there", spoil: answers("/crossdomain.xml", "X-None", "", 200), want: "policy-files broken"},
		{name: "other domains", spoil: func(w *ward) { w.doctor.Domains = []string{"example.com"} }, want: "policy-files warning; policy-files warning"},
		{name: "an entry is missing", spoil: answers("/master.m3u8", "X-None", "", 404), want: "answers broken"},
		{name: "an entry is kept", spoil: answers("/playback.json", "Cache-Control", "max-age=3600", 200), want: "answers broken"},
		{name: "no CORS", spoil: answers("/master.m3u8", "Access-Control-Allow-Origin", "https://other.example", 200), want: "answers broken"},
		{name: "media are not kept", spoil: answers("/Manifest", "Cache-Control", "", 200), want: "answers warning"},
		{name: "Smooth does not play", spoil: answers("/Manifest", "X-None", "", 502), want: "answers broken"},
		{name: "ledger cannot be surveyed", spoil: func(w *ward) {
			w.doctor.Published = func(context.Context, func(Asset)) (Extent, error) { return Extent{}, errors.New("broken pipe") }
		}, want: "answers broken; published-smooth broken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.redis == "" {
				tt.redis = good
			}
			w := newWard(t, tt.redis, tt.skew)
			if err := w.writePolicies(t); err != nil {
				t.Fatal(err)
			}
			if tt.spoil != nil {
				tt.spoil(w)
			}
			found := w.doctor.Examine(t.Context())
			if got := bad(t, found); got != tt.want {
				t.Errorf("found %q, want %q\n%+v", got, tt.want, found)
			}
			w.mem.SetHooks(memcloud.Hooks{})
			for _, left := range []cloud.Location{{Bucket: "ledger"}, {Bucket: "streams", Key: "doctor/"}, {Bucket: "streams", Key: "fleet/"}} {
				for o, err := range w.mem.Store.List(t.Context(), left, "") {
					if err == nil && tt.name != "output cannot be deleted" {
						t.Errorf("the doctor leaves %s", o.Location)
					}
				}
			}
		})
	}
}

func (w *ward) writePolicies(t *testing.T) error {
	files, err := distribution.PolicyFiles(nil)
	for _, f := range files {
		if err == nil {
			_, err = distribution.WritePolicyFile(t.Context(), w.mem.Store, cloud.Location{Bucket: "streams", Key: f.Name}, f.Body, false)
		}
	}
	return err
}

// A policy file that is there, and not answered, is not to be written again.
func TestPolicyFileThatIsNotAnswered(t *testing.T) {
	w := newWard(t, redistest.Start(t).URL(), 0)
	if err := w.writePolicies(t); err != nil {
		t.Fatal(err)
	}
	w.answer = func(rw http.ResponseWriter, p string) bool {
		if p == "/clientaccesspolicy.xml" {
			rw.WriteHeader(http.StatusForbidden)
		}
		return p == "/clientaccesspolicy.xml"
	}
	found := w.doctor.Examine(t.Context())
	i := slices.IndexFunc(found, func(f Finding) bool { return f.Check == "policy-files" && f.Severity == distribution.Broken })
	if i < 0 || found[i].Mends || !strings.Contains(found[i].Fix, "it is at s3://streams/clientaccesspolicy.xml") {
		t.Errorf("found %+v", found)
	}
	if p, err := w.doctor.Plan(t.Context()); err != nil || len(p.Files) > 0 {
		t.Errorf("Plan = %+v, %v; want no file", p, err)
	}
}

// careless is a store that ignores conditions.
type careless struct{ cloud.Store }

func (c careless) Put(ctx context.Context, p cloud.Put) (cloud.Object, error) {
	p.If = cloud.Condition{}
	return c.Store.Put(ctx, p)
}

// Smooth is delivered, or will be, by whichever of them says so.
func TestSmoothIsKnown(t *testing.T) {
	for _, tt := range []struct {
		name     string
		profile  bool
		template cloud.GroupKind // what it makes
		made     bool            // by builds that viewers do not have
		shown    bool
		want     bool
	}{
		{name: "nothing", template: cloud.GroupCMAF},
		{name: "profile", profile: true, want: true},
		{name: "template", template: cloud.GroupSmooth, want: true},
		{name: "held back", made: true, want: true},
		{name: "shown", shown: true, want: true},
	} {
		d := &Doctor{Limit: time.Second, Smooth: tt.profile, Published: func(_ context.Context, show func(Asset)) (Extent, error) {
			if tt.shown {
				show(Asset{ID: assetID, Smooth: []string{smoothISM}})
			}
			return Extent{Smooth: tt.made}, nil
		}}
		if tt.template != "" {
			d.Template = func(context.Context) (cloud.JobSpec, error) {
				return cloud.JobSpec{Groups: []cloud.OutputGroup{{Kind: tt.template}}}, nil
			}
		}
		if got := d.visit(t.Context()).smooth(); got != tt.want {
			t.Errorf("%s: smooth = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// A server that streams Smooth by itself is known by its header.
func TestIIS(t *testing.T) {
	w := newWard(t, redistest.Start(t).URL(), 0)
	if err := w.writePolicies(t); err != nil {
		t.Fatal(err)
	}
	w.answer = func(rw http.ResponseWriter, _ string) bool {
		rw.Header().Set("Server", "Microsoft-IIS/10.0")
		return false
	}
	c := w.config.Clone()
	c.Origins = []cloud.Origin{{ID: "own", Domain: "127.0.0.1", Custom: &cloud.CustomOrigin{HTTPPort: 1, HTTPSPort: 1, Protocol: "http-only"}}}
	for i := range c.Behaviors {
		c.Behaviors[i].Origin = "own"
	}
	w.mem.CDN.SetConfiguration(c)

	found := w.doctor.Examine(t.Context())

	if got, want := bad(t, found), "origin-kind warning; smooth-flag broken; published-smooth broken"; got != want {
		t.Errorf("found %q, want %q\n%+v", got, want, found)
	}
	w.doctor.Origin = distribution.IIS
	p, err := w.doctor.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Lines) != 1 || !strings.Contains(p.Lines[0].String(), "SmoothStreaming: on -> off") || len(p.Files) != 0 {
		t.Errorf("the plan is %q, want the flag off alone", p.Diff())
	}
}

// A server that drops the doctor's packets leaves the distribution the time to
// tell who it is.
func TestServerBehindAWall(t *testing.T) {
	wall, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections, and answers none
	if err != nil {
		t.Fatal(err)
	}
	defer wall.Close()
	w := newWard(t, "redis://127.0.0.1:1/0", 0)
	w.doctor.Limit = time.Second
	w.doctor.HTTP.Timeout = w.doctor.Limit
	answers := true
	w.answer = func(rw http.ResponseWriter, _ string) bool {
		if rw.Header().Set("Server", "CloudFront"); answers {
			rw.Header().Set("Server", "Microsoft-IIS/10.0")
		}
		return false
	}
	c := w.config.Clone()
	c.Origins = []cloud.Origin{{ID: "own", Domain: "127.0.0.1", Custom: &cloud.CustomOrigin{HTTPPort: wall.Addr().(*net.TCPAddr).Port, Protocol: "http-only"}}}
	for i := range c.Behaviors {
		c.Behaviors[i].Origin = "own"
	}
	w.mem.CDN.SetConfiguration(c)
	for _, want := range []string{"streams Smooth by itself, and VODFLEET_ORIGIN_KIND", "is not known"} {
		found := w.doctor.Examine(t.Context())
		if i := slices.IndexFunc(found, func(f Finding) bool { return f.Check == "origin-kind" }); i < 0 || !strings.Contains(found[i].What, want) {
			t.Errorf("found %+v, want an origin-kind that says %q", found, want)
		}
		answers = false
	}
}

func TestMend(t *testing.T) {
	w := newWard(t, redistest.Start(t).URL(), 0)
	c := w.config.Clone()
	for i := range c.Behaviors {
		c.Behaviors[i].Smooth, c.Behaviors[i].Headers = false, cloud.HeadersPolicy{}
	}
	w.mem.CDN.SetConfiguration(c)
	first, err := w.doctor.Plan(t.Context())
	if err != nil || len(first.Lines) < 3 || len(first.Files) != 3 {
		t.Fatalf("the plan is %q, %v", first.Diff(), err)
	}
	c.Comment = "changed by somebody else"
	w.mem.CDN.SetConfiguration(c)
	if _, err := w.doctor.Mend(t.Context(), first); !errors.Is(err, cloud.ErrPrecondition) {
		t.Fatalf("Mend of what has changed = %v, want %v", err, cloud.ErrPrecondition)
	}
	if n := w.mem.Calls()["Store.Put"]; n > 0 {
		t.Errorf("%d objects were put although the distribution had changed", n)
	}
	again, err := w.doctor.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := w.doctor.Mend(t.Context(), again)
	if err != nil || len(m.Done) != 4 || len(m.Left) != 0 {
		t.Fatalf("Mend = %+v, %v; want a distribution and three files", m, err)
	}
	if got := len(w.mem.CDN.Invalidated("E1")); got != 3 {
		t.Errorf("%d paths were invalidated, want those of the three files", got)
	}
	if done, err := w.doctor.Settled(t.Context(), m); err != nil || done {
		t.Errorf("Settled at once = %v, %v", done, err)
	}
	if got := bad(t, w.doctor.Examine(t.Context())); got != "deployed warning" {
		t.Errorf("mended, and it finds %q", got)
	}
	if p, err := w.doctor.Plan(t.Context()); err != nil || !p.Empty() {
		t.Errorf("a second plan is %q, %v; want nothing", p.Diff(), err)
	}
}

// What is refused is left, and the rest is done.
func TestMendsWhatItCan(t *testing.T) {
	w := newWard(t, "redis://127.0.0.1:1/0", 0)
	c := w.config.Clone()
	c.Enabled = false
	w.mem.CDN.SetConfiguration(c)
	w.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
		if op == "CDN.Configure" || op == "Store.Get" && at == "s3://streams/crossdomain.xml" {
			return &cloud.Error{Op: op, Object: at, Kind: cloud.ErrDenied}
		}
		return nil
	}})
	p, err := w.doctor.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := w.doctor.Mend(t.Context(), p)
	if want := []string{"wrote s3://streams/clientaccesspolicy.xml", "wrote s3://streams/crossdomainpolicy.xml"}; err != nil || !slices.Equal(m.Done, want) {
		t.Errorf("Mend = %q, %v; want %q", m.Done, err, want)
	}
	want := []string{"Store.Get s3://streams/crossdomain.xml: denied", "change distribution E1: CDN.Configure distribution E1: denied"}
	if !slices.Equal(m.Left, want) {
		t.Errorf("Mend leaves %q, want %q", m.Left, want)
	}
	// The root is answered from another bucket until the distribution is changed.
	p.want.Behaviors = slices.Clone(p.want.Behaviors)
	p.have.Origins = []cloud.Origin{{ID: p.have.Origins[0].ID, Bucket: "library"}}
	if m, err := w.doctor.Mend(t.Context(), p); err != nil || len(m.Done) > 0 || len(m.Left) != 4 {
		t.Errorf("Mend = %+v, %v; want nothing done", m, err)
	}
}

func TestReaches(t *testing.T) {
	for _, tt := range []struct{ origin, key, want string }{
		{"", "fleet", "/fleet"}, {"", "", ""}, {"/vod", "fleet", "no"}, {"/vod", "vod/fleet", "/fleet"}, {"/vod", "vodka", "no"}, {"/vod", "vod", ""},
	} {
		c := cloud.DistributionConfig{Origins: []cloud.Origin{{ID: "o", Bucket: "b", Path: tt.origin}}, Behaviors: []cloud.Behavior{{Origin: "o"}}}
		got, ok := reaches(&c, cloud.Location{Bucket: "b", Key: tt.key})
		if !ok {
			got = "no"
		}
		if got != tt.want {
			t.Errorf("a ledger at %q behind %q is at %q, want %q", tt.key, tt.origin, got, tt.want)
		}
	}
}
