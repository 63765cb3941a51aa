package governor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"go.uber.org/zap"
)

// lists are the service's lists, the newest job first, two jobs a page.
type lists struct {
	jobs  []cloud.Job
	on    func(q cloud.JobQuery) error // before each page
	asked []string
}

func (l *lists) List(ctx context.Context, q cloud.JobQuery) (cloud.JobPage, error) {
	l.asked = append(l.asked, strings.TrimSpace(string(q.State)+" "+q.Cursor))
	if l.on != nil {
		if err := l.on(q); err != nil {
			return cloud.JobPage{}, err
		}
	}
	var of []cloud.Job
	for _, j := range l.jobs {
		if j.State == q.State {
			of = append(of, j)
		}
	}
	slices.SortStableFunc(of, func(a, b cloud.Job) int { return b.Created.Compare(a.Created) })
	from, _ := strconv.Atoi(q.Cursor)
	page := cloud.JobPage{Jobs: of[min(from, len(of)):min(from+2, len(of))]}
	if from+2 < len(of) {
		page.Next = strconv.Itoa(from + 2)
	}
	return page, ctx.Err()
}

func jobOf(id, asset string, state cloud.JobState, age time.Duration) cloud.Job {
	return cloud.Job{
		ID: id, State: state, Created: time.Now().Add(-age), Destination: cloud.Location{Bucket: "streams", Key: asset + "/1/hls"},
		Metadata: map[string]string{"fleet": "f1", "asset": asset, "build": "1", "revision": "r"},
	}
}

// seeker is look-ups on the bubble's clock.
type seeker struct {
	*Lookups
	t     *testing.T
	redis *miniredis.Miniredis
	lists *lists
}

func newSeeker(t *testing.T, m *miniredis.Miniredis) *seeker {
	rdb := redis.NewClient(&redis.Options{Addr: m.Addr(), MaxRetries: -1})
	rdb.AddHook(clockHook{m})
	t.Cleanup(func() { _ = rdb.Close() })
	s := &seeker{nil, t, m, new(lists)}
	s.Lookups = &Lookups{New(rdb, Options{Fleet: "f1"}), s.lists, time.Now, zap.NewNop()}
	return s
}

// ask asks for build 1 of an asset, of an intent of so long ago, and says what
// is known: the jobs, and "done" if a pass since after answers.
func (s *seeker) ask(asset string, intent, after time.Time) string {
	s.t.Helper()
	jobs, began, done, err := s.Ask(s.t.Context(), asset, 1, intent, after)
	if err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for _, j := range jobs {
		got = append(got, fmt.Sprint(j.ID, " ", j.State, " ", j.Destination))
	}
	if done {
		got = append(got, "done")
		if began.Before(after) || began.After(time.Now()) {
			s.t.Errorf("the pass began at %v, asked after %v, at %v", began, after, time.Now())
		}
	}
	return strings.Join(got, ", ")
}

