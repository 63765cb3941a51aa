package edge

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// directives are the parts of Cache-Control that a shared cache acts on.
type directives struct {
	never  bool          // no-cache, no-store or private
	maxAge time.Duration // s-maxage before max-age; negative: not given
}

func parseCacheControl(h http.Header) directives {
	d := directives{maxAge: -1}
	shared := false
	for part := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "no-cache", "no-store", "private":
			d.never = true
		case "s-maxage":
			if n, ok := deltaSeconds(value); ok {
				d.maxAge, shared = n, true
			}
		case "max-age":
			if n, ok := deltaSeconds(value); ok && !shared {
				d.maxAge = n
			}
		}
	}
	return d
}

// deltaSeconds reads a number of seconds, cut off at what a Duration holds.
func deltaSeconds(s string) (time.Duration, bool) {
	n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(s), `"`), 10, 63)
	if err != nil {
		return 0, false
	}
	const most = 100 * 365 * 24 * 3600
	return time.Duration(min(n, most)) * time.Second, true
}

// lifetime is how long an answer of the origin may be served from the cache:
// its own wish within the policy's bounds, the policy's default without one
// (CloudFront developer guide, "Manage how long content stays in the cache").
func lifetime(status int, h http.Header, now time.Time, v *cloudfront.View, p cloudfront.CachePolicy) time.Duration {
	d := parseCacheControl(h)
	if d.maxAge < 0 {
		if at, err := http.ParseTime(h.Get("Expires")); err == nil {
			from := now
			if date, err := http.ParseTime(h.Get("Date")); err == nil {
				from = date
			}
			d.maxAge = max(0, at.Sub(from))
		}
	}
	if status >= 400 {
		least := 10 * time.Second
		if e, ok := v.Errors[status]; ok {
			least = e.CacheFor
		}
		if d.never || d.maxAge < 0 {
			return least
		}
		return max(least, min(d.maxAge, p.Max))
	}
	switch {
	case d.never:
		return p.Min
	case d.maxAge < 0:
		return max(p.Min, p.Default)
	default:
		return min(max(d.maxAge, p.Min), max(p.Max, p.Min))
	}
}
