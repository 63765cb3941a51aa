// Package inventory writes S3 Inventory reports of a bucket as S3 does, being
// an ordinary client of it. What is in a report and how it is laid out is the
// S3 user guide's (Amazon S3 Inventory). It leaves schedules to its callers.
package inventory

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// FolderTime is how a report's folder names its time, in UTC.
const FolderTime = "2006-01-02T15-04Z"

// Config says which report to write. Bucket, To and ID are required.
type Config struct {
	Bucket   string // source
	Prefix   string // of the keys that are reported
	Versions bool   // all versions and delete markers, or current objects only

	To       string    // destination bucket
	ToPrefix string    // before SOURCE/ID/…; without slashes at its ends
	ID       string    // of the inventory configuration
	At       time.Time // of the report; zero: the cloud's now, in the next minute without a report

	RowsPerFile int // bound of one data file; 0: 1,000,000
}

// Report is a report that was written.
type Report struct {
	Manifest string // key in the destination bucket
	Rows     int
	Files    int
}

// Write lists the bucket and writes a report of it: the data files, then the
// manifest, then its checksum, with which a report is complete. A report that
// is there already is left as it is, and is an error.
func Write(ctx context.Context, client *s3.Client, c Config) (Report, error) {
	r, err := write(ctx, client, c)
	if err != nil {
		return r, fmt.Errorf("write inventory of %s: %w", c.Bucket, err)
	}
	return r, nil
}

func write(ctx context.Context, client *s3.Client, c Config) (Report, error) {
	now, err := cloudTime(ctx, client, c.Bucket)
	if err != nil {
		return Report{}, err
	}
	at, err := vacant(ctx, client, c, now)
	if err != nil {
		return Report{}, err
	}
	d := &data{client: client, config: c, columns: columnsOf(c.Versions), base: c.base() + "/data/"}
	defer d.close()
	for row, err := range rows(ctx, client, c) {
		if err != nil {
			return Report{}, err
		}
		if err := d.add(ctx, row); err != nil {
			return Report{}, err
		}
	}
	if err := d.flush(ctx); err != nil {
		return Report{}, err
	}
	m := manifest{
		SourceBucket: c.Bucket, DestinationBucket: "arn:aws:s3:::" + c.To, Version: "2016-11-30",
		CreationTimestamp: fmt.Sprint(at.UnixMilli()), FileFormat: "CSV", FileSchema: strings.Join(d.columns, ", "),
		Files: append([]dataFile{}, d.files...),
	}
	key := c.folder(at) + "/manifest.json"
	return Report{Manifest: key, Rows: d.total, Files: len(d.files)}, m.put(ctx, client, c, key)
}

// base is PREFIX/SOURCE/ID.
func (c Config) base() string {
	base := c.Bucket + "/" + c.ID
	if c.ToPrefix != "" {
		base = c.ToPrefix + "/" + base
	}
	return base
}

func (c Config) folder(at time.Time) string { return c.base() + "/" + at.UTC().Format(FolderTime) }

// cloudTime is the Date of an answer.
func cloudTime(ctx context.Context, client *s3.Client, bucket string) (time.Time, error) {
	out, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	if err != nil {
		return time.Time{}, err
	}
	raw, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response)
	if !ok {
		return time.Time{}, errors.New("the answer has no date")
	}
	return http.ParseTime(raw.Header.Get("Date"))
}

// vacant returns a time that no report has.
func vacant(ctx context.Context, client *s3.Client, c Config, now time.Time) (time.Time, error) {
	at := c.At
	if at.IsZero() {
		at = now
	}
	const minutes = 24 * 60
	for range minutes {
		key := c.folder(at) + "/manifest.json"
		_, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &c.To, Key: &key})
		if e, ok := errors.AsType[*awshttp.ResponseError](err); ok && e.HTTPStatusCode() == http.StatusNotFound {
			return at, nil
		}
		if err != nil {
			return at, err
		}
		if !c.At.IsZero() {
			return at, fmt.Errorf("s3://%s/%s is there already", c.To, key)
		}
		at = at.Truncate(time.Minute).Add(time.Minute)
	}
	return at, fmt.Errorf("s3://%s/%s has a report for each minute of a day", c.To, c.base())
}
