package tasks

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	asset   = "ABCDEFGHIJKLMNOPQRSTUVWXYA"
	source  = "ABCDEFGHIJKLMNOP"
	profile = "0123456789abcdef0123456789abcdef"
)

// The golden files are the wire format: payloads like these wait in Redis
// while the fleet is upgraded.
var golden = []struct {
	file string
	task Task
}{
	{"ingest", Ingest{Bucket: "library", Key: "2026/intro.mp4"}},
	{"ingest-full", Ingest{"library", "Zoë & Ko/100% <b>+?#\"'.mp4", source, profile, "order 7", Bulk}},
	{"ingest-odd-key", Ingest{Bucket: "library", Key: "/../a\x00\x01\t\n\x1f\x7f\\\u2028\U0001F3AC.mp4", Lane: Live}},
	{"transcode-submit", TranscodeSubmit{asset, 3, profile, "order 7", Bulk}},
	{"transcode-poll", TranscodePoll{asset, 3, "1515613152143-abcdef", profile, "order 7"}},
	{"publish", Publish{asset, 3, profile, "order 7"}},
	{"invalidate-or-rename", InvalidateOrRename{asset, 2, profile, "order 7"}},
}

func TestGolden(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.file, func(t *testing.T) {
			path := filepath.Join("testdata", tt.file+".json")
			got, err := Encode(tt.task)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("Encode = %s, want %s", got, want)
			}
			back, err := Decode(tt.task.Kind(), want)
			if err != nil || back != tt.task {
				t.Errorf("Decode = %#v, %v, want %#v", back, err, tt.task)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	const poll = KindTranscodePoll
	for _, tt := range []struct {
		name    string
		kind    string
		payload string
		want    error
		text    string // of the error
	}{
		{"unknown member", poll, `{"v":1,"asset":"` + asset + `","build":1,"later":[{}]}`, nil, "<nil>"},
		{"member of another kind", poll, `{"v":1,"asset":"` + asset + `","build":1,"lane":7}`, nil, "<nil>"},
		{"newer", poll, `{"v":2,"asset":7}`, ErrVersion, "decode task of 17 bytes: payload is of a newer version: 2, known is 1"},
		{"newer, of an unknown kind", "restore", `{"v":2}`, ErrVersion, "decode task of 7 bytes: payload is of a newer version: 2, known is 1"},
		{"unknown kind", "restore", `{"v":1}`, ErrKind, "decode task: kind of task is not known"},
		{"kind with another as its prefix", "publish-later", `{"v":1}`, ErrKind, "decode task: kind of task is not known"},
		{"empty", poll, ``, ErrPayload, "decode task of 0 bytes: payload is broken: not JSON at byte 0"},
		{"null", poll, `null`, ErrPayload, "decode task of 4 bytes: payload is broken: no version"},
		{"no object", poll, `[1]`, ErrPayload, `decode task of 3 bytes: payload is broken: member "" has the wrong type`},
		{"truncated", poll, `{"v":1,"asset":"secret`, ErrPayload, "decode task of 22 bytes: payload is broken: not JSON at byte 22"},
		{"no version", poll, `{"asset":"` + asset + `","build":1}`, ErrPayload, "decode task of 48 bytes: payload is broken: no version"},
		{"version of nought", poll, `{"v":0}`, ErrPayload, "decode task of 7 bytes: payload is broken: version 0"},
		{"version a fraction", poll, `{"v":1.5}`, ErrPayload, `decode task of 9 bytes: payload is broken: member "v" has the wrong type`},
		{"no asset", poll, `{"v":1,"build":1}`, ErrPayload, "decode transcode-poll task of 17 bytes: payload is broken: transcode-poll task: asset: missing"},
		{"no build", poll, `{"v":1,"asset":"` + asset + `"}`, ErrPayload, "decode transcode-poll task of 44 bytes: payload is broken: transcode-poll task: build: 0, want 1 or more"},
		{"wrong type", poll, `{"v":1,"asset":"` + asset + `","build":"1"}`, ErrPayload, `decode transcode-poll task of 56 bytes: payload is broken: member "build" has the wrong type`},
		{"two values", poll, `{"v":1}{"v":1}`, ErrPayload, "decode task of 14 bytes: payload is broken: not JSON at byte 8"},
		{"not UTF-8", KindIngest, "{\"v\":1,\"bucket\":\"library\",\"key\":\"a\xff\"}", ErrPayload, "decode task of 37 bytes: payload is broken: not valid Unicode"},
		{"half a pair", KindIngest, `{"v":1,"bucket":"library","key":"\ud83c"}`, ErrPayload, "decode task of 41 bytes: payload is broken: not valid Unicode"},
		{"half a pair, then another escape", KindIngest, `{"v":1,"bucket":"library","key":"\ud83c\u0041"}`, ErrPayload, "decode task of 47 bytes: payload is broken: not valid Unicode"},
		{"the other half", KindIngest, `{"v":1,"bucket":"library","key":"\udfac"}`, ErrPayload, "decode task of 41 bytes: payload is broken: not valid Unicode"},
		{"a pair", KindIngest, `{"v":1,"bucket":"library","key":"\uD83C\uDFAC"}`, nil, "<nil>"},
		{"an escaped backslash", KindIngest, `{"v":1,"bucket":"library","key":"\\udfac"}`, nil, "<nil>"},
		{"too large", poll, `{"v":1,"asset":"` + strings.Repeat("x", MaxPayload) + `"}`, ErrPayload, "decode task of 16402 bytes: payload is broken: larger than 16384 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode(tt.kind, []byte(tt.payload))
			if got := fmt.Sprint(err); got != tt.text || !errors.Is(err, tt.want) {
				t.Errorf("Decode = %q, want %q", got, tt.text)
			}
		})
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		task Task
		want string
	}{
		{"invalid", Publish{Asset: asset}, "encode publish task: build: 0, want 1 or more"},
		{"pointer", &Publish{Asset: asset, Build: 1}, "encode *tasks.Publish: not a task of this package (tasks are passed as values)"},
		{"nil pointer", (*Publish)(nil), "encode *tasks.Publish: not a task of this package (tasks are passed as values)"},
		{"nil", nil, "encode <nil>: not a task of this package (tasks are passed as values)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Encode(tt.task); fmt.Sprint(err) != tt.want {
				t.Errorf("Encode = %v, want %s", err, tt.want)
			}
		})
	}
}

