package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/media"
)

// The cloud calls of a first publication, by operation, over the local cloud
// with simulated jobs, two workers and the usual settings: by the built-in
// profile, and with Smooth Streaming beside it.
func BenchmarkCloudCalls(b *testing.B) {
	for _, packages := range []string{media.PackageCMAF, media.PackageCMAF + ", " + media.PackageSmooth} {
		b.Run(strings.ReplaceAll(packages, ", ", "+"), func(b *testing.B) {
			for b.Loop() {
				cloudCalls(b, packages)
			}
		})
	}
}

func cloudCalls(b *testing.B, packages string) {
	const n = 200
	f := fleet.Start(b, fleet.Options{Cloud: []string{"--simulate", "--job-time", "2s-20s", "--api-rate=-1", "--api-burst=-1", "--smooth"}})
	p, err := media.Parse(fmt.Appendf(nil, "packages: [%s]", packages))
	if err != nil {
		b.Fatal(err)
	}
	if err := f.Book.PutProfile(b.Context(), p.Digest(), p.Canonical()); err != nil {
		b.Fatal(err)
	}
	var ids []string
	for i := range n {
		ids = append(ids, f.Upload(fmt.Sprintf("films/%04d.mp4", i), fmt.Appendf(nil, "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom%d", i)))
	}
	f.Report()
	f.Worker()
	f.Worker()
	f.Cloud.ResetCalls()
	if out, code := f.Run("watch", "--once", "--profile", p.Digest()); code != 0 {
		b.Fatalf("watch --once exits %d: %s", code, out)
	}
	fed := f.Cloud.Calls()
	awaitIdle(b, f)
	calls := f.Cloud.Calls()
	for i, r := range f.Await(time.Minute, fleet.Ended, ids...) {
		if r.Status() != "published" {
			b.Fatalf("asset %d is %s: %+v", i, r.Status(), r.Failed())
		}
	}
	s3 := 0
	for _, op := range slices.Sorted(maps.Keys(calls)) {
		b.Logf("%-28s %6.2f an asset (of these by the enqueuer %.2f)", op, float64(calls.Of(op))/n, float64(fed.Of(op))/n)
		if strings.HasPrefix(op, "s3.") {
			s3 += calls.Of(op)
		}
	}
	b.ReportMetric(float64(s3)/n, "s3/asset")
	b.ReportMetric(float64(calls.Of("mediaconvert.CreateJob"))/n, "CreateJob/asset")
	b.ReportMetric(float64(calls.Of("mediaconvert.Probe"))/n, "Probe/asset")
	b.ReportMetric(float64(calls.Of("mediaconvert.GetJob"))/n, "GetJob/asset")
	b.ReportMetric(0, "ns/op")
}

// awaitIdle waits until no task is left, asking Redis alone: what the cloud
// counts is the product's.
func awaitIdle(b *testing.B, f *fleet.Fleet) {
	b.Helper()
	for range 3000 {
		all, err := f.Queue.Lengths(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		left := int64(0)
		for _, q := range all {
			left += q.Outstanding()
		}
		if left == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.Fatal("tasks are left after five minutes")
}
