package cloudtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// awkward are keys that careless code cleans, decodes, encodes twice or splits.
// Each that looks like another's cleaned form is beside it.
var awkward = []string{
	"a b.mp4", "a+b.mp4", "a%20b.mp4", "a%2Bb.mp4", "a%2fb.mp4", "a%b.mp4", "100%.mp4", "%", "%%41", "A%41", "AA",
	"a#b.mp4", "a?b.mp4", "a?x=1&y=2.mp4", "a&b;c=d.mp4", "a:b@c,d$e!f*g(h)'i.mp4", `a"b.mp4`, "a'b.mp4", "a<b>c.mp4", `a\b.mp4`, "a|b^c`d{e}~f[g].mp4",
	"ünï cödé/日本語.mp4", "e\u0301.mp4", "\u00e9.mp4", "😀.mp4", "\ufeffbom.mp4", "CASE.MP4", "case.mp4", "no-extension",
	"dir/sub/c.mp4", "dots...mp4", "...", ".hidden", "d/.hidden", "-dash", " space first", "space last ", "dir / spaced", "x-amz-acl", "null", "index.html",
	"tab\tnewline\nreturn\r.mp4", "delete\x7f.mp4", "c1\u0085\u2028.mp4", "fffd\ufffd.mp4",
}

// odd are keys that S3 takes, and file systems do not or XML cannot write.
var odd = []string{
	"control\x01.mp4", "control\x02.mp4", "fffe\ufffe.mp4", "fffe\uffff.mp4", "fffe\ufffd.mp4",
	"..", ".", "../up", "a/../b", "a/./b", "b", "a/b", "a", "a/b/c", "a//b", "/leading", "leading", "//two", "trailing/", "trailing", "trailing//",
	strings.Repeat("k", cloud.MaxKey), strings.Repeat("ü", cloud.MaxKey/2), strings.Repeat("%", cloud.MaxKey),
}

// long is a key as long as there are, in parts that file systems take.
var long = strings.Repeat(strings.Repeat("l", 200)+"/", 5) + strings.Repeat("l", cloud.MaxKey-5*201)

func keys(t *testing.T, c *Cloud) { keep(t, c, append(awkward, long)) }

func oddKeys(t *testing.T, c *Cloud) {
	if !c.OddKeys {
		t.Skip("the backend does not take them")
	}
	keep(t, c, odd)
}

// keep puts, finds, copies, lists and deletes each of keys, beside the others.
func keep(t *testing.T, c *Cloud, keys []string) {
	ctx := t.Context()
	there := map[string]string{} // key to content
	for i, key := range keys {
		there[key] = fmt.Sprint("content ", i)
		c.put(t, key, there[key])
	}
	for key, want := range there {
		if got := c.content(t, key); got != want {
			t.Errorf("content of %q: %q, want %q", key, got, want)
		}
		if o, err := c.Store.Head(ctx, c.at(key)); err != nil || o.Location != c.at(key) {
			t.Errorf("Head(%q) = %#v, %v", key, o, err)
		}
	}
	listed := map[string]bool{}
	for o, err := range c.Store.List(ctx, cloud.Location{Bucket: c.Bucket}, "") {
		if err != nil {
			t.Fatalf("List = %v", err)
		}
		listed[o.Key] = true
		if _, ok := there[o.Key]; !ok {
			t.Errorf("List has %q, which nobody put", o.Key)
		}
	}
	for key, want := range there {
		if !listed[key] {
			t.Errorf("List has no %q", key)
		}
		if _, err := c.Store.Copy(ctx, c.at(key), c.at("\u007ecopy"), ""); err != nil {
			t.Errorf("Copy from %q = %v", key, err)
		} else if got := c.content(t, "\u007ecopy"); got != want {
			t.Errorf("copy of %q holds %q, want %q", key, got, want)
		}
	}
	source := c.put(t, "\u007esource", "copied")
	for _, key := range keys {
		if o, err := c.Store.Copy(ctx, source.Location, c.at(key), source.ETag); err != nil || o.Location != c.at(key) {
			t.Errorf("Copy to %q = %#v, %v", key, o, err)
		} else if got := c.content(t, key); got != "copied" {
			t.Errorf("%q holds %q after a copy to it", key, got)
		}
	}
	for i, key := range keys {
		if err := c.Store.Delete(ctx, c.Bucket, key); err != nil {
			t.Errorf("Delete(%q) = %v", key, err)
		}
		_, err := c.Store.Head(ctx, c.at(key))
		wantKind(t, fmt.Sprintf("Head of deleted %q", key), err, cloud.ErrNotFound)
		if i+1 < len(keys) {
			if _, err := c.Store.Head(ctx, c.at(keys[i+1])); err != nil {
				t.Errorf("Head(%q) after %q was deleted = %v", keys[i+1], key, err)
			}
		}
	}
}
