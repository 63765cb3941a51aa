package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/vodfleet/vodfleet/internal/localcloud/endpoints"
	"github.com/vodfleet/vodfleet/internal/localcloud/inventory"
)

// inventoryCmd writes one report of a bucket.
type inventoryCmd struct {
	Dir      string `placeholder:"DIR" help:"The folder of the cloud, which must run."`
	Endpoint string `placeholder:"URL" help:"Address of its S3, instead of the one noted in --dir."`

	Bucket      string `required:"" placeholder:"B" help:"Bucket to report."`
	To          string `required:"" placeholder:"s3://DEST/PREFIX" help:"Where reports go: PREFIX/BUCKET/ID/TIME/manifest.json."`
	Format      string `default:"csv" help:"Format of the data files: csv."`
	ConfigID    string `name:"config-id" default:"all" placeholder:"ID" help:"ID of the inventory configuration."`
	Prefix      string `placeholder:"P" help:"Report only keys with this prefix."`
	AllVersions bool   `help:"Report all versions and delete markers, not current objects only."`
	Date        string `placeholder:"TIME" help:"Time of the report, as 2026-01-31T13-45Z or in RFC 3339; else now, or the next minute without a report."`
	RowsPerFile int    `default:"1000000" help:"Rows of one data file at most."`
}

// Validate says what kong cannot see.
func (c *inventoryCmd) Validate() error {
	switch {
	case c.Dir == "" && c.Endpoint == "":
		return usageError{errors.New("--dir or --endpoint is missing")}
	case strings.EqualFold(c.Format, "orc"), strings.EqualFold(c.Format, "parquet"):
		return usageError{fmt.Errorf("--format %s: not written yet; csv is", c.Format)}
	case !strings.EqualFold(c.Format, "csv"):
		return usageError{fmt.Errorf("--format %s: S3 has no such format; want csv", c.Format)}
	case c.RowsPerFile <= 0:
		return usageError{fmt.Errorf("--rows-per-file %d: want above 0", c.RowsPerFile)}
	case c.ConfigID == "" || strings.ContainsAny(c.ConfigID, "/ "):
		return usageError{fmt.Errorf("--config-id %q: want a name without slashes and spaces", c.ConfigID)}
	}
	return nil
}

// Run writes the report and prints where its manifest is.
func (c *inventoryCmd) Run(ctx context.Context, io console) error {
	bucket, prefix, err := splitURI(c.To)
	if err != nil {
		return usageError{err}
	}
	at, err := parseDate(c.Date)
	if err != nil {
		return usageError{err}
	}
	url := c.Endpoint
	if url == "" {
		e, err := endpoints.Read(c.Dir)
		if err != nil {
			return err
		}
		url = e.S3
	}
	client := s3.New(s3.Options{
		BaseEndpoint: &url, Region: account.Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(account.AccessKey, account.SecretKey, ""),
	})
	report, err := inventory.Write(ctx, client, inventory.Config{
		Bucket: c.Bucket, Prefix: c.Prefix, Versions: c.AllVersions, To: bucket, ToPrefix: prefix, ID: c.ConfigID,
		At: at, RowsPerFile: c.RowsPerFile,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(io.err, "localcloud: %d rows in %d files\n", report.Rows, report.Files)
	_, err = fmt.Fprintf(io.out, "s3://%s/%s\n", bucket, report.Manifest)
	return err
}

// splitURI returns the parts of s3://BUCKET/PREFIX, without the slashes around
// the prefix.
func splitURI(uri string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(uri, "s3://")
	bucket, prefix, _ = strings.Cut(rest, "/")
	if !ok || bucket == "" {
		return "", "", fmt.Errorf("--to %q: want s3://BUCKET or s3://BUCKET/PREFIX", uri)
	}
	return bucket, strings.Trim(prefix, "/"), nil
}

func parseDate(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{inventory.FolderTime, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("--date %q: want a time such as 2026-01-31T13-45Z or 2026-01-31T13:45:00Z", s)
}
