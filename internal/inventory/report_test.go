package inventory

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

func TestOpen(t *testing.T) {
	right := "" // MD5 of the manifest that is written last
	const where = "open report s3://reports/" + folder + "manifest.json: "
	set := func(name string, value any) func(map[string]any, []map[string]any) {
		return func(m map[string]any, _ []map[string]any) { m[name] = value }
	}
	file := func(name string, value any) func(map[string]any, []map[string]any) {
		return func(_ map[string]any, f []map[string]any) { f[0][name] = value }
	}
	for _, tt := range []struct {
		name    string
		report  report
		want    string // error; empty for none
		forGood bool   // Unreadable
	}{
		{"as S3 writes it", report{}, "", false},
		{"checksum in capitals, with a line end", report{checksum: func(s string) string { return strings.ToUpper(s) + "\n" }}, "", false},
		{"partition of China", report{manifest: set("destinationBucket", "arn:aws-cn:s3:::reports")}, "", false},
		{"no files", report{manifest: set("files", []any{})}, "", false},
		{"size not told", report{manifest: file("size", nil)}, "", false},
		{"no checksum", report{checksum: func(string) string { return "" }}, "not complete: no manifest.checksum", false},
		{"wrong MD5", report{checksum: func(s string) string { right = s; return strings.Repeat("0", 32) }}, `MD5 is RIGHT, manifest.checksum says "00000000000000000000000000000000"`, true},
		{"column Key missing", report{schema: "Bucket, Size"}, `manifest: fileSchema "Bucket, Size" has no column Key`, true},
		{"column Bucket missing", report{schema: "Key"}, `manifest: fileSchema "Key" has no column Bucket`, true},
		{"no schema", report{manifest: set("fileSchema", "")}, `manifest: fileSchema "" has no column Bucket`, true},
		{"column twice", report{schema: "Bucket, Key, key"}, "manifest: fileSchema has key twice", true},
		{"too many columns", report{schema: "Bucket, Key" + strings.Repeat(", X", 63)}, "manifest: fileSchema has 65 columns, limit 64", true},
		{"ORC", report{manifest: set("fileFormat", "ORC")}, "manifest: reports in ORC are not read yet; set the inventory's format to CSV", true},
		{"Parquet", report{manifest: set("fileFormat", "Parquet")}, "manifest: reports in Parquet are not read yet; set the inventory's format to CSV", true},
		{"unknown format", report{manifest: set("fileFormat", "TSV")}, `manifest: fileFormat "TSV": want CSV`, true},
		{"no source", report{manifest: set("sourceBucket", "")}, "manifest: no sourceBucket", true},
		{"destination is no ARN", report{manifest: set("destinationBucket", "reports")}, `manifest: destinationBucket "reports": want arn:aws:s3:::BUCKET`, true},
		{"another destination", report{manifest: set("destinationBucket", "arn:aws:s3:::secrets")}, `manifest: destinationBucket is "secrets", and the manifest lies in "reports": read it where S3 wrote it`, true},
		{"files are no list", report{manifest: set("files", "none")}, "manifest: files: want a list", true},
		{"file without a key", report{manifest: file("key", "")}, "manifest: file 1: no key", true},
		{"file with a long key", report{manifest: file("key", strings.Repeat("k", 1025))}, "manifest: file 1: a key of 1025 bytes, limit 1024", true},
		{"file without a sum", report{manifest: file("MD5checksum", "")}, `manifest: file 1: MD5checksum "": want 32 hexadecimal digits`, true},
		{"file of no size", report{manifest: file("size", -1)}, "manifest: file 1: size -1", true},
		{"file twice", report{texts: []string{"", ""}, manifest: file("key", dataKey(1))}, `manifest: file 2: "inv/library/all/data/b.csv.gz" is listed twice`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.report.texts == nil {
				tt.report.texts = []string{""}
			}
			c := memcloud.New(memcloud.Options{})
			manifest := tt.report.write(t, c.Store)

			r, err := Open(t.Context(), c.Store, manifest)

			want := "<nil>"
			if tt.want != "" {
				want = where + strings.Replace(tt.want, "RIGHT", right, 1)
			}
			if got := fmt.Sprint(err); got != want || Unreadable(err) != tt.forGood {
				t.Errorf("Open: %s, for good %t\n      want %s, for good %t", got, Unreadable(err), want, tt.forGood)
			}
			if err == nil && r.SourceBucket != "library" {
				t.Errorf("source bucket is %q", r.SourceBucket)
			}
			if incomplete := tt.name == "no checksum"; errors.Is(err, ErrIncomplete) != incomplete {
				t.Errorf("incomplete is %t, want %t", !incomplete, incomplete)
			}
		})
	}
}

func TestOpenFails(t *testing.T) {
	manifest := at(folder + manifestName)
	for _, tt := range []struct {
		name     string
		manifest cloud.Location
		before   memcloud.Hook
		body     string // of the manifest, with its right checksum; empty for none
		want     string
		forGood  bool
	}{
		{"no JSON", manifest, nil, "{", "manifest: unexpected end of JSON input", true},
		{"of another type", manifest, nil, `{"sourceBucket":7}`, "manifest: json: cannot unmarshal number into Go struct field manifest.sourceBucket of type string", true},
		{"too many files", manifest, nil, `{"files":[` + strings.Repeat("{},", maxFiles) + `{}]}`, "manifest: more than 100000 files", true},
		{"too large", manifest, nil, strings.Repeat(" ", maxManifest+1), "Store.Get s3://reports/" + folder + "manifest.json: invalid: 16777217 bytes, limit 16777216", true},
		{"manifest gone", manifest, nil, "", "Store.Get s3://reports/" + folder + "manifest.json: not found", true},
		{"another name", at("inv/report.json"), nil, "{}", "want the key of a manifest.json", true},
		{"another name's end", at("inv/my-manifest.json"), nil, "{}", "want the key of a manifest.json", true},
		{"cloud down", manifest, func(op, at string) error { return cloud.ErrUnavailable }, "{}", "Store.Get s3://reports/" + folder + "manifest.checksum: unavailable", false},
		{"denied", manifest, func(op, at string) error {
			if strings.HasSuffix(at, ".json") {
				return cloud.ErrDenied
			}
			return nil
		}, "{}", "Store.Get s3://reports/" + folder + "manifest.json: denied", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := memcloud.New(memcloud.Options{})
			if tt.body != "" {
				c.Store.Seed(cloud.Put{Location: manifest, Body: []byte(tt.body)})
			}
			c.Store.Seed(cloud.Put{Location: at(folder + checksumName), Body: []byte(sum([]byte(tt.body)))})
			c.SetHooks(memcloud.Hooks{Before: tt.before})

			_, err := Open(t.Context(), c.Store, tt.manifest)

			if want := "open report " + tt.manifest.String() + ": " + tt.want; fmt.Sprint(err) != want || Unreadable(err) != tt.forGood {
				t.Errorf("Open: %v, for good %t\n      want %s, for good %t", err, Unreadable(err), want, tt.forGood)
			}
		})
	}
}
