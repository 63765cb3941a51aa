package delivery

import (
	"fmt"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

func (f *fixture) count(prefix string) int {
	f.Helper()
	n := 0
	for _, err := range f.Store.List(f.Context(), cloud.Location{Bucket: "out", Key: prefix}, "") {
		if err != nil {
			f.Fatal(err)
		}
		n++
	}
	return n
}

// TestRemove deletes one build of more files than one request takes, and
// nothing beside it.
func TestRemove(t *testing.T) {
	f := setUp(t, "{}")
	for i := range 2300 {
		f.put(fmt.Sprintf("cmaf/x%04d", i), "x")
	}
	f.build(11, "{}", film()) // build 1's prefix without its slash would hold it
	beside := f.count("vod/media/" + asset + "/11/")
	f.prefix.Key = "vod/media/" + asset + "/1/"

	f.SetHooks(hooksOf("Store.Delete", "", 2, cloud.ErrUnavailable, false))
	if err := f.Remove(t.Context(), f.prefix); err == nil {
		t.Error("Remove hides that a request failed")
	}
	if n := f.count(f.prefix.Key); n == 0 {
		t.Error("nothing was left to a repeat")
	}
	f.SetHooks(memcloud.Hooks{})
	for range 2 {
		if err := f.Remove(t.Context(), f.prefix); err != nil {
			t.Error(err)
		}
		if n := f.count(f.prefix.Key); n != 0 {
			t.Errorf("%d files are left", n)
		}
	}
	if n := f.count("vod/media/" + asset + "/11/"); n != beside {
		t.Errorf("%d of %d files beside it are left", n, beside)
	}
}

func TestRemoveRefuses(t *testing.T) {
	f := setUp(t, "{}")
	before := f.count("")
	for _, key := range []string{
		"", "vod/", "vod/media/", "vod/media/" + asset, "vod/media/" + asset + "/", "vod/media/" + asset + "/1",
		"vod/media/" + asset + "/1/cmaf/", "vod/media/" + asset + "/0/", "vod/media/" + asset + "/01/", "vod/media/" + asset + "/-1/",
		"vod/media/" + asset + "/+1/", "vod/media/" + asset + "//", "vod/media/" + asset + "/99999999999999999999/",
		"vod/media/x/1/", "vod/media//1/", "vod/media/../media/1/", "vod/watch/" + asset + "/1/", "media/" + asset + "/1/", "vod/media/gezdgnbvgy3tqojqgezdgnbvgy/1/",
	} {
		calls := f.calls(func() {
			if err := f.Remove(t.Context(), cloud.Location{Bucket: "out", Key: key}); err == nil {
				t.Errorf("Remove(%q) = nil", key)
			}
		})
		if len(calls) > 0 {
			t.Errorf("Remove(%q) called %v", key, calls)
		}
	}
	if err := f.Remove(t.Context(), cloud.Location{Bucket: "library", Key: f.prefix.Key}); err == nil {
		t.Error("Remove takes another bucket")
	}
	if after := f.count(""); after != before {
		t.Errorf("%d of %d files are left", after, before)
	}
	empty := New(f.Store, cloud.Location{Bucket: "out"}, "")
	if err := empty.Remove(t.Context(), cloud.Location{Bucket: "out", Key: "media/" + asset + "/1/"}); err != nil {
		t.Errorf("an output without a prefix: %v", err)
	}
}
