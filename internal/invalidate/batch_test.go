package invalidate

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func sample() *batch {
	return &batch{
		Schema: 1, Number: 12, Distribution: "E1", Created: time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC), MonthPaths: 4312, Granted: 10000,
		Members: []member{{"a1", 2, []string{"/watch/a1/master.m3u8", "/watch/a1/manifest.mpd"}}, {"b1", 7, []string{"/watch/b1/master.m3u8"}}},
	}
}

// A batch is read by later versions of this program, and its reference is what
// a repeat of the request goes by.
const golden = `{"schema":1,"number":12,"distribution":"E1","created":"2026-11-28T08:00:00Z","month_paths":4312,"granted":10000,` +
	`"members":[{"asset":"a1","seq":2,"paths":["/watch/a1/master.m3u8","/watch/a1/manifest.mpd"]},{"asset":"b1","seq":7,"paths":["/watch/b1/master.m3u8"]}]}`

func TestBatchForm(t *testing.T) {
	body, err := sample().encode()
	if err != nil || string(body) != golden {
		t.Fatalf("encode = %s, %v, want %s", body, err, golden)
	}
	got, err := decode(body, 12)
	if err != nil || !reflect.DeepEqual(got, sample()) {
		t.Errorf("decode = %+v, %v", got, err)
	}
	if got, want := reference(body), "vodfleet-1b2c"; !strings.HasPrefix(got, "vodfleet-") || len(got) != len("vodfleet-")+32 {
		t.Errorf("reference = %s, want the form of %s…", got, want)
	}
	if reference(body) == reference(append(body, ' ')) {
		t.Error("another batch has the same reference")
	}
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name, old, now string // replaced in the golden one
		err            string
	}{
		{"a field of later", `"schema":1`, `"schema":1,"later":[1]`, ""},
		{"a newer version", `"schema":1`, `"schema":2`, "schema 2: written by a newer version"},
		{"no version", `"schema":1,`, ``, "no schema"},
		{"another number", `"number":12`, `"number":13`, "number 13, want 12"},
		{"no distribution", `"E1"`, `""`, "no distribution"},
		{"less than nothing", `4312`, `-1`, "a count below zero"},
		{"no member", golden[strings.Index(golden, `"members"`):], `"members":[]}`, "0 paths: want 1 to 3000"},
		{"a member without an asset", `"a1"`, `""`, `asset "" switch 2: no such switch`},
		{"a member of two", `"a1"`, `"a:1"`, `asset "a:1" switch 2: no such switch`},
		{"a member without a switch", `"seq":2`, `"seq":0`, `asset "a1" switch 0: no such switch`},
		{"a path of others", `"/watch/a1/master.m3u8"`, `"https://example.com/"`, "want a slash first"},
		{"everything", `"/watch/a1/master.m3u8"`, `"/*/x"`, `want "*" only last`},
		{"half of it", `]}]}`, ``, "unexpected end"},
		{"no JSON", `{"schema"`, `schema`, "invalid character"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := strings.Replace(golden, tt.old, tt.now, 1)
			_, err := decode([]byte(body), 12)
			if got := fmt.Sprint(err); tt.err == "" && err != nil || !strings.Contains(got, tt.err) {
				t.Errorf("decode = %v, want %q", err, tt.err)
			}
			if errors.Is(err, errNewer) != (tt.name == "a newer version") {
				t.Errorf("decode = %v: newer or not?", err)
			}
		})
	}
}

func TestParseName(t *testing.T) {
	for name, want := range map[string]string{
		"fleet/invalidations/000000000012.json":     "12 json true",
		"000000000012.done":                         "12 done true",
		"000000000012.refused":                      "12 refused true",
		"000000000012.txt":                          "12 txt false",
		"12.json":                                   "0  false",
		"000000000000.json":                         "0  false",
		"-00000000012.json":                         "0  false",
		"000000000012":                              "12  false",
		"invalidations/":                            "0  false",
		"000000000012.json.old":                     "12 json.old false",
		"invalidations/99999999999999999999.json":   "0  false",
		"invalidations/9223372036854775807.refused": "9223372036854775807 refused true",
	} {
		n, end, ok := parseName(name)
		if got := fmt.Sprint(n, " ", end, " ", ok); got != want {
			t.Errorf("parseName(%q) = %s, want %s", name, got, want)
		}
	}
}

// FuzzBatch reads foreign bytes: none makes it panic, and what it takes can be
// written and read again.
func FuzzBatch(f *testing.F) {
	f.Add([]byte(golden))
	f.Add([]byte(`{"schema":1,"number":12,"distribution":"E1","members":[{"asset":"a","seq":1,"paths":["/*"]}]}`))
	f.Add([]byte(`{"schema":9}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := decode(body, 12)
		if err != nil {
			return
		}
		again, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := decode(again, 12); err != nil || !reflect.DeepEqual(b.Members, c.Members) || b.load().all() > maxPaths {
			t.Errorf("decode of %s = %v", again, err)
		}
	})
}
