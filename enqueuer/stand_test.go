package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/queue/redistest"
	"github.com/vodfleet/vodfleet/internal/run"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

func TestMain(m *testing.M) {
	queue.LogRedis(zap.NewNop())
	os.Exit(m.Run())
}

// stand is a cloud in memory and a Redis for the program under test.
type stand struct {
	t     testing.TB
	mem   *memcloud.Cloud
	book  *ledger.Store
	redis *redistest.Server
	log   bytes.Buffer
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{t: t, mem: memcloud.New(memcloud.Options{Buckets: []string{"library", "reports", "ledger", "streams"}})}
	s.book = ledger.New(s.mem.Store, cloud.Location{Bucket: "ledger", Key: "fleet"})
	s.redis = redistest.Start(t)
	settings(t, s.redis.URL())
	g, err := openGovernor(s.redisConfig(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if err := g.SetEpoch(t.Context(), "one"); err != nil { // as a worker's reconciler does
		t.Fatal(err)
	}
	return s
}

// settings sets the environment of the program.
func settings(t *testing.T, redis string) {
	t.Helper()
	for name, value := range map[string]string{
		"VODFLEET_REDIS_URL": redis, "VODFLEET_LEDGER": "s3://ledger/fleet", "VODFLEET_SOURCES": "library",
		"VODFLEET_OUTPUT": "s3://streams", "VODFLEET_VIEWER_URL": "https://viewers.example", "VODFLEET_PROFILE": "default",
		"VODFLEET_INVENTORY": "s3://reports/inv", "VODFLEET_LOG_LEVEL": "info",
	} {
		t.Setenv(name, value)
	}
}

// run runs the program to its end: what it printed, its error, and the code
// that it exits with.
func (s *stand) run(args ...string) (out string, code int, err error) {
	s.t.Helper()
	return s.runIn(s.t.Context(), args...)
}

func (s *stand) runIn(ctx context.Context, args ...string) (out string, code int, err error) {
	var b bytes.Buffer
	e := env{
		ctx: ctx, out: &b, log: &s.log,
		store:      func(context.Context) (cloud.Store, error) { return s.mem.Store, nil },
		transcoder: func(context.Context) (cloud.Transcoder, error) { return s.mem.Transcoder, nil },
		cdn:        func(context.Context) (cloud.CDN, error) { return s.mem.CDN, nil },
	}
	err = e.run(args)
	return b.String(), exit(err), err
}

// exit is the exit code of an error; see [run.Main].
func exit(err error) int {
	if err == nil {
		return run.OK
	}
	if e, ok := errors.AsType[*run.Error](err); ok {
		return e.Code
	}
	return run.Failed
}

// want runs the program and fails the test unless it exits with code and says
// all of words.
func (s *stand) want(code int, args []string, words ...string) (out string) {
	s.t.Helper()
	out, got, err := s.run(args...)
	if got != code {
		s.t.Errorf("%q exits %d, want %d: %v\n%s", args, got, code, err, out)
	}
	for _, w := range words {
		if said := out + fmt.Sprint(err); !strings.Contains(said, w) {
			s.t.Errorf("%q does not say %q:\n%s", args, w, said)
		}
	}
	return out
}

// upload puts a video into the library.
func (s *stand) upload(key, body string) cloud.Object {
	return s.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: "library", Key: key}, Body: []byte(body)})
}

