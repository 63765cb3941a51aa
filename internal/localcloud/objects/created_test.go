package objects

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
)

// What is written is told once, with what a HEAD says of it: puts, copies and
// uploads of parts. Deletions, refused writes and other buckets are not.
func TestCreated(t *testing.T) {
	var mu sync.Mutex
	var told []string
	c := start(t, t.TempDir(), clock.New(1), func(cfg *Config) {
		cfg.Notify = bucket
		cfg.Created = func(o Created) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, fmt.Sprintf("%s %s/%s %d %t", o.By, o.Bucket, o.Key, o.Size, o.ETag != "" && !strings.Contains(o.ETag, `"`) && !o.Time.IsZero()))
		}
	})
	if err := c.CreateBucket(t.Context(), "vod-other", false); err != nil {
		t.Fatal(err)
	}
	put(t, c, "a b+c.mp4", "12345")
	put(t, c, "folder/", "")
	if _, err := c.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new(bucket), Key: new("a b+c.mp4"), IfNoneMatch: new("*"), Body: strings.NewReader("x")}); err == nil {
		t.Error("a second first write succeeds")
	}
	if _, err := c.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("vod-other"), Key: new("k"), Body: strings.NewReader("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.client.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: new(bucket), Key: new("copy.mp4"), CopySource: new("vod-other/k")}); err != nil {
		t.Fatal(err)
	}
	up, err := c.client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: new(bucket), Key: new("big.mp4")})
	if err != nil {
		t.Fatal(err)
	}
	part, err := c.client.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: new(bucket), Key: new("big.mp4"), UploadId: up.UploadId, PartNumber: new(int32(1)), Body: bytes.NewReader([]byte("part"))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.client.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: new(bucket), Key: new("big.mp4"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{
		Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: new(int32(1)), ChecksumCRC32: part.ChecksumCRC32}},
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: new(bucket), Key: new("copy.mp4")}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Put vod-library/a b+c.mp4 5 true", "Put vod-library/folder/ 0 true", "Copy vod-library/copy.mp4 1 true", "CompleteMultipartUpload vod-library/big.mp4 4 true",
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
}

// What is deleted, alone or among others, is told while it is still there.
func TestDeleting(t *testing.T) {
	var mu sync.Mutex
	var told []string
	var c *cloud
	c = start(t, t.TempDir(), clock.New(1), func(cfg *Config) {
		cfg.Deleting = func(ctx context.Context, bucket, key string) {
			_, err := c.Head(ctx, bucket, key)
			mu.Lock()
			defer mu.Unlock()
			told = append(told, fmt.Sprintf("%s/%s %t", bucket, key, err == nil))
		}
	})
	for _, key := range []string{"a b", "c", "d"} {
		put(t, c, key, "x")
	}
	if _, err := c.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: new(bucket), Key: new("a b")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: new(bucket), Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: new("c")}, {Key: new("gone")}, {Key: new("d")}},
	}}); err != nil {
		t.Fatal(err)
	}
	want := []string{bucket + "/a b true", bucket + "/c true", bucket + "/gone false", bucket + "/d true"}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
