package objects

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
)

func TestTags(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	if _, err := c.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new(bucket), Key: new("k"), Body: strings.NewReader("x"), Tagging: new("a=1&b=two+words")}); err != nil {
		t.Fatal(err)
	}
	tags := func() string {
		out, err := c.client.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: new(bucket), Key: new("k")})
		if err != nil {
			return code(err)
		}
		var got []string
		for _, tag := range out.TagSet {
			got = append(got, *tag.Key+"="+*tag.Value)
		}
		return strings.Join(got, "&")
	}
	if got := tags(); got != "a=1&b=two words" && got != "b=two words&a=1" {
		t.Errorf("tags after the put: %s", got)
	}
	if _, err := c.client.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{Bucket: new(bucket), Key: new("k"), Tagging: &types.Tagging{TagSet: []types.Tag{{Key: new("c"), Value: new("3")}}}}); err != nil {
		t.Fatal(err)
	}
	if got := tags(); got != "c=3" {
		t.Errorf("tags after they were replaced: %s", got)
	}
	if _, err := c.client.DeleteObjectTagging(t.Context(), &s3.DeleteObjectTaggingInput{Bucket: new(bucket), Key: new("k")}); err != nil {
		t.Fatal(err)
	}
	if got := tags(); got != "" {
		t.Errorf("tags after they were deleted: %s", got)
	}
}

func TestVersions(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	if err := c.CreateBucket(t.Context(), "vod-ledger", true); err != nil {
		t.Fatal(err)
	}
	var versions []string
	for _, body := range []string{"one", "two"} {
		out, err := c.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("vod-ledger"), Key: new("k"), Body: strings.NewReader(body)})
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, *out.VersionId)
	}
	get := func(version *string) string {
		out, err := c.client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: new("vod-ledger"), Key: new("k"), VersionId: version})
		if err != nil {
			return code(err)
		}
		defer out.Body.Close()
		b, _ := io.ReadAll(out.Body)
		return string(b)
	}
	if a, b, now := get(&versions[0]), get(&versions[1]), get(nil); a != "one" || b != "two" || now != "two" {
		t.Errorf("versions %q and %q, the current one %q", a, b, now)
	}
	if out, err := c.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: new("vod-ledger"), Key: new("k")}); err != nil || out.DeleteMarker == nil || !*out.DeleteMarker {
		t.Errorf("delete = %+v, %v, want a marker", out, err)
	}
	if a, now := get(&versions[0]), get(nil); a != "one" || now != "404 NoSuchKey" {
		t.Errorf("after the deletion the first version is %q, the current one %q", a, now)
	}
	// A bucket that is there stays as it is, and so does its versioning.
	if err := c.CreateBucket(t.Context(), "vod-ledger", false); err != nil {
		t.Fatal(err)
	}
	if out, err := c.client.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: new("vod-ledger")}); err != nil || out.Status != types.BucketVersioningStatusEnabled {
		t.Errorf("versioning after the bucket was made again: %+v, %v", out, err)
	}
}

func TestListFolders(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	for _, key := range []string{"a b/1", "a b/2", "c%d/1", "e"} {
		put(t, c, key, "x")
	}
	out, err := c.client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: new(bucket), Delimiter: new("/"), EncodingType: types.EncodingTypeUrl})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range out.CommonPrefixes {
		got = append(got, *p.Prefix)
	}
	for _, o := range out.Contents {
		got = append(got, *o.Key)
	}
	if want := []string{"a+b/", "c%25d/", "e"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPresignedPut(t *testing.T) {
	c := start(t, t.TempDir(), clock.New(1))
	signed, err := s3.NewPresignClient(c.client).PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: new(bucket), Key: new("ü +")}, s3.WithPresignExpires(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		url    string
		status int
	}{
		{signed.URL, 200},
		{strings.Replace(signed.URL, "X-Amz-Signature=", "X-Amz-Signature=0", 1), 403},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, tt.url, strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("put to %s: %s, want %d", tt.url, resp.Status, tt.status)
		}
	}
	if info, err := c.Head(t.Context(), bucket, "ü +"); err != nil || info.Size != 5 {
		t.Errorf("head = %+v, %v", info, err)
	}
}

func TestEncodeKeys(t *testing.T) {
	const in = `<?xml version="1.0"?><R xmlns="x"><EncodingType></EncodingType><Prefix>a b</Prefix><Name>b c</Name>` +
		`<Contents><Key>a &amp; %&#xE9;</Key><ETag>"1 2"</ETag></Contents><Key/></R>`
	const want = `<?xml version="1.0"?><R xmlns="x"><EncodingType>url</EncodingType><Prefix>a+b</Prefix><Name>b c</Name>` +
		`<Contents><Key>a+%26+%25%C3%A9</Key><ETag>"1 2"</ETag></Contents><Key/></R>`
	if got, err := encodeKeys([]byte(in)); err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	if _, err := encodeKeys([]byte("<R><Key")); err == nil {
		t.Error("a cut listing is no error")
	}
}
