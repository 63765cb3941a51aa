package ledger

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var updateGolden = flag.Bool("update", false, "rewrite the golden files")

// full is a record with everything that one can have.
func full(t *testing.T) *Record {
	h := begin(t)
	h.Reference, h.Lane = "order 66", "live"
	h.Location.Key = "films/<é> & \u2028\x00.mp4"
	_, err := h.Plan(h.now, Source{Version: "A", ETag: "e1", Size: 7, VersionID: "v1", LastModified: start.Add(-time.Hour)}, revA, spec, []string{"audio track 2 is dropped"})
	h.do(err).publish(1).plan(revB).publish(2).plan(revC).submit(3)
	h.do(h.FailBuild(h.now, 3, Failure{Class: Transient, Code: 1999, Message: "internal error", Stage: "transcode-poll", Attempts: 2}))
	h.do(h.FailSource(h.now, src(revC), revC, gone))
	h.Rejected = []string{"revD"}
	h.Marks = Marks{Last: 4, Open: 3, Failed: 4, Class: SourceGone}
	h.Updated, h.Nonce, h.Nonces = h.now, "n2", []string{"n1"}
	if err := h.Check(); err != nil {
		t.Fatal(err)
	}
	return h.Record
}

// TestGolden: records like this one are stored, so its form is for good.
func TestGolden(t *testing.T) {
	const file = "testdata/record.json"
	got := encode(t, full(t))
	if *updateGolden {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the record is stored as\n%s\nwant\n%s", got, want)
	}
	r, err := Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	if again := encode(t, r); again != string(want) {
		t.Errorf("read and stored again it is\n%s\nwant\n%s", again, want)
	}
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       string // error
		kind       error
	}{
		{"least", `{"schema":1}`, "<nil>", nil},
		{"unknown member", `{"schema":1,"mood":"good"}`, "<nil>", nil},
		{"of removals", `{"schema":2,"removed":{"at":"2026-11-22T19:00:00Z"}}`, "<nil>", nil},
		{"nothing", ``, "corrupt record: unexpected end of JSON input", ErrCorrupt},
		{"cut off", `{"schema":1,`, "corrupt record: unexpected end of JSON input", ErrCorrupt},
		{"null", `null`, "corrupt record: schema 0", ErrCorrupt},
		{"no schema", `{"asset":"a"}`, "corrupt record: schema 0", ErrCorrupt},
		{"schema below any", `{"schema":-1}`, "corrupt record: schema -1", ErrCorrupt},
		{"newer", `{"schema":3}`, "record of a newer schema: 3, this version knows 2", ErrNewer},
		{"newer, of other types", `{"schema":3,"asset":{"id":7}}`, "record of a newer schema: 3, this version knows 2", ErrNewer},
		{"other types", `{"schema":1,"asset":7}`, "corrupt record: json: cannot unmarshal number into Go struct field Record.asset of type string", ErrCorrupt},
		{"too large", strings.Repeat(" ", MaxRecord+1), "corrupt record: 1048577 bytes, limit 1048576", ErrCorrupt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Decode([]byte(tt.body))
			if fmt.Sprint(err) != tt.want || !errors.Is(err, tt.kind) || (r == nil) != (err != nil) {
				t.Errorf("Decode = %v, %v\nwant error %s", r, err, tt.want)
			}
		})
	}
}

func TestEncodeBound(t *testing.T) {
	r := &Record{Schema: Schema, Asset: "AA", Rejected: []string{strings.Repeat("x", MaxRecord)}}
	if _, err := Encode(r); err == nil || !strings.HasSuffix(err.Error(), "limit 1048576") {
		t.Errorf("Encode: %v, want the limit told", err)
	}
}

// FuzzDecode: whatever is stored, nothing panics, neither reading nor any
// transition, and a refused transition leaves the record as it was.
func FuzzDecode(f *testing.F) {
	golden, err := os.ReadFile("testdata/record.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte(`{"schema":1,"builds":[{"number":1,"failure":{}}],"current":1,"previous":1}`))
	f.Add([]byte(`{"schema":1,"builds":[{"state":"published"},{"state":"failed"}],"next_build":9223372036854775807}`))
	f.Add([]byte(`{"schema":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := Decode(body)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
				t.Errorf("Decode: %v", err)
			}
			return
		}
		once, err := Encode(r)
		if err != nil {
			return // larger than it was read
		}
		again, err := Decode(once)
		if err != nil {
			t.Fatalf("stored and read again: %v", err)
		}
		if twice := encode(t, again); twice != string(once) {
			t.Errorf("stored twice it differs:\n%s\n%s", once, twice)
		}
		r.Check()
		r.Open()
		r.Status()
		r.Failed()
		r.Decide(revA)
		r.Attempts(revA)
		r.Knows("A")
		r.Unresolved()
		r.Retirable(start, time.Hour)
		r.NextRetirement(time.Hour)
		r.Marks.next(r)
		for name, transition := range transitions {
			c, err := Decode(once)
			if err != nil {
				t.Fatal(err)
			}
			if err := transition(c, start); err == nil {
				continue
			}
			if after, err := Encode(c); err != nil || string(after) != string(once) {
				t.Errorf("%s was refused and changed the record", name)
			}
		}
	})
}
