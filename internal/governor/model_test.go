package governor

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"go.uber.org/zap"
)

// model is a fleet under the governor, on the clock of the test: tasks come
// when they were told or were called, the service runs jobs in its slots and
// counts requests as its quotas do.
type model struct {
	*fixture
	sweeper Sweeper
	rng     *rand.Rand
	events  agenda
	slots   int
	length  func() time.Duration // of a job

	queue   []*modelJob // submitted
	jobs    map[string]*modelJob
	running int
	buckets map[string]*quota
	assets  map[string]*modelAsset

	submitted, done, throttled int
	busy, open                 time.Duration // slots × time, while work waits
	last                       time.Time
	firstFull                  time.Time // when all slots were first busy
	called                     int
}

type modelAsset struct {
	lane             string
	idle             int
	at               int // the visit that counts; a call makes another
	admitted, ended  bool
	came, admittedAt time.Time
}

type modelJob struct {
	id, asset string
	state     cloud.JobState
}

type happening struct {
	at time.Time
	n  int
	do func()
}

type agenda []happening

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at.Before(a[j].at) || a[i].at.Equal(a[j].at) && a[i].n < a[j].n
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(happening)) }
func (a *agenda) Pop() any     { x := (*a)[len(*a)-1]; *a = (*a)[:len(*a)-1]; return x }

// quota is the service's own bucket, that no more than burst + rate × time
// pass in any time.
type quota struct {
	rate, burst, tokens float64
	at                  time.Time
}

func (q *quota) allow(now time.Time) bool {
	q.tokens = min(q.burst, q.tokens+now.Sub(q.at).Seconds()*q.rate)
	q.at = now
	if q.tokens < 1 {
		return false
	}
	q.tokens--
	return true
}

func newModel(t *testing.T, opt Options, slots int, length func(*rand.Rand) time.Duration) *model {
	seed := uint64(7)
	m := &model{
		fixture: newFixture(t, opt), rng: rand.New(rand.NewPCG(seed, seed)), slots: slots,
		jobs: make(map[string]*modelJob), assets: make(map[string]*modelAsset), buckets: make(map[string]*quota), last: start,
	}
	m.length = func() time.Duration { return length(m.rng) }
	for _, method := range Methods() {
		r, ok := opt.Rates[method]
		if !ok {
			r = DefaultRate
		}
		m.buckets[method] = &quota{r.PerSecond, float64(r.Burst), float64(r.Burst), start}
	}
	m.sweeper = Sweeper{
		Governor: m.fixture.Governor, Jobs: m, Log: zap.NewNop(),
		Wake: func(_ context.Context, _, asset string, _ int) error { m.poll(asset); return nil },
		WakeSubmit: func(_ context.Context, _, asset string, _ int) error {
			m.called++
			m.come(asset, m.late()/2)
			return nil
		},
	}
	return m
}

func (m *model) in(d time.Duration, do func()) {
	heap.Push(&m.events, happening{m.now.Add(d), len(m.events) + m.submitted, do})
}

// late is how late the queue is: what was put off is looked for each second.
func (m *model) late() time.Duration { return time.Duration(m.rng.IntN(2000)) * time.Millisecond }

func (m *model) come(asset string, d time.Duration) {
	a := m.assets[asset]
	a.at++
	visit := a.at
	m.in(d, func() {
		if a.at == visit && !a.admitted {
			m.visit(asset, a)
		}
	})
}

func (m *model) visit(asset string, a *modelAsset) {
	wait := m.admit(a.lane, asset)
	if wait > 0 {
		a.idle++
		m.come(asset, wait+m.late())
		return
	}
	a.admitted, a.admittedAt = true, m.now
	m.in(time.Duration(m.rng.IntN(2000))*time.Millisecond, func() { // what submission takes
		if !m.buckets[CreateJob].allow(m.now) {
			m.throttled++
		}
		m.submitted++
		id := "j" + strconv.Itoa(m.submitted)
		job := &modelJob{id, asset, cloud.JobSubmitted}
		m.jobs[id] = job
		m.queue = append(m.queue, job)
		m.fill()
		m.in(2*time.Second, func() {
			if _, err := m.Watch(m.t.Context(), id, asset, 1); err != nil {
				m.t.Fatal(err)
			}
		})
	})
}

// fill gives free slots to the jobs that wait for one.
func (m *model) fill() {
	for m.running < m.slots && len(m.queue) > 0 {
		job := m.queue[0]
		m.queue = m.queue[1:]
		m.running++
		job.state = cloud.JobProgressing
		if m.running == m.slots && m.firstFull.IsZero() {
			m.firstFull = m.now
		}
		m.in(m.length(), func() {
			m.running--
			job.state = cloud.JobComplete
			m.done++
			m.fill()
		})
	}
}

// poll is the poll of an asset's job, that was woken because that ended.
func (m *model) poll(asset string) {
	m.in(time.Second, func() {
		for id, job := range m.jobs {
			if job.asset == asset && job.state == cloud.JobComplete {
				m.release(asset)
				if err := m.Forget(m.t.Context(), id); err != nil {
					m.t.Fatal(err)
				}
				delete(m.jobs, id)
				m.assets[asset].ended = true
			}
		}
	})
}

