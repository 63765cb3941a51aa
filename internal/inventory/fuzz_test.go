package inventory

import (
	"bytes"
	"encoding/csv"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"sourceBucket":"b","destinationBucket":"arn:aws:s3:::reports","fileFormat":"CSV","fileSchema":"Bucket, Key","files":[{"key":"a","size":1,"MD5checksum":"00000000000000000000000000000000"}]}`))
	f.Add([]byte(`{"sourceBucket":"b","destinationBucket":"arn:aws:s3:::reports","fileFormat":"ORC","fileSchema":"struct<bucket:string>"}`))
	f.Add([]byte(`{"files":[[[[`))
	f.Add([]byte(`{"files":null,"files":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text, reports)
		if err != nil {
			return
		}
		c := m.columns
		for _, place := range []int{c.bucket, c.key} {
			if place < 0 || place >= c.count {
				t.Errorf("column %d of %d", place, c.count)
			}
		}
		if c.count > maxColumns || len(m.Files) > maxFiles {
			t.Errorf("%d columns, %d files", c.count, len(m.Files))
		}
		for _, file := range m.Files {
			if err := at(file.Key).Valid(); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzSplit holds our splitting of a line against the standard library's.
func FuzzSplit(f *testing.F) {
	for _, line := range []string{`a,b,c`, `"a","b,b","c""c"`, `"a`, `a"b,c,d`, `"a"x,b,c`, `,,`, ``, `"","",""`, `a,b,c,`, `"a","b","c",`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\r\n") {
			return
		}
		var got [3]string
		reason := split(line, got[:])
		r := csv.NewReader(strings.NewReader(line + "\n"))
		r.LazyQuotes = !strings.Contains(line, `,"`) && !strings.HasPrefix(line, `"`) // we take a quote inside a bare field as it is
		r.FieldsPerRecord = -1
		want, err := r.Read()
		if err != nil && line != "" {
			return // it refuses more than we do
		}
		if ok := len(want) == 3; ok != (reason == "") || ok && !slices.Equal(want, got[:]) {
			t.Errorf("split %q: %q, reason %q; want %q", line, got, reason, want)
		}
	})
}

// FuzzKey: any key comes out as it was encoded.
func FuzzKey(f *testing.F) {
	f.Add("a b+c%d/../é\x00")
	f.Fuzz(func(t *testing.T, s string) {
		got, bad := key(url.QueryEscape(s))
		if (cloud.Location{Bucket: "b", Key: s}).Valid() != nil {
			if bad.reason == "" {
				t.Errorf("key %q is taken", s)
			}
			return
		}
		if got != s || bad.reason != "" {
			t.Errorf("key %q becomes %q: %v", s, got, bad)
		}
	})
}

// FuzzRows reads any text, and any gzip, as a data file.
func FuzzRows(f *testing.F) {
	f.Add([]byte("library,a,1,e\n\"library\",\"b\",\"2\",\"e\"\n"), false)
	f.Add([]byte("\n\n\"\n,,,\n"), false)
	f.Add(pack(f, "library,a,1,e\n"), true)
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), true)
	f.Fuzz(func(t *testing.T, text []byte, packed bool) {
		defer func(was int64) { maxText = was }(maxText)
		maxText = 4 << 20
		r := report{texts: []string{string(text)}}
		if packed {
			r.file = func([]byte) []byte { return bytes.Clone(text) }
			r.manifest = func(_ map[string]any, f []map[string]any) {
				f[0]["size"], f[0]["MD5checksum"] = len(text), sum(text)
			}
		}
		c := memcloud.New(memcloud.Options{})
		rows, broken, err := read(t, c.Store, r.write(t, c.Store))
		if err != nil && (!packed || !Unreadable(err)) {
			t.Errorf("error is %v", err)
		}
		if lines := bytes.Count(text, []byte("\n")); !packed && len(rows)+len(broken) < lines {
			t.Errorf("%d rows and %d broken of %d lines", len(rows), len(broken), lines)
		}
		for _, row := range rows {
			if row.Key == "" || len(row.Key) > cloud.MaxKey || !utf8.ValidString(row.Key) || row.Bucket == "" || row.Size < -1 {
				t.Errorf("row is %+v", row)
			}
		}
	})
}
