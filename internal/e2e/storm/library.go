package storm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/tasks"
)

// The library: each hundred assets hold some that a backend enqueues, some
// that are no videos, and some that are replaced two batches later.

func key(i int) string { return fmt.Sprintf("films/%03d/%05d.mp4", i/100, i) }

// movie is a file that the simulated service takes for a video, or not.
func (p Plan) movie(i, version int) []byte {
	if i%100 >= 100-p.Bad {
		return fmt.Appendf(nil, "not a video: %d", i)
	}
	return fmt.Appendf(nil, "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isomfilm %d version %d", i, version)
}

// batch returns the assets from and up to which a batch brings.
func (p Plan) batch(n int) (from, to int) {
	return n * p.Assets / p.Batches, (n + 1) * p.Assets / p.Batches
}

// arrive uploads a batch, has a backend enqueue the live ones of it, and
// reports the library. A repeat is harmless.
func (s *Storm) arrive(n int) error {
	type upload struct{ asset, version int }
	var uploads []upload
	var live []string
	from, to := s.Plan.batch(n)
	for i := from; i < to; i++ {
		uploads = append(uploads, upload{i, 1})
		if i%100 < s.Plan.Live {
			live = append(live, "s3://"+fleet.Library+"/"+key(i))
		}
	}
	if n >= 2 || n == s.Plan.Batches-1 {
		from, to := s.Plan.batch(max(0, n-2))
		for i := from; i < to; i++ {
			if k := i % 100; k >= 50 && k < 50+s.Plan.Changed {
				uploads = append(uploads, upload{i, 2})
			}
		}
	}
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Minute)
	defer cancel()
	err := each(uploads, func(u upload) error {
		_, err := s.Fleet.Store.Put(ctx, cloud.Put{Location: cloud.Location{Bucket: fleet.Library, Key: key(u.asset)}, Body: s.Plan.movie(u.asset, u.version)})
		return err
	})
	if err != nil {
		return fmt.Errorf("upload batch %d: %w", n, err)
	}
	if len(live) > 0 {
		if out, code := s.Fleet.Run(append([]string{"add", "--lane", "live"}, live...)...); code != 0 && !strings.Contains(out, "redis") {
			s.t.Logf("enqueuer add exits %d: %s", code, out) // the report brings them too
		}
	}
	s.report()
	return nil
}

// anyAsset is one of those that have arrived, "" before the first.
func (s *Storm) anyAsset() string {
	n := int(s.arrived.Load())
	if n == 0 {
		return ""
	}
	_, to := s.Plan.batch(n - 1)
	return tasks.AssetID(fleet.Library, key(rand.IntN(to)))
}

// report writes an inventory report of the library.
func (s *Storm) report() {
	s.reports.Lock()
	defer s.reports.Unlock()
	s.Fleet.Report()
}
