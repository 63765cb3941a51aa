package inventory

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
)

// manifest is manifest.json.
type manifest struct {
	SourceBucket      string     `json:"sourceBucket"`
	DestinationBucket string     `json:"destinationBucket"` // an ARN
	Version           string     `json:"version"`
	CreationTimestamp string     `json:"creationTimestamp"` // milliseconds
	FileFormat        string     `json:"fileFormat"`
	FileSchema        string     `json:"fileSchema"`
	Files             []dataFile `json:"files"`
}

type dataFile struct {
	Key         string `json:"key"` // whole, in the destination bucket
	Size        int64  `json:"size"`
	MD5Checksum string `json:"MD5checksum"`
}

// put writes the manifest and then its checksum.
func (m manifest) put(ctx context.Context, client *s3.Client, c Config, key string) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	sum := md5.Sum(b)
	checksum := strings.TrimSuffix(key, ".json") + ".checksum"
	for _, o := range []struct {
		key  string
		body []byte
	}{{key, b}, {checksum, []byte(hex.EncodeToString(sum[:]))}} {
		if _, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &c.To, Key: &o.key, Body: bytes.NewReader(o.body)}); err != nil {
			return fmt.Errorf("put s3://%s/%s: %w", c.To, o.key, err)
		}
	}
	return nil
}

// data writes data files, each first on disk.
type data struct {
	client  *s3.Client
	config  Config
	columns []string
	base    string // of keys

	files []dataFile
	total int // rows

	file *os.File // of the current one; nil: none
	zip  *gzip.Writer
	out  *bufio.Writer
	rows int
}

func (d *data) add(ctx context.Context, r row) error {
	if d.file == nil {
		f, err := os.CreateTemp("", "inventory-*.csv.gz")
		if err != nil {
			return err
		}
		d.file, d.zip, d.rows = f, gzip.NewWriter(f), 0
		d.out = bufio.NewWriterSize(d.zip, 64<<10)
	}
	for i, field := range r.fields(d.config.Bucket, d.config.Versions) {
		if i > 0 {
			d.out.WriteByte(',')
		}
		d.out.WriteByte('"')
		d.out.WriteString(strings.ReplaceAll(field, `"`, `""`))
		d.out.WriteByte('"')
	}
	if err := d.out.WriteByte('\n'); err != nil { // it keeps the first error
		return err
	}
	d.rows++
	d.total++
	if d.rows >= cmp.Or(d.config.RowsPerFile, 1_000_000) {
		return d.flush(ctx)
	}
	return nil
}

// flush ends the current file and puts it.
func (d *data) flush(ctx context.Context) error {
	if d.file == nil {
		return nil
	}
	defer d.close()
	if err := d.out.Flush(); err != nil {
		return err
	}
	if err := d.zip.Close(); err != nil {
		return err
	}
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	sum := md5.New()
	size, err := io.Copy(sum, d.file)
	if err != nil {
		return err
	}
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	f := dataFile{d.base + uuid.NewString() + ".csv.gz", size, hex.EncodeToString(sum.Sum(nil))}
	if _, err := d.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &d.config.To, Key: &f.Key, Body: d.file}); err != nil {
		return fmt.Errorf("put s3://%s/%s: %w", d.config.To, f.Key, err)
	}
	d.files = append(d.files, f)
	return nil
}

// close drops the file on disk, if there is one.
func (d *data) close() {
	if d.file != nil {
		d.file.Close()
		os.Remove(d.file.Name())
		d.file = nil
	}
}
