package objects

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
)

// What is about to take an object's place is in no list; names that only look
// like it are.
func TestUnfinished(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir, clock.New(1))
	want := []string{"a/.b.mp4.sgwtmp.x", "a/b.mp4", "a/b.mp4.sgwtmp.17"}
	for _, key := range want {
		put(t, c, key, "x")
	}
	var folder string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == "b.mp4" {
			folder = filepath.Dir(path)
		}
		return err
	})
	if err != nil || folder == "" {
		t.Fatalf("no file of a/b.mp4: %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, ".b.mp4.sgwtmp.1795854414784938061"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}

	in := new(bucket)
	one, err := c.client.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: in})
	if err != nil {
		t.Fatal(err)
	}
	two, err := c.client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: in})
	if err != nil {
		t.Fatal(err)
	}
	versions, err := c.client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: in})
	if err != nil {
		t.Fatal(err)
	}
	var got [3][]string
	for _, o := range one.Contents {
		got[0] = append(got[0], aws.ToString(o.Key))
	}
	for _, o := range two.Contents {
		got[1] = append(got[1], aws.ToString(o.Key))
	}
	for _, v := range versions.Versions {
		got[2] = append(got[2], aws.ToString(v.Key))
	}
	for i, keys := range got {
		if !slices.Equal(keys, want) {
			t.Errorf("list %d has %q, want %q", i, keys, want)
		}
	}
	if n := aws.ToInt32(two.KeyCount); int(n) != len(want) {
		t.Errorf("KeyCount is %d, want %d", n, len(want))
	}
}
