package awscloud_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// A job is asked for by a request that is signed as of the time of its intent,
// in every attempt, and whatever the host's clock shows.
func TestSubmitIsSignedAsOfItsTime(t *testing.T) {
	settings(t, "3")
	for _, at := range []time.Time{{}, time.Date(2026, 11, 24, 19, 0, 0, 999e6, time.UTC), time.Date(1999, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))} {
		synctest.Test(t, func(t *testing.T) {
			c, f := opened(t, says(http.StatusInternalServerError, ""))
			r := one()
			r.At = at

			_, err := c.Transcoder().Submit(t.Context(), r)

			if !errors.Is(err, cloud.ErrUnavailable) || f.count() != 3 {
				t.Fatalf("Submit = %v after %d requests, want three that broke", err, f.count())
			}
			for _, r := range f.requests {
				got := r.Header.Get("X-Amz-Date")
				want := at.UTC().Format("20060102T150405Z")
				if at.IsZero() {
					want = "20000101T0000" // the bubble's time, and some seconds
				}
				if !strings.HasPrefix(got, want) || !strings.Contains(r.Header.Get("Authorization"), "/"+want[:8]+"/") {
					t.Errorf("as of %v it is signed %s, %s", at, got, r.Header.Get("Authorization"))
				}
			}
			if _, err := c.Transcoder().Job(t.Context(), "1-a"); err == nil || !strings.HasPrefix(f.last().Header.Get("X-Amz-Date"), "20000101") {
				t.Errorf("another call is signed %s", f.last().Header.Get("X-Amz-Date"))
			}
		})
	}
}

func TestSubmitThatIsRefused(t *testing.T) {
	type answer struct {
		status             int
		code, message, ask string
	}
	const old = "Signature expired: 20261124T190000Z is now earlier than 20261124T190100Z (20261124T190600Z - 5 min.)"
	at := time.Date(2026, 11, 24, 19, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name    string
		at      time.Time
		answers []answer // the last one again and again
		want    error
		after   time.Duration
	}{
		{"too late", at, []answer{{403, "InvalidSignatureException", old, ""}}, cloud.ErrExpired, 0},
		{"too late, in other words", at, []answer{{403, "RequestExpired", "", ""}}, cloud.ErrExpired, 0},
		{"too late by a wrong clock", time.Time{}, []answer{{403, "InvalidSignatureException", old, ""}}, cloud.ErrDenied, 0},
		{"wrong keys", at, []answer{{403, "InvalidSignatureException", "The request signature we calculated does not match", ""}}, cloud.ErrDenied, 0},
		{"expired credentials", at, []answer{{403, "ExpiredTokenException", "The security token included in the request is expired", ""}}, cloud.ErrDenied, 0},
		{"throttled", at, []answer{{429, "TooManyRequestsException", "", "7"}}, cloud.ErrThrottled, 7 * time.Second},
		{"throttled for long", at, []answer{{429, "TooManyRequestsException", "", "40000"}}, cloud.ErrThrottled, 5 * time.Minute},
		{"throttled for nonsense", at, []answer{{429, "TooManyRequestsException", "", "-1"}}, cloud.ErrThrottled, 0},
		{"broken, then throttled", at, []answer{{500, "", "", ""}, {429, "TooManyRequestsException", "", ""}}, cloud.ErrUnavailable, 0},
		{"garbled, then refused", at, []answer{{503, "", "", ""}, {400, "BadRequestException", "", ""}}, cloud.ErrUnavailable, 0},
		{"broken, then too late", at, []answer{{500, "", "", ""}, {403, "RequestExpired", "", ""}}, cloud.ErrUnavailable, 0},
		{"throttled, then refused", at, []answer{{429, "TooManyRequestsException", "", ""}, {400, "BadRequestException", "", ""}}, cloud.ErrInvalid, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settings(t, "3")
			synctest.Test(t, func(t *testing.T) {
				n := 0
				c, _ := opened(t, func(w http.ResponseWriter, _ *http.Request) {
					a := tt.answers[min(n, len(tt.answers)-1)]
					n++
					w.Header().Set("X-Amzn-ErrorType", a.code)
					if a.ask != "" {
						w.Header().Set("Retry-After", a.ask)
					}
					w.WriteHeader(a.status)
					fmt.Fprintf(w, `{"message":%q}`, a.message)
				})
				r := one()
				r.At = tt.at
				_, err := c.Transcoder().Submit(t.Context(), r)
				e, ok := errors.AsType[*cloud.Error](err)
				if !ok || e.Kind != tt.want || e.After != tt.after {
					t.Errorf("Submit = %v, want %v, again after %v", err, tt.want, tt.after)
				}
			})
		})
	}
}

// An attempt that comes when the token of an earlier one may be forgotten is not
// made, by the cloud's clock: the earlier one may have made the job.
func TestSubmitAfterItsToken(t *testing.T) {
	begin := time.Date(2026, 11, 24, 19, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		status int           // of each answer
		takes  time.Duration // each attempt, by the cloud's clock
		want   error
		made   int // attempts
	}{
		{"soon", http.StatusInternalServerError, 15 * time.Second, cloud.ErrUnavailable, 3},
		{"too late", http.StatusInternalServerError, 50 * time.Second, cloud.ErrUnavailable, 1},
		{"too late for the third", http.StatusInternalServerError, 30 * time.Second, cloud.ErrUnavailable, 2},
		{"late, and nothing was done", http.StatusTooManyRequests, 50 * time.Second, cloud.ErrThrottled, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settings(t, "3")
			synctest.Test(t, func(t *testing.T) {
				now, status := begin, http.StatusNotFound
				c, f := opened(t, func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodPost {
						now = now.Add(tt.takes)
						status = tt.status
					}
					w.Header().Set("Date", now.Format(http.TimeFormat))
					if status == http.StatusTooManyRequests {
						w.Header().Set("X-Amzn-ErrorType", "TooManyRequestsException")
					}
					w.WriteHeader(status)
				})
				_, _ = c.Transcoder().Job(t.Context(), "1-a") // which tells the time
				before := f.count()
				r := one()
				r.At = begin
				_, err := c.Transcoder().Submit(t.Context(), r)
				if made := f.count() - before; !errors.Is(err, tt.want) || made != tt.made {
					t.Errorf("Submit = %v after %d attempts, want %v after %d", err, made, tt.want, tt.made)
				}
			})
		})
	}
}

// A job that the service tells oddly hides none of its page.
func TestListHidesNothing(t *testing.T) {
	c, _ := account(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"jobs":[{"status":"PROGRESSING"},{"id":"1-b","status":"PAUSED"},{"id":"1-c","status":"PROGRESSING"}]}`)
	})
	page, err := c.Transcoder().List(t.Context(), cloud.JobQuery{State: cloud.JobProgressing})
	if err != nil || len(page.Jobs) != 2 || page.Jobs[0].ID != "1-b" || page.Jobs[0].State != "PAUSED" || page.Jobs[1].ID != "1-c" {
		t.Errorf("List = %+v, %v, want the two that have an ID", page, err)
	}
}
