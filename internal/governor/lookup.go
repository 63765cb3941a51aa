package governor

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/cloud"
	"go.uber.org/zap"
)

// Keys of the look-ups.
const (
	keySince  = tag + "lookup:since"  // sorted set: ASSET:BUILD by its intent's time, the cloud's
	keyAsked  = tag + "lookup:due"    // sorted set: ASSET:BUILD by when it is forgotten
	keyNumber = tag + "lookup:number" // hash: ASSET:BUILD to the last pass that began before it was known
	keyFound  = tag + "lookup:found"  // hash: ASSET:BUILD to jobs that were met, a line each
	keyPass   = tag + "lookup:pass"   // hash: the pass under way, and the last whole one
)

var (
	//go:embed lua/overlook.lua
	overlookLua string
	//go:embed lua/seek.lua
	seekLua string
	//go:embed lua/begin.lua
	beginLua string
	//go:embed lua/met.lua
	metLua string
	//go:embed lua/finish.lua
	finishLua string
)

var (
	scriptSeek   = script(overlookLua + "\n" + seekLua)
	scriptBegin  = script(overlookLua + "\n" + beginLua)
	scriptMet    = script(metLua)
	scriptFinish = script(finishLua)
)

// Lookups look for the jobs of open intents, for all of the fleet at once: a
// pass through the lists costs the same for one intent and for a thousand.
// Every worker has them; by a lease only one of them reads the lists, and only
// while somebody asks. Loss of the keys is harmless: who asks is noted again,
// and only a pass that begins after that answers.
type Lookups struct {
	Governor *Governor
	Jobs     Lister
	Now      func() time.Time // the cloud's, by which intents go
	Log      *zap.Logger
}

const (
	forgotten = 15 * time.Minute // without being asked for: more than any pause between tries of a task
	maxMet    = 16               // jobs noted of one build: more than one is a fault already
)

// Ask says what is known of the jobs of this build, and has the lists read if
// that is not enough. Jobs are those that carry the fleet, the asset and the
// build, as soon as they are met; whether they are what the intent asked for is
// for the caller to judge. Done says that a pass which began at the time told,
// not before after, read all lists back to since: with done, a job that is not
// among Jobs was in no list that the pass read. Until then ask again, in some
// seconds to half a minute. A repeat is harmless; who does not ask for a
// quarter of an hour is forgotten. All times are the cloud's.
func (l *Lookups) Ask(ctx context.Context, asset string, build int, since, after time.Time) (jobs []cloud.Job, began time.Time, done bool, err error) {
	fail := func(err error) ([]cloud.Job, time.Time, bool, error) {
		return nil, time.Time{}, false, fmt.Errorf("look up the job of asset %s build %d: %w", asset, build, err)
	}
	if asset == "" || len(asset) > maxAsset || strings.ContainsRune(asset, ':') || build < 1 {
		return fail(errors.New("no job can carry these names"))
	}
	late := after.Add(time.Millisecond - 1) // begins are cut to milliseconds
	got, err := scriptSeek.Run(ctx, l.Governor.rdb, []string{keySince, keyAsked, keyNumber, keyFound, keyPass},
		member(asset, build), since.UnixMilli(), late.UnixMilli(), ms(forgotten)).StringSlice()
	if err == nil && len(got) != 3 {
		err = errors.New("the script's answer has another form")
	}
	if err != nil {
		return fail(err)
	}
	at, err := strconv.ParseInt(got[1], 10, 64)
	if err != nil {
		return fail(err)
	}
	for line := range strings.Lines(got[2]) {
		_, text, _ := strings.Cut(line, " ")
		var m met
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			return fail(err)
		}
		jobs = append(jobs, cloud.Job(m))
	}
	// With so many, others may not have been noted.
	return jobs, time.UnixMilli(at), got[0] == "1" && len(jobs) < maxMet, nil
}

// maxAsset is the longest name of an asset, in bytes; see [Governor.ours].
const maxAsset = 64

// met is a job as it is noted: without what the service says at length.
type met cloud.Job

func noted(job cloud.Job) (string, error) {
	text, err := json.Marshal(met{
		ID: job.ID, State: job.State, Percent: job.Percent, Metadata: job.Metadata,
		Destination: job.Destination, Queue: job.Queue, Created: job.Created,
	})
	return string(text), err
}

// asked runs a script that says whether the pass goes on.
func (l *Lookups) asked(ctx context.Context, s *redis.Script, keys []string, args ...any) error {
	ok, err := s.Run(ctx, l.Governor.rdb, keys, args...).Bool()
	if err == nil && !ok {
		err = errOvertaken
	}
	return err
}

// errOvertaken ends a pass: another began since, or Redis lost what was noted.
var errOvertaken = errors.New("the pass is another's by now, or Redis has lost it")
