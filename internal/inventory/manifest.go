package inventory

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Bounds of what a manifest may hold. S3 names a data file in about 170 bytes.
const (
	maxManifest = 16 << 20 // bytes
	maxChecksum = 1 << 10  // bytes
	maxFiles    = 100_000
)

// manifest is a manifest.json as far as it is needed (Amazon S3 User Guide,
// "Inventory manifest").
type manifest struct {
	SourceBucket      string   `json:"sourceBucket"`
	DestinationBucket string   `json:"destinationBucket"` // an ARN
	FileFormat        string   `json:"fileFormat"`
	FileSchema        string   `json:"fileSchema"`
	Files             fileList `json:"files"`

	columns columns
}

// dataFile is one file of rows.
type dataFile struct {
	Key  string `json:"key"`  // whole, in the destination bucket
	Size *int64 `json:"size"` // bytes
	MD5  string `json:"MD5checksum"`
}

// fileList bounds the files before they take memory.
type fileList []dataFile

// UnmarshalJSON implements [json.Unmarshaler].
func (l *fileList) UnmarshalJSON(text []byte) error {
	*l = nil
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return errors.New("files: want a list")
	}
	for d.More() {
		if len(*l) == maxFiles {
			return fmt.Errorf("more than %d files", maxFiles)
		}
		var f dataFile
		if err := d.Decode(&f); err != nil {
			return fmt.Errorf("file %d: %w", len(*l)+1, err)
		}
		*l = append(*l, f)
	}
	return nil
}

// parseManifest reads a manifest that lies in bucket. Its data files must lie
// there too: what a manifest says never makes us read another bucket.
func parseManifest(text []byte, bucket string) (manifest, error) {
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("manifest: %w", err)
	}
	if m.SourceBucket == "" {
		return m, errors.New("manifest: no sourceBucket")
	}
	dest, ok := bucketOf(m.DestinationBucket)
	switch {
	case !ok:
		return m, fmt.Errorf("manifest: destinationBucket %.100q: want arn:aws:s3:::BUCKET", m.DestinationBucket)
	case dest != bucket:
		return m, fmt.Errorf("manifest: destinationBucket is %.100q, and the manifest lies in %q: read it where S3 wrote it", dest, bucket)
	}
	var err error
	if m.columns, err = parseSchema(m.FileFormat, m.FileSchema); err != nil {
		return m, err
	}
	seen := make(map[string]bool, len(m.Files))
	for i, f := range m.Files {
		if err := f.check(bucket); err != nil {
			return m, fmt.Errorf("manifest: file %d: %w", i+1, err)
		}
		if seen[f.Key] {
			return m, fmt.Errorf("manifest: file %d: %.100q is listed twice", i+1, f.Key)
		}
		seen[f.Key] = true
	}
	return m, nil
}

func (f dataFile) check(bucket string) error {
	if err := (cloud.Location{Bucket: bucket, Key: f.Key}).Valid(); err != nil {
		return err
	}
	if sum, err := hex.DecodeString(f.MD5); err != nil || len(sum) != 16 {
		return fmt.Errorf("MD5checksum %.40q: want 32 hexadecimal digits", f.MD5)
	}
	if f.Size != nil && *f.Size < 0 {
		return fmt.Errorf("size %d", *f.Size)
	}
	return nil
}

// bucketOf reads a bucket's ARN, of any partition.
func bucketOf(arn string) (string, bool) {
	p := strings.Split(arn, ":")
	if len(p) != 6 || p[0] != "arn" || p[2] != "s3" || p[5] == "" {
		return "", false
	}
	return p[5], true
}
