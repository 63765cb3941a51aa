package awscloud

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// clock is the cloud's, as its answers tell it.
type clock struct {
	mu   sync.Mutex
	date time.Time // the cloud's, of the latest answer
	seen time.Time // by the host's clock, with its monotonic reading
}

// Now is the latest answer's date carried on; the host's clock before any.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.date.IsZero() {
		return time.Now().UTC()
	}
	return c.at(time.Now())
}

// at is what the cloud's clock shows when the host's shows now.
func (c *clock) at(now time.Time) time.Time { return c.date.Add(now.Sub(c.seen)) }

// see takes an answer's date. One that came through a cache was made Age
// seconds ago (RFC 9111, 4.2.3); services that send "Age: 0" only keep SDKs
// from setting their own clocks by it.
//
// A date has whole seconds, so one that is less than a second behind what is
// known already is no news: time does not step back for it.
func (c *clock) see(h http.Header, now time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	if age, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil {
		date = date.Add(time.Duration(age) * time.Second)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.date.IsZero() {
		if ahead := c.at(now).Sub(date); ahead >= 0 && ahead < time.Second {
			return
		}
	}
	c.date, c.seen = date.UTC(), now
}
