package governor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"go.uber.org/zap"
)

// jobList is the service's lists: two jobs a page.
type jobList struct {
	jobs map[string]cloud.Job
	on   func(cloud.JobQuery) // before each page

	mu    sync.Mutex
	calls int
	err   error
}

func (l *jobList) List(_ context.Context, q cloud.JobQuery) (cloud.JobPage, error) {
	if l.on != nil {
		l.on(q)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.err != nil {
		return cloud.JobPage{}, l.err
	}
	var of []cloud.Job
	for _, j := range l.jobs {
		if j.State == q.State {
			of = append(of, j)
		}
	}
	slices.SortFunc(of, func(a, b cloud.Job) int { return cmp.Compare(a.ID, b.ID) })
	from, _ := strconv.Atoi(q.Cursor)
	page := cloud.JobPage{Jobs: of[min(from, len(of)):min(from+2, len(of))]}
	if from+2 < len(of) {
		page.Next = strconv.Itoa(from + 2)
	}
	return page, nil
}

// fail has all calls fail from now on, unless err is nil.
func (l *jobList) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// reads returns how many calls there were since it was last asked.
func (l *jobList) reads() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.calls
	l.calls = 0
	return n
}

// put puts build 1 of an asset's job into the lists.
func (l *jobList) put(job, asset string, state cloud.JobState) {
	l.jobs[job] = cloud.Job{ID: job, State: state, Percent: 40, Metadata: map[string]string{"fleet": "f1", "asset": asset, "build": "1"}}
}

// board is a sweeper and what it did.
type board struct {
	*fixture
	Sweeper
	list   *jobList
	did    []string
	broken error // of wakes
}

func newBoard(t testing.TB, opt Options) *board {
	b := &board{fixture: newFixture(t, opt), list: &jobList{jobs: make(map[string]cloud.Job)}}
	b.Sweeper = newSweeper(b)
	return b
}

// newSweeper is one that notes in b what it does.
func newSweeper(b *board) Sweeper {
	return Sweeper{
		Governor: b.fixture.Governor, Jobs: b.list, Log: zap.NewNop(),
		Wake: func(_ context.Context, _, asset string, build int) error {
			b.did = append(b.did, fmt.Sprintf("poll %s %d", asset, build))
			return b.broken
		},
		WakeSubmit: func(_ context.Context, lane, asset string, build int) error {
			b.did = append(b.did, fmt.Sprintf("submit %s %s %d", lane, asset, build))
			return b.broken
		},
		Seen: func(_ context.Context, job cloud.Job) error {
			b.did = append(b.did, "seen "+job.ID)
			return nil
		},
	}
}

// swept sweeps and returns what was done, in order of the alphabet.
func (b *board) swept() string {
	b.t.Helper()
	b.did = nil
	if err := b.Sweep(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	slices.Sort(b.did)
	return strings.Join(b.did, ", ")
}

func (b *board) watch(job, asset string) {
	b.t.Helper()
	if _, err := b.Watch(b.t.Context(), job, asset, 1); err != nil {
		b.t.Fatal(err)
	}
}

func (b *board) look(job string) string {
	b.t.Helper()
	running, percent, again, err := b.Look(b.t.Context(), job)
	if err != nil {
		b.t.Fatal(err)
	}
	if !running {
		return "ask"
	}
	return fmt.Sprintf("%d%% again in %v", percent, again)
}

// rooms are the builds in flight.
func (b *board) rooms() string {
	var all []string
	for _, key := range []string{keyLiveRoom, keyBulkRoom} {
		ids, err := b.rdb.ZRange(b.t.Context(), key, 0, -1).Result()
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, ids...)
	}
	return strings.Join(all, " ")
}