// List is the service's list; 20 a page. It takes no time, but a token.
func (m *model) List(_ context.Context, q cloud.JobQuery) (cloud.JobPage, error) {
	if err := m.Governor.now(m.t.Context(), ListJobs, "list"); err != nil {
		return cloud.JobPage{}, errors.New("no token in time")
	}
	if !m.buckets[ListJobs].allow(m.now) {
		m.throttled++
	}
	from, _ := strconv.Atoi(q.Cursor)
	var page cloud.JobPage
	for i := from + 1; i <= m.submitted; i++ {
		job := m.jobs["j"+strconv.Itoa(i)]
		if job == nil || job.state != q.State {
			continue
		}
		if len(page.Jobs) == 20 {
			page.Next = strconv.Itoa(i - 1)
			break
		}
		page.Jobs = append(page.Jobs, cloud.Job{ID: job.id, State: job.state, Metadata: map[string]string{"fleet": "f1", "asset": job.asset, "build": "1"}})
	}
	return page, nil
}

// waiting is how many assets have come and are not admitted.
func (m *model) waiting() (n int) {
	for _, a := range m.assets {
		if !a.came.IsZero() && !a.came.After(m.now) && !a.admitted {
			n++
		}
	}
	return n
}

// run lets the model go on until every asset has ended, for at most limit.
func (m *model) run(limit time.Duration) {
	end := m.now.Add(limit)
	var second func()
	second = func() {
		_, due, err := m.sweeper.call(m.t.Context())
		if err == nil && due == 0 {
			err = m.sweeper.Sweep(m.t.Context())
		}
		if err != nil {
			m.t.Fatal(err)
		}
		m.in(2*time.Second, second) // Run does it each second
	}
	second()
	for ended := 0; ended < len(m.assets); {
		next := heap.Pop(&m.events).(happening)
		if next.at.After(end) {
			m.t.Fatalf("after %v %d of %d assets are done, %d submitted", limit, m.done, len(m.assets), m.submitted)
		}
		if next.at.Second() != m.now.Second() {
			if !m.firstFull.IsZero() && m.waiting() > 0 {
				m.busy += time.Duration(m.running) * next.at.Sub(m.last)
				m.open += time.Duration(m.slots) * next.at.Sub(m.last)
			}
			m.last = next.at
			ended = 0
			for _, a := range m.assets {
				if a.ended {
					ended++
				}
			}
		}
		m.pass(next.at.Sub(m.now))
		next.do()
	}
}

func (m *model) add(n int, lane string, when func(int) time.Duration) {
	for range n {
		asset := fmt.Sprint(lane, len(m.assets))
		d := when(len(m.assets))
		m.assets[asset] = &modelAsset{lane: lane, came: m.now.Add(d)}
		m.come(asset, d)
	}
}

// idle returns how many assets had how many idle turns.
func (m *model) idle() map[int]int {
	n := make(map[int]int)
	for _, a := range m.assets {
		n[a.idle]++
	}
	return n
}

func TestModel(t *testing.T) {
	minutes := func(least, most int) func(*rand.Rand) time.Duration {
		return func(r *rand.Rand) time.Duration {
			return time.Duration(least)*time.Minute + time.Duration(r.Int64N(int64(most-least)*int64(time.Minute)))
		}
	}
	for _, tt := range []struct {
		name   string
		slots  int
		length func(*rand.Rand) time.Duration
		bulk   int
		live   int
		busy   float64 // least
		tokens float64 // least, of those there were
		limit  time.Duration
	}{
		// 40 slots of 4 minutes end 0.17 jobs a second: slots are what is short.
		{"slots are short", 40, minutes(2, 6), 160, 8, 0.98, 0, 3 * time.Hour},
		// 1.8 jobs a second of 10 seconds need 18 slots: tokens are what is short.
		{"tokens are short", 40, func(*rand.Rand) time.Duration { return 10 * time.Second }, 200, 10, 0, 0.98, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newModel(t, Options{InFlight: tt.slots * 5 / 4}, tt.slots, tt.length)
			m.pass(time.Hour) // buckets are full, but for the fleet's, which is new
			m.last = m.now
			began := m.now
			m.add(tt.bulk, "bulk", func(i int) time.Duration { return time.Duration(i) * 20 * time.Millisecond })
			m.add(tt.live, "live", func(i int) time.Duration { return time.Duration(i%50) * 20 * time.Second })
			m.run(tt.limit)

			most := 0
			for n := range m.idle() {
				most = max(most, n)
			}
			var lastAdmitted time.Time // of the bulk lane
			var slowest time.Duration
			for _, a := range m.assets {
				if a.lane == "bulk" && a.admittedAt.After(lastAdmitted) {
					lastAdmitted = a.admittedAt
				}
				if a.lane == "live" {
					slowest = max(slowest, a.admittedAt.Sub(a.came))
				}
			}
			t.Logf("%d jobs in %v; slots busy %.2f %%; idle turns: %v; called %d; slowest live %v", m.submitted, m.now.Sub(began), 100*float64(m.busy)/float64(max(m.open, 1)), m.idle(), m.called, slowest)
			if m.submitted != len(m.assets) {
				t.Errorf("%d jobs for %d assets", m.submitted, len(m.assets))
			}
			if m.throttled != 0 {
				t.Errorf("%d requests above the quota", m.throttled)
			}
			if most > 3 {
				t.Errorf("idle turns %v, want at most 3", m.idle())
			}
			if got := float64(m.busy) / float64(max(m.open, 1)); got < tt.busy {
				t.Errorf("slots were %.1f %% busy while work waited, want %.1f", 100*got, 100*tt.busy)
			}
			used := 0
			for _, a := range m.assets {
				if !a.admittedAt.After(lastAdmitted) {
					used++
				}
			}
			if could := lastAdmitted.Sub(began).Seconds()*1.8 + 10; float64(used) < could*tt.tokens {
				t.Errorf("%d of %.0f tokens were used", used, could)
			}
		})
	}
}
