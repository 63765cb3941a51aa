package inventory

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/vodfleet/vodfleet/internal/localcloud/calls"
	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
	"github.com/vodfleet/vodfleet/internal/localcloud/sigv4"
)

// stand serves S3 with a library and a bucket for reports until the test ends.
func stand(t *testing.T) *s3.Client {
	t.Helper()
	clk := clock.New(1)
	rec, err := calls.New(t.TempDir(), clk)
	if err != nil {
		t.Fatal(err)
	}
	svc, err := objects.New(objects.Config{Dir: t.TempDir(), Clock: clk, Calls: rec})
	if err != nil {
		t.Fatal(err)
	}
	for bucket, versioned := range map[string]bool{"library": false, "versions": true, "reports": false} {
		if err := svc.CreateBucket(t.Context(), bucket, versioned); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- svc.Run(ctx) }()
	srv := httptest.NewServer(svc.Handler())
	t.Cleanup(func() {
		srv.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		rec.Close()
	})
	select {
	case <-svc.Ready():
	case err := <-done:
		t.Fatalf("Run = %v", err)
	}
	return s3.New(s3.Options{
		BaseEndpoint: &srv.URL, Region: sigv4.Region, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(sigv4.AccessKey, sigv4.SecretKey, ""),
	})
}

func put(t *testing.T, client *s3.Client, bucket, key, body string) {
	t.Helper()
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)}); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, client *s3.Client, key string) []byte {
	t.Helper()
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: new("reports"), Key: &key})
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// read checks a report's checksums and returns its manifest and rows, each
// with the times, versions and ETags shown by what they look like.
func read(t *testing.T, client *s3.Client, r Report) (manifest, []string) {
	t.Helper()
	b := get(t, client, r.Manifest)
	sum := md5.Sum(b)
	if got, want := string(get(t, client, strings.TrimSuffix(r.Manifest, "json")+"checksum")), hex.EncodeToString(sum[:]); got != want {
		t.Errorf("checksum of the manifest is %s, want %s", got, want)
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, f := range m.Files {
		b := get(t, client, f.Key)
		sum := md5.Sum(b)
		if hex.EncodeToString(sum[:]) != f.MD5Checksum || int64(len(b)) != f.Size {
			t.Errorf("%s has %d bytes and MD5 %x, the manifest says %d and %s", f.Key, len(b), sum, f.Size, f.MD5Checksum)
		}
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			fields, err := csv.NewReader(strings.NewReader(line)).Read()
			if err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
			if want := `"` + strings.Join(fields, `","`) + "\"\n"; line != want {
				t.Errorf("line %s, want every field quoted: %s", line, want)
			}
			for i, f := range fields {
				for _, looks := range []struct{ as, like string }{
					{"TIME", `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`}, {"ETAG", `^[0-9a-f]{32}$`}, {"VERSION", `^[0-9A-Z]{26}$`},
				} {
					if regexp.MustCompile(looks.like).MatchString(f) {
						fields[i] = looks.as
					}
				}
			}
			rows = append(rows, strings.Join(fields, " | "))
		}
	}
	return m, rows
}

