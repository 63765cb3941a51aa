package cloudtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Store checks a [cloud.Store].
func Store(t *testing.T, run Run) {
	all(t, run, []check{
		{"keys are kept as they are", keys},
		{"odd keys are kept as they are", oddKeys},
		{"names that are not valid are refused", invalidNames},
		{"head tells what was put", head},
		{"get is whole or nothing", get},
		{"get of a range", getRange},
		{"open streams", open},
		{"a stream ends with its context", openEnds},
		{"put on conditions", putConditions},
		{"of racing conditional puts one wins", putRace},
		{"an ETag goes with content", etags},
		{"lists are in order and from where they are asked", list},
		{"lists go over pages", listPages},
		{"a list ends with its error", listError},
		{"copy", copies},
		{"copy on a condition", copyCondition},
		{"delete", deletes},
		{"delete of many", deleteMany},
		{"delete does what it can", deletePart},
		{"a bucket that is not there", missingBucket},
		{"an archived object", archived},
		{"the clock", now},
		{"failures", storeFails},
	})
}

func invalidNames(t *testing.T, c *Cloud) {
	ctx := t.Context()
	c.put(t, "there", "x")
	for _, at := range []cloud.Location{
		{Key: "k"}, {Bucket: c.Bucket}, c.at(strings.Repeat("k", cloud.MaxKey+1)), c.at("\xff"),
	} {
		_, err := c.Store.Head(ctx, at)
		wantKind(t, fmt.Sprintf("Head(%q)", at), err, cloud.ErrInvalid)
		_, _, err = c.Store.Get(ctx, at, 1)
		wantKind(t, fmt.Sprintf("Get(%q)", at), err, cloud.ErrInvalid)
		_, err = c.Store.GetRange(ctx, at, 0, 1)
		wantKind(t, fmt.Sprintf("GetRange(%q)", at), err, cloud.ErrInvalid)
		_, _, err = c.Store.Open(ctx, at)
		wantKind(t, fmt.Sprintf("Open(%q)", at), err, cloud.ErrInvalid)
		_, err = c.Store.Put(ctx, cloud.Put{Location: at})
		wantKind(t, fmt.Sprintf("Put(%q)", at), err, cloud.ErrInvalid)
		_, err = c.Store.Copy(ctx, at, c.at("copy"), "")
		wantKind(t, fmt.Sprintf("Copy from %q", at), err, cloud.ErrInvalid)
		_, err = c.Store.Copy(ctx, c.at("there"), at, "")
		wantKind(t, fmt.Sprintf("Copy to %q", at), err, cloud.ErrInvalid)
	}
	for _, p := range []cloud.Put{
		{Metadata: map[string]string{"Upper": "v"}}, {Metadata: map[string]string{"k": "ü"}},
		{Metadata: map[string]string{"k": strings.Repeat("v", 3000)}}, {If: cloud.Condition{Absent: true, ETag: "e"}},
	} {
		p.Location = c.at("k")
		_, err := c.Store.Put(ctx, p)
		wantKind(t, fmt.Sprintf("Put(%#v)", p), err, cloud.ErrInvalid)
	}
}

