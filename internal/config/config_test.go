package config

import (
	"fmt"
	"testing"
)

func TestSource(t *testing.T) {
	for _, tt := range []struct{ in, want, err string }{
		{"videos", "s3://videos/", "<nil>"},
		{"videos/in", "s3://videos/in/", "<nil>"},
		{" s3://videos/in/ ", "s3://videos/in/", "<nil>"},
		{"videos/", "s3://videos/", "<nil>"},
		{"videos/in house/a,b", "s3://videos/in house/a,b/", "<nil>"},
		{"videos//raw", "s3://videos//raw/", "<nil>"}, // keys may begin with a slash
		{"videos/50%/a+b", "s3://videos/50%/a+b/", "<nil>"},
		{"vi", "s3://vi/", `bucket "vi": want 3 to 63 lower-case letters, digits, dots and hyphens`},
		{"-videos", "s3://-videos/", `bucket "-videos": want 3 to 63 lower-case letters, digits, dots and hyphens`},
		{"https://videos/in", "s3://https://videos/in/", `bucket "https:": want 3 to 63 lower-case letters, digits, dots and hyphens`},
		{"", "s3:///", `bucket "": want 3 to 63 lower-case letters, digits, dots and hyphens`},
		{"Videos", "s3://Videos/", `bucket "Videos": want 3 to 63 lower-case letters, digits, dots and hyphens`},
	} {
		var s Source
		err := s.UnmarshalText([]byte(tt.in))
		if s.String() != tt.want || fmt.Sprint(err) != tt.err {
			t.Errorf("Source(%q) = %v, %v, want %s, %s", tt.in, s, err, tt.want, tt.err)
		}
	}
}

func TestLocation(t *testing.T) {
	for _, tt := range []struct{ in, want, err string }{
		{"s3://out-bucket", "s3://out-bucket/", "<nil>"},
		{"s3://out-bucket/a/b/", "s3://out-bucket/a/b", "<nil>"},
		{"s3://out-bucket/", "s3://out-bucket/", "<nil>"},
		{"s3://out-bucket/a b/c+d/", "s3://out-bucket/a b/c+d", "<nil>"},
		{"s3://", "s3:///", `location "s3://": no bucket`},
		{"", "s3:///", `location "": want s3://BUCKET/KEY`},
		{"s3://Out/x", "s3://Out/x", `bucket "Out": want 3 to 63 lower-case letters, digits, dots and hyphens`},
		{"s3://out-bucket/a//b", "s3:///", `location "s3://out-bucket/a//b": an empty path segment in the prefix`},
		{"out-bucket/a", "s3:///", `location "out-bucket/a": want s3://BUCKET/KEY`},
	} {
		var l Location
		err := l.UnmarshalText([]byte(tt.in))
		if l.String() != tt.want || fmt.Sprint(err) != tt.err {
			t.Errorf("Location(%q) = %v, %v, want %s, %s", tt.in, l, err, tt.want, tt.err)
		}
	}
}

func TestURL(t *testing.T) {
	for _, tt := range []struct{ in, want, err string }{
		{"https://d1.example.net/", "https://d1.example.net", "<nil>"},
		{"http://127.0.0.1:9080/vod", "http://127.0.0.1:9080/vod", "<nil>"},
		{"https://d1.example.net/a%20b//", "https://d1.example.net/a%20b", "<nil>"},
		{"http://[::1]:9080", "http://[::1]:9080", "<nil>"},
		{"d1.example.net", "", `URL "d1.example.net": want http(s)://HOST[/PATH]`},
		{"", "", `URL "": want http(s)://HOST[/PATH]`},
		{"https://", "", `URL "https://": want http(s)://HOST[/PATH]`},
		{"s3://bucket/x", "", `URL "s3://bucket/x": want http(s)://HOST[/PATH]`},
		{"https://d1.example.net/?a=b", "", `URL "https://d1.example.net/?a=b": want http(s)://HOST[/PATH]`},
		{"https://d1.example.net/#top", "", `URL "https://d1.example.net/#top": want http(s)://HOST[/PATH]`},
		{"https://me:secret@d1.example.net", "", `URL of d1.example.net: has a user or a password, which everybody would see`},
	} {
		var u URL
		if err := u.UnmarshalText([]byte(tt.in)); fmt.Sprint(err) != tt.err || u.String() != tt.want {
			t.Errorf("URL(%q) = %v, %v, want %s, %s", tt.in, &u, err, tt.want, tt.err)
		}
	}
}

func TestCheckApart(t *testing.T) {
	for _, tt := range []struct {
		name, source, output, ledger string
		ok                           bool
	}{
		{"three buckets", "library", "s3://streams", "s3://ledger/fleet", true},
		{"one bucket, three prefixes", "all/in", "s3://all/out", "s3://all/ledger", true},
		{"a prefix that only begins alike", "all/in", "s3://all/inside", "s3://all/ledger", true},
		{"whole bucket holds the output", "all", "s3://all/out", "s3://ledger/fleet", false},
		{"source inside the output", "all/out/raw", "s3://all/out", "s3://ledger/fleet", false},
		{"source holds the ledger", "all", "s3://streams", "s3://all/ledger", false},
		{"ledger is served", "library", "s3://streams", "s3://streams/ledger", false},
		{"ledger beside the output", "library", "s3://streams/vod", "s3://streams/ledger", true},
		{"ledger beside the output, beginning alike", "library", "s3://streams/vod", "s3://streams/vod-ledger", true},
		{"ledger is the output", "library", "s3://streams/vod", "s3://streams/vod", false},
		{"output inside the ledger", "library", "s3://streams/fleet/vod", "s3://streams/fleet", true},
		{"source is the output", "all/in", "s3://all/in", "s3://ledger/fleet", false},
		{"source inside the ledger", "all/ledger/in", "s3://streams", "s3://all/ledger", false},
	} {
		var (
			s              Source
			output, ledger Location
		)
		for _, err := range []error{s.UnmarshalText([]byte(tt.source)), output.UnmarshalText([]byte(tt.output)), ledger.UnmarshalText([]byte(tt.ledger))} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := CheckApart(Sources{[]Source{s}}, output, ledger); (err == nil) != tt.ok {
			t.Errorf("%s: CheckApart = %v, want ok %v", tt.name, err, tt.ok)
		}
	}
}
