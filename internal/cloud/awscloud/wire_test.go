package awscloud_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// keys are what SDKs and HTTP clients are tempted to clean, decode or encode
// twice.
var keys = []string{
	"a b.mp4", "a+b.mp4", "a%20b.mp4", "a%2Fb", "%", "a#b?c=d&e.mp4", "a:b@c,d$e!f*g(h)'i;j", `q"<>\|^{}~[]` + "`", "ünï/日本 😀.mp4",
	"control\x01\t\n\r\x7f.mp4", "/leading", "//two", "a//b", "trailing/", "..", "../up", "a/../b", "./a", ".", "a/.", "x/../../..", "\ufffe\ufffd",
	strings.Repeat("ü", 512),
}

// TestKeysOnTheWire holds each request's path, decoded once, and the source of
// copies, to the key.
func TestKeysOnTheWire(t *testing.T) {
	c, f := account(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"e"`)
		if r.Header.Get("X-Amz-Copy-Source") != "" {
			io.WriteString(w, `<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>`)
		}
	})
	s := c.Store()
	for _, key := range keys {
		at := cloud.Location{Bucket: "bucket", Key: key}
		for name, do := range map[string]func() error{
			"Head": func() error { _, err := s.Head(t.Context(), at); return err },
			"Get":  func() error { _, _, err := s.Get(t.Context(), at, 10); return err },
			"Open": func() error {
				r, _, err := s.Open(t.Context(), at)
				if err == nil {
					err = r.Close()
				}
				return err
			},
			"Put":  func() error { _, err := s.Put(t.Context(), cloud.Put{Location: at}); return err },
			"Copy": func() error { _, err := s.Copy(t.Context(), at, at, "e"); return err },
		} {
			if err := do(); err != nil {
				t.Errorf("%s(%q) = %v", name, key, err)
				continue
			}
			r := f.last()
			if got, err := url.PathUnescape(r.URL.EscapedPath()); err != nil || got != "/bucket/"+key {
				t.Errorf("%s(%q) asks for %q", name, key, r.URL.EscapedPath())
			}
			source := r.Header.Get("X-Amz-Copy-Source")
			if name == "Copy" {
				if got, err := url.QueryUnescape(source); err != nil || got != "bucket/"+key { // "+" and "%2B" alike
					t.Errorf("Copy(%q) copies %q", key, source)
				}
			}
		}
	}
}

func TestHead(t *testing.T) {
	c, _ := account(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for name, value := range map[string]string{
			"ETag": `"abc-2"`, "Content-Length": "123", "Last-Modified": "Sat, 01 Aug 2026 10:00:00 GMT", "X-Amz-Storage-Class": "DEEP_ARCHIVE",
			"X-Amz-Version-Id": "null", "Content-Type": "video/mp4", "Cache-Control": "no-cache", "X-Amz-Meta-Seq": "7",
			"X-Amz-Restore": map[string]string{
				"/b/restored": `ongoing-request="false", expiry-date="Sat, 08 Aug 2026 00:00:00 GMT"`, "/b/restoring": `ongoing-request="true"`,
			}[r.URL.Path],
		} {
			if value != "" {
				h.Set(name, value)
			}
		}
	})
	for key, restored := range map[string]bool{"archived": false, "restoring": false, "restored": true} {
		got, err := c.Store().Head(t.Context(), cloud.Location{Bucket: "b", Key: key})
		want := cloud.Object{
			Location: cloud.Location{Bucket: "b", Key: key}, Size: 123, ETag: "abc-2", StorageClass: "DEEP_ARCHIVE", Restored: restored,
			LastModified: time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC), ContentType: "video/mp4", CacheControl: "no-cache",
			Metadata: map[string]string{"seq": "7"},
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Head(%s) = %#v, %v\nwant %#v", key, got, err, want)
		}
	}
}

func TestPutConditions(t *testing.T) {
	c, f := account(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"new"`) })
	for _, tt := range []struct {
		cond cloud.Condition
		want map[string]string
	}{
		{cloud.Condition{}, map[string]string{"If-Match": "", "If-None-Match": ""}},
		{cloud.Condition{Absent: true}, map[string]string{"If-Match": "", "If-None-Match": "*"}},
		{cloud.Condition{ETag: "old"}, map[string]string{"If-Match": `"old"`, "If-None-Match": ""}},
	} {
		o, err := c.Store().Put(t.Context(), cloud.Put{
			Location: cloud.Location{Bucket: "b", Key: "k"}, Body: []byte("body"), If: tt.cond, ContentType: "text/plain", Metadata: map[string]string{"seq": "7"},
		})
		r := f.last()
		got := map[string]string{"If-Match": r.Header.Get("If-Match"), "If-None-Match": r.Header.Get("If-None-Match")}
		if err != nil || o.ETag != "new" || o.Size != 4 || !maps.Equal(got, tt.want) || r.Header.Get("X-Amz-Meta-Seq") != "7" || r.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("Put on %+v = %#v, %v with %v; want %v", tt.cond, o, err, r.Header, tt.want)
		}
	}
}

