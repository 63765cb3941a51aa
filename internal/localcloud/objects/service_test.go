package objects

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/vodfleet/vodfleet/internal/localcloud/calls"
	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

const bucket = "vod-library"

// cloud is a service that runs, with a client of it.
type cloud struct {
	*Service
	calls  *calls.Recorder
	url    string
	client *s3.Client
	stop   func()
}

// start runs a service over dir, with a bucket, until the test ends or stop is
// called. A process has one at a time, so these tests are not parallel.
func start(t *testing.T, dir string, clk *clock.Clock, change ...func(*Config)) *cloud {
	t.Helper()
	rec, err := calls.New(dir, clk)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Dir: dir, Clock: clk, Calls: rec}
	for _, c := range change {
		c(&cfg)
	}
	svc, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := svc.CreateBucket(t.Context(), bucket, false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- svc.Run(ctx) }()
	select {
	case <-svc.Ready():
	case err := <-done:
		t.Fatalf("Run = %v", err)
	}
	srv := httptest.NewServer(svc.Handler())
	stop := sync.OnceFunc(func() {
		srv.Close()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		if err := rec.Close(); err != nil {
			t.Errorf("record: %v", err)
		}
	})
	t.Cleanup(stop)
	return &cloud{svc, rec, srv.URL, newClient(srv.URL), stop}
}

func newClient(url string, opts ...func(*s3.Options)) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint:     &url,
		Region:           sigv4.Region,
		Credentials:      credentials.NewStaticCredentialsProvider(sigv4.AccessKey, sigv4.SecretKey, ""),
		RetryMaxAttempts: 1,
	}, opts...)
}

func put(t *testing.T, c *cloud, key, body string) string {
	t.Helper()
	out, err := c.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new(bucket), Key: &key, Body: strings.NewReader(body)})
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return aws.ToString(out.ETag)
}

// code returns the error's code, with the HTTP status where it has one.
func code(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		if r, ok := errors.AsType[interface {
			error
			HTTPStatusCode() int
		}](err); ok {
			return fmt.Sprint(r.HTTPStatusCode(), " ", e.ErrorCode())
		}
		return e.ErrorCode()
	}
	return err.Error()
}

// keys are legal and hard.
var keys = []string{
	"plain.mp4", "with space.mp4", "with+plus.mp4", "100%.mp4", "%41.mp4", "a%2Fb.mp4", "hash#tag.mp4", "what?.mp4", "q?x=y&z.mp4",
	`quote"double.mp4`, "quote'single.mp4", "back\\slash.mp4", "Überraschung/Ж日本🎬.mp4", "semi;colon:and,comma.mp4", "(bracket) [square] {curly}.mp4",
	"star*and~tilde!@$^&=|`<>.mp4", "deep/er/and/deeper.mp4", " leading and trailing .mp4 ", "dots...mp4", "é.mp4",
}

func TestKeysGoThroughByteForByte(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	for _, key := range keys {
		put(t, c, key, "body of "+key)
	}
	for _, key := range keys {
		out, err := c.client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: new(bucket), Key: &key})
		if err != nil {
			t.Errorf("get %q: %v", key, err)
			continue
		}
		if body, _ := io.ReadAll(out.Body); string(body) != "body of "+key {
			t.Errorf("body of %q is %q", key, body)
		}
		if err := out.Body.Close(); err != nil {
			t.Errorf("checksum of %q: %v", key, err)
		}
		copied := "copies/" + key
		if _, err := c.client.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: new(bucket), Key: &copied, CopySource: new(bucket + "/" + pathEscape(key))}); err != nil {
			t.Errorf("copy %q: %v", key, err)
		}
	}

	want := slices.Sorted(slices.Values(keys))
	if got := list(t, c, &s3.ListObjectsV2Input{Prefix: new("copies/")}); !slices.Equal(got, slices.Sorted(mapped(keys, "copies/"))) {
		t.Errorf("list of copies:\n%q, want\n%q", got, want)
	}
	for _, pageSize := range []int32{1000, 3} {
		got := list(t, c, &s3.ListObjectsV2Input{MaxKeys: &pageSize})
		got = slices.DeleteFunc(got, func(k string) bool { return strings.HasPrefix(k, "copies/") })
		if !slices.Equal(got, want) {
			t.Errorf("list in pages of %d:\n%q, want\n%q", pageSize, got, want)
		}
	}
	if got := list(t, c, &s3.ListObjectsV2Input{StartAfter: new("hash#tag.mp4"), Prefix: new("p")}); !slices.Equal(got, []string{"plain.mp4"}) {
		t.Errorf("list after a key: %q", got)
	}
	all := append(slices.Clone(keys), slices.Collect(mapped(keys, "copies/"))...)
	var ids []types.ObjectIdentifier
	for _, k := range all {
		ids = append(ids, types.ObjectIdentifier{Key: &k})
	}
	out, err := c.client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: new(bucket), Delete: &types.Delete{Objects: ids}})
	if err != nil || len(out.Errors) != 0 || len(out.Deleted) != len(all) {
		t.Errorf("delete all: %v, %+v", err, out)
	}
	if got := list(t, c, &s3.ListObjectsV2Input{}); len(got) != 0 {
		t.Errorf("after all are deleted: %q", got)
	}
}