func TestWrite(t *testing.T) {
	client := stand(t)
	put(t, client, "library", "a b+c/ü 100%, \"q\".mp4", "12345")
	put(t, client, "library", "b.mp4", "1")
	put(t, client, "library", "films/c.mp4", "")
	put(t, client, "versions", "v", "1")
	put(t, client, "versions", "v", "22")
	put(t, client, "versions", "gone", "1")
	if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: new("versions"), Key: new("gone")}); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 1, 2, 3, 0, time.UTC)
	const current, all = "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass, IsMultipartUploaded",
		"Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass, IsMultipartUploaded"
	a := "library | a+b%2Bc/%C3%BC+100%25%2C+%22q%22.mp4 | 5 | TIME | ETAG | STANDARD | false"
	b := "library | b.mp4 | 1 | TIME | ETAG | STANDARD | false"
	c := "library | films/c.mp4 | 0 | TIME | ETAG | STANDARD | false"
	for _, tt := range []struct {
		name     string
		config   Config
		manifest string
		schema   string
		files    int
		rows     []string // in any order
	}{
		{"all of it", Config{Bucket: "library", ToPrefix: "inv/en tory", ID: "all", At: at},
			"inv/en tory/library/all/2026-03-01T01-02Z/manifest.json", current, 1, []string{a, b, c}},
		{"a prefix, at the destination's root", Config{Bucket: "library", Prefix: "films/", ID: "films", At: at},
			"library/films/2026-03-01T01-02Z/manifest.json", current, 1, []string{c}},
		{"two rows a file", Config{Bucket: "library", ID: "two", At: at, RowsPerFile: 2},
			"library/two/2026-03-01T01-02Z/manifest.json", current, 2, []string{a, b, c}},
		{"nothing", Config{Bucket: "library", Prefix: "x", ID: "none", At: at}, "library/none/2026-03-01T01-02Z/manifest.json", current, 0, nil},
		{"versions", Config{Bucket: "versions", Versions: true, ID: "v", At: at}, "versions/v/2026-03-01T01-02Z/manifest.json", all, 1, []string{
			"versions | gone | VERSION | false | false | 1 | TIME | ETAG | STANDARD | false",
			"versions | gone | VERSION | true | true |  | TIME |  |  | ",
			"versions | v | VERSION | false | false | 1 | TIME | ETAG | STANDARD | false",
			"versions | v | VERSION | true | false | 2 | TIME | ETAG | STANDARD | false",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.To = "reports"
			report, err := Write(t.Context(), client, tt.config)
			if want := (Report{tt.manifest, len(tt.rows), tt.files}); err != nil || report != want {
				t.Fatalf("Write = %+v, %v, want %+v", report, err, want)
			}
			m, rows := read(t, client, report)
			slices.Sort(rows)
			if !reflect.DeepEqual(rows, tt.rows) {
				t.Errorf("rows:\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(tt.rows, "\n"))
			}
			for _, f := range m.Files {
				if !strings.HasPrefix(f.Key, tt.config.base()+"/data/") || !strings.HasSuffix(f.Key, ".csv.gz") {
					t.Errorf("data file %s is not in %s/data", f.Key, tt.config.base())
				}
			}
			m.Files = nil
			if want := (manifest{tt.config.Bucket, "arn:aws:s3:::reports", "2016-11-30", "1772326923000", "CSV", tt.schema, nil}); !reflect.DeepEqual(m, want) {
				t.Errorf("manifest %+v, want %+v", m, want)
			}
		})
	}

	t.Run("the same time again", func(t *testing.T) {
		_, err := Write(t.Context(), client, Config{Bucket: "library", To: "reports", ID: "two", At: at})
		if want := "write inventory of library: s3://reports/library/two/2026-03-01T01-02Z/manifest.json is there already"; fmt.Sprint(err) != want {
			t.Errorf("Write = %v, want %s", err, want)
		}
	})
	t.Run("twice now", func(t *testing.T) {
		var minutes []time.Time
		for range 3 {
			report, err := Write(t.Context(), client, Config{Bucket: "library", To: "reports", ID: "now"})
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(FolderTime, strings.Split(report.Manifest, "/")[2])
			if err != nil {
				t.Fatal(err)
			}
			minutes = append(minutes, at)
		}
		if d := time.Since(minutes[0]); d < -time.Minute || d > 2*time.Minute {
			t.Errorf("the first report is of %v, want now", minutes[0])
		}
		if !slices.IsSortedFunc(minutes, time.Time.Compare) || minutes[0] == minutes[1] || minutes[1] == minutes[2] {
			t.Errorf("reports of %v, want one after another", minutes)
		}
	})
}

func TestEscapeKeyIsUndone(t *testing.T) {
	for _, key := range []string{"plain", "a b", "a+b", "100%", "ü/日本", `"q", 'x'`, "\x01\n", "a/b//c", "~*"} {
		if got, err := url.QueryUnescape(escapeKey(key)); err != nil || got != key {
			t.Errorf("%q comes back as %q, %v", key, got, err)
		}
	}
}
