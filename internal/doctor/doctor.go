// Package doctor looks at what a fleet needs around it, before viewers or bills
// tell: Redis, clocks, buckets, the role and the queue of jobs, quotas, and the
// live distribution with what it answers. Each check has a name and gives
// findings: what is so, and what mends it.
//
// [Doctor.Examine] changes nothing but for an object of its own that it puts
// beside the ledger and into the output, and deletes again. [Doctor.Plan] and
// [Doctor.Mend] make what can be made of the findings. The rules of a
// distribution are package distribution's.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/queue"
)

// Finding is what one check found of one thing.
type Finding struct {
	Check    string                `json:"check"`
	Subject  string                `json:"subject,omitempty"`
	Severity distribution.Severity `json:"severity"`
	What     string                `json:"what"`
	Fix      string                `json:"fix,omitempty"`   // empty where nothing has to be done
	Mends    bool                  `json:"mends,omitempty"` // [Doctor.Mend] does it

	// Assets are the IDs of those that it is about, where it is about assets.
	Assets []string `json:"assets,omitempty"`
}

// Doctor knows a fleet's settings and has the ports to what is around it.
type Doctor struct {
	Store     cloud.Store
	Inspector cloud.Inspector
	CDN       cloud.CDN
	HTTP      *http.Client // for what viewers ask for; it bounds an answer's time
	Redis     func(ctx context.Context) (queue.Fitness, error)

	RedisName     string // without credentials
	AllowVolatile bool   // of Redis, as workers are told
	Sources       []cloud.Location
	Ledger        cloud.Location
	Output        cloud.Location
	Viewer        string // URL of the output for viewers
	Distribution  string // ID; empty: there is none
	Origin        distribution.Kind
	Role          string   // ARN; empty: not told
	Queue         string   // of jobs; empty: the default one
	Rate          float64  // told quota of requests a second; 0: the account is asked
	Events        string   // URL of the queue of jobs' events; empty: none
	Smooth        bool     // the profile makes Smooth packages; the template and what is published may tell so too
	Domains       []string // whose players may read, in policy files; none: all

	Template func(ctx context.Context) (cloud.JobSpec, error) // what the profile's job template makes; nil: the profile names none

	Published Published     // what viewers have already
	Probe     bool          // put, read and delete an object of the doctor's own
	Limit     time.Duration // for each check

	Now func() time.Time // this host's clock; nil: time.Now
}

// check is one look. It returns nothing where all is well.
type check struct {
	name string
	run  func(ctx context.Context) []Finding
}

// Examine runs all checks, side by side, each for d.Limit at the most, and
// returns their findings in the checks' fixed order. A check that found nothing
// wrong has one finding, or says more.
func (d *Doctor) Examine(ctx context.Context) []Finding {
	v := d.visit(ctx)
	checks := []check{
		{"redis", d.redis}, {"clock", d.clocks}, {"sources", d.sources}, {"output", d.output},
		{"ledger", d.ledger}, {"ledger-served", v.served}, {"role", d.role}, {"job-queue", d.jobQueue}, {"job-template", v.jobTemplate}, {"quotas", d.quotas}, {"events", d.events},
		{"distribution", v.rules}, {"policy-files", v.policyFiles}, {"answers", v.answers}, {"published-smooth", v.publishedSmooth},
	}
	found := make([][]Finding, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { found[i] = d.run(ctx, c) })
	}
	all.Wait()
	var list []Finding
	for _, f := range found {
		list = append(list, f...)
	}
	return list
}

func (d *Doctor) run(ctx context.Context, c check) []Finding {
	bounded, cancel := context.WithTimeout(ctx, d.Limit)
	defer cancel()
	found := c.run(bounded)
	if len(found) == 0 {
		found = []Finding{{Severity: distribution.OK, What: "as it should be"}}
	}
	for i := range found {
		if found[i].Check == "" {
			found[i].Check = c.name
		}
	}
	return found
}

func broken(subject, what, fix string) Finding {
	return Finding{Subject: subject, Severity: distribution.Broken, What: what, Fix: fix}
}

func warning(subject, what, fix string) Finding {
	return Finding{Subject: subject, Severity: distribution.Warning, What: what, Fix: fix}
}

func fine(subject, what string) Finding {
	return Finding{Subject: subject, Severity: distribution.OK, What: what}
}

// trouble is the finding of a look that failed. What is said of a thing that is
// not there, or not allowed, is the caller's.
func trouble(subject string, err error, missing, denied string) Finding {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return broken(subject, "no answer in time", "see that this host reaches it, and run doctor again")
	case errors.Is(err, cloud.ErrNotFound) && missing != "":
		return broken(subject, err.Error(), missing)
	case errors.Is(err, cloud.ErrDenied) && cloud.BadCredentials(err):
		return broken(subject, err.Error(), "mend this host's credentials or clock")
	case errors.Is(err, cloud.ErrDenied) && denied != "":
		return broken(subject, err.Error(), denied)
	case cloud.Retryable(err):
		return broken(subject, err.Error(), "run doctor again")
	}
	return broken(subject, err.Error(), "see the error's words")
}

func (d *Doctor) now() time.Time {
	if d.Now != nil {
		return d.Now()
	}
	return time.Now()
}

// redis says what keeps workers from running on Redis.
func (d *Doctor) redis(ctx context.Context) []Finding {
	f, err := d.Redis(ctx)
	if err != nil {
		return []Finding{broken(d.RedisName, "it does not answer as it should: "+err.Error(), "start it, or mend VODFLEET_REDIS_URL")}
	}
	var found []Finding
	for _, fault := range f.Faults {
		found = append(found, broken(d.RedisName, fault.What, fault.Fix))
	}
	if by := f.Ahead.Abs(); by > queue.MaxClockOffset {
		way := "ahead of"
		if f.Ahead < 0 {
			way = "behind"
		}
		found = append(found, broken(d.RedisName, fmt.Sprintf("this host's clock is %v %s Redis's, limit %v", by.Round(time.Second), way, queue.MaxClockOffset),
			"set the one that is wrong: chronyc makestep"))
	}
	return found
}

// How far this host's clock may be from the cloud's: MediaConvert's requests are
// void after five minutes, and those for jobs are held to them.
const (
	clockWarns  = 30 * time.Second
	clockBreaks = 4 * time.Minute
)

func (d *Doctor) clocks(ctx context.Context) []Finding {
	// Any answer tells the time, a refusal as well.
	if _, err := d.Store.Head(ctx, d.Ledger.Join("doctor/clock")); errors.Is(err, cloud.ErrUnavailable) || ctx.Err() != nil {
		return []Finding{trouble("cloud", cmp.Or(ctx.Err(), err), "", "")}
	}
	ahead := d.now().Sub(d.Store.Now())
	what := fmt.Sprintf("this host's clock is %v from the cloud's", ahead.Abs().Round(time.Second))
	switch fix := "set this host's clock: chronyc makestep"; {
	case ahead.Abs() > clockBreaks:
		return []Finding{broken("cloud", what+", and requests are void after 5m0s", fix)}
	case ahead.Abs() > clockWarns:
		return []Finding{warning("cloud", what, fix)}
	}
	return nil
}