func mapped(keys []string, prefix string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, k := range keys {
			if !yield(prefix + k) {
				return
			}
		}
	}
}

// pathEscape encodes a key for CopySource.
func pathEscape(key string) string {
	var b strings.Builder
	for _, c := range []byte(key) {
		if c == '/' || c == '.' || c >= 'a' && c <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func list(t *testing.T, c *cloud, in *s3.ListObjectsV2Input) []string {
	t.Helper()
	in.Bucket, in.EncodingType = new(bucket), types.EncodingTypeUrl
	var got []string
	for pages := s3.NewListObjectsV2Paginator(c.client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		if page.EncodingType != types.EncodingTypeUrl {
			t.Errorf("list says that its keys are encoded as %q, want url", page.EncodingType)
		}
		for _, o := range page.Contents {
			key, err := pathUnescape(*o.Key)
			if err != nil {
				t.Fatalf("list: key %q: %v", *o.Key, err)
			}
			got = append(got, key)
		}
	}
	return got
}

func TestConditionalWrites(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	etag := put(t, c, "there", "first")
	for _, tt := range []struct {
		name string
		in   s3.PutObjectInput
		want string
	}{
		{"new, absent", s3.PutObjectInput{Key: new("new"), IfNoneMatch: new("*")}, ""},
		{"there, absent", s3.PutObjectInput{Key: new("there"), IfNoneMatch: new("*")}, "412 PreconditionFailed"},
		{"there, another", s3.PutObjectInput{Key: new("there"), IfMatch: new(`"0123456789abcdef0123456789abcdef"`)}, "412 PreconditionFailed"},
		{"there, this one", s3.PutObjectInput{Key: new("there"), IfMatch: &etag}, ""},
		{"there, the one before", s3.PutObjectInput{Key: new("there"), IfMatch: &etag}, "412 PreconditionFailed"},
		{"gone, this one", s3.PutObjectInput{Key: new("gone"), IfMatch: &etag}, "404 NoSuchKey"},
		{"wrong checksum", s3.PutObjectInput{Key: new("new"), ChecksumSHA256: new("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")}, "400 BadDigest"},
		{"no such bucket", s3.PutObjectInput{Bucket: new("no-such-bucket"), Key: new("new")}, "404 NoSuchBucket"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.in.Bucket == nil {
				tt.in.Bucket = new(bucket)
			}
			tt.in.Body = strings.NewReader("second")
			_, err := c.client.PutObject(t.Context(), &tt.in)
			if got := code(err); got != tt.want {
				t.Errorf("put: %q, want %q", got, tt.want)
			}
		})
	}
}

func TestConditionalWriteRaceHasOneWinner(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for i := range 20 {
		wg.Go(func() {
			_, err := c.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new(bucket), Key: new("one"), IfNoneMatch: new("*"), Body: strings.NewReader(fmt.Sprint(i))})
			mu.Lock()
			defer mu.Unlock()
			got[code(err)]++
		})
	}
	wg.Wait()
	if want := map[string]int{"": 1, "412 PreconditionFailed": 19}; !maps.Equal(got, want) {
		t.Errorf("20 at a time: %v, want %v", got, want)
	}
}

