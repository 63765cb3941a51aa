package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

// BenchmarkRows reads a report of 8 columns as S3 writes them, with one key of
// four encoded.
func BenchmarkRows(b *testing.B) {
	const rows = 500_000
	var text strings.Builder
	for i := range rows {
		h := uint64(i+1) * 0x9E3779B97F4A7C15
		fmt.Fprintf(&text, `"library","films/2026/%02d/%016x%s%d.mp4","%d","2026-%02d-21T10:%02d:%02d.000Z","%016x%016x","STANDARD","true","COMPLETED"`+"\n",
			i%12+1, h, []string{"+", "%20", "-", "-", "-", "-", "-", "-"}[i%8], i, h>>32, i%12+1, i%60, h%60, h*31, h*17)
	}
	c := memcloud.New(memcloud.Options{})
	manifest := report{
		schema: "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass, IsMultipartUploaded, ReplicationStatus",
		texts:  []string{text.String()},
	}.write(b, c.Store)
	r, err := Open(b.Context(), c.Store, manifest)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for row, err := range r.Rows(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			if row.Key != "" {
				n++
			}
		}
		if n != rows {
			b.Fatalf("%d rows, want %d", n, rows)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
