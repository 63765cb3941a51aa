package cloudtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// CDN checks a [cloud.CDN].
func CDN(t *testing.T, run Run) {
	all(t, run, []check{
		{"a distribution", distribution},
		{"an invalidation ends", invalidation},
		{"a repeat is the same invalidation", invalidationRepeat},
		{"paths that are not valid are refused", invalidPaths},
		{"too many paths in progress", tooManyPaths},
		{"too many wildcards in progress", tooManyWildcards},
		{"failures", cdnFails},
	})
}

func distribution(t *testing.T, c *Cloud) {
	got, err := c.CDN.Distribution(t.Context(), c.Distribution.ID)
	want := c.Distribution
	if want.ETag == "" {
		want.ETag = got.ETag
	}
	if err != nil || got != want || got.ETag == "" {
		t.Errorf("Distribution = %+v, %v; want %+v", got, err, want)
	}
	_, err = c.CDN.Distribution(t.Context(), "ENONE")
	wantKind(t, "Distribution of none", err, cloud.ErrNotFound)
}

// invalidate asks for what cannot but be taken.
func (c *Cloud) invalidate(t *testing.T, reference string, paths ...string) cloud.Invalidation {
	t.Helper()
	i, err := c.CDN.Invalidate(t.Context(), c.Distribution.ID, reference, paths)
	if err != nil || i.ID == "" {
		t.Fatalf("Invalidate(%s) = %+v, %v", reference, i, err)
	}
	return i
}

// done waits for an invalidation.
func (c *Cloud) done(t *testing.T, id string) cloud.Invalidation {
	t.Helper()
	for range 600 {
		i, err := c.CDN.Invalidation(t.Context(), c.Distribution.ID, id)
		if err != nil {
			t.Fatalf("Invalidation(%s) = %v", id, err)
		}
		if i.Done {
			return i
		}
		c.Sleep(2 * time.Second)
	}
	t.Fatalf("invalidation %s does not end", id)
	return cloud.Invalidation{}
}

func invalidation(t *testing.T, c *Cloud) {
	i := c.invalidate(t, "ends", "/watch/a/master.m3u8", "/watch/%C3%BC", "/media/*")
	if i.Done || i.Created.IsZero() {
		t.Errorf("Invalidate = %+v, want one in progress with a time", i)
	}
	if got := c.done(t, i.ID); got.ID != i.ID || !got.Created.Equal(i.Created) {
		t.Errorf("Invalidation = %+v, want that of %+v", got, i)
	}
	_, err := c.CDN.Invalidation(t.Context(), c.Distribution.ID, "INONE")
	wantKind(t, "Invalidation of none", err, cloud.ErrNotFound)
	_, err = c.CDN.Invalidation(t.Context(), "ENONE", i.ID)
	wantKind(t, "Invalidation of another distribution", err, cloud.ErrNotFound)
	_, err = c.CDN.Invalidate(t.Context(), "ENONE", "none", []string{"/a"})
	wantKind(t, "Invalidate on no distribution", err, cloud.ErrNotFound)
}

func invalidationRepeat(t *testing.T, c *Cloud) {
	first := c.invalidate(t, "repeat", "/a", "/b")
	if again := c.invalidate(t, "repeat", "/a", "/b"); again.ID != first.ID {
		t.Errorf("a repeat is %s, want %s", again.ID, first.ID)
	}
	if again := c.invalidate(t, "repeat", "/b", "/a"); again.ID != first.ID {
		t.Errorf("a repeat in another order is %s, want %s", again.ID, first.ID)
	}
	_, err := c.CDN.Invalidate(t.Context(), c.Distribution.ID, "repeat", []string{"/a", "/c"})
	wantKind(t, "Invalidate of other paths", err, cloud.ErrInvalid)
	if other := c.invalidate(t, "repeat2", "/a", "/b"); other.ID == first.ID {
		t.Error("another reference is the same invalidation")
	}
	c.done(t, first.ID)
	if again := c.invalidate(t, "repeat", "/a", "/b"); again.ID != first.ID || !again.Done {
		t.Errorf("a repeat after the end is %+v, want %s and done", again, first.ID)
	}
}

func invalidPaths(t *testing.T, c *Cloud) {
	for _, paths := range [][]string{nil, {"a"}, {"/a*b"}, {"/ü"}, {"/a b"}, {""}} {
		_, err := c.CDN.Invalidate(t.Context(), c.Distribution.ID, "invalid", paths)
		wantKind(t, fmt.Sprintf("Invalidate(%q)", paths), err, cloud.ErrInvalid)
	}
	_, err := c.CDN.Invalidate(t.Context(), c.Distribution.ID, "", []string{"/a"})
	wantKind(t, "Invalidate without a reference", err, cloud.ErrInvalid)
}

func tooManyPaths(t *testing.T, c *Cloud) {
	paths := make([]string, cloud.MaxInvalidPaths)
	for i := range paths {
		paths[i] = fmt.Sprintf("/many/%d", i)
	}
	full := c.invalidate(t, "many", paths...)
	_, err := c.CDN.Invalidate(t.Context(), c.Distribution.ID, "one more", []string{"/one"})
	wantKind(t, "Invalidate of one more", err, cloud.ErrQuota)
	c.done(t, full.ID)
	c.done(t, c.invalidate(t, "one more", "/one").ID)
}

func tooManyWildcards(t *testing.T, c *Cloud) {
	var paths []string
	for i := range 15 {
		paths = append(paths, fmt.Sprintf("/wild/%d/*", i))
	}
	full := c.invalidate(t, "wild", paths...)
	_, err := c.CDN.Invalidate(t.Context(), c.Distribution.ID, "wild one more", []string{"/more/*"})
	wantKind(t, "Invalidate of one more", err, cloud.ErrQuota)
	c.done(t, full.ID)
}

func cdnFails(t *testing.T, c *Cloud) {
	i := c.invalidate(t, "fails", "/a")
	fails(t, c, map[string]func(context.Context) error{
		"Distribution": func(ctx context.Context) error { _, err := c.CDN.Distribution(ctx, c.Distribution.ID); return err },
		"Invalidation": func(ctx context.Context) error {
			_, err := c.CDN.Invalidation(ctx, c.Distribution.ID, i.ID)
			return err
		},
		"Invalidate": func(ctx context.Context) error {
			_, err := c.CDN.Invalidate(ctx, c.Distribution.ID, "fails too", []string{"/b"})
			return err
		},
	})
}