func TestConditionalWriteOvertakenByADeletionConflicts(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	etag := put(t, c, "there", "first")
	body := &gate{open: make(chan struct{}), reached: make(chan struct{}), Reader: strings.NewReader("second")}
	done := make(chan error, 1)
	go func() {
		done <- c.backendPut(t.Context(), "there", strings.Trim(etag, `"`), body)
	}()
	select {
	case <-body.reached:
	case err := <-done:
		t.Fatalf("put = %v before its body was read", err)
	}
	if _, err := c.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: new(bucket), Key: new("there")}); err != nil {
		t.Fatal(err)
	}
	close(body.open)
	if err := <-done; err != errConflict {
		t.Errorf("put = %v, want a conflict", err)
	}
}

func TestMetadata(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	body := "#EXTM3U"
	_, err := c.client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: new(bucket), Key: new("master.m3u8"), Body: strings.NewReader(body),
		ContentType: new("application/vnd.apple.mpegurl"), CacheControl: new("max-age=0, s-maxage=86400"),
		Metadata: map[string]string{"seq": "7", "nonce": "abc"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.client.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: new(bucket), Key: new("copy"), CopySource: new(bucket + "/master.m3u8")}); err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum([]byte(body))
	for _, key := range []string{"master.m3u8", "copy"} {
		out, err := c.client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: new(bucket), Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		got := Info{*out.ContentLength, strings.Trim(*out.ETag, `"`), *out.ContentType, *out.CacheControl, time.Time{}, out.Metadata}
		want := Info{int64(len(body)), hex.EncodeToString(sum[:]), "application/vnd.apple.mpegurl", "max-age=0, s-maxage=86400", time.Time{}, map[string]string{"seq": "7", "nonce": "abc"}}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("head %s = %v, want %v", key, got, want)
		}
	}
	for _, tt := range []struct{ name, want string }{
		{"another", "412 PreconditionFailed"},
		{hex.EncodeToString(sum[:]), ""},
	} {
		_, err := c.client.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: new(bucket), Key: new("copy"), CopySource: new(bucket + "/master.m3u8"), CopySourceIfMatch: &tt.name})
		if got := code(err); got != tt.want {
			t.Errorf("copy if %s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestMultipartAndRange(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	part := bytes.Repeat([]byte("0123456789abcdef"), 5<<20/16)
	up, err := c.client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: new(bucket), Key: new("big"), ContentType: new("video/mp4")})
	if err != nil {
		t.Fatal(err)
	}
	var parts []types.CompletedPart
	for n := int32(1); n <= 2; n++ {
		out, err := c.client.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: new(bucket), Key: new("big"), UploadId: up.UploadId, PartNumber: &n, Body: bytes.NewReader(part)})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: &n, ChecksumCRC32: out.ChecksumCRC32})
	}
	if _, err := c.client.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: new(bucket), Key: new("big"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}}); err != nil {
		t.Fatal(err)
	}
	out, err := c.client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: new(bucket), Key: new("big"), Range: new("bytes=5242870-5242889")})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	if got, _ := io.ReadAll(out.Body); string(got) != "6789abcdef0123456789" || *out.ContentRange != "bytes 5242870-5242889/10485760" {
		t.Errorf("range = %q, %s", got, *out.ContentRange)
	}
	want := map[string]map[string]int{
		"s3.CreateMultipartUpload": {"200": 1}, "s3.UploadPart": {"200": 2}, "s3.CompleteMultipartUpload": {"200": 1}, "s3.GetObject": {"206": 1},
	}
	if got := c.calls.Counts(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("counts = %v, want %v", got, want)
	}
}

func TestVirtualHosts(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	put(t, c, "a b/c+d", "x")
	port := c.url[strings.LastIndex(c.url, ":"):]
	client := newClient("http://localhost"+port, func(o *s3.Options) {
		o.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: dialTo(strings.TrimPrefix(c.url, "http://"))}}
	})
	out, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: new(bucket)})
	if err != nil || len(out.Contents) != 1 {
		t.Fatalf("list by host: %v, %+v", err, out)
	}
	if _, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: new(bucket), Key: new("a b/c+d")}); err != nil {
		t.Fatalf("head by host: %v", err)
	}
	if got := c.calls.Counts()["s3.HeadObject"]["200"]; got != 1 {
		t.Errorf("%d calls of HeadObject, want 1", got)
	}
}