func TestGetBounds(t *testing.T) {
	c, _ := account(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"e"`)
		if strings.HasSuffix(r.URL.Path, "told") {
			w.Header().Set("Content-Length", "100000")
		}
		io.WriteString(w, strings.Repeat("x", 100000))
	})
	for key, want := range map[string]string{"told": "100000 bytes, limit 99999", "unsaid": "more than 99999 bytes"} {
		body, _, err := c.Store().Get(t.Context(), cloud.Location{Bucket: "b", Key: key}, 99999)
		if !errors.Is(err, cloud.ErrInvalid) || body != nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("Get(%s) = %d bytes, %v", key, len(body), err)
		}
		if body, o, err := c.Store().Get(t.Context(), cloud.Location{Bucket: "b", Key: key}, 100000); err != nil || len(body) != 100000 || o.ETag != "e" {
			t.Errorf("Get(%s) = %d bytes, %#v, %v", key, len(body), o, err)
		}
	}
}

func TestListOnTheWire(t *testing.T) {
	c, f := account(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		page := `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t/+=</NextContinuationToken>
			<Contents><Key>p%2B+%01%25%C3%BC</Key><ETag>"e1"</ETag><Size>5</Size><StorageClass>STANDARD</StorageClass><LastModified>2026-08-01T10:00:00.000Z</LastModified></Contents></ListBucketResult>`
		switch {
		case q.Get("prefix") == "ends nowhere" && q.Get("continuation-token") != "":
			page = `<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>`
		case q.Get("continuation-token") == "t/+=":
			page = `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated><Contents><Key>p2</Key><StorageClass>GLACIER</StorageClass></Contents></ListBucketResult>`
		case q.Get("prefix") == "plain":
			page = `<ListBucketResult><Contents><Key>plain%20+</Key></Contents></ListBucketResult>`
		case q.Get("prefix") == "bad":
			page = `<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>bad%zz</Key></Contents></ListBucketResult>`
		case q.Get("prefix") == "endless":
			page = `<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>`
		}
		io.WriteString(w, page)
	})
	list := func(prefix, after string) (all []string, err error) {
		for o, lerr := range c.Store().List(t.Context(), cloud.Location{Bucket: "b", Key: prefix}, after) {
			if lerr != nil {
				return all, lerr
			}
			all = append(all, fmt.Sprintf("%q %s %d %s", o.Key, o.ETag, o.Size, o.StorageClass))
		}
		return all, nil
	}
	got, err := list("p\x01+ ", "p\x01a+ü")
	if want := []string{`"p+ \x01%ü" e1 5 `, `"p2"  0 GLACIER`}; err != nil || !slices.Equal(got, want) {
		t.Errorf("List = %q, %v; want %q", got, err, want)
	}
	q := f.requests[0].URL.Query()
	if q.Get("prefix") != "p\x01+ " || q.Get("start-after") != "p\x01a+ü" || q.Get("encoding-type") != "url" || q.Get("list-type") != "2" || q.Get("delimiter") != "" {
		t.Errorf("List asks with %v", q)
	}
	if got, err := list("plain", ""); err != nil || !slices.Equal(got, []string{`"plain%20+"  0 `}) {
		t.Errorf("List of an answer that is not encoded = %q, %v", got, err)
	}
	for _, prefix := range []string{"bad", "endless", "ends nowhere"} {
		if _, err := list(prefix, ""); !errors.Is(err, cloud.ErrUnavailable) {
			t.Errorf("List of %s = %v, want %v", prefix, err, cloud.ErrUnavailable)
		}
	}
}

func TestDeleteOnTheWire(t *testing.T) {
	c, f := account(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			io.WriteString(w, `<DeleteResult><Error><Key>gone</Key><Code>NoSuchKey</Code></Error><Error><Key>kept</Key><Code>AccessDenied</Code><Message>no</Message></Error>
				<Error><Key>later</Key><Code>InternalError</Code></Error></DeleteResult>`)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	// Each of these would reach S3 as another key inside a document.
	alone := []string{"control\x01", "cr\rlf\n", "\ufffe", "\ufffd", " first", "last ", "tab\t", "del\x7f", "nel\u0085"}
	many := make([]string, 1000)
	for i := range many {
		many[i] = fmt.Sprintf("many <&> %d", i)
	}
	err := c.Store().Delete(t.Context(), "b", append(append(slices.Clone(alone), many...), "one more", "")...)
	if !errors.Is(err, cloud.ErrDenied) || !errors.Is(err, cloud.ErrUnavailable) || !errors.Is(err, cloud.ErrInvalid) || errors.Is(err, cloud.ErrNotFound) {
		t.Errorf("Delete = %v, want what failed of the batches and the key that is none", err)
	}
	if !strings.Contains(err.Error(), "DeleteObjects s3://b/kept: denied: AccessDenied: no") {
		t.Errorf("Delete = %v, want it to name the key", err)
	}
	var paths []string
	var batches [][]string
	for _, r := range f.requests {
		if r.Method == http.MethodDelete {
			path, _ := url.PathUnescape(r.URL.EscapedPath())
			paths = append(paths, strings.TrimPrefix(path, "/b/"))
			continue
		}
		var doc struct {
			Quiet  bool
			Object []struct{ Key string }
		}
		if err := xml.Unmarshal([]byte(r.body), &doc); err != nil || !doc.Quiet || !r.URL.Query().Has("delete") {
			t.Fatalf("%s %s: %v", r.Method, r.URL, err)
		}
		var batch []string
		for _, o := range doc.Object {
			batch = append(batch, o.Key)
		}
		batches = append(batches, batch)
	}
	if !slices.Equal(paths, alone) {
		t.Errorf("deleted one by one: %q, want %q", paths, alone)
	}
	if len(batches) != 2 || !slices.Equal(batches[0], many) || !slices.Equal(batches[1], []string{"one more"}) {
		t.Errorf("deleted in batches of %d", len(batches))
	}
}

// TestBuckets shows where the bucket goes.
func TestBuckets(t *testing.T) {
	for _, tt := range []struct{ bucket, s3, all, want string }{
		{"bucket", "", "", "https://bucket.s3.eu-central-1.amazonaws.com/k"},
		{"dotted.bucket", "", "", "https://s3.eu-central-1.amazonaws.com/dotted.bucket/k"},
		{"bucket", "http://localhost:9000", "", "http://localhost:9000/bucket/k"},
		{"bucket", "", "http://127.0.0.1:9000", "http://127.0.0.1:9000/bucket/k"},
		{"bucket", "https://s3.example.net/base", "", "https://s3.example.net/base/bucket/k"},
	} {
		settings(t, "1")
		t.Setenv("AWS_ENDPOINT_URL_S3", tt.s3)
		t.Setenv("AWS_ENDPOINT_URL", tt.all)
		c, f := opened(t, says(http.StatusOK, ""))
		if _, err := c.Store().Head(t.Context(), cloud.Location{Bucket: tt.bucket, Key: "k"}); err != nil {
			t.Fatal(err)
		}
		if got := f.last().URL.String(); got != tt.want {
			t.Errorf("with endpoint %q%q the object is asked for at %s, want %s", tt.s3, tt.all, got, tt.want)
		}
	}
}
