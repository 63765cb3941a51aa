package governor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// service answers every call with err.
type service struct {
	cloud.Transcoder
	err   error
	calls int
}

func (s *service) Job(context.Context, string) (cloud.Job, error) {
	s.calls++
	return cloud.Job{}, s.err
}

func (s *service) Probe(context.Context, cloud.Location) (cloud.Media, error) {
	s.calls++
	return cloud.Media{}, s.err
}

func (s *service) List(context.Context, cloud.JobQuery) (cloud.JobPage, error) {
	s.calls++
	return cloud.JobPage{}, s.err
}

func (s *service) Submit(context.Context, cloud.JobRequest) (cloud.Job, error) {
	s.calls++
	return cloud.Job{}, s.err
}

func (s *service) Cancel(context.Context, string) error { s.calls++; return s.err }

func (s *service) Template(context.Context, string) (cloud.JobSpec, error) {
	s.calls++
	return cloud.JobSpec{}, s.err
}

// told is an error and when to come again.
func told(err error) string {
	e, ok := errors.AsType[*cloud.Error](err)
	if !ok {
		return fmt.Sprint(err)
	}
	return fmt.Sprintf("%v, after %v", e.Kind, e.After)
}

func TestLimit(t *testing.T) {
	one := map[string]Rate{GetJob: {PerSecond: 1, Burst: 1}, Probe: {PerSecond: 1, Burst: 1}, ListJobs: {}}
	f := newFixture(t, Options{Rates: one})
	s := &service{}
	limited := f.Limit(s)
	job := func(id string) func() error {
		return func() error { _, err := limited.Job(t.Context(), id); return err }
	}
	for i, tt := range []struct {
		pass  time.Duration // before
		call  func() error
		want  string
		calls int // of the service by then
	}{
		{0, job("a"), "<nil>", 1},
		{0, job("b"), "throttled, after 1.112s", 1},
		{0, job("c"), "throttled, after 2.223s", 1},
		{0, func() error { _, err := limited.Probe(t.Context(), cloud.Location{Bucket: "x", Key: "k"}); return err }, "<nil>", 2},
		{1112 * time.Millisecond, job("c"), "throttled, after 1.112s", 2}, // the token is b's
		{0, job("b"), "<nil>", 3},
		{1112 * time.Millisecond, job("d"), "throttled, after 1.112s", 3}, // the token is c's
		{0, job("c"), "<nil>", 4},
		{0, func() error { _, err := limited.List(t.Context(), cloud.JobQuery{}); return err }, "throttled, after 10m0s", 4},
		{0, func() error { _, err := limited.Submit(t.Context(), cloud.JobRequest{}); return err }, "<nil>", 5},
		{0, func() error { return limited.Cancel(t.Context(), "a") }, "<nil>", 6},
		{0, func() error { _, err := limited.Template(t.Context(), "a"); return err }, "<nil>", 7},
	} {
		f.pass(tt.pass)
		if got := told(tt.call()); got != tt.want || s.calls != tt.calls {
			t.Errorf("call %d: %s and %d calls, want %s and %d", i, got, s.calls, tt.want, tt.calls)
		}
	}
	f.redis.Close()
	if got := told(job("a")()); got != "unavailable, after 0s" || s.calls != 7 {
		t.Errorf("without Redis: %s and %d calls", got, s.calls)
	}
}

// TestTurn shows that who asks for a turn finds its token with the probe, that
// live work stands before bulk work, and that asking alone takes no token.
func TestTurn(t *testing.T) {
	f := newFixture(t, Options{Rates: map[string]Rate{Probe: {PerSecond: 1, Burst: 1}}})
	limited := f.Limit(&service{})
	at := func(key string) cloud.Location { return cloud.Location{Bucket: "x", Key: key} }
	turn := func(lane, key string) string {
		wait, err := f.Turn(t.Context(), lane, at(key))
		return fmt.Sprint(wait, " ", err)
	}
	probe := func(key string) string {
		_, err := limited.Probe(t.Context(), at(key))
		return told(err)
	}
	for i, tt := range []struct{ got, want string }{
		{turn("bulk", "a"), "0s <nil>"},
		{turn("bulk", "b"), "0s <nil>"}, // a took none
		{probe("a"), "<nil>"},
		{turn("bulk", "b"), "1.112s <nil>"},
		{turn("bulk", "c"), "2.223s <nil>"},
		{turn("live", "d"), "1.112s <nil>"}, // before both
		{turn("live", "e"), "2.223s <nil>"},
		{turn("live", "d"), "1.112s <nil>"}, // a repeat keeps the place
		{turn("bulk", "b"), "3.334s <nil>"},
	} {
		if tt.got != tt.want {
			t.Errorf("step %d: %s, want %s", i, tt.got, tt.want)
		}
	}
	f.pass(1112 * time.Millisecond)
	if b, d, d2 := probe("b"), turn("live", "d"), probe("d"); b != "throttled, after 2.223s" || d != "0s <nil>" || d2 != "<nil>" {
		t.Errorf("once there is a token: b %s, d %s and %s; want it d's", b, d, d2)
	}
}

