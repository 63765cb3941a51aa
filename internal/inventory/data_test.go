package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

// many is a data file larger than all buffers.
func many(rows int) string {
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, `"library","films/%08x/%d.mp4","%d","%032x"`+"\n", i*2654435761, i, i*7919, i*40503)
	}
	return b.String()
}

func TestDataFiles(t *testing.T) {
	const where = "read data file s3://reports/inv/library/all/data/a.csv.gz of report s3://reports/" + folder + "manifest.json: "
	text := many(20_000)
	size := len(pack(t, text))
	resum := func(change func([]byte) []byte) func(report) report {
		return func(r report) report {
			packed := change(pack(t, text))
			r.file = func([]byte) []byte { return packed }
			r.manifest = func(_ map[string]any, f []map[string]any) {
				f[0]["size"], f[0]["MD5checksum"] = len(packed), sum(packed)
			}
			return r
		}
	}
	for _, tt := range []struct {
		name    string
		make    func(report) report
		max     int64 // bytes unpacked; 0 for the usual
		rows    int   // at least, and all of them where there is no error
		want    string
		forGood bool
	}{
		{"whole", func(r report) report { return r }, 0, 20_000, "", false},
		{"several members", resum(func(p []byte) []byte { return append(p, p...) }), 0, 40_000, "", false},
		{"missing", func(r report) report { r.file = func([]byte) []byte { return nil }; return r }, 0, 0, "Store.Open s3://reports/" + dataKey(0) + ": not found", true},
		{"cut off", func(r report) report { r.file = func(p []byte) []byte { return p[:1000] }; return r }, 0, 0, fmt.Sprintf("it has 1000 bytes, the manifest says %d", size), true},
		{"other bytes", func(r report) report {
			r.manifest = func(_ map[string]any, f []map[string]any) {
				f[0]["MD5checksum"] = strings.Repeat("0", 32)
			}
			return r
		}, 0, 19_000, "MD5 is " + sum(pack(t, text)) + ", the manifest says 00000000000000000000000000000000", true},
		{"truncated gzip", resum(func(p []byte) []byte { return p[:len(p)-9] }), 0, 15_000, "gzip is truncated", true},
		{"truncated in the middle", resum(func(p []byte) []byte { return p[:len(p)/2] }), 0, 1000, "gzip is truncated", true},
		{"truncated header", resum(func(p []byte) []byte { return p[:5] }), 0, 0, "gzip is truncated", true},
		{"empty", resum(func(p []byte) []byte { return []byte{} }), 0, 0, "gzip is truncated", true},
		{"no gzip", resum(func([]byte) []byte { return []byte(text) }), 0, 0, "gzip: invalid header", true},
		{"behind the gzip", resum(func(p []byte) []byte { return append(p, "trailing garbage"...) }), 0, 15_000, "gzip: invalid header", true},
		{"wrong sum of gzip", resum(func(p []byte) []byte { p[len(p)-8] ^= 1; return p }), 0, 15_000, "gzip: invalid checksum", true},
		{"oversized", func(r report) report { return r }, 1 << 20, 0, "it unpacks to more than 1048576 bytes", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.max != 0 {
				defer func(was int64) { maxText = was }(maxText)
				maxText = tt.max
			}
			c := memcloud.New(memcloud.Options{})
			manifest := tt.make(report{texts: []string{text}}).write(t, c.Store)

			rows, broken, err := read(t, c.Store, manifest)

			want := "<nil>"
			if tt.want != "" {
				want = where + tt.want
			}
			if got := fmt.Sprint(err); got != want || Unreadable(err) != tt.forGood {
				t.Errorf("error is %s, for good %t\nwant %s, for good %t", got, Unreadable(err), want, tt.forGood)
			}
			if len(broken) > 0 {
				t.Errorf("%d rows are broken: %v", len(broken), broken[0])
			}
			if len(rows) < tt.rows || err == nil && len(rows) != tt.rows {
				t.Errorf("%d rows, want %d", len(rows), tt.rows)
			}
		})
	}
}

// cut is a store whose streams end early, as broken connections do.
type cut struct {
	cloud.Store
	err error // nil: a plain end
}

func (c cut) Open(ctx context.Context, at cloud.Location) (io.ReadCloser, cloud.Object, error) {
	r, o, err := c.Store.Open(ctx, at)
	if err != nil {
		return nil, o, err
	}
	half, err := io.ReadAll(io.LimitReader(r, o.Size/2))
	if err != nil {
		return nil, o, err
	}
	var end io.Reader = strings.NewReader("")
	if c.err != nil {
		end = failing{c.err}
	}
	return io.NopCloser(io.MultiReader(bytes.NewReader(half), end)), o, nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestBrokenConnection: what the network does is not the report's fault.
func TestBrokenConnection(t *testing.T) {
	broken := errors.New("connection reset")
	for _, tt := range []struct {
		name string
		err  error
		want error
	}{
		{"reset", broken, broken},
		{"unexpected end", io.ErrUnexpectedEOF, io.ErrUnexpectedEOF},
		{"plain end", nil, cloud.ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := memcloud.New(memcloud.Options{})
			manifest := report{texts: []string{many(5000)}}.write(t, c.Store)

			_, _, err := read(t, cut{c.Store, tt.err}, manifest)

			if !errors.Is(err, tt.want) || Unreadable(err) {
				t.Errorf("error is %v, for good %t, want %v that may pass", err, Unreadable(err), tt.want)
			}
		})
	}
}

// slow is a store whose streams take their time, whatever their context says.
type slow struct {
	cloud.Store
	t       *testing.T
	reading *atomic.Bool
}

func (s slow) Open(ctx context.Context, at cloud.Location) (io.ReadCloser, cloud.Object, error) {
	r, o, err := s.Store.Open(context.WithoutCancel(ctx), at)
	return slowly{r, s}, o, err
}

type slowly struct {
	io.ReadCloser
	s slow
}

func (r slowly) Read(p []byte) (int, error) {
	r.s.reading.Store(true)
	defer r.s.reading.Store(false)
	time.Sleep(time.Second)
	return r.ReadCloser.Read(p)
}

func (r slowly) Close() error {
	if r.s.reading.Load() {
		r.s.t.Error("a stream is closed while it is read")
	}
	return r.ReadCloser.Close()
}

// TestStopWaits: a stream is given back once nobody reads it.
func TestStopWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memcloud.New(memcloud.Options{})
		manifest := report{texts: []string{many(40_000)}}.write(t, c.Store)
		r, err := Open(t.Context(), slow{c.Store, t, new(atomic.Bool)}, manifest)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range r.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	})
}

// TestStop ends the reading early; the bubble fails if a goroutine is left.
func TestStop(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cancel bool // the context, instead of the loop
		want   error
	}{
		{"loop", false, nil},
		{"context", true, context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := memcloud.New(memcloud.Options{})
				manifest := report{texts: []string{many(40_000)}}.write(t, c.Store)
				r, err := Open(t.Context(), c.Store, manifest)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				n := 0
				for _, err = range r.Rows(ctx) {
					if err != nil {
						break
					}
					if n++; n == 10 && tt.cancel {
						cancel()
					} else if n == 10 {
						break
					}
				}
				if !errors.Is(err, tt.want) || Unreadable(err) || n < 10 || n > 30_000 {
					t.Errorf("after %d rows: %v, want %v", n, err, tt.want)
				}
			})
		})
	}
}
