package governor

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Keys of the switches whose replaced entries caches may still hold.
const (
	keyStale     = tag + "stale:line"  // sorted set: asset by since when it waits
	keyWild      = tag + "stale:wild"  // the same, of those with a wildcard among their paths
	keyWhat      = tag + "stale:what"  // hash: asset to its switch and paths, a line each
	keySent      = tag + "stale:sent"  // sorted set: ASSET:SEQ by when it was put into a batch
	keyGone      = tag + "stale:gone"  // sorted set: ASSET:SEQ by when its invalidation was known to be complete
	keyLastAsked = tag + "stale:asked" // what an operator was last asked to allow
)

var (
	//go:embed lua/await.lua
	awaitLua string
	//go:embed lua/stale.lua
	staleLua string
	//go:embed lua/moved.lua
	movedLua string

	scriptAwait = script(awaitLua)
	scriptStale = script(staleLua)
	scriptMoved = script(movedLua)
)

// SentFor is for how long a switch that was put into a batch is taken to be on
// its way. Then its task puts it in line again, where whoever makes the batches
// finds it in one, or not.
const SentFor = 10 * time.Minute

// GoneFor is for how long it is remembered that a switch's invalidation is
// complete: many times as long as its task waits at most.
const GoneFor = time.Hour

// Stale is a switch of an asset whose replaced entries caches may still hold.
type Stale struct {
	Asset string
	Seq   int
	Paths []string  // as an invalidation names them
	Since time.Time // by Redis's clock; not of one that is [Governor.Sent] or [Governor.Gone]
}

// StaleLine is the begin of the line of those that wait to be put into a batch.
// Those with a wildcard, of which few can be in progress, have a line of their
// own, in which they are in nobody's way.
type StaleLine struct {
	Now    time.Time // Redis's
	Count  int       // all that wait without a wildcard
	Newest time.Time // when the last of them came; zero if none waits
	First  []Stale   // of them, the oldest first

	WildCount int     // all that wait with one
	Wild      []Stale // of them, the oldest first
}

// Await reports whether caches are known to have dropped what switch seq of an
// asset replaced, and puts it in line if they are not. A repeat is harmless and
// keeps its place; after a loss of the keys it is needed. Of one asset only the
// last switch is in line: its paths are those of the others too.
func (g *Governor) Await(ctx context.Context, asset string, seq int, paths []string) (gone bool, err error) {
	gone, err = scriptAwait.Run(ctx, g.rdb, []string{keyStale, keyWild, keyWhat, keySent, keyGone},
		asset, seq, strconv.Itoa(seq)+"\n"+strings.Join(paths, "\n"), ms(SentFor)).Bool()
	if err != nil {
		return false, fmt.Errorf("await the invalidation of asset %s switch %d: %w", asset, seq, err)
	}
	return gone, nil
}

// wildMost is how many of those with a wildcard [Governor.Stale] reads at most:
// many times as many as can be in progress.
const wildMost = 100

// Stale reads the line, at most so many of it.
func (g *Governor) Stale(ctx context.Context, most int) (StaleLine, error) {
	wild, err := g.stale(ctx, keyWild, wildMost)
	if err != nil {
		return StaleLine{}, err
	}
	line, err := g.stale(ctx, keyStale, most)
	line.WildCount, line.Wild = wild.Count, wild.First
	return line, err
}

// stale reads one line.
func (g *Governor) stale(ctx context.Context, key string, most int) (StaleLine, error) {
	got, err := scriptStale.Run(ctx, g.rdb, []string{key, keyWhat}, max(most, 1)).StringSlice()
	if err == nil && (len(got) < 3 || len(got)%3 != 0) {
		err = errors.New("the script's answer has another form")
	}
	if err != nil {
		return StaleLine{}, fmt.Errorf("list stale entries: %w", err)
	}
	var line StaleLine
	line.Now = scoreTime(got[0])
	line.Count, _ = strconv.Atoi(got[1])
	if line.Count > 0 {
		line.Newest = scoreTime(got[2])
	}
	for i := 3; i < len(got); i += 3 {
		text := strings.Split(got[i+2], "\n")
		seq, err := strconv.Atoi(text[0])
		if err != nil {
			return StaleLine{}, fmt.Errorf("list stale entries: asset %s: %w", got[i], err)
		}
		line.First = append(line.First, Stale{Asset: got[i], Seq: seq, Paths: text[1:], Since: scoreTime(got[i+1])})
	}
	return line, nil
}

func scoreTime(score string) time.Time {
	f, _ := strconv.ParseFloat(score, 64)
	return timeMS(f)
}

// Sent notes that switches are in a batch: they leave the line. A repeat is
// harmless.
func (g *Governor) Sent(ctx context.Context, all []Stale) error {
	return g.moved(ctx, all, keySent, keyGone, SentFor)
}

// Gone notes that the invalidations of switches are complete, for
// [Governor.Await]. A repeat is harmless.
func (g *Governor) Gone(ctx context.Context, all []Stale) error {
	return g.moved(ctx, all, keyGone, keySent, GoneFor)
}

const movedAtOnce = 500 // by one script

func (g *Governor) moved(ctx context.Context, all []Stale, to, from string, keep time.Duration) error {
	for len(all) > 0 {
		n := min(len(all), movedAtOnce)
		args := []any{ms(keep)}
		for _, s := range all[:n] {
			args = append(args, s.Asset, s.Seq)
		}
		if err := scriptMoved.Run(ctx, g.rdb, []string{keyStale, keyWild, keyWhat, to, from}, args...).Err(); err != nil {
			return fmt.Errorf("note %d invalidated assets: %w", n, err)
		}
		all = all[n:]
	}
	return nil
}

// Asked is what [Governor.Ask] noted last; empty if nothing, or if it is lost.
func (g *Governor) Asked(ctx context.Context) (string, error) {
	s, err := g.rdb.Get(ctx, keyLastAsked).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", fmt.Errorf("read what an operator was asked: %w", err)
	}
	return s, nil
}

// Ask notes what an operator is asked to allow by opening a gate, for a month.
func (g *Governor) Ask(ctx context.Context, what string) error {
	if err := g.rdb.Set(ctx, keyLastAsked, what, 31*24*time.Hour).Err(); err != nil {
		return fmt.Errorf("note what an operator is asked: %w", err)
	}
	return nil
}