func TestSignaturesAreChecked(t *testing.T) {
	clk := clock.New(60)
	c := start(t, t.TempDir(), clk)
	for _, tt := range []struct {
		name string
		opts func(*s3.Options)
		want string
	}{
		{"the account's", func(*s3.Options) {}, ""},
		{"a wrong secret", func(o *s3.Options) {
			o.Credentials = credentials.NewStaticCredentialsProvider(sigv4.AccessKey, "guess", "")
		}, "403 SignatureDoesNotMatch"},
		{"another's key", func(o *s3.Options) { o.Credentials = credentials.NewStaticCredentialsProvider("AKIAOTHER", "x", "") }, "403 InvalidAccessKeyId"},
		{"nobody's", func(o *s3.Options) { o.Credentials = aws.AnonymousCredentials{} }, "403 AccessDenied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newClient(c.url, tt.opts).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: new(bucket)})
			if got := code(err); got != tt.want {
				t.Errorf("list: %q, want %q", got, tt.want)
			}
		})
	}
	// 17 s ago on the host are 16 to 17 minutes in the cloud.
	old := httptest.NewRequest("GET", c.url+"/"+bucket+"?list-type=2", nil)
	old.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=localcloud/x")
	old.Header.Set("X-Amz-Date", time.Now().Add(-17*time.Second).UTC().Format("20060102T150405Z"))
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, old)
	if w.Code != 403 || !strings.Contains(w.Body.String(), "<Code>RequestTimeTooSkewed</Code>") {
		t.Errorf("a signature of 17 cloud minutes: %d %s", w.Code, w.Body)
	}
}

func TestPresigned(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	put(t, c, "a b", "hello")
	signed, err := s3.NewPresignClient(c.client).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: new(bucket), Key: new("a b")}, s3.WithPresignExpires(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(signed.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(body) != "hello" {
		t.Errorf("presigned get: %s %s", resp.Status, body)
	}
}

func TestFaults(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	for _, tt := range []struct {
		name string
		f    calls.Fault
		want string // of the put
		done bool
	}{
		{"throttled", calls.Fault{API: "s3.PutObject", Kind: calls.KindThrottle, Rate: 1}, "503 SlowDown", false},
		{"conflict", calls.Fault{API: "s3.PutObject", Kind: calls.KindError, Rate: 1, Code: 409}, "409 ConditionalRequestConflict", false},
		{"error", calls.Fault{API: "s3", Kind: calls.KindError, Rate: 1, Times: 1}, "500 InternalError", false},
		{"lost", calls.Fault{API: "s3.PutObject", Kind: calls.KindLostResponse, Rate: 1}, "EOF", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := c.calls.SetFaults([]calls.Fault{tt.f}); err != nil {
				t.Fatal(err)
			}
			key := "fault " + tt.name
			_, err := c.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new(bucket), Key: &key, Body: strings.NewReader("x")})
			if got := code(err); !strings.Contains(got, tt.want) {
				t.Errorf("put: %q, want %q", got, tt.want)
			}
			_, err = c.Head(t.Context(), bucket, key)
			if tt.done != (err == nil) {
				t.Errorf("after it, head = %v, want it there: %v", err, tt.done)
			}
		})
	}
}

func TestStateSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir, clock.New(1))
	if err := c.CreateBucket(t.Context(), "vod-ledger", true); err != nil {
		t.Fatal(err)
	}
	first := put(t, c, "k", "first")
	for _, body := range []string{"one", "two"} {
		if _, err := c.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("vod-ledger"), Key: new("v"), Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}
	c.stop()

	c = start(t, dir, clock.New(1))
	out, err := c.client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: new(bucket), Key: new("k"), IfMatch: &first})
	if err != nil || *out.ContentLength != 5 {
		t.Errorf("after a restart head = %+v, %v", out, err)
	}
	versions, err := c.client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: new("vod-ledger")})
	if err != nil || len(versions.Versions) != 2 {
		t.Errorf("after a restart versions = %+v, %v, want 2", versions, err)
	}
	if got := c.calls.Counts()["s3.PutObject"]["200"]; got != 3 {
		t.Errorf("after a restart %d calls of PutObject, want 3", got)
	}
}

