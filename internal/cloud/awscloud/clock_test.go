package awscloud

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(clock)
		host := time.Now()
		if got := c.Now(); !got.Equal(host) {
			t.Errorf("before any answer it is %v, want the host's %v", got, host)
		}
		at := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
		for _, step := range []struct {
			pass      time.Duration // before the answer
			date, age string
			want      time.Time // after it
		}{
			{0, at.Format(http.TimeFormat), "", at},
			{10 * time.Second, "", "", at.Add(10 * time.Second)}, // carried on
			{0, "yesterday", "", at.Add(10 * time.Second)},       // not a date
			{time.Second, at.Add(11 * time.Second).Format(http.TimeFormat), "", at.Add(11 * time.Second)},
			{900 * time.Millisecond, at.Add(11 * time.Second).Format(http.TimeFormat), "", at.Add(11*time.Second + 900*time.Millisecond)}, // the same second
			{0, at.Add(time.Hour).Format(http.TimeFormat), "0", at.Add(time.Hour)},                                                        // ahead
			{0, at.Add(30 * time.Minute).Format(http.TimeFormat), "600", at.Add(40 * time.Minute)},                                        // from a cache, and back
			{0, at.Format(http.TimeFormat), "-5", at},
			{0, at.Add(time.Minute).Format(http.TimeFormat), "nonsense", at.Add(time.Minute)},
		} {
			time.Sleep(step.pass)
			c.see(http.Header{"Date": {step.date}, "Age": {step.age}}, time.Now())
			if got := c.Now(); !got.Equal(step.want) {
				t.Errorf("after date %q and age %q it is %v, want %v", step.date, step.age, got, step.want)
			}
		}
	})
}