func (s *seeker) pass() {
	s.t.Helper()
	if err := s.turn(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *seeker) want(what, got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestLookup shows who is answered by a pass, and who is not.
func TestLookup(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(s *seeker, intent time.Time)
	}{
		{"nobody asks", func(s *seeker, _ time.Time) {
			s.pass()
			s.want("lists read", fmt.Sprint(s.lists.asked), "[]")
		}},
		{"asked before it began", func(s *seeker, intent time.Time) {
			s.want("before", s.ask("a", intent, intent), "")
			s.pass()
			s.want("after", s.ask("a", intent, intent), "done")
			s.lists.asked = nil
			s.pass()
			s.want("lists read once all is answered", fmt.Sprint(s.lists.asked), "[]")
		}},
		{"it is there", func(s *seeker, intent time.Time) {
			s.lists.jobs = []cloud.Job{jobOf("j1", "a", cloud.JobComplete, 5*time.Minute)}
			s.ask("a", intent, intent)
			s.pass()
			s.want("after", s.ask("a", intent, intent), "j1 COMPLETE s3://streams/a/1/hls, done")
		}},
		{"another fleet's, another build's", func(s *seeker, intent time.Time) {
			s.lists.jobs = []cloud.Job{jobOf("j1", "a", cloud.JobComplete, 0), jobOf("j2", "a", cloud.JobComplete, 0)}
			s.lists.jobs[0].Metadata["fleet"] = "f2"
			s.lists.jobs[1].Metadata["build"] = "2"
			s.ask("a", intent, intent)
			s.pass()
			s.want("after", s.ask("a", intent, intent), "done")
		}},
		{"asked after it began: what it read before is not known", func(s *seeker, intent time.Time) {
			s.lists.jobs = []cloud.Job{jobOf("j1", "a", cloud.JobProgressing, 0)}
			s.lists.on = func(q cloud.JobQuery) error {
				if q.State == cloud.JobComplete {
					s.want("meanwhile", s.ask("a", intent, intent), "")
				}
				return nil
			}
			s.ask("b", intent, intent)
			s.pass()
			s.want("after the first", s.ask("a", intent, intent), "")
			s.want("who asked before", s.ask("b", intent, intent), "done")
			s.lists.on = nil
			s.pass()
			s.want("after the second", s.ask("a", intent, intent), "j1 PROGRESSING s3://streams/a/1/hls, done")
		}},
		{"met early, told early", func(s *seeker, intent time.Time) {
			s.lists.jobs = []cloud.Job{jobOf("j1", "a", cloud.JobSubmitted, 0)}
			s.lists.on = func(q cloud.JobQuery) error {
				if q.State == cloud.JobProgressing {
					s.want("meanwhile", s.ask("a", intent, intent), "j1 SUBMITTED s3://streams/a/1/hls")
				}
				return nil
			}
			s.ask("a", intent, intent)
			s.pass()
		}},
		{"it moves behind the pass", func(s *seeker, intent time.Time) {
			s.lists.jobs = []cloud.Job{jobOf("j1", "a", cloud.JobSubmitted, 0)}
			for i, state := range cloud.JobStates[:3] {
				s.lists.jobs[0].State = state
				s.lists.on = func(q cloud.JobQuery) error {
					if q.State == state { // read without it
						s.lists.jobs[0].State = cloud.JobStates[i+1]
					}
					return nil
				}
				s.redis.FlushAll()
				s.ask("a", intent, intent)
				s.pass()
				s.want(string(state), s.ask("a", intent, intent), fmt.Sprintf("j1 %s s3://streams/a/1/hls, done", cloud.JobStates[i+1]))
			}
		}},
		{"a pass that began too early", func(s *seeker, intent time.Time) {
			s.ask("a", intent, intent)
			began := time.Now()
			s.pass()
			s.want("after its begin", s.ask("a", intent, began), "done")
			s.want("a millisecond later", s.ask("a", intent, began.Add(time.Nanosecond)), "")
			s.pass()
			s.want("after another", s.ask("a", intent, began.Add(time.Nanosecond)), "done")
		}},
		{"a pass that did not go back far enough", func(s *seeker, intent time.Time) {
			for i := range 9 {
				s.lists.jobs = append(s.lists.jobs, jobOf(fmt.Sprint("x", i), "x", cloud.JobComplete, time.Duration(i)*10*time.Minute))
			}
			s.lists.jobs = append(s.lists.jobs, jobOf("j1", "a", cloud.JobComplete, 2*time.Hour))
			s.ask("b", intent, intent)
			s.pass()
			s.want("read", fmt.Sprint(s.lists.asked), "[SUBMITTED PROGRESSING COMPLETE ERROR CANCELED]")
			s.ask("a", intent.Add(-2*time.Hour), intent)
			s.want("after", s.ask("a", intent.Add(-2*time.Hour), intent), "")
			s.pass()
			s.want("after another", s.ask("a", intent.Add(-2*time.Hour), intent), "j1 COMPLETE s3://streams/a/1/hls, done")
		}},
		{"an older intent than was asked for", func(s *seeker, intent time.Time) {
			s.ask("a", intent, intent)
			s.pass()
			s.want("after", s.ask("a", intent.Add(-time.Hour), intent), "")
		}},
		{"forgotten", func(s *seeker, intent time.Time) {
			s.ask("a", intent, intent)
			s.pass()
			time.Sleep(forgotten + time.Second)
			s.want("after", s.ask("a", intent, intent), "")
		}},
		{"too many", func(s *seeker, intent time.Time) {
			for i := range maxMet + 3 {
				s.lists.jobs = append(s.lists.jobs, jobOf(fmt.Sprint("j", i), "a", cloud.JobComplete, 0))
			}
			s.ask("a", intent, intent)
			s.pass()
			jobs, _, done, err := s.Ask(s.t.Context(), "a", 1, intent, intent)
			if len(jobs) != maxMet || done || err != nil {
				s.t.Errorf("%d jobs, done %v, %v", len(jobs), done, err)
			}
		}},
		{"names that no job can carry", func(s *seeker, intent time.Time) {
			for _, asset := range []string{"", "a:b", strings.Repeat("a", 65)} {
				if _, _, _, err := s.Ask(s.t.Context(), asset, 1, intent, intent); err == nil {
					s.t.Errorf("asset %q is looked for", asset)
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := miniredis.RunT(t)
			synctest.Test(t, func(t *testing.T) { tt.do(newSeeker(t, m), time.Now().Add(-7*time.Minute)) })
		})
	}
}

// TestLookupBroken shows that a pass which did not read everything, or whose
// notes may be lost, answers nobody, and that another one does.
func TestLookupBroken(t *testing.T) {
	denied := errors.New("denied")
	for _, tt := range []struct {
		name string
		at   cloud.JobState
		harm func(s *seeker, end context.CancelFunc) error // before the pass reads that list
		want error
	}{
		{"its worker dies", cloud.JobComplete, func(_ *seeker, end context.CancelFunc) error { end(); return nil }, context.Canceled},
		{"Redis loses everything", cloud.JobComplete, func(s *seeker, _ context.CancelFunc) error { s.redis.FlushAll(); return nil }, errOvertaken},
		{"Redis loses the last notes", cloud.JobComplete, func(s *seeker, _ context.CancelFunc) error {
			s.redis.HSet(keyPass, "step", "0")
			s.redis.Del(keyFound)
			return nil
		}, errOvertaken},
		{"somebody else is at it", cloud.JobComplete, func(s *seeker, _ context.CancelFunc) error {
			s.redis.HSet(keyLeases, lookLease+":by", "somebody")
			return nil
		}, errOvertaken},
		{"another began", cloud.JobComplete, func(s *seeker, _ context.CancelFunc) error {
			s.redis.HSet(keyPass, "token", "another")
			return nil
		}, errOvertaken},
		{"Redis loses notes before the last list", cloud.JobCanceled, func(s *seeker, _ context.CancelFunc) error {
			s.redis.HSet(keyPass, "step", "1")
			s.redis.Del(keyFound)
			return nil
		}, errOvertaken},
		{"another began before the last list", cloud.JobCanceled, func(s *seeker, _ context.CancelFunc) error {
			s.redis.HSet(keyPass, "token", "another")
			return nil
		}, errOvertaken},
		{"a list fails", cloud.JobComplete, func(*seeker, context.CancelFunc) error { return denied }, denied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := miniredis.RunT(t)
			synctest.Test(t, func(t *testing.T) {
				s, intent := newSeeker(t, m), time.Now()
				other := newSeeker(t, m)
				s.lists.jobs = []cloud.Job{jobOf("j1", "a", cloud.JobSubmitted, 0), jobOf("j2", "b", cloud.JobSubmitted, 0), jobOf("j3", "c", cloud.JobComplete, 0)}
				other.lists.jobs = s.lists.jobs
				s.ask("a", intent, intent)
				s.ask("z", intent, intent)
				ctx, end := context.WithCancel(t.Context())
				defer end()
				s.lists.on = func(q cloud.JobQuery) error {
					if q.State == tt.at {
						return tt.harm(s, end)
					}
					return nil
				}
				if err := s.turn(ctx); !errors.Is(err, tt.want) {
					t.Errorf("the pass ended with %v, want %v", err, tt.want)
				}
				s.want("z, after it", s.ask("z", intent, intent), "")
				s.ask("a", intent, intent)
				time.Sleep(lookTime + time.Second)
				other.pass()
				s.want("z, after the other's", s.ask("z", intent, intent), "done")
				s.want("a, after the other's", s.ask("a", intent, intent), "j1 SUBMITTED s3://streams/a/1/hls, done")
			})
		})
	}
}

// TestLookupGoesOn shows that a page which fails is read again from where it
// was, and that passes leave half of the quota to others.
func TestLookupGoesOn(t *testing.T) {
	m := miniredis.RunT(t)
	synctest.Test(t, func(t *testing.T) {
		s, intent := newSeeker(t, m), time.Now()
		for i := range 6 {
			s.lists.jobs = append(s.lists.jobs, jobOf(fmt.Sprint("j", i), "a", cloud.JobProgressing, 0))
		}
		failures := 3
		s.lists.on = func(q cloud.JobQuery) error {
			if q.Cursor == "2" && failures > 0 {
				failures--
				return cloud.ErrUnavailable
			}
			return nil
		}
		s.ask("z", intent, intent)
		s.pass()
		s.want("read", fmt.Sprint(s.lists.asked), "[SUBMITTED PROGRESSING PROGRESSING 2 PROGRESSING 2 PROGRESSING 2 PROGRESSING 2 PROGRESSING 4 COMPLETE ERROR CANCELED]")
		s.want("after", s.ask("z", intent, intent), "done")

		s.lists.asked = nil
		s.ask("z", intent, time.Now())
		began := time.Now()
		s.pass()
		if took, pages := time.Since(began), len(s.lists.asked); pages != 7 || took < 7*time.Second {
			t.Errorf("%d pages in %v, want 7, at most 0.9 a second", pages, took)
		}
	})
}

// TestLookupRun shows the look-ups of two workers: one reads, as often as is
// asked for; when it ends the other goes on.
func TestLookupRun(t *testing.T) {
	m := miniredis.RunT(t)
	synctest.Test(t, func(t *testing.T) {
		a, b := newSeeker(t, m), newSeeker(t, m)
		first, stopFirst := context.WithCancel(t.Context())
		rest, stopRest := context.WithCancel(t.Context())
		var runs sync.WaitGroup
		var ended error
		runs.Go(func() { ended = a.Run(first) })
		time.Sleep(100 * time.Millisecond)
		runs.Go(func() { _ = b.Run(rest) })
		intent := time.Now()
		time.Sleep(time.Minute)
		synctest.Wait()
		a.want("read while nobody asks", fmt.Sprint(a.lists.asked, b.lists.asked), "[] []")
		b.ask("z", intent, intent)
		time.Sleep(time.Minute)
		synctest.Wait()
		a.want("read", fmt.Sprint(len(a.lists.asked), b.lists.asked), "5 []")
		b.want("answer", b.ask("z", intent, intent), "done")
		a.lists.on = func(cloud.JobQuery) error { stopFirst(); return nil }
		b.ask("z", intent, time.Now())
		time.Sleep(20 * time.Second)
		synctest.Wait()
		b.want("read by the other", fmt.Sprint(len(b.lists.asked)), "5")
		stopRest()
		runs.Wait()
		if !errors.Is(ended, context.Canceled) {
			t.Errorf("Run = %v", ended)
		}
	})
}
