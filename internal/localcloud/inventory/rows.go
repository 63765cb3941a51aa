package inventory

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// row is one object, version or delete marker.
type row struct {
	key, version   string
	latest, marker bool
	size           int64 // bytes
	modified       time.Time
	etag, class    string
}

// columnsOf names the columns as fileSchema does.
func columnsOf(versions bool) []string {
	facts := []string{"Size", "LastModifiedDate", "ETag", "StorageClass", "IsMultipartUploaded"}
	if versions {
		return append([]string{"Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker"}, facts...)
	}
	return append([]string{"Bucket", "Key"}, facts...)
}

// fields are the row's values in the order of columnsOf.
func (r row) fields(bucket string, versions bool) []string {
	out := []string{bucket, escapeKey(r.key)}
	if versions {
		version := r.version
		if version == "null" { // a report has it empty
			version = ""
		}
		out = append(out, version, strconv.FormatBool(r.latest), strconv.FormatBool(r.marker))
	}
	modified := r.modified.UTC().Format("2006-01-02T15:04:05.000Z")
	if r.marker {
		return append(out, "", modified, "", "", "")
	}
	return append(out, strconv.FormatInt(r.size, 10), modified, r.etag, r.class, strconv.FormatBool(strings.Contains(r.etag, "-")))
}

// escapeKey is a key as reports in CSV have it: URL-encoded with a plus for a
// space; slashes stay.
func escapeKey(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }

// rows lists what is reported. An error ends it.
func rows(ctx context.Context, client *s3.Client, c Config) iter.Seq2[row, error] {
	if c.Versions {
		return versions(ctx, client, c)
	}
	return func(yield func(row, error) bool) {
		pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &c.Bucket, Prefix: &c.Prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(row{}, err)
				return
			}
			for _, o := range page.Contents {
				if !yield(row{
					key: aws.ToString(o.Key), latest: true, size: aws.ToInt64(o.Size), modified: aws.ToTime(o.LastModified),
					etag: strings.Trim(aws.ToString(o.ETag), `"`), class: string(o.StorageClass),
				}, nil) {
					return
				}
			}
		}
	}
}

func versions(ctx context.Context, client *s3.Client, c Config) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &c.Bucket, Prefix: &c.Prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(row{}, err)
				return
			}
			for _, v := range page.Versions {
				if !yield(row{
					key: aws.ToString(v.Key), version: aws.ToString(v.VersionId), latest: aws.ToBool(v.IsLatest), size: aws.ToInt64(v.Size),
					modified: aws.ToTime(v.LastModified), etag: strings.Trim(aws.ToString(v.ETag), `"`), class: string(v.StorageClass),
				}, nil) {
					return
				}
			}
			for _, m := range page.DeleteMarkers {
				if !yield(row{
					key: aws.ToString(m.Key), version: aws.ToString(m.VersionId), latest: aws.ToBool(m.IsLatest), marker: true,
					modified: aws.ToTime(m.LastModified),
				}, nil) {
					return
				}
			}
		}
	}
}
