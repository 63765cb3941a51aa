package storm

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/e2e/lcproc"
)

// Storm is one run, or the rest of one that was interrupted.
type Storm struct {
	Plan    Plan
	Dir     string // of its state
	Fleet   *fleet.Fleet
	Journal *Journal

	t       testing.TB
	keeper  *Keeper
	workers []*Process
	feeder  *Process // enqueuer watch
	looker  *Looker
	proxies []interface{ Close() }
	count   counters
	traps   traps
	waiting sync.WaitGroup // traps and stalls
	ctx     context.Context
	calm    atomic.Bool // no faults any more
	exits   atomic.Int64
	arrived atomic.Int64 // batches
	reports sync.Mutex   // one at a time
}

// output is where the fleet's streams are.
var output = cloud.Location{Bucket: fleet.Streams}

// New starts what a storm needs, over what is in dir, and goes on with the
// plan that was begun there, if one was. It is closed with the test.
func New(t testing.TB, dir string, plan Plan) *Storm {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &Storm{Plan: plan, Dir: dir, t: t, ctx: t.Context()}
	if s.Journal, err = OpenJournal(dir); err != nil {
		t.Fatal(err)
	}
	s.resume()
	s.Fleet = fleet.Start(t, fleet.Options{
		Dir: dir,
		Cloud: []string{
			"--simulate", "--job-time", s.Plan.Jobs, "--clock-rate", fmt.Sprint(s.Plan.Rate), "--list-lag", "10s", "--slots", "200",
		},
		Env: []string{"VODFLEET_GRACE=1h", "VODFLEET_MAX_NEW=1000000", "VODFLEET_BOARD_INTERVAL=2s",
			fmt.Sprintf("VODFLEET_API_RATE=%d", 2*s.Plan.Rate), // the fleet waits by the host's clock
		},
	})
	if s.keeper, err = NewKeeper(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	if s.Plan.FailJob > 0 {
		s.Fleet.Cloud.SetFaults(lcproc.Fault{Kind: "fail-job", Rate: s.Plan.FailJob, Code: 1999})
	}
	bin := s.binaries()
	for slot := range s.Plan.Workers {
		s.worker(filepath.Join(bin, "worker"), slot)
	}
	s.feeder = s.keeper.Run("enqueuer", s.Fleet.Environment(), []string{filepath.Join(bin, "enqueuer"), "watch"}, s.ended)
	s.looker = NewLooker(s.Fleet.Store, output, s.Fleet.Cloud.Edge)
	return s
}

// resume takes the plan of the journal, or notes this one.
func (s *Storm) resume() {
	s.t.Helper()
	begun := s.Journal.Of("begin")
	if len(begun) == 0 {
		text, err := json.Marshal(s.Plan)
		if err != nil {
			s.t.Fatal(err)
		}
		s.Journal.Note(Entry{What: "begin", Plan: text})
		return
	}
	var before Plan
	if err := json.Unmarshal(begun[0].Plan, &before); err != nil {
		s.t.Fatal(err)
	}
	if s.Plan.Seed == 0 {
		s.Plan.Seed = before.Seed
	}
	if !reflect.DeepEqual(before, s.Plan) {
		s.t.Fatalf("%s holds a storm of another plan, %+v; want %+v: give another folder", s.Dir, before, s.Plan)
	}
	s.Journal.Note(Entry{What: "begin", Plan: begun[0].Plan})
}

// worker starts the worker of a slot behind proxies of its own.
func (s *Storm) worker(binary string, slot int) {
	s.t.Helper()
	env := s.Fleet.Environment()
	to := s.Fleet.Cloud
	for _, service := range []struct {
		variable, target string
		names            Names
	}{
		{"AWS_ENDPOINT_URL_S3", to.S3, S3Names(fleet.Ledger, fleet.Streams)},
		{"AWS_ENDPOINT_URL_MEDIACONVERT", to.MediaConvert, MediaConvertNames},
		{"AWS_ENDPOINT_URL_CLOUDFRONT", to.CloudFront, CloudFrontNames},
	} {
		p, err := NewHTTPProxy(slot, service.target, service.names, s.hook)
		if err != nil {
			s.t.Fatal(err)
		}
		s.proxies = append(s.proxies, p)
		env = append(env, service.variable+"="+p.URL)
	}
	p, err := NewRedisProxy(slot, s.Fleet.Redis.Addr, s.hook)
	if err != nil {
		s.t.Fatal(err)
	}
	s.proxies = append(s.proxies, p)
	env = append(env, "VODFLEET_REDIS_URL=redis://"+p.Addr+"/0")
	s.workers = append(s.workers, s.keeper.Run(fmt.Sprintf("worker-%d", slot), env, []string{binary, "--admin-addr", "127.0.0.1:0"}, s.ended))
}

// ended notes a program that nobody has killed.
func (s *Storm) ended(err error) {
	s.exits.Add(1)
	s.Journal.Note(Entry{What: "exit", Text: err.Error()})
}

func (s *Storm) close() {
	var wg sync.WaitGroup
	for _, p := range append(s.workers, s.feeder) {
		if p != nil {
			wg.Go(p.Stop)
		}
	}
	wg.Wait()
	s.keeper.Close()
	for _, p := range s.proxies {
		p.Close()
	}
	s.Journal.Note(Entry{What: "figures", Figures: s.count.figures()})
	if err := s.Journal.Close(); err != nil {
		s.t.Error(err)
	}
}

// hook sees every call of every worker.
func (s *Storm) hook(c Call) Fate {
	if !c.After {
		s.count.calls.Add(1)
		s.count.name(c.Name)
	}
	if c.After && c.Name == "CreateJob" && c.Status/100 == 2 {
		s.Journal.Note(Entry{What: "create", Slot: c.Slot, About: c.About, At: c.At})
	}
	if c.After && c.Name == "redis.redeliver" {
		s.count.redelivered.Add(1)
	}
	if fate := s.traps.meet(c); fate != Pass {
		return fate
	}
	if s.calm.Load() {
		return Pass
	}
	redis := strings.HasPrefix(c.Name, "redis.")
	switch dice := rand.Float64(); {
	case redis && c.After && dice < s.Plan.LostRedis:
		s.count.lostRedis.Add(1)
		return Drop
	case redis:
	case c.After && dice < s.Plan.Lost:
		s.count.lost.Add(1)
		return Drop
	case c.After:
	case dice < s.Plan.Refused:
		s.count.throttled.Add(1)
		return Throttle
	case dice < 2*s.Plan.Refused:
		s.count.failed.Add(1)
		return Fail
	}
	return Pass
}

// world is what the judge looks at.
func (s *Storm) world() *World {
	w := &World{
		Store: s.Fleet.Store, Ledger: cloud.Location{Bucket: fleet.Ledger, Key: "fleet"}, Output: output,
		Library: cloud.Location{Bucket: fleet.Library}, Viewer: s.Fleet.Cloud.Edge, Jobs: s.Fleet.Cloud.Jobs(),
		Creates: s.Journal.Of("create"), Stalls: s.Journal.Of(stepStall),
	}
	return w
}
