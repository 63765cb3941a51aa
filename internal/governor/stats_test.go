package governor

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestStats(t *testing.T) {
	b := newBoard(t, Options{InFlight: 1, PerDay: 5, Rates: map[string]Rate{CreateJob: {PerSecond: 2, Burst: 100}, Probe: {}}})
	b.admit("live", "a")
	b.admit("bulk", "b")
	b.watch("j1", "a")
	b.swept()
	b.pass(5 * time.Second)
	got, err := b.Stats(t.Context())
	want := Stats{
		InFlight: map[string]int{"live": 1, "bulk": 0}, Waiting: map[string]int{"live": 0, "bulk": 1},
		Watched: 1, Today: 1, Swept: 5 * time.Second,
		Tokens: map[string]float64{CreateJob: 8 + 9, GetJob: 9, ListJobs: 9, CancelJob: 9, Probe: 0, GetJobTemplate: 9},
		Rates:  map[string]float64{CreateJob: 1.8, GetJob: 1.8, ListJobs: 1.8, CancelJob: 1.8, Probe: 0, GetJobTemplate: 1.8},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Stats =\n%+v, %v, want\n%+v", got, err, want)
	}
}

func TestCollect(t *testing.T) {
	b := newBoard(t, Options{})
	if err := b.Shut(t.Context(), "profile:p1", "x", time.Minute); err != nil {
		t.Fatal(err)
	}
	b.admit("bulk", "a")
	want := `
		# HELP vodfleet_gate_closed 1 for each closed gate.
		# TYPE vodfleet_gate_closed gauge
		vodfleet_gate_closed{scope="profile:p1"} 1
		# HELP vodfleet_governor_up 1 if Redis answered the governor.
		# TYPE vodfleet_governor_up gauge
		vodfleet_governor_up 1
	`
	if err := testutil.CollectAndCompare(b.fixture.Governor, strings.NewReader(want), "vodfleet_gate_closed", "vodfleet_governor_up"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.CollectAndLint(b.fixture.Governor); len(problems) != 0 || err != nil {
		t.Errorf("%v, %v", problems, err)
	}
	b.redis.Close()
	if n := testutil.CollectAndCount(b.fixture.Governor); n != 1 {
		t.Errorf("%d numbers without Redis, want one that says so", n)
	}
}
