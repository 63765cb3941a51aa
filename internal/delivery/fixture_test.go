package delivery

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

const (
	asset  = "GEZDGNBVGY3TQOJQGEZDGNBVGY"
	viewer = "https://video.example/v"
)

var (
	output = cloud.Location{Bucket: "out", Key: "vod"}
	source = cloud.Location{Bucket: "library", Key: "films/a film.mov"}
	shown  = time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
)

// fixture is a cloud with a service whose builds a transcoder has made.
type fixture struct {
	testing.TB
	*memcloud.Cloud
	*Service
	spec   cloud.JobSpec
	prefix cloud.Location
}

// setUp makes build 1 of a source of 30 seconds by a profile, YAML.
func setUp(t testing.TB, profile string) *fixture {
	t.Helper()
	c := memcloud.New(memcloud.Options{Run: func(cloud.JobSpec) time.Duration { return 0 }})
	c.Store.Seed(cloud.Put{Location: source, Body: []byte("film")})
	f := &fixture{TB: t, Cloud: c, Service: New(c.Store, output, viewer)}
	f.build(1, profile, film())
	return f
}

// film is what a probe tells of the source.
func film() cloud.Media {
	m := memcloud.DefaultMedia()
	m.Duration = 30 * time.Second
	for i := range m.Tracks {
		m.Tracks[i].Duration = m.Duration
	}
	return m
}

// build makes one more build and turns to it.
func (f *fixture) build(number int, profile string, m cloud.Media) {
	f.Helper()
	p, err := media.Parse([]byte(profile))
	if err != nil {
		f.Fatal(err)
	}
	plan, err := p.Plan(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Transcoder.SetMedia(source, m, nil)
	f.prefix = media.BuildPrefix(output, asset, number)
	f.spec = p.Spec(plan, source, f.prefix)
	f.transcode(f.prefix.Key)
}

// transcode runs the job of the fixture's spec.
func (f *fixture) transcode(token string) {
	f.Helper()
	token = token[len(token)-min(len(token), cloud.MaxToken):]
	j, err := f.Transcoder.Submit(f.Context(), cloud.JobRequest{Token: token, Role: "role", Spec: f.spec})
	if err != nil {
		f.Fatal(err)
	}
	if j, err = f.Transcoder.Job(f.Context(), j.ID); err != nil || j.State != cloud.JobComplete {
		f.Fatalf("job is %s, %s, %v", j.State, j.Message, err)
	}
}

// read returns an object below the build, or below the output with a slash first.
func (f *fixture) read(path string) string {
	f.Helper()
	body, _, err := f.Store.Get(f.Context(), f.at(path), 1<<30)
	if err != nil {
		f.Fatal(err)
	}
	return string(body)
}

func (f *fixture) at(path string) cloud.Location {
	if below, ok := strings.CutPrefix(path, "/"); ok {
		return output.Join(below)
	}
	return f.prefix.Join(path)
}

// put replaces a file of the build.
func (f *fixture) put(path, body string) {
	f.Store.Seed(cloud.Put{Location: f.at(path), Body: []byte(body)})
}

// drop deletes a file of the build.
func (f *fixture) drop(path string) {
	f.Helper()
	if _, err := f.Store.Head(f.Context(), f.at(path)); err != nil {
		f.Fatal(err)
	}
	if err := f.Store.Delete(f.Context(), output.Bucket, f.at(path).Key); err != nil {
		f.Fatal(err)
	}
}

// edit replaces old, which must be there, in a file of the build.
func (f *fixture) edit(path, old, with string) {
	f.Helper()
	was := f.read(path)
	if !strings.Contains(was, old) {
		f.Fatalf("%s has no %q:\n%s", path, old, was)
	}
	f.put(path, strings.Replace(was, old, with, 1))
}

// verify verifies the build and returns its record, as its first switch left it.
func (f *fixture) verify() *ledger.Record {
	f.Helper()
	out, err := f.Verify(f.Context(), f.prefix, f.spec)
	if err != nil {
		f.Fatal(err)
	}
	return record(1, 1, out)
}

// record is of an asset whose build is current since switch seq.
func record(seq, build int, out ledger.Outputs) *ledger.Record {
	return &ledger.Record{
		Asset: asset, Location: source, Reference: "order 66/a", Seq: seq, Switched: shown, Current: build,
		Builds: []ledger.Build{{
			Number: build, Revision: ledger.Revision{ID: "R" + string(rune('0'+build))}, State: ledger.Published, Outputs: &out,
		}},
	}
}

// calls returns what run calls, by operation.
func (f *fixture) calls(run func()) map[string]int {
	before := f.Calls()
	run()
	after := f.Calls()
	for op, n := range before {
		after[op] -= n
	}
	maps.DeleteFunc(after, func(_ string, n int) bool { return n == 0 })
	return after
}

// hooksOf lets the n-th call of op about an object whose key ends in suffix
// fail with kind; after it was done if lost.
func hooksOf(op, suffix string, n int, kind error, lost bool) memcloud.Hooks {
	count := 0
	hook := func(o, at string) error {
		if o != op || !strings.HasSuffix(at, suffix) {
			return nil
		}
		if count++; count != n {
			return nil
		}
		return kind
	}
	if lost {
		return memcloud.Hooks{After: hook}
	}
	return memcloud.Hooks{Before: hook}
}