// enqueued counts the tasks that wait to be ingested.
func (s *stand) enqueued() (n int) {
	s.t.Helper()
	inspector, err := openInspector(s.redisConfig())
	if err != nil {
		s.t.Fatal(err)
	}
	defer inspector.Close()
	all, err := inspector.Lengths(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, q := range all {
		n += int(q.Outstanding())
	}
	return n
}

// revision is what the source would be made into by the built-in profile.
func revision(o cloud.Object) (ledger.Source, ledger.Revision) {
	version, digest := tasks.SourceVersion(o.ETag, o.Size), media.Default().Digest()
	return ledger.Source{Version: version, ETag: o.ETag, Size: o.Size},
		ledger.Revision{ID: tasks.Revision(version, digest), Source: version, Profile: digest}
}

// change changes an object's record.
func (s *stand) change(o cloud.Object, change func(now time.Time, r *ledger.Record) error) *ledger.Record {
	s.t.Helper()
	rec, err := s.book.Update(s.t.Context(), tasks.AssetID(o.Bucket, o.Key), func(now time.Time, r *ledger.Record) error {
		r.Location = o.Location
		return change(now, r)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return rec
}

// plan makes a record with work left.
func (s *stand) plan(o cloud.Object) *ledger.Record {
	s.t.Helper()
	src, rev := revision(o)
	return s.change(o, func(now time.Time, r *ledger.Record) error {
		_, err := r.Plan(now, src, rev, func(int) (cloud.JobSpec, error) { return cloud.JobSpec{Input: o.Location}, nil }, []string{"a warning"})
		return err
	})
}

// publish makes a record whose viewers have the object.
func (s *stand) publish(o cloud.Object) *ledger.Record {
	s.t.Helper()
	s.show(o, ledger.Package{Name: "cmaf", HLS: "cmaf/video.m3u8"})
	return s.change(o, func(now time.Time, r *ledger.Record) error { return r.Live(now, r.Seq) })
}

// show makes a record whose entries name a build of one package.
func (s *stand) show(o cloud.Object, p ledger.Package) {
	s.t.Helper()
	b := s.plan(o).NextBuild - 1
	for _, step := range []func(now time.Time, r *ledger.Record) error{
		func(now time.Time, r *ledger.Record) error { return r.Intend(now, b, "token") },
		func(now time.Time, r *ledger.Record) error { return r.Submitted(now, b, fmt.Sprint("job", b)) },
		func(now time.Time, r *ledger.Record) error { return r.Completed(now, b) },
		func(now time.Time, r *ledger.Record) error {
			return r.Switch(now, b, ledger.Outputs{Packages: []ledger.Package{p}, Files: 1, Bytes: 1})
		},
		func(now time.Time, r *ledger.Record) error { return r.EntriesWritten(now, r.Seq) },
	} {
		s.change(o, step)
	}
}

// fail makes a record of a source that cannot be transcoded.
func (s *stand) fail(o cloud.Object) *ledger.Record {
	s.t.Helper()
	src, rev := revision(o)
	return s.change(o, func(now time.Time, r *ledger.Record) error {
		return r.FailSource(now, src, rev, ledger.Failure{Class: ledger.BadSource, Message: "not a video", Stage: tasks.KindIngest})
	})
}

// corrupt puts something else where an object's record would be.
func (s *stand) corrupt(o cloud.Object) {
	asset := tasks.AssetID(o.Bucket, o.Key)
	s.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: "ledger", Key: "fleet/ledger/" + asset[:2] + "/" + asset + ".json"}, Body: []byte("{")})
}

// row is a line of a report: an object as it is.
func row(o cloud.Object) string {
	return fmt.Sprintf(`"%s","%s","%d","%s"`, o.Bucket, o.Key, o.Size, o.ETag)
}

// report writes a complete report of rows and returns its manifest's URI.
func (s *stand) report(at string, rows ...string) string {
	s.t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(strings.Join(rows, "\n") + "\n")); err != nil {
		s.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		s.t.Fatal(err)
	}
	sum := func(b []byte) string { h := md5.Sum(b); return hex.EncodeToString(h[:]) }
	data := "inv/library/all/data/" + at + ".csv.gz"
	manifest, err := json.Marshal(map[string]any{
		"sourceBucket": "library", "destinationBucket": "arn:aws:s3:::reports", "version": "2016-11-30", "creationTimestamp": "1795309200000",
		"fileFormat": "CSV", "fileSchema": "Bucket, Key, Size, ETag",
		"files": []map[string]any{{"key": data, "size": packed.Len(), "MD5checksum": sum(packed.Bytes())}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.put("reports", data, packed.Bytes())
	s.put("reports", "inv/library/all/"+at+"/manifest.json", manifest)
	s.put("reports", "inv/library/all/"+at+"/manifest.checksum", []byte(sum(manifest)))
	return "s3://reports/inv/library/all/" + at + "/manifest.json"
}

func (s *stand) put(bucket, key string, body []byte) {
	s.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: bucket, Key: key}, Body: body})
}
