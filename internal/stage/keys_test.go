package stage_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/tasks"
)

// oddKeys are legal in S3, and most trouble somebody on the way; the local
// cloud's own store refuses some of them.
var oddKeys = []string{
	"films/a b.mp4", "films/a+b.mp4", "films/50%.mp4", "films/a%20b.mp4", "films/%zz.mp4", "films/a#b?c&d=e.mp4",
	`films/'single' "double" \back.mp4`, "films/$(id)`id`;<a>.mp4", "films/übung 日本 🎬.mp4", "films/u\u0308.mp4",
	"/leading.mp4", "//two.mp4", "trailing/", "../../out.mp4", "a/../b.mp4", "./a.mp4", "a//b.mp4", "a", "a/b",
	"control\x00\x01\x1f\n\r\t\x7f.mp4", "\u202ertl.mp4", "noextension", "UPPER.MP4", "odd.Mp4.", "one.mp4", "one.mov", "one.MP4", ".mp4",
	"$name$.mp4", "{{a}}.mp4", "*", "film:s3://other/b.mp4", " ", "\u2028",
	strings.Repeat("x", 1024), strings.Repeat("é", 512), "long/" + strings.Repeat("part", 90) + ".mp4",
}

// Every legal key is published under its own asset, and no key leads anywhere
// but into its own build.
func TestOddKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		for _, key := range oddKeys {
			w.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: source.Bucket, Key: key}, Body: []byte(key)})
			if err := w.queue.Enqueue(t.Context(), tasks.Ingest{Bucket: source.Bucket, Key: key}); err != nil {
				t.Errorf("%q: %v", key, err)
			}
		}
		w.drain()
		builds := map[string]bool{}
		for _, key := range oddKeys {
			asset := tasks.AssetID(source.Bucket, key)
			rec, err := w.book.Get(t.Context(), asset)
			if err != nil {
				t.Errorf("%q: %v", key, err)
				continue
			}
			if rec.Status() != "published" || rec.Location.Key != key || rec.Current != 1 {
				t.Errorf("%q is %s, build %d of %q: %+v", key, rec.Status(), rec.Current, rec.Location.Key, rec.Failed())
			}
			builds["vod/media/"+asset+"/1/"] = true
			builds["vod/watch/"+asset+"/"] = true
		}
		if got := len(w.mem.Transcoder.Jobs()); got != len(oddKeys) || len(builds) != 2*len(oddKeys) {
			t.Errorf("%d jobs and %d folders, want %d and %d: each key its own", got, len(builds), len(oddKeys), 2*len(oddKeys))
		}
		for o, err := range w.mem.Store.List(t.Context(), cloud.Location{Bucket: output.Bucket}, "") {
			if err != nil {
				t.Fatal(err)
			}
			if !in(builds, o.Key) && !strings.Contains(o.Key, "domain.xml") && !strings.HasSuffix(o.Key, "policy.xml") {
				t.Errorf("%q is written outside of every build", o.Key)
			}
		}
	})
}

func in(folders map[string]bool, key string) bool {
	for folder := range folders {
		if strings.HasPrefix(key, folder) {
			return true
		}
	}
	return false
}

// Keys that no store can have are refused before anything is enqueued.
func TestImpossibleKeys(t *testing.T) {
	for _, tt := range []struct{ key, want string }{
		{"", "ingest task: key: missing"},
		{strings.Repeat("x", 1025), "ingest task: key: 1025 bytes, want at most 1024"},
		{"a\xff.mp4", "ingest task: key: not valid UTF-8"},
	} {
		if err := (tasks.Ingest{Bucket: "library", Key: tt.key}).Validate(); err == nil || err.Error() != tt.want {
			t.Errorf("%.20q: %v, want %s", tt.key, err, tt.want)
		}
	}
}