func TestTimesAreTheClouds(t *testing.T) {
	clk := clock.New(1)
	clk.SetBase(time.Now().Add(100 * time.Hour))
	c := start(t, t.TempDir(), clk)
	put(t, c, "put", "x")
	if _, err := c.client.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: new(bucket), Key: new("copy"), CopySource: new(bucket + "/put")}); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(t.Context(), bucket, "in process", "", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	out, err := c.client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: new(bucket)})
	if err != nil || len(out.Contents) != 3 {
		t.Fatalf("list = %+v, %v", out, err)
	}
	for _, o := range out.Contents {
		if d := clk.Now().Sub(*o.LastModified).Abs(); d > time.Minute {
			t.Errorf("%s was modified %v from the cloud's now", *o.Key, d)
		}
	}
}

func TestStore(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	ctx := t.Context()
	if err := c.Put(ctx, bucket, "out/a b.ts", "video/mp2t", strings.NewReader("hello"), 5); err != nil {
		t.Fatal(err)
	}
	out, err := c.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: new(bucket), Key: new("out/a b.ts")})
	if err != nil || *out.ETag != `"5d41402abc4b2a76b9719d911017c592"` || *out.ContentType != "video/mp2t" {
		t.Errorf("head over S3 = %+v, %v", out, err)
	}
	path, info, err := c.Open(ctx, bucket, "out/a b.ts")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "hello" || info.Size != 5 {
		t.Errorf("file %s holds %q, %v; info %+v", path, b, err, info)
	}
	body, info, err := c.Get(ctx, bucket, "out/a b.ts")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if b, _ := io.ReadAll(body); string(b) != "hello" || info.ETag != "5d41402abc4b2a76b9719d911017c592" {
		t.Errorf("get = %q, %+v", b, info)
	}
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"head of nothing", second(c.Head(ctx, bucket, "nothing")), "head s3://vod-library/nothing: not found"},
		{"head in no bucket", second(c.Head(ctx, "nowhere", "x")), "head s3://nowhere/x: not found"},
		{"head of a folder", second(c.Head(ctx, bucket, "out")), "head s3://vod-library/out: not found"},
		{"no bucket", c.Bucket(ctx, "nowhere"), "look at bucket nowhere: not found"},
		{"a bucket that climbs", c.Bucket(ctx, ".."), "look at bucket ..: not found"},
		{"head that climbs", second(c.Head(ctx, bucket, "../../calls.jsonl")), "head s3://vod-library/../../calls.jsonl: not found"},
		{"head of the root", second(c.Head(ctx, bucket, "/out/a b.ts")), "head s3://vod-library//out/a b.ts: not found"},
		{"put that climbs", c.Put(ctx, bucket, "a/../../x", "", strings.NewReader(""), 0), "put s3://vod-library/a/../../x: not found"},
		{"bucket", c.Bucket(ctx, bucket), "<nil>"},
		{"put in no bucket", c.Put(ctx, "nowhere", "x", "", strings.NewReader(""), 0), "put s3://nowhere/x: not found"},
		{"put too little", c.Put(ctx, bucket, "x", "", strings.NewReader("abc"), 4), "put s3://vod-library/x: write object data: body is shorter than its size"},
		{"put too much", c.Put(ctx, bucket, "x", "", strings.NewReader("abc"), 2), "put s3://vod-library/x: write object data: body is longer than its size"},
		{"after those, head", second(c.Head(ctx, bucket, "x")), "head s3://vod-library/x: not found"},
	} {
		if got := fmt.Sprint(tt.err); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if n := len(c.calls.Counts()); n != 1 {
		t.Errorf("%d operations are counted, want HeadObject alone", n)
	}
}

func second[T any](_ T, err error) error { return err }
