package inventory

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

func TestRows(t *testing.T) {
	const versions = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass"
	long := strings.Repeat("k", 1024)
	for _, tt := range []struct {
		name   string
		schema string
		line   string
		want   Row    // but for its line
		reason string // why it cannot be read
	}{
		{"quoted", schema, `"library","a.mp4","7","e1"`, Row{Bucket: "library", Key: "a.mp4", Size: 7, ETag: "e1"}, ""},
		{"bare", schema, `library,a.mp4,7,e1`, Row{Bucket: "library", Key: "a.mp4", Size: 7, ETag: "e1"}, ""},
		{"mixed", schema, `library,"a.mp4",7,"e1"`, Row{Bucket: "library", Key: "a.mp4", Size: 7, ETag: "e1"}, ""},
		{"line end of Windows", schema, "library,a.mp4,7,e1\r", Row{Bucket: "library", Key: "a.mp4", Size: 7, ETag: "e1"}, ""},
		{"columns in another order", "ETag, Size, Encryption, Key, Bucket", `"e1","7","SSE-S3","a.mp4","library"`, Row{Bucket: "library", Key: "a.mp4", Size: 7, ETag: "e1"}, ""},
		{"columns without spaces", "bucket,KEY,size", `library,a.mp4,7`, Row{Bucket: "library", Key: "a.mp4", Size: 7}, ""},
		{"two columns", "Bucket, Key", `"library","a.mp4"`, Row{Bucket: "library", Key: "a.mp4", Size: -1}, ""},
		{"quoted commas", schema, `"library","a,b,.mp4","7","e,1"`, Row{Bucket: "library", Key: "a,b,.mp4", Size: 7, ETag: "e,1"}, ""},
		{"doubled quotes", schema, `"library","a""b""","7",""""`, Row{Bucket: "library", Key: `a"b"`, Size: 7, ETag: `"`}, ""},
		{"version", versions, `"library","a.mp4","v3","true","false","7","2026-11-21T10:00:00.000Z","e1","GLACIER"`, Row{Bucket: "library", Key: "a.mp4", VersionID: "v3", Size: 7, ETag: "e1", StorageClass: "GLACIER"}, ""},
		{"null version", versions, `"library","a.mp4","","true","false","7","","e1","STANDARD"`, Row{Bucket: "library", Key: "a.mp4", Size: 7, ETag: "e1", StorageClass: "STANDARD"}, ""},
		{"old version", versions, `"library","a.mp4","v2","false","false","7","","e1",""`, Row{Bucket: "library", Key: "a.mp4", VersionID: "v2", Size: 7, ETag: "e1", OldVersion: true}, ""},
		{"delete marker", versions, `"library","a.mp4","v4","TRUE","True","","","",""`, Row{Bucket: "library", Key: "a.mp4", VersionID: "v4", Size: -1, DeleteMarker: true}, ""},

		{"plus for a space", schema, `library,my+film.mp4,7,e1`, Row{Bucket: "library", Key: "my film.mp4", Size: 7, ETag: "e1"}, ""},
		{"encoded plus", schema, `library,a%2Bb.mp4,7,e1`, Row{Bucket: "library", Key: "a+b.mp4", Size: 7, ETag: "e1"}, ""},
		{"percent, hash, question mark, quotes", schema, `library,100%25+%23%3F%22%27.mp4,7,e1`, Row{Bucket: "library", Key: `100% #?"'.mp4`, Size: 7, ETag: "e1"}, ""},
		{"encoded once", schema, `library,a%252Fb,7,e1`, Row{Bucket: "library", Key: "a%2Fb", Size: 7, ETag: "e1"}, ""},
		{"non-ASCII", schema, `library,%E6%98%A0%E7%94%BB+%C3%A9.mp4,7,e1`, Row{Bucket: "library", Key: "映画 é.mp4", Size: 7, ETag: "e1"}, ""},
		{"dots", schema, `library,a/../../b/./c,7,e1`, Row{Bucket: "library", Key: "a/../../b/./c", Size: 7, ETag: "e1"}, ""},
		{"leading slash", schema, `library,%2F/a,7,e1`, Row{Bucket: "library", Key: "//a", Size: 7, ETag: "e1"}, ""},
		{"control characters", schema, `library,a%00%0A%0D%09%7F,7,e1`, Row{Bucket: "library", Key: "a\x00\n\r\t\x7f", Size: 7, ETag: "e1"}, ""},
		{"1,024 bytes", schema, `library,` + strings.Repeat("%6b", 1024) + `,7,e1`, Row{Bucket: "library", Key: long, Size: 7, ETag: "e1"}, ""},

		{"1,025 bytes", schema, `library,` + long + `k,7,e1`, Row{}, "key is longer than 1024 bytes"},
		{"bad escape", schema, `library,100%.mp4,7,e1`, Row{}, "key is not URL-encoded"},
		{"escape cut off", schema, `library,100%4,7,e1`, Row{}, "key is not URL-encoded"},
		{"no UTF-8", schema, `library,%FF,7,e1`, Row{}, "key is not UTF-8"},
		{"no key", schema, `library,"",7,e1`, Row{}, "no key"},
		{"no bucket", schema, `,a.mp4,7,e1`, Row{}, "no bucket"},
		{"size is a word", schema, `library,a.mp4,big,e1`, Row{}, "size is not a number of bytes"},
		{"size below none", schema, `library,a.mp4,-1,e1`, Row{}, "size is not a number of bytes"},
		{"size beyond all", schema, `library,a.mp4,9223372036854775808,e1`, Row{}, "size is not a number of bytes"},
		{"latest is a word", versions, `library,a,v,yes,false,7,,e,`, Row{}, "IsLatest is neither true nor false"},
		{"marker is a word", versions, `library,a,v,true,0,7,,e,`, Row{}, "IsDeleteMarker is neither true nor false"},
		{"too few", schema, `library,a.mp4,7`, Row{}, "fewer columns than the manifest says"},
		{"too few, quoted", schema, `"library","a.mp4","7"`, Row{}, "fewer columns than the manifest says"},
		{"too many", schema, `library,a.mp4,7,e1,`, Row{}, "more columns than the manifest says"},
		{"too many, quoted", schema, `"library","a.mp4","7","e1","x"`, Row{}, "more columns than the manifest says"},
		{"empty line", schema, ``, Row{}, "fewer columns than the manifest says"},
		{"open quote", schema, `library,"a.mp4,7,e1`, Row{}, "a quote is not closed"},
		{"open quote behind doubled ones", schema, `library,"a"".mp4,7,e1`, Row{}, "a quote is not closed"},
		{"text behind a quote", schema, `library,"a"b.mp4,7,e1`, Row{}, "text after a closing quote"},
		{"text behind the last quote", schema, `library,a.mp4,7,"e1"x`, Row{}, "text after a closing quote"},
		{"too long", schema, `library,a.mp4,7,` + strings.Repeat("e", maxRow), Row{}, "row is longer than 65536 bytes"},
		{"many times too long", schema, strings.Repeat("e", 5*maxRow), Row{}, "row is longer than 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// A good row follows: a broken one costs itself only.
			good := strings.Repeat(",", strings.Count(tt.schema, ","))
			good = strings.Replace(good, ",", "", 1)
			columns, err := csvSchema(tt.schema)
			if err != nil {
				t.Fatal(err)
			}
			fields := strings.Split(good+",", ",")
			fields[columns.bucket], fields[columns.key] = "library", "next"
			c := memcloud.New(memcloud.Options{})
			manifest := report{schema: tt.schema, texts: []string{lines(tt.line, strings.Join(fields, ","))}}.write(t, c.Store)

			rows, broken, err := read(t, c.Store, manifest)

			if err != nil {
				t.Fatal(err)
			}
			if last := rows[len(rows)-1]; last.Line != 2 || last.Key != "next" {
				t.Errorf("last row is %+v, want the second", last)
			}
			if tt.reason == "" {
				tt.want.Line = 1
				if len(rows) != 2 || len(broken) != 0 || !reflect.DeepEqual(rows[0], tt.want) {
					t.Fatalf("rows are %+v, %v\nwant %+v", rows, broken, tt.want)
				}
				return
			}
			if len(rows) != 1 || len(broken) != 1 || broken[0].Reason() != tt.reason || broken[0].Line != 1 {
				t.Fatalf("rows are %+v, broken %v\nwant the first broken: %s", rows, broken, tt.reason)
			}
			if want := "row 1 of s3://reports/" + dataKey(0) + ": " + tt.reason; !strings.HasPrefix(broken[0].Error(), want) {
				t.Errorf("error is %q, want %q first", broken[0].Error(), want)
			}
		})
	}
}

// TestRowsOfFiles reads on from file to file, also where the last line has no end.
func TestRowsOfFiles(t *testing.T) {
	c := memcloud.New(memcloud.Options{})
	manifest := report{texts: []string{
		lines("library,a,1,e", "library,b,1,e"), "", "library,c,1,e", lines("broken", "library,d,1,e"),
	}}.write(t, c.Store)
	r, err := Open(t.Context(), c.Store, manifest)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for row, err := range r.Rows(t.Context()) {
		got = append(got, fmt.Sprintf("%s:%d:%s:%t", strings.TrimPrefix(r.File(row).Key, "inv/library/all/data/"), row.Line, row.Key, err != nil))
	}
	want := "a.csv.gz:1:a:false a.csv.gz:2:b:false c.csv.gz:1:c:false d.csv.gz:1::true d.csv.gz:2:d:false"
	if strings.Join(got, " ") != want {
		t.Errorf("rows are %v\nwant %v", got, want)
	}
}
