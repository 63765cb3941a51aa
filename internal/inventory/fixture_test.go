package inventory

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

const (
	reports = "reports"
	folder  = "inv/library/all/2026-11-22T01-00Z/"
	schema  = "Bucket, Key, Size, ETag"
)

func at(key string) cloud.Location { return cloud.Location{Bucket: reports, Key: key} }

// report is a report to be written, as S3 would.
type report struct {
	schema string   // empty: schema
	texts  []string // of the data files, unpacked

	file     func(packed []byte) []byte                 // changes a data file after it was summed
	manifest func(m map[string]any, f []map[string]any) // changes the manifest before it is summed
	checksum func(sum string) string                    // changes the checksum
}

// write stores the report and returns where its manifest is.
func (r report) write(t testing.TB, store *memcloud.Store) cloud.Location {
	t.Helper()
	var files []map[string]any
	for i, text := range r.texts {
		packed := pack(t, text)
		f := map[string]any{"key": dataKey(i), "size": len(packed), "MD5checksum": sum(packed)}
		files = append(files, f)
		if r.file != nil {
			packed = r.file(packed)
		}
		if packed != nil {
			store.Seed(cloud.Put{Location: at(dataKey(i)), Body: packed})
		}
	}
	m := map[string]any{
		"sourceBucket": "library", "destinationBucket": "arn:aws:s3:::" + reports, "version": "2016-11-30",
		"creationTimestamp": "1795309200000", "fileFormat": "CSV", "fileSchema": schema, "files": files,
	}
	if r.schema != "" {
		m["fileSchema"] = r.schema
	}
	if r.manifest != nil {
		r.manifest(m, files)
	}
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	check := sum(body)
	if r.checksum != nil {
		check = r.checksum(check)
	}
	store.Seed(cloud.Put{Location: at(folder + manifestName), Body: body})
	if check != "" {
		store.Seed(cloud.Put{Location: at(folder + checksumName), Body: []byte(check)})
	}
	return at(folder + manifestName)
}

func dataKey(i int) string { return "inv/library/all/data/" + string(rune('a'+i)) + ".csv.gz" }

func sum(b []byte) string {
	s := md5.Sum(b)
	return hex.EncodeToString(s[:])
}

func pack(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// lines joins rows into a data file.
func lines(rows ...string) string { return strings.Join(rows, "\n") + "\n" }

// read opens a report and tells its rows and errors, one text each.
func read(t testing.TB, store cloud.Store, manifest cloud.Location) (rows []Row, broken []*RowError, err error) {
	t.Helper()
	r, err := Open(t.Context(), store, manifest)
	if err != nil {
		return nil, nil, err
	}
	for row, err := range r.Rows(t.Context()) {
		if bad, ok := err.(*RowError); ok {
			broken = append(broken, bad)
			continue
		}
		if err != nil {
			return rows, broken, err
		}
		rows = append(rows, row)
	}
	return rows, broken, nil
}
