package cloud_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

func TestLocationValid(t *testing.T) {
	for _, tt := range []struct{ bucket, key, want string }{
		{"b", "k", "<nil>"},
		{"b", "/ a+%2e../..\x01ü", "<nil>"}, // S3 takes it
		{"b", strings.Repeat("ü", 512), "<nil>"},
		{"", "k", "no bucket"},
		{"b", "", "no key"},
		{"b", strings.Repeat("ü", 513), "a key of 1026 bytes, limit 1024"},
		{"b", "\xff", "a key that is not UTF-8"},
	} {
		if got := fmt.Sprint(cloud.Location{Bucket: tt.bucket, Key: tt.key}.Valid()); got != tt.want {
			t.Errorf("Valid(%.20q) = %s, want %s", tt.key, got, tt.want)
		}
	}
}

func TestPutValid(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(p *cloud.Put)
		want   string
	}{
		{"legal", func(*cloud.Put) {}, "<nil>"},
		{"no place", func(p *cloud.Put) { p.Bucket = "" }, "no bucket"},
		{"absent and there", func(p *cloud.Put) { p.If = cloud.Condition{Absent: true, ETag: "x"} }, "conditions that exclude each other"},
		{"absent", func(p *cloud.Put) { p.If.Absent = true }, "<nil>"},
		{"a name in capitals", func(p *cloud.Put) { p.Metadata["Seq"] = "1" }, `metadata "Seq": want lower-case letters, digits and dashes`},
		{"a name of nothing", func(p *cloud.Put) { p.Metadata[""] = "1" }, `metadata "": want lower-case letters, digits and dashes`},
		{"a name with a line end", func(p *cloud.Put) { p.Metadata["a\n"] = "1" }, `metadata "a\n": want lower-case letters, digits and dashes`},
		{"a value not in ASCII", func(p *cloud.Put) { p.Metadata["seq"] = "ü" }, `metadata seq: value "ü": want printable ASCII with no space at its ends`},
		{"a value with a line end", func(p *cloud.Put) { p.Metadata["seq"] = "1\r\nx: y" }, `metadata seq: value "1\r\nx: y": want printable ASCII with no space at its ends`},
		{"a value with a space at its end", func(p *cloud.Put) { p.Metadata["seq"] = "1 " }, `metadata seq: value "1 ": want printable ASCII with no space at its ends`},
		{"as much as may be", func(p *cloud.Put) { p.Metadata["seq"] = strings.Repeat("1", 2045) }, "<nil>"},
		{"more", func(p *cloud.Put) { p.Metadata["seq"] = strings.Repeat("1", 2046) }, "metadata of 2049 bytes, limit 2048"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := cloud.Put{Location: cloud.Location{Bucket: "b", Key: "k"}, Metadata: map[string]string{"seq": "1"}}
			tt.change(&p)

			if got := fmt.Sprint(p.Valid()); got != tt.want {
				t.Errorf("Valid = %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestJobRequestValid(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(r *cloud.JobRequest)
		want   string
	}{
		{"legal", func(*cloud.JobRequest) {}, "<nil>"},
		{"no token", func(r *cloud.JobRequest) { r.Token = "" }, `token "": want 1 to 64 ASCII characters`},
		{"a long token", func(r *cloud.JobRequest) { r.Token = strings.Repeat("t", 65) }, `token "` + strings.Repeat("t", 65) + `": want 1 to 64 ASCII characters`},
		{"a token not in ASCII", func(r *cloud.JobRequest) { r.Token = "ü" }, `token "ü": want 1 to 64 ASCII characters`},
		{"no role", func(r *cloud.JobRequest) { r.Role = "" }, "no role"},
		{"a low priority", func(r *cloud.JobRequest) { r.Priority = -51 }, "priority -51: want -50 to 50"},
		{"a high priority", func(r *cloud.JobRequest) { r.Priority = 51 }, "priority 51: want -50 to 50"},
		{"much metadata", func(r *cloud.JobRequest) {
			for i := range 11 {
				r.Metadata[fmt.Sprint(i)] = "x"
			}
		}, "11 pairs of metadata, limit 10"},
		{"metadata of a kind", func(r *cloud.JobRequest) { r.Metadata["aZ09 _.:/=+-@"] = "aZ09 _.:/=+-@" }, "<nil>"},
		{"metadata of another", func(r *cloud.JobRequest) { r.Metadata["key"] = "a#b" }, `metadata "key": "a#b": want at most 128 and 256 letters, digits, spaces and _.:/=+-@`},
		{"metadata without a name", func(r *cloud.JobRequest) { r.Metadata[""] = "x" }, `metadata "": "x": want at most 128 and 256 letters, digits, spaces and _.:/=+-@`},
		{"a long name", func(r *cloud.JobRequest) { r.Metadata[strings.Repeat("x", 129)] = "" },
			`metadata "` + strings.Repeat("x", 129) + `": "": want at most 128 and 256 letters, digits, spaces and _.:/=+-@`},
		{"a long value", func(r *cloud.JobRequest) { r.Metadata["x"] = strings.Repeat("x", 257) },
			`metadata "x": "` + strings.Repeat("x", 257) + `": want at most 128 and 256 letters, digits, spaces and _.:/=+-@`},
		{"an illegal job", func(r *cloud.JobRequest) { r.Spec.Groups = nil }, "no output group"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := cloud.JobRequest{Token: "t", Role: "r", Metadata: map[string]string{}, Spec: legal()}
			tt.change(&r)

			if got := fmt.Sprint(r.Valid()); got != tt.want {
				t.Errorf("Valid = %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestValidPaths(t *testing.T) {
	many := make([]string, 3001)
	for i := range many {
		many[i] = "/a"
	}
	for _, tt := range []struct {
		name  string
		paths []string
		want  string
	}{
		{"legal", []string{"/", "/a/b%20c.m3u8", "/a/*", "/*", "/~user/(x)"}, "<nil>"},
		{"as many as may be", many[:3000], "<nil>"},
		{"none", nil, "0 paths: want 1 to 3000"},
		{"too many", many, "3001 paths: want 1 to 3000"},
		{"no slash", []string{"a"}, `path "a": want a slash first`},
		{"nothing", []string{"/a", ""}, `path "": want a slash first`},
		{"too long", []string{"/" + strings.Repeat("a", 4000)}, "path of 4001 characters, limit 4000"},
		{"a star within", []string{"/*/a"}, `path "/*/a": want "*" only last`},
		{"two stars", []string{"/**"}, `path "/**": want "*" only last`},
		{"a space", []string{"/a b"}, `path "/a b": want it encoded for URLs`},
		{"not ASCII", []string{"/ü"}, `path "/ü": want it encoded for URLs`},
		{"a line end", []string{"/a\n"}, `path "/a\n": want it encoded for URLs`},
		{"a brace", []string{"/{a}"}, `path "/{a}": want it encoded for URLs`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fmt.Sprint(cloud.ValidPaths(tt.paths)); got != tt.want {
				t.Errorf("ValidPaths = %s\nwant %s", got, tt.want)
			}
		})
	}
}