func TestBoard(t *testing.T) {
	b := newBoard(t, Options{Rates: plenty})
	want := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("after %v, %s: %q, want %q", b.now.Sub(start), what, got, want)
		}
	}
	b.admit("live", "a")
	for _, first := range []bool{true, false} {
		if fresh, err := b.Watch(t.Context(), "j1", "a", 1); err != nil || fresh != first {
			t.Errorf("Watch = %v, %v, want %v", fresh, err, first)
		}
	}
	want("without a sweep", b.look("j1"), "ask")
	want("j1 is young", b.swept(), "")
	want("j1 is young", b.look("j1"), "0% again in 5s")
	b.list.put("j1", "a", cloud.JobSubmitted)
	for _, j := range []string{"k1", "k2", "k3"} { // more than one page
		b.list.put(j, "b"+j, cloud.JobProgressing)
		b.watch(j, "b"+j)
	}
	b.list.put("other", "c", cloud.JobProgressing)
	b.list.jobs["foreign"] = cloud.Job{ID: "foreign", State: cloud.JobProgressing, Metadata: map[string]string{"fleet": "f2", "asset": "a", "build": "1"}}

	b.pass(4 * time.Second)
	want("all are listed", b.swept(), "seen other")
	want("j1 is listed", b.look("j1"), "40% again in 5m0s")
	want("unwatched, but listed", b.look("other"), "40% again in 5m0s")
	want("of another fleet", b.look("foreign"), "ask")
	want("in flight", b.rooms(), "a:1 bk1:1 bk2:1 bk3:1 c:1")

	b.pass(10 * time.Second)
	b.list.put("j1", "a", cloud.JobProgressing)
	b.list.put("k2", "bk2", cloud.JobComplete)
	delete(b.list.jobs, "other")
	want("k2 ended", b.swept(), "poll bk2 1")
	want("k2 ended", b.look("k2"), "ask")
	want("in flight", b.rooms(), "a:1 bk1:1 bk3:1")
	want("k2 is not forgotten, but woken just now", b.swept(), "")
	if err := b.Forget(t.Context(), "k2"); err != nil {
		t.Fatal(err)
	}
	want("k2 is forgotten", b.swept(), "")

	b.pass(time.Second)
	delete(b.list.jobs, "k1") // the lists lag
	want("k1 is not listed", b.swept(), "poll bk1 1")
	b.list.put("k1", "bk1", cloud.JobProgressing)
	want("k1 is listed again", b.swept(), "")
	want("k1 is listed again", b.look("k1"), "40% again in 5m0s")

	b.list.fail(errors.New("denied"))
	b.did = nil
	delete(b.list.jobs, "k1")
	if err := b.Sweep(t.Context()); err == nil || err.Error() != "sweep: denied" || len(b.did) != 0 {
		t.Errorf("Sweep = %v, and did %q", err, b.did)
	}
	want("a sweep that is not whole", b.look("k1"), "40% again in 5m0s")
	b.pass(3 * time.Minute)
	want("no sweep for long", b.look("k1"), "ask")
}

// TestBoardYoung shows that a job which was submitted while the lists were read
// is not taken for ended, and that one which ends at once is not left for long.
func TestBoardYoung(t *testing.T) {
	b := newBoard(t, Options{Rates: plenty})
	b.list.on = func(q cloud.JobQuery) {
		b.pass(2 * time.Second) // each page
		if q.State == cloud.JobProgressing && b.list.jobs["j1"].ID == "" {
			b.admit("live", "a")
			b.list.put("j1", "a", cloud.JobSubmitted) // too late for this page
			b.watch("j1", "a")
		}
	}
	if got := b.swept(); got != "" {
		t.Errorf("did %q to a job that is younger than the sweep", got)
	}
	// The next begins 4 s after the last began, and took 4 s.
	if got := b.look("j1"); got != "0% again in 5s" {
		t.Errorf("look %q", got)
	}
	b.list.put("j1", "a", cloud.JobComplete)
	b.pass(time.Second)
	if got := b.swept(); got != "" { // it began 1 s after the job
		t.Errorf("did %q", got)
	}
	if got := b.look("j1"); got != "0% again in 5s" {
		t.Errorf("look %q", got)
	}
	b.pass(time.Second)
	if got := b.swept(); got != "poll a 1" {
		t.Errorf("did %q, want it woken", got)
	}
	if got := b.look("j1"); got != "ask" {
		t.Errorf("look %q", got)
	}
}

// TestBoardLost shows that a job which ended while Redis had lost the board is
// asked for by the poll that comes late to watch it, however rare sweeps are.
func TestBoardLost(t *testing.T) {
	b := newBoard(t, Options{Rates: plenty})
	if got := b.swept(); got != "" { // of the running jobs, once Redis is back
		t.Fatalf("did %q", got)
	}
	b.watch("j1", "a")
	if got := b.look("j1"); got != "ask" {
		t.Errorf("look %q, want it asked for: nobody was told that it ended", got)
	}
}

