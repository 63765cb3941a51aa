package invalidate

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

func TestCollect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{Invalidation: time.Minute})
		w.Budget = 100
		if problems, err := testutil.CollectAndLint(w.Batcher); len(problems) != 0 || err != nil {
			t.Errorf("%v, %v", problems, err)
		}
		if n := testutil.CollectAndCount(w.Batcher); n != 3 {
			t.Errorf("%d numbers of one without the lease, want its own three", n)
		}
		w.queue.await("a", 2)
		w.queue.await("b", 2, "/watch/b/*")
		w.pass(30 * time.Second)
		w.queue.await("c", 2)
		w.pass(10 * time.Second)
		want := `
			# HELP vodfleet_invalidation_batches_total Invalidations of this process that ended, by outcome.
			# TYPE vodfleet_invalidation_batches_total counter
			vodfleet_invalidation_batches_total{outcome="completed"} 0
			vodfleet_invalidation_batches_total{outcome="refused"} 0
			# HELP vodfleet_invalidation_budget_paths Paths that it may invalidate in this month; absent for any number.
			# TYPE vodfleet_invalidation_budget_paths gauge
			vodfleet_invalidation_budget_paths 100
			# HELP vodfleet_invalidation_in_progress Paths and wildcards of the fleet's invalidations in progress, as their lease's holder knows them.
			# TYPE vodfleet_invalidation_in_progress gauge
			vodfleet_invalidation_in_progress{kind="path"} 2
			vodfleet_invalidation_in_progress{kind="wildcard"} 1
			# HELP vodfleet_invalidation_month_paths Paths that the fleet invalidated in this month of UTC.
			# TYPE vodfleet_invalidation_month_paths gauge
			vodfleet_invalidation_month_paths 3
			# HELP vodfleet_invalidation_oldest_seconds How long the first of them has waited.
			# TYPE vodfleet_invalidation_oldest_seconds gauge
			vodfleet_invalidation_oldest_seconds 8
			# HELP vodfleet_invalidation_paths_total Paths that this process put into invalidations.
			# TYPE vodfleet_invalidation_paths_total counter
			vodfleet_invalidation_paths_total 3
			# HELP vodfleet_invalidation_waiting_assets Replaced and removed assets that wait to be put into an invalidation.
			# TYPE vodfleet_invalidation_waiting_assets gauge
			vodfleet_invalidation_waiting_assets 1
		`
		if err := testutil.CollectAndCompare(w.Batcher, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
		w.queue.holder = "another"
		w.turn()
		if n := testutil.CollectAndCount(w.Batcher); n != 3 {
			t.Errorf("%d numbers without the lease, want its own three", n)
		}
	})
}
