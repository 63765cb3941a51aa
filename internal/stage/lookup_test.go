package stage_test

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/governor"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"go.uber.org/zap"
)

// bubbleClock sets the clock of a Redis in memory to the bubble's.
type bubbleClock struct{ m *miniredis.Miniredis }

func (h bubbleClock) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (h bubbleClock) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h.m.SetTime(time.Now())
		return next(ctx, cmd)
	}
}

func (h bubbleClock) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// lookups are those of one worker, which runs until the test ends.
func lookups(t *testing.T, m *miniredis.Miniredis, jobs governor.Lister) *governor.Lookups {
	rdb := redis.NewClient(&redis.Options{Addr: m.Addr()})
	rdb.AddHook(bubbleClock{m})
	l := &governor.Lookups{Governor: governor.New(rdb, governor.Options{Fleet: "test"}), Jobs: jobs, Now: time.Now, Log: zap.NewNop()}
	ctx, cancel := context.WithCancel(t.Context())
	var runs sync.WaitGroup
	runs.Go(func() { _ = l.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		runs.Wait()
		_ = rdb.Close()
	})
	return l
}

// shared is a transcoder that shares its look-ups with others'. Each has assets
// of its own.
type shared struct {
	cloud.Transcoder
	*governor.Lookups
	suffix string
}

func (s shared) Ask(ctx context.Context, asset string, build int, since, after time.Time) ([]cloud.Job, time.Time, bool, error) {
	return s.Lookups.Ask(ctx, asset+s.suffix, build, since, after)
}

// full are the lists of an account with 200 jobs at work, of five minutes each.
type full struct {
	mu    sync.Mutex
	pages int
}

func (f *full) List(_ context.Context, q cloud.JobQuery) (cloud.JobPage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pages++
	n, _ := strconv.Atoi(q.Cursor)
	job := func(i int) time.Duration { return time.Duration(n*20+i) * 1500 * time.Millisecond }
	var page cloud.JobPage
	for i := range 20 {
		switch {
		case q.State == cloud.JobProgressing && n < 10:
			page.Jobs = append(page.Jobs, cloud.Job{ID: "other", State: q.State, Created: time.Now().Add(-job(i))})
		case q.State == cloud.JobComplete:
			page.Jobs = append(page.Jobs, cloud.Job{ID: "other", State: q.State, Created: time.Now().Add(-5*time.Minute - job(i))})
		}
	}
	if q.State == cloud.JobComplete || q.State == cloud.JobProgressing && n+1 < 10 {
		page.Next = strconv.Itoa(n + 1)
	}
	return page, nil
}

var againIn = regexp.MustCompile(`again in (\S+)$`)

// TestManyOpenIntents shows that intents without a job are resolved in the time
// of a few passes through the lists, however many they are.
func TestManyOpenIntents(t *testing.T) {
	for _, n := range []int{1, 100} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			m := miniredis.RunT(t)
			synctest.Test(t, func(t *testing.T) {
				lists := new(full)
				look := lookups(t, m, lists)
				began := time.Now()
				var mu sync.Mutex
				turns, last := 0, time.Duration(0)
				var all sync.WaitGroup
				for i := range n {
					w := newWorld(t, memcloud.Options{})
					task := w.planned()
					w.dieAt("Transcoder.Submit")
					w.submit.Transcoder = shared{w.mem.Transcoder, look, fmt.Sprintf("%04d", i)}
					all.Go(func() {
						for time.Since(began) < time.Hour {
							err, crashed := w.run(task)
							mu.Lock()
							turns++
							mu.Unlock()
							wait := againIn.FindStringSubmatch(fmt.Sprint(err))
							switch {
							case crashed:
								time.Sleep(2 * time.Minute)
							case wait == nil:
								mu.Lock()
								defer mu.Unlock()
								if last = max(last, time.Since(began)); err != nil || w.record().Build(1).State != ledger.Transcoding {
									t.Errorf("build 1 is %s, %v", w.record().Build(1).State, err)
								}
								return
							default:
								d, err := time.ParseDuration(wait[1])
								w.must(err)
								time.Sleep(d + time.Second)
							}
						}
						t.Error("not resolved within an hour")
					})
				}
				all.Wait()
				synctest.Wait()
				t.Logf("%d intents in %v, %d turns, %d pages", n, last, turns, lists.pages)
				if last < ledger.IntentGuard+time.Minute || last > 11*time.Minute {
					t.Errorf("%d intents were resolved in %v, want 7 to 11 minutes", n, last)
				}
				if turns > 20*n {
					t.Errorf("%d turns of %d tasks", turns, n)
				}
			})
		})
	}
}

// TestSharedAdoption shows that the job of an intent whose answer was lost is
// adopted through shared look-ups, and that another's is not.
func TestSharedAdoption(t *testing.T) {
	for _, lag := range []time.Duration{0, 4 * time.Minute} { // of the lists
		t.Run(lag.String(), func(t *testing.T) {
			m := miniredis.RunT(t)
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memcloud.Options{ListLag: lag, Run: func(cloud.JobSpec) time.Duration { return time.Hour }})
				w.submit.Transcoder = struct {
					cloud.Transcoder
					*governor.Lookups
				}{w.mem.Transcoder, lookups(t, m, w.mem.Transcoder)}
				task := w.planned()
				w.crashAfter("Transcoder.Submit")
				w.run(task)
				w.mem.SetHooks(memcloud.Hooks{})
				began := time.Now()
				w.until(1, ledger.Transcoding)
				jobs := w.mem.Transcoder.Jobs()
				if got := w.record().Build(1).Job; len(jobs) != 1 || got != jobs[0].ID {
					t.Errorf("build 1 has job %s, want the one of %v", got, jobs)
				}
				if took := time.Since(began); took > lag+2*time.Minute {
					t.Errorf("it was adopted after %v", took)
				}
				w.drain()
				w.published(1, 1)
			})
		})
	}
}

// crashAfter has the process die after a call of an operation, before it hears
// the answer.
func (w *world) crashAfter(op string) {
	w.mem.SetHooks(memcloud.Hooks{After: func(is, _ string) error {
		if is == op {
			panic(errCrash)
		}
		return nil
	}})
}