func head(t *testing.T, c *Cloud) {
	ctx := t.Context()
	_, err := c.Store.Head(ctx, c.at("none"))
	wantKind(t, "Head of nothing", err, cloud.ErrNotFound)

	put, err := c.Store.Put(ctx, cloud.Put{
		Location: c.at("a"), Body: []byte("hello"), ContentType: "text/plain", CacheControl: "max-age=0, s-maxage=60",
		Metadata: map[string]string{"seq": "7", "a-b": "c: d, e=f"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Store.Head(ctx, c.at("a"))
	if err != nil {
		t.Fatal(err)
	}
	if put.Location != c.at("a") || put.ETag == "" || strings.Contains(put.ETag, `"`) || put.Size != 5 {
		t.Errorf("Put = %#v, want its location, size and an ETag without quotes", put)
	}
	want := cloud.Object{
		Location: c.at("a"), Size: 5, ETag: put.ETag, VersionID: put.VersionID, LastModified: got.LastModified,
		ContentType: "text/plain", CacheControl: "max-age=0, s-maxage=60", Metadata: map[string]string{"seq": "7", "a-b": "c: d, e=f"},
	}
	if !same(got, want) {
		t.Errorf("Head = %#v\nwant %#v", got, want)
	}
	if !c.near(got.LastModified, c.Store.Now()) {
		t.Errorf("Head tells of a change at %v, and it is %v", got.LastModified, c.Store.Now())
	}
	if got.Archived() {
		t.Error("a new object is archived")
	}
}

func same(a, b cloud.Object) bool {
	return a.Location == b.Location && a.Size == b.Size && a.ETag == b.ETag && a.VersionID == b.VersionID && a.LastModified.Equal(b.LastModified) &&
		a.StorageClass == b.StorageClass && a.Restored == b.Restored && a.ContentType == b.ContentType && a.CacheControl == b.CacheControl &&
		maps.Equal(a.Metadata, b.Metadata)
}

func get(t *testing.T, c *Cloud) {
	ctx := t.Context()
	c.put(t, "five", "hello")
	c.put(t, "empty", "")
	for _, tt := range []struct {
		key   string
		limit int64
		want  string // content
		kind  error
	}{
		{"five", 5, "hello", nil},
		{"five", 1 << 40, "hello", nil},
		{"five", 4, "", cloud.ErrInvalid},
		{"five", 0, "", cloud.ErrInvalid},
		{"empty", 0, "", nil},
		{"none", 5, "", cloud.ErrNotFound},
	} {
		what := fmt.Sprintf("Get(%s, %d)", tt.key, tt.limit)
		body, o, err := c.Store.Get(ctx, c.at(tt.key), tt.limit)
		if tt.kind != nil {
			wantKind(t, what, err, tt.kind)
			if len(body) > 0 {
				t.Errorf("%s returned %d bytes beside an error", what, len(body))
			}
			continue
		}
		info, herr := c.Store.Head(ctx, c.at(tt.key))
		if err != nil || herr != nil || string(body) != tt.want || !same(o, info) {
			t.Errorf("%s = %q, %#v, %v; want %q and what Head tells, %#v", what, body, o, err, tt.want, info)
		}
	}
}

func open(t *testing.T, c *Cloud) {
	ctx := t.Context()
	_, _, err := c.Store.Open(ctx, c.at("none"))
	wantKind(t, "Open of nothing", err, cloud.ErrNotFound)

	long := strings.Repeat("0123456789abcdef", 1<<16)
	c.put(t, "long", long)
	r, o, err := c.Store.Open(ctx, c.at("long"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil || string(body) != long || o.Size != int64(len(long)) || o.ETag == "" {
		t.Errorf("Open read %d bytes of %#v, %v; want %d", len(body), o, err, len(long))
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	// A stream that is not read to its end is closed the same.
	r, _, err = c.Store.Open(ctx, c.at("long"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close of a stream that nobody read = %v", err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("Read after Close = %d, %v, want an error", n, err)
	}
}

func openEnds(t *testing.T, c *Cloud) {
	c.put(t, "long", strings.Repeat("x", 8<<20))
	ctx, cancel := context.WithCancel(t.Context())
	r, _, err := c.Store.Open(ctx, c.at("long"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
		t.Errorf("Read with an ended context = %v, want %v", err, context.Canceled)
	}
}

func putConditions(t *testing.T, c *Cloud) {
	absent := func(string) cloud.Condition { return cloud.Condition{Absent: true} }
	current := func(etag string) cloud.Condition { return cloud.Condition{ETag: etag} }
	for _, tt := range []struct {
		name  string
		there bool // an object is
		cond  func(etag string) cloud.Condition
		want  []error
	}{
		{"none", true, func(string) cloud.Condition { return cloud.Condition{} }, nil},
		{"absent and so it is", false, absent, nil},
		{"absent and it is not", true, absent, []error{cloud.ErrPrecondition}},
		{"an ETag and it has it", true, current, nil},
		{"an ETag and it has another", true, func(string) cloud.Condition { return cloud.Condition{ETag: "0123456789abcdef0123456789abcdef"} }, []error{cloud.ErrPrecondition}},
		{"an ETag and it is gone", false, func(string) cloud.Condition { return cloud.Condition{ETag: "0123456789abcdef0123456789abcdef"} }, []error{cloud.ErrPrecondition, cloud.ErrNotFound}},
	} {
		key, etag, want := "put/"+tt.name, "", "new"
		if tt.there {
			etag = c.put(t, key, "old").ETag
		}
		o, err := c.Store.Put(t.Context(), cloud.Put{Location: c.at(key), Body: []byte("new"), If: tt.cond(etag)})
		if tt.want != nil {
			wantKind(t, "Put on condition "+tt.name, err, tt.want...)
			want = "old"
		} else if err != nil || o.ETag == "" || o.ETag == etag {
			t.Errorf("Put on condition %s = %#v, %v; want a new ETag", tt.name, o, err)
		}
		if tt.want != nil && !tt.there {
			_, err := c.Store.Head(t.Context(), c.at(key))
			wantKind(t, "Head after Put on condition "+tt.name, err, cloud.ErrNotFound)
		} else if got := c.content(t, key); got != want {
			t.Errorf("after Put on condition %s: %q, want %q", tt.name, got, want)
		}
	}
}

func putRace(t *testing.T, c *Cloud) {
	race := func(cond cloud.Condition) (winner string) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		won := 0
		for i := range 16 {
			wg.Go(func() {
				body := fmt.Sprint("racer ", i, " ", cond.ETag)
				_, err := c.Store.Put(t.Context(), cloud.Put{Location: c.at("race"), Body: []byte(body), If: cond})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					wantKind(t, "Put of a loser", err, cloud.ErrPrecondition, cloud.ErrConflict)
					return
				}
				won, winner = won+1, body
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("%d racers won, want 1", won)
		}
		return winner
	}
	first := race(cloud.Condition{Absent: true})
	if got := c.content(t, "race"); got != first {
		t.Errorf("content %q, want the winner's %q", got, first)
	}
	o, err := c.Store.Head(t.Context(), c.at("race"))
	if err != nil {
		t.Fatal(err)
	}
	second := race(cloud.Condition{ETag: o.ETag})
	if got := c.content(t, "race"); got != second {
		t.Errorf("content %q, want the winner's %q", got, second)
	}
}

func etags(t *testing.T, c *Cloud) {
	one, two, other := c.put(t, "etag/a", "x"), c.put(t, "etag/b", "x"), c.put(t, "etag/a", "y")
	if one.ETag != two.ETag || one.ETag == other.ETag {
		t.Errorf("ETags %s and %s of equal content, %s of other", one.ETag, two.ETag, other.ETag)
	}
	if again := c.put(t, "etag/a", "x"); again.ETag != one.ETag {
		t.Errorf("ETag %s, want %s as before", again.ETag, one.ETag)
	}
}

func missingBucket(t *testing.T, c *Cloud) {
	ctx, at := t.Context(), cloud.Location{Bucket: c.Missing, Key: "k"}
	c.put(t, "there", "x")
	_, err := c.Store.Head(ctx, at)
	wantKind(t, "Head", err, cloud.ErrNotFound)
	_, _, err = c.Store.Get(ctx, at, 1)
	wantKind(t, "Get", err, cloud.ErrNotFound)
	_, _, err = c.Store.Open(ctx, at)
	wantKind(t, "Open", err, cloud.ErrNotFound)
	_, err = c.Store.Put(ctx, cloud.Put{Location: at})
	wantKind(t, "Put", err, cloud.ErrNotFound)
	_, err = c.Store.Copy(ctx, at, c.at("to"), "")
	wantKind(t, "Copy from it", err, cloud.ErrNotFound)
	_, err = c.Store.Copy(ctx, c.at("there"), at, "")
	wantKind(t, "Copy to it", err, cloud.ErrNotFound)
	wantKind(t, "Delete", c.Store.Delete(ctx, c.Missing, "k"), cloud.ErrNotFound)
	wantKind(t, "List", listErr(ctx, c.Store, cloud.Location{Bucket: c.Missing}), cloud.ErrNotFound)
}

func archived(t *testing.T, c *Cloud) {
	if c.Archive == nil {
		t.Skip("the backend has no archive")
	}
	ctx, at := t.Context(), c.at("cold")
	c.put(t, "cold", "x")
	c.Archive(at)
	if o, err := c.Store.Head(ctx, at); err != nil || !o.Archived() {
		t.Errorf("Head = %#v, %v; want an archived object", o, err)
	}
	_, _, err := c.Store.Get(ctx, at, 10)
	wantKind(t, "Get", err, cloud.ErrInvalid)
	_, err = c.Store.GetRange(ctx, at, 0, 1)
	wantKind(t, "GetRange", err, cloud.ErrInvalid)
	_, _, err = c.Store.Open(ctx, at)
	wantKind(t, "Open", err, cloud.ErrInvalid)
	_, err = c.Store.Copy(ctx, at, c.at("warm"), "")
	wantKind(t, "Copy", err, cloud.ErrInvalid)
	c.put(t, "cold", "y")
	if got := c.content(t, "cold"); got != "y" {
		t.Errorf("content after Put over an archived object %q, want y", got)
	}
}

func now(t *testing.T, c *Cloud) {
	c.put(t, "now", "x")
	before := c.Store.Now()
	const d = 10 * time.Second
	c.Sleep(d)
	c.put(t, "now", "y")
	if passed := c.Store.Now().Sub(before); passed < d-2*time.Second || passed > d+30*time.Second+c.Slack {
		t.Errorf("%v passed by the cloud's clock, want about %v", passed, d)
	}
}

func storeFails(t *testing.T, c *Cloud) {
	c.put(t, "there", "x")
	fails(t, c, map[string]func(context.Context) error{
		"Head":     func(ctx context.Context) error { _, err := c.Store.Head(ctx, c.at("there")); return err },
		"Get":      func(ctx context.Context) error { _, _, err := c.Store.Get(ctx, c.at("there"), 1); return err },
		"GetRange": func(ctx context.Context) error { _, err := c.Store.GetRange(ctx, c.at("there"), 0, 1); return err },
		"Open": func(ctx context.Context) error {
			r, _, err := c.Store.Open(ctx, c.at("there"))
			if err == nil {
				_, err = io.Copy(io.Discard, r)
				r.Close()
			}
			return err
		},
		"Put": func(ctx context.Context) error {
			_, err := c.Store.Put(ctx, cloud.Put{Location: c.at("there"), Body: bytes.Repeat([]byte("x"), 10)})
			return err
		},
		"List": func(ctx context.Context) error { return listErr(ctx, c.Store, cloud.Location{Bucket: c.Bucket}) },
		"Copy": func(ctx context.Context) error {
			_, err := c.Store.Copy(ctx, c.at("there"), c.at("copy"), "")
			return err
		},
		"Delete": func(ctx context.Context) error { return c.Store.Delete(ctx, c.Bucket, "there") },
	})
}
