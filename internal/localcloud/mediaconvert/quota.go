package mediaconvert

import "time"

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
