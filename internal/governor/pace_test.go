package governor

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	const usual = 20 * time.Second
	for _, tt := range []struct {
		name  string
		quota float64 // of ListJobs, a second
		pages int
		every time.Duration
		want  time.Duration
	}{
		{"nothing is running", 2, 2, usual, 4 * time.Second},
		{"a few jobs", 2, 5, usual, 10 * time.Second},
		{"two hundred", 2, 13, usual, usual},
		{"thousands", 2, 60, usual, time.Minute},
		{"thousands, at a higher quota", 20, 60, usual, usual},
		{"often, at the usual quota", 2, 13, 2 * time.Second, 13 * time.Second},
		{"often, at a higher quota", 40 / 0.9, 13, 2 * time.Second, 2 * time.Second},
		{"often, and more than half of a higher quota", 20 / 0.9, 30, 2 * time.Second, 3 * time.Second},
	} {
		s := &Sweeper{Governor: New(nil, Options{Rates: map[string]Rate{ListJobs: {PerSecond: tt.quota, Burst: 100}}})}
		if got := s.pace(tt.pages, tt.every).Round(time.Millisecond); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