func TestBoardStrays(t *testing.T) {
	b := newBoard(t, Options{Rates: plenty})
	for job, metadata := range map[string]map[string]string{
		"twice":    {"fleet": "f1", "asset": "a", "build": "1"},
		"once":     {"fleet": "f1", "asset": "a", "build": "1"},
		"no build": {"fleet": "f1", "asset": "a"},
		"no asset": {"fleet": "f1", "build": "1"},
		"forged":   {"fleet": "f1", "asset": "a:1:2", "build": "1"},
		"zero":     {"fleet": "f1", "asset": "a", "build": "0"},
		"none":     nil,
		"foreign":  {"fleet": "f2", "asset": "a", "build": "1"},
	} {
		b.list.jobs[job] = cloud.Job{ID: job, State: cloud.JobProgressing, Percent: 1000, Metadata: metadata}
	}
	b.watch("once", "a")
	want := "seen forged, seen no asset, seen no build, seen twice, seen zero"
	if got := b.swept(); got != want {
		t.Errorf("did %q, want %q", got, want)
	}
	if got := b.rooms(); got != "a:1" {
		t.Errorf("in flight %q", got)
	}
	if got := b.look("once"); got != "100% again in 5m0s" {
		t.Errorf("look %q", got)
	}
}

func TestRooms(t *testing.T) {
	b := newBoard(t, Options{Rates: plenty})
	for _, a := range []string{"a", "b", "c"} {
		b.admit("bulk", a) // c never becomes a job
	}
	b.list.put("j1", "a", cloud.JobSubmitted)
	b.list.put("j2", "b", cloud.JobSubmitted)
	b.swept()
	b.release("a") // its job is in the lists for a while
	if n, err := b.rdb.ZCard(t.Context(), keyMet).Result(); n != 1 || err != nil {
		t.Errorf("%d builds are met after a release, %v, want b", n, err)
	}
	for _, tt := range []struct {
		pass time.Duration // before
		do   func()
		want string
	}{
		{0, nil, "b:1 c:1"},
		{10 * time.Second, nil, "b:1 c:1"},
		{2 * time.Minute, nil, "a:1 b:1 c:1"}, // it is no lag: a job is there
		{time.Second, func() { delete(b.list.jobs, "j1") }, "b:1 c:1"},
		{8 * time.Minute, nil, "b:1"},
		{time.Second, func() { clear(b.list.jobs) }, ""},
	} {
		b.pass(tt.pass)
		if tt.do != nil {
			tt.do()
		}
		b.swept()
		if got := b.rooms(); got != tt.want {
			t.Errorf("after %v in flight: %q, want %q", b.now.Sub(start), got, tt.want)
		}
	}
}

// TestRoomsAgain shows that a build which came back is counted by its job again.
func TestRoomsAgain(t *testing.T) {
	b := newBoard(t, Options{Rates: plenty})
	b.admit("bulk", "a")
	b.release("a")
	b.admit("bulk", "a")
	b.list.put("j1", "a", cloud.JobSubmitted)
	b.swept()
	b.pass(time.Second)
	clear(b.list.jobs)
	b.swept()
	if got := b.rooms(); got != "" {
		t.Errorf("in flight %q after its job ended", got)
	}
}

func TestCall(t *testing.T) {
	b := newBoard(t, Options{InFlight: 3, Reserve: 1, Rates: plenty})
	called := func(want string) {
		t.Helper()
		b.did = nil
		if _, err := b.Call(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(b.did, ", "); got != want {
			t.Errorf("after %v called %q, want %q", b.now.Sub(start), got, want)
		}
	}
	b.admit("bulk", "a")
	b.admit("bulk", "b")
	b.admit("live", "c")
	for _, a := range []string{"d", "e", "f"} {
		b.admit("bulk", a)
	}
	called("")
	b.release("a")
	called("submit bulk d 1")
	called("") // once
	b.release("b")
	called("submit bulk e 1")
	if err := b.Shut(t.Context(), "account", "x", time.Minute); err != nil {
		t.Fatal(err)
	}
	b.release("c")
	called("")
	b.pass(time.Minute)
	called("submit bulk f 1") // d and e were late; f is the probe
	b.redis.Del(keyEpoch)
	b.admit("live", "h")
	called("")
}