// What the tasks of one asset meet harms no other.
func TestBadBesideGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		at := func(key string) cloud.Location { return cloud.Location{Bucket: source.Bucket, Key: key} }
		w.mem.Store.Seed(cloud.Put{Location: at("empty.mp4")})
		w.mem.Store.Seed(cloud.Put{Location: at("good.mp4"), Body: []byte("video")})
		corrupt := tasks.AssetID(source.Bucket, "corrupt.mp4")
		w.mem.Store.Seed(cloud.Put{Location: at("corrupt.mp4"), Body: []byte("video")})
		w.mem.Store.Seed(cloud.Put{Location: cloud.Location{Bucket: "ledger", Key: "ledger/" + corrupt[:2] + "/" + corrupt + ".json"}, Body: []byte("{")})
		for _, t2 := range []tasks.Ingest{
			{Bucket: "private", Key: "x.mp4"}, {Bucket: source.Bucket, Key: "empty.mp4"}, {Bucket: source.Bucket, Key: "gone.mp4"},
			{Bucket: source.Bucket, Key: "good.mp4"}, {Bucket: source.Bucket, Key: "unknown.mp4", Profile: "0123456789abcdef0123456789abcdef"},
		} {
			if err := w.queue.Enqueue(t.Context(), t2); err != nil {
				t.Fatal(err)
			}
		}
		w.drain()
		for key, want := range map[string]string{
			"good.mp4": "published", "empty.mp4": "failed bad-source: the file is empty (0 bytes)",
			"gone.mp4":    "failed source-gone: ",
			"unknown.mp4": "failed settings: profile 0123456789abcdef0123456789abcdef is not stored; store it with `enqueuer profile put FILE`",
		} {
			rec, err := w.book.Get(t.Context(), tasks.AssetID(source.Bucket, key))
			if err != nil {
				t.Errorf("%s: %v", key, err)
				continue
			}
			if got := toldOf(rec); !strings.HasPrefix(got, want) {
				t.Errorf("%s is %s, want %s", key, got, want)
			}
		}
		if n := len(w.queue.archived); n != 4 || !strings.Contains(w.queue.archived[0], "ingest s3://private/x.mp4: not among the allowed sources") {
			t.Errorf("given up: %q, want four, the first of which is not allowed", w.queue.archived)
		}
		if _, err := w.book.Get(t.Context(), tasks.AssetID("private", "x.mp4")); !errors.Is(err, cloud.ErrNotFound) {
			t.Errorf("the ledger knows a source that is not allowed: %v", err)
		}
		// A record that cannot be read is nobody's to write over: the task stays,
		// with its error, for a person.
		err := w.ingest.Handle(t.Context(), tasks.Ingest{Bucket: source.Bucket, Key: "corrupt.mp4"})
		if !errors.Is(err, ledger.ErrCorrupt) || queue.IsVerdict(err) {
			t.Errorf("ingest over a corrupt record = %v, want a failure that names it", err)
		}
		// Once the profile is stored, the source is looked at again.
		later, err := media.Parse([]byte("packages: [mp4]\n"))
		if err != nil {
			t.Fatal(err)
		}
		version := tasks.SourceVersion(w.mem.Store.Seed(cloud.Put{Location: at("later.mp4"), Body: []byte("video")}).ETag, 5)
		for _, want := range []string{"failed settings: profile " + later.Digest() + " is not stored", "published"} {
			if err := w.queue.Enqueue(t.Context(), tasks.Ingest{Bucket: source.Bucket, Key: "later.mp4", SourceVersion: version, Profile: later.Digest()}); err != nil {
				t.Fatal(err)
			}
			w.drain()
			rec, err := w.book.Get(t.Context(), tasks.AssetID(source.Bucket, "later.mp4"))
			if err != nil || !strings.HasPrefix(toldOf(rec), want) {
				t.Errorf("later.mp4 is %s, %v, want %s", toldOf(rec), err, want)
			}
			if err := w.book.PutProfile(t.Context(), later.Digest(), later.Canonical()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func toldOf(r *ledger.Record) string {
	if f := r.Failed(); f != nil {
		return r.Status() + " " + string(f.Class) + ": " + f.Message
	}
	return r.Status()
}