// TestLimitSlows shows that a throttled call empties the bucket and halves its
// rate, once for all that were on their way together, and that this passes.
func TestLimitSlows(t *testing.T) {
	f := newFixture(t, Options{Rates: map[string]Rate{GetJob: {PerSecond: 10, Burst: 100}}})
	s := &service{}
	limited := f.Limit(s)
	f.pass(time.Hour)
	for i, tt := range []struct {
		pass time.Duration // before
		err  error         // of the service
		want string
	}{
		{0, nil, "<nil>"},
		{0, &cloud.Error{Kind: cloud.ErrThrottled}, "throttled, after 1s"},                      // 4.5 a second, but nobody is told less
		{0, nil, "throttled, after 223ms"},                                                      // its bucket is empty
		{223 * time.Millisecond, &cloud.Error{Kind: cloud.ErrThrottled}, "throttled, after 1s"}, // counts no second time
		{2 * time.Second, &cloud.Error{Kind: cloud.ErrThrottled, After: time.Minute}, "throttled, after 1m0s"},
		{0, nil, "throttled, after 439ms"}, // 2.28 a second
		{10 * time.Minute, nil, "<nil>"},
	} {
		f.pass(tt.pass)
		s.err = tt.err
		_, err := limited.Job(t.Context(), "j1")
		if got := told(err); got != tt.want {
			t.Errorf("call %d: %s, want %s", i, got, tt.want)
		}
	}
	got, err := f.rdb.HMGet(t.Context(), keyBucket(GetJob), "slow").Result()
	if err != nil || got[0] == nil || !strings.HasPrefix(got[0].(string), "0.25") {
		t.Errorf("slow = %v, %v", got, err)
	}
	f.pass(5 * time.Minute)
	s.err = &cloud.Error{Kind: cloud.ErrThrottled}
	_, _ = limited.Job(t.Context(), "j1")
	f.pass(10 * time.Second)
	if n := burst(limited, s); n != 45 {
		t.Errorf("%d calls at once 10 s after a refusal, want half of 90", n)
	}
	f.pass(10 * time.Minute)
	if n := burst(limited, s); n != 90 {
		t.Errorf("%d calls at once after the slowness, want 90", n)
	}
}

// burst counts how many calls pass at once.
func burst(t cloud.Transcoder, s *service) int {
	s.err, s.calls = nil, 0
	for i := range 200 {
		_, _ = t.Job(context.Background(), fmt.Sprint("burst", i))
	}
	return s.calls
}

// TestLimitWaits shows that List waits for its token, and leaves the line with
// its context.
func TestLimitWaits(t *testing.T) {
	g := newReal(t, Options{Rates: map[string]Rate{ListJobs: {PerSecond: 50, Burst: 1}, CancelJob: {PerSecond: 0.01, Burst: 1}}})
	s := &service{}
	limited := g.Limit(s)
	began := time.Now()
	for range 5 {
		if _, err := limited.List(t.Context(), cloud.JobQuery{}); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 80*time.Millisecond {
		t.Errorf("5 calls at 45 a second took %v", took)
	}
	if err := limited.Cancel(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := limited.Cancel(ctx, "b"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Cancel = %v, want the context's error", err)
	}
	if n, err := g.rdb.ZCard(t.Context(), keyLine(CancelJob)).Result(); n != 0 || err != nil {
		t.Errorf("%d in line, %v", n, err)
	}
}
