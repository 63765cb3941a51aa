package cloudtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// listErr lists and returns the error.
func listErr(ctx context.Context, s cloud.Store, prefix cloud.Location) error {
	for _, err := range s.List(ctx, prefix, "") {
		if err != nil {
			return err
		}
	}
	return nil
}

// listed returns the keys that a list yields.
func (c *Cloud) listed(t *testing.T, prefix, after string) []string {
	t.Helper()
	var keys []string
	for o, err := range c.Store.List(t.Context(), c.at(prefix), after) {
		if err != nil {
			t.Fatalf("List(%q, %q) = %v", prefix, after, err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

func list(t *testing.T, c *Cloud) {
	if got := c.listed(t, "", ""); len(got) != 0 {
		t.Fatalf("an empty bucket lists %q", got)
	}
	// In the order of UTF-8 bytes; a walk of folders, or UTF-16, has another.
	sorted := []string{"A", "a!", "a-b", "a.b", "a/b", "a/b-", "a/c/d", "a0", "ab", "b/1", "b/10", "b/2", "b0", "é", "日本", "\uff5e", "😀"}
	want := cloud.Object{}
	for _, key := range slices.Backward(sorted) {
		want = c.put(t, key, "x"+key)
	}
	for _, tt := range []struct {
		prefix, after string
		want          []string
	}{
		{"", "", sorted},
		{"a", "", sorted[1:9]},
		{"a/", "", sorted[4:7]},
		{"b/1", "", sorted[9:11]},
		{"b/1", "b/1", sorted[10:11]},
		{"none", "", nil},
		{"", "a/b", sorted[5:]},
		{"", "a/bb", sorted[6:]}, // a key that is not there
		{"a/", "A", sorted[4:7]}, // before the prefix
		{"a/", "b", nil},         // behind it
		{"", "😀", nil},
		{"", "日", sorted[14:]},
	} {
		if got := c.listed(t, tt.prefix, tt.after); !slices.Equal(got, tt.want) {
			t.Errorf("List(%q, %q) = %q\nwant %q", tt.prefix, tt.after, got, tt.want)
		}
	}
	for o, err := range c.Store.List(t.Context(), cloud.Location{Bucket: c.Bucket}, "") {
		if err != nil {
			t.Fatal(err)
		}
		if want.Location != o.Location || want.Size != o.Size || want.ETag != o.ETag || !c.near(o.LastModified, c.Store.Now()) || o.StorageClass != "" {
			t.Errorf("List yields %#v first, want what Put told, %#v, and a time", o, want)
		}
		break // and so it ends early
	}
}

func listPages(t *testing.T, c *Cloud) {
	const n = 2005
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := w; i < n; i += 16 {
				if _, err := c.Store.Put(t.Context(), cloud.Put{Location: c.at(key(i))}); err != nil {
					t.Errorf("Put = %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	got := c.listed(t, "p/", "")
	if len(got) != n || !slices.IsSorted(got) || got[0] != key(0) || got[n-1] != key(n-1) {
		t.Errorf("List yields %d keys, want %d in order", len(got), n)
	}
	if got := c.listed(t, "p/", key(999)); len(got) != n-1000 || got[0] != key(1000) {
		t.Errorf("List after %s yields %d keys, want %d", key(999), len(got), n-1000)
	}
	keys := make([]string, n)
	for i := range keys {
		keys[i] = key(i)
	}
	if err := c.Store.Delete(t.Context(), c.Bucket, keys...); err != nil {
		t.Errorf("Delete of %d keys = %v", n, err)
	}
	if got := c.listed(t, "", ""); len(got) != 0 {
		t.Errorf("%d objects are left", len(got))
	}
}

func key(i int) string { return fmt.Sprintf("p/%06d", i) }

func listError(t *testing.T, c *Cloud) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	yields := 0
	for o, err := range c.Store.List(ctx, cloud.Location{Bucket: c.Bucket}, "") {
		if yields++; yields > 1 || !errors.Is(err, context.Canceled) || o.Key != "" {
			t.Errorf("yield %d is %+v, %v; want the context's error once", yields, o, err)
		}
	}
	if yields != 1 {
		t.Errorf("%d yields, want 1", yields)
	}
}

func copies(t *testing.T, c *Cloud) {
	ctx := t.Context()
	_, err := c.Store.Copy(ctx, c.at("none"), c.at("to"), "")
	wantKind(t, "Copy of nothing", err, cloud.ErrNotFound)
	src, err := c.Store.Put(ctx, cloud.Put{
		Location: c.at("from"), Body: []byte("hello"), ContentType: "text/plain", CacheControl: "no-cache", Metadata: map[string]string{"seq": "7"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a repeat is safe
		o, err := c.Store.Copy(ctx, src.Location, c.at("to"), "")
		if err != nil {
			t.Fatalf("Copy = %v", err)
		}
		got, err := c.Store.Head(ctx, c.at("to"))
		if err != nil || o.Location != c.at("to") || o.ETag != got.ETag || got.Size != 5 ||
			got.ContentType != "text/plain" || got.CacheControl != "no-cache" || !maps.Equal(got.Metadata, map[string]string{"seq": "7"}) {
			t.Errorf("Copy = %#v of %#v, %v; want all that the source has, %#v", o, got, err, src)
		}
		if got := c.content(t, "to"); got != "hello" {
			t.Errorf("the copy holds %q, want hello", got)
		}
	}
	if got := c.content(t, "from"); got != "hello" {
		t.Errorf("the source holds %q, want hello", got)
	}
}

func copyCondition(t *testing.T, c *Cloud) {
	old := c.put(t, "from", "old")
	if _, err := c.Store.Copy(t.Context(), old.Location, c.at("to"), old.ETag); err != nil {
		t.Errorf("Copy of what it is = %v", err)
	}
	c.put(t, "from", "new")
	_, err := c.Store.Copy(t.Context(), old.Location, c.at("to"), old.ETag)
	wantKind(t, "Copy of what it was", err, cloud.ErrPrecondition)
	if got := c.content(t, "to"); got != "old" {
		t.Errorf("after a refused copy %q, want old", got)
	}
}

func deletes(t *testing.T, c *Cloud) {
	ctx := t.Context()
	for _, key := range []string{"d/1", "d/2", "d/3", "d/4"} {
		c.put(t, key, "x")
	}
	for range 2 { // a repeat is safe
		if err := c.Store.Delete(ctx, c.Bucket, "d/1", "none", "d/3", "d/3"); err != nil {
			t.Errorf("Delete = %v", err)
		}
	}
	if got, want := c.listed(t, "", ""), []string{"d/2", "d/4"}; !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
	if err := c.Store.Delete(ctx, c.Bucket); err != nil {
		t.Errorf("Delete of nothing = %v", err)
	}
}

func deleteMany(t *testing.T, c *Cloud) {
	keys := make([]string, 2500)
	for i := range keys {
		keys[i] = fmt.Sprint("m/", i)
	}
	for _, i := range []int{0, 999, 1000, 1999, 2000, 2499} {
		c.put(t, keys[i], "x")
	}
	c.put(t, "m/kept", "x")
	if err := c.Store.Delete(t.Context(), c.Bucket, keys...); err != nil {
		t.Errorf("Delete of %d keys = %v", len(keys), err)
	}
	if got, want := c.listed(t, "", ""), []string{"m/kept"}; !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
}

func deletePart(t *testing.T, c *Cloud) {
	c.put(t, "d/1", "x")
	c.put(t, "d/2", "x")
	wantKind(t, "Delete of keys that cannot be", c.Store.Delete(t.Context(), c.Bucket, "d/1", "", "\xff", "d/2"), cloud.ErrInvalid)
	if got := c.listed(t, "", ""); len(got) != 0 {
		t.Errorf("left are %q, want none", got)
	}
}