// The largest payload that Encode makes is well inside what Decode takes.
func TestLargestPayload(t *testing.T) {
	ctl := func(n int) string { return strings.Repeat("\x01", n) }
	got, err := Encode(Ingest{strings.Repeat("b", 63), ctl(maxKey), source, profile, ctl(maxReference), Bulk})
	if err != nil || len(got) > MaxPayload/2 {
		t.Errorf("Encode = %d bytes, %v, want at most %d", len(got), err, MaxPayload/2)
	}
}

func FuzzDecode(f *testing.F) {
	for _, tt := range golden {
		b, err := Encode(tt.task)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(tt.task.Kind(), b)
	}
	f.Add(KindIngest, []byte(`{"v":1,"bucket":"library","key":"\uD83C\\\uDFAC"}`))
	f.Add("other", []byte(`{"v":2}`))
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		task, err := Decode(kind, payload)
		if err != nil {
			known := errors.Is(err, ErrVersion) || errors.Is(err, ErrKind) || errors.Is(err, ErrPayload)
			if task != nil || !known || !utf8.ValidString(err.Error()) {
				t.Fatalf("Decode = %v, %q", task, err)
			}
			return
		}
		again, err := Encode(task)
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		if back, err := Decode(kind, again); err != nil || !reflect.DeepEqual(back, task) {
			t.Fatalf("second Decode = %#v, %v, want %#v", back, err, task)
		}
	})
}

// Every key that S3 takes survives byte for byte, and no other is taken.
func FuzzKey(f *testing.F) {
	for _, key := range []string{"a.mp4", "/a/../b", "\x00\x1f\x7f", "\u2028\U0001F3AC", "a\xffb", "", strings.Repeat("é", 512), strings.Repeat("é", 513)} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		legal := len(key) >= 1 && len(key) <= 1024 && utf8.ValidString(key)
		payload, err := Encode(Ingest{Bucket: "library", Key: key})
		if (err == nil) != legal {
			t.Fatalf("Encode of key %q: %v", key, err)
		}
		if err != nil {
			return
		}
		if back, err := Decode(KindIngest, payload); err != nil || back.(Ingest).Key != key {
			t.Fatalf("Decode = %#v, %v, want key %q", back, err, key)
		}
	})
}
