package governor

import (
	"context"
	_ "embed"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Keys. The tag in braces puts all of them on one node of a cluster, where a
// script can change them together.
const (
	tag = "{vodfleet}:"

	keyEpoch    = tag + "epoch"
	keyRebuild  = tag + "rebuild" // the word of whoever found no epoch, until there is one
	keyLeases   = tag + "leases"  // hash: NAME:by, NAME:until
	keyGates    = tag + "gates"   // hash: scope to a gate as JSON
	keyDayLive  = tag + "day:live"
	keyDayBulk  = tag + "day:bulk"  // sorted sets: ASSET:BUILD by when it was admitted, of this day
	keyDayWhole = tag + "day:whole" // there once the jobs of the day in which Redis was new are counted
	keyUnmade   = tag + "unmade"    // sorted set: ASSET:BUILD by when it was admitted, of those that may have no job
	keyLimits   = tag + "limits"    // hash: what the worker that calls the waiting goes by: rate, cap
	keyPace     = tag + "pace"      // hash: how many jobs ended in this window and the one before
	keyLiveRoom = tag + "room:live"
	keyBulkRoom = tag + "room:bulk" // sorted sets: ASSET:BUILD by when it was admitted
	keyLiveLine = tag + "line:live"
	keyBulkLine = tag + "line:bulk" // sorted sets: ASSET:BUILD by ticket
	keyDue      = tag + "due"       // sorted set: ASSET:BUILD by when its place is lost
	keySeq      = tag + "seq"       // the last ticket
	keyLeft     = tag + "left"      // sorted set: ASSET:BUILD by when it gave its room back
	keyMet      = tag + "met"       // sorted set: ASSET:BUILD by the last sweep that saw a job of it
	keyWatch    = tag + "watch"     // sorted set: job by since when it is watched
	keyWho      = tag + "who"       // hash: job to ASSET:BUILD of whoever watches it
	keySeen     = tag + "seen"      // sorted set: job by when it was last seen running
	keyOver     = tag + "over"      // sorted set: job by when an event said that it ended
	keyLost     = tag + "lost"      // sorted set: job by the first sweep that did not see it any more
	keyDoubt    = tag + "doubt"     // sorted set: job by when it ended before any event said so
	keyWoken    = tag + "woken"     // sorted set: job by when its poll is woken again
	keyPercent  = tag + "percent"   // hash: job to percent
	keySweep    = tag + "sweep"     // hash: the last whole sweep
	keyEvents   = tag + "events"    // hash: how events are doing
)

// Of each method: its bucket, and the line before it.
func keyBucket(method string) string { return tag + "bucket:" + method }
func keyLine(method string) string   { return tag + "line:" + method }
func keyLineDue(method string) string {
	return tag + "due:" + method
}

var (
	//go:embed lua/lib.lua
	lib string
	//go:embed lua/admit.lua
	admitLua string
	//go:embed lua/release.lua
	releaseLua string
	//go:embed lua/take.lua
	takeLua string
	//go:embed lua/quit.lua
	quitLua string
	//go:embed lua/slow.lua
	slowLua string
	//go:embed lua/shut.lua
	shutLua string
	//go:embed lua/gates.lua
	gatesLua string
	//go:embed lua/succeeded.lua
	succeededLua string
	//go:embed lua/epoch.lua
	epochLua string
	//go:embed lua/hold.lua
	holdLua string
	//go:embed lua/watch.lua
	watchLua string
	//go:embed lua/look.lua
	lookLua string
	//go:embed lua/forget.lua
	forgetLua string
	//go:embed lua/listed.lua
	listedLua string
	//go:embed lua/swept.lua
	sweptLua string
	//go:embed lua/server.lua
	serverLua string
	//go:embed lua/tick.lua
	tickLua string
	//go:embed lua/note.lua
	noteLua string
	//go:embed lua/heard.lua
	heardLua string
	//go:embed lua/clock.lua
	clockLua string
	//go:embed lua/counted.lua
	countedLua string
	//go:embed lua/stats.lua
	statsLua string
)

var (
	scriptAdmit     = script(admitLua)
	scriptRelease   = script(releaseLua)
	scriptTake      = script(takeLua)
	scriptQuit      = script(quitLua)
	scriptSlow      = script(slowLua)
	scriptShut      = script(shutLua)
	scriptGates     = script(gatesLua)
	scriptSucceeded = script(succeededLua)
	scriptEpoch     = script(epochLua)
	scriptHold      = script(holdLua)
	scriptWatch     = script(watchLua)
	scriptLook      = script(lookLua)
	scriptForget    = script(forgetLua)
	scriptListed    = script(listedLua)
	scriptSwept     = script(sweptLua)
	scriptServer    = script(serverLua)
	scriptTick      = script(tickLua)
	scriptNote      = script(noteLua)
	scriptHeard     = script(heardLua)
	scriptClock     = script(clockLua)
	scriptCounted   = script(countedLua)
	scriptStats     = script(statsLua)
)

func script(body string) *redis.Script { return redis.NewScript(lib + "\n" + body) }

// grace is how long after the time told a place in line is kept: longer than
// the queue is ever late by itself, and no longer than the burst of a quota
// lasts, so that tokens which wait for somebody late are not lost.
const grace = 30 * time.Second

func ms(d time.Duration) int64       { return d.Milliseconds() }
func fromMS(n int64) time.Duration   { return time.Duration(n) * time.Millisecond }
func timeMS(n float64) time.Time     { return time.UnixMilli(int64(n)) }
func float(f float64) string         { return strconv.FormatFloat(f, 'g', -1, 64) }
func member(a string, b int) string  { return a + ":" + strconv.Itoa(b) }
func scopeOf(kind, of string) string { return kind + ":" + of }

// spread is a number from 0 to 1 that belongs to an id, so that many who wait
// for one thing do not come at one moment.
func spread(id string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return float(float64(h.Sum32()) / (1 << 32))
}

// wait runs a script that returns milliseconds.
func (g *Governor) wait(ctx context.Context, s *redis.Script, keys []string, args ...any) (time.Duration, error) {
	n, err := s.Run(ctx, g.rdb, keys, args...).Int64()
	return fromMS(n), err
}
