package mediaconvert

import (
	"fmt"
	"time"
)

// bucket is a token bucket.
type bucket struct {
	tokens float64
	at     time.Time
}

// allow takes a token of op's bucket, if there is one. The caller holds s.mu.
func (s *Service) allow(op string) bool {
	rate, burst := s.cfg.Quotas.Rate, s.cfg.Quotas.Burst
	if r, ok := s.cfg.Quotas.Rates[op]; ok {
		rate = r
	}
	if n, ok := s.cfg.Quotas.Bursts[op]; ok {
		burst = n
	}
	if rate < 0 || burst < 0 {
		return true
	}
	now := s.now()
	b := s.buckets[op]
	if b == nil {
		b = &bucket{float64(burst), now}
		s.buckets[op] = b
	}
	b.tokens = min(float64(burst), b.tokens+now.Sub(b.at).Seconds()*rate)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// Limits are the quotas that can be changed while the service runs. Unlike
// those of [Quotas] its zeros mean none at all.
type Limits struct {
	Rate           *float64 `json:"rate,omitempty"`           // calls a second of each API method; below 0: no limit
	Burst          *int     `json:"burst,omitempty"`          // calls at once of each API method; below 0: no limit
	ConcurrentJobs *int     `json:"concurrentJobs,omitempty"` // of one on-demand queue
}

// Limits returns the quotas in force.
func (s *Service) Limits() Limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.cfg.Quotas
	return Limits{new(q.Rate), new(q.Burst), new(q.ConcurrentJobs)}
}

// SetLimits changes the quotas that l gives. Jobs at work beyond them go on.
func (s *Service) SetLimits(l Limits) error {
	if l.ConcurrentJobs != nil && *l.ConcurrentJobs < 0 {
		return fmt.Errorf("concurrentJobs %d below 0", *l.ConcurrentJobs)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.Rate != nil {
		s.cfg.Quotas.Rate = *l.Rate
	}
	if l.Burst != nil {
		s.cfg.Quotas.Burst = *l.Burst
	}
	if l.ConcurrentJobs != nil {
		s.cfg.Quotas.ConcurrentJobs = *l.ConcurrentJobs
	}
	s.stir()
	return nil
}
