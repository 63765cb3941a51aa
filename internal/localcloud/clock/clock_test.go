package clock

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestClockRuns(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rate  float64
		host  time.Duration // that passes
		cloud time.Duration // that has then passed
	}{
		{"as fast as the host's", 1, time.Minute, time.Minute},
		{"sixty times as fast", 60, time.Second, time.Minute},
		{"half as fast", 0.5, time.Minute, 30 * time.Second},
		{"nought is taken as one", 0, time.Minute, time.Minute},
		{"less than nought is taken as one", -3, time.Minute, time.Minute},
		{"not a number is taken as one", math.NaN(), time.Minute, time.Minute},
		{"infinity is taken as one", math.Inf(1), time.Minute, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := New(tt.rate)
				began := c.Now()

				time.Sleep(tt.host)

				if got := c.Now().Sub(began); got != tt.cloud {
					t.Errorf("after %v of the host, %v of the cloud have passed, want %v", tt.host, got, tt.cloud)
				}
				if got := c.Host(tt.cloud); got != tt.host {
					t.Errorf("Host(%v) = %v, want %v", tt.cloud, got, tt.host)
				}
				if got, want := c.FromHost(time.Now()), c.Now(); !got.Equal(want) {
					t.Errorf("FromHost(now) = %v, want %v", got, want)
				}
			})
		})
	}
}

func TestSetBaseNeverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(10)
		began := c.Now()

		c.SetBase(began.Add(-time.Hour))
		if got := c.Now(); !got.Equal(began) {
			t.Errorf("after SetBase to an hour ago, Now = %v, want %v", got, began)
		}
		c.SetBase(began.Add(time.Hour))
		time.Sleep(time.Second)
		if got, want := c.Now(), began.Add(time.Hour+10*time.Second); !got.Equal(want) {
			t.Errorf("a second after SetBase to an hour ahead, Now = %v, want %v", got, want)
		}
	})
}

func TestSleep(t *testing.T) {
	gone := errors.New("gone")
	for _, tt := range []struct {
		name    string
		d       time.Duration // of the cloud's time, 60 times as fast as the host's
		ends    time.Duration // of the host's, after which the context ends; 0: never
		already bool          // the context has ended before
		took    time.Duration // of the host's
		want    error
	}{
		{"to the end", time.Minute, 0, false, time.Second, nil},
		{"not at all", 0, 0, false, 0, nil},
		{"less than nothing", -time.Minute, 0, false, 0, nil},
		{"cut short", time.Hour, time.Second, false, time.Second, gone},
		{"ended before", time.Hour, 0, true, 0, gone},
		{"ended before and nothing to wait for", 0, 0, true, 0, gone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if tt.already {
					cancel(gone)
				}
				if tt.ends > 0 {
					time.AfterFunc(tt.ends, func() { cancel(gone) })
				}
				c, began := New(60), time.Now()

				err := c.Sleep(ctx, tt.d)

				if !errors.Is(err, tt.want) || time.Since(began) != tt.took {
					t.Errorf("Sleep(%v) = %v after %v, want %v after %v", tt.d, err, time.Since(began), tt.want, tt.took)
				}
			})
		})
	}
}
