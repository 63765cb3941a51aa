// Package governor shares out, among all workers of a fleet, what the account
// allows: requests a second of each method, jobs in flight, jobs a day. It
// closes gates where going on would only burn money or requests, and it keeps
// the job board, so that not every build asks for its own job.
//
// All of it lives in Redis, is changed by scripts alone, and goes by Redis's own
// clock, since hosts' clocks differ. Nothing of it is precious: what is lost is
// rebuilt by the next sweep of the service's lists, and until somebody vouches
// for the queue by [Governor.SetEpoch] nothing is admitted. Whatever cannot be
// asked refuses: without Redis no job is submitted.
package governor

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Rate is a quota of one method of the service: requests a second, and how many
// may come at once after a pause.
type Rate struct {
	PerSecond float64
	Burst     int
}

// DefaultRate is what an account has unless AWS raised it: shared by all
// methods until 2024, and the least that each has since. The governor uses nine
// tenths of any quota.
var DefaultRate = Rate{PerSecond: 2, Burst: 100}

// Methods of the service, as its quotas and its API call them.
const (
	CreateJob      = "CreateJob"
	GetJob         = "GetJob"
	ListJobs       = "ListJobs"
	CancelJob      = "CancelJob"
	Probe          = "Probe"
	GetJobTemplate = "GetJobTemplate"
)

// Methods lists the methods that have a quota of their own.
func Methods() []string {
	return []string{CreateJob, GetJob, ListJobs, CancelJob, Probe, GetJobTemplate}
}

// Options say how much there is to share out. All workers of a fleet should
// have the same; where they differ, each goes by its own.
type Options struct {
	// Fleet is what our jobs carry in their metadata under "fleet".
	Fleet string

	// InFlight is how many jobs may be submitted and not ended; zero is
	// [DefaultInFlight], and less is none. It should exceed the slots of the
	// service's queue by a quarter: a tenth is reserved, and a tenth more ends
	// between two sweeps, so that the service always has a job at hand.
	InFlight int

	// Reserve is how many of them only the live lane may use; zero is a tenth
	// of InFlight, less is none.
	Reserve int

	// PerDay is how many jobs may be made in one day of UTC; zero: any number.
	// Of it, live jobs have the same part for themselves as of InFlight. An
	// admission counts, unless it is given back and no job was asked for, or
	// none made.
	PerDay int

	// Rates are the quotas by method; one that is missing has [DefaultRate],
	// and one of nothing a second gets nothing.
	Rates map[string]Rate
}

// DefaultInFlight fits the 200 slots of a queue.
const DefaultInFlight = 250

// Governor is one worker's way to what the fleet shares. It is safe for
// concurrent use.
type Governor struct {
	rdb   redis.UniversalClient
	opt   Options
	self  string // tells this one's leases from another's
	mu    sync.Mutex
	rates map[string]Rate // guarded by mu

	rebuild string // guarded by mu: the word of the rebuild that this one began; empty: none
}

// New returns a governor over rdb, which the caller closes. All keys begin with
// "{vodfleet}:", so that one node of a cluster has them all.
func New(rdb redis.UniversalClient, opt Options) *Governor {
	if opt.InFlight == 0 {
		opt.InFlight = DefaultInFlight
	}
	if opt.Reserve == 0 {
		opt.Reserve = max(opt.InFlight/10, min(opt.InFlight-1, 1))
	}
	opt.InFlight, opt.Reserve = max(opt.InFlight, 0), max(opt.Reserve, 0)
	g := &Governor{rdb: rdb, opt: opt, self: rand.Text(), rates: make(map[string]Rate)}
	maps.Copy(g.rates, opt.Rates)
	return g
}

// SetRate changes the quota of a method, such as to what the account's live
// quotas say.
func (g *Governor) SetRate(method string, r Rate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rates[method] = r
}

// share is what of a method's quota is used: nine tenths, so that requests
// which arrive later than their tokens were taken, and tokens that somebody
// else in the account takes, stay below the quota.
func (g *Governor) share(method string) Rate {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, ok := g.rates[method]
	if !ok {
		r = DefaultRate
	}
	if !(r.PerSecond > 0) || r.Burst <= 0 { // NaN is not
		return Rate{}
	}
	return Rate{r.PerSecond * 9 / 10, max(r.Burst*9/10, 1)}
}

// Admit asks for room for one build's job and a token to create it. With wait >
// 0 there is none now: come again then; nothing is held but a place in line
// under asset and build. With wait 0 the room is the build's until
// [Governor.Release]. A repeat for the same build is harmless and takes no
// second room, but does take a token. Lane is "bulk" or else live.
//
// Live work stands before bulk work, and both in the order in which they came.
// Who is told to wait has a place until half a minute after the time told;
// later it stands at the end again. While Redis carries no epoch, and while a
// gate of the account, the profile or the stage is closed, there is no place.
//
// A job that was admitted and that no sweep sees for ten minutes gives its room
// back.
func (g *Governor) Admit(ctx context.Context, lane, profile, asset string, build int) (wait time.Duration, err error) {
	id := member(asset, build)
	if lane != laneBulk {
		lane = laneLive
	}
	r := g.share(CreateJob)
	wait, err = g.wait(ctx, scriptAdmit,
		[]string{
			keyEpoch, keyGates, keyDayLive, keyLiveRoom, keyBulkRoom, keyLiveLine, keyBulkLine,
			keyDue, keySeq, keyBucket(CreateJob), keyPace, keyLeft, keyMet, keyDayBulk, keyUnmade,
		},
		lane, id, g.opt.InFlight, g.opt.Reserve, max(g.opt.PerDay, 0), float(r.PerSecond), r.Burst, ms(grace), spread(id),
		scopeAccount, scopeSubmit, scopeOf("profile", profile))
	if err != nil {
		return 0, fmt.Errorf("admit asset %s build %d: %w", asset, build, err)
	}
	return wait, nil
}

// The lanes, as tasks name them.
const (
	laneLive = "live"
	laneBulk = "bulk"
)

// Release gives room, or the place in line, back. A repeat is harmless.
func (g *Governor) Release(ctx context.Context, asset string, build int) error {
	err := scriptRelease.Run(ctx, g.rdb, []string{
		keyLiveRoom, keyBulkRoom, keyLiveLine, keyBulkLine, keyDue, keyPace, keyLeft, keyMet, keyUnmade, keyDayLive, keyDayBulk,
	}, member(asset, build)).Err()
	if err != nil {
		return fmt.Errorf("release asset %s build %d: %w", asset, build, err)
	}
	return nil
}
