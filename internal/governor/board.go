package governor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// listLag is how long the service's lists may lack a job that is there.
const listLag = 3 * time.Second

// Watch has the sweeper wake the poll of this build once its job is no longer
// running, and again after growing times until [Governor.Forget], so that a wake
// which was lost is made up for, and a poll that fails keeps its own pace. Fresh
// says that nobody watched it before. A repeat is harmless.
// Watches end by themselves after four days; no job runs for longer than two.
func (g *Governor) Watch(ctx context.Context, job, asset string, build int) (fresh bool, err error) {
	fresh, err = scriptWatch.Run(ctx, g.rdb, []string{keyWatch, keyWho, keyUnmade}, job, member(asset, build)).Bool()
	if err != nil {
		return false, fmt.Errorf("watch job %s: %w", job, err)
	}
	return fresh, nil
}

// Look reports whether the board saw the job running, recently enough to trust
// it, or expects the next sweep to; and how far it was, in percent, where the
// service tells. Again is when to look again if nobody wakes the task: some
// minutes for a job that was seen, until the next sweep is through for one that
// is too young. Not running means: ask for the job itself.
func (g *Governor) Look(ctx context.Context, job string) (running bool, percent int, again time.Duration, err error) {
	got, err := scriptLook.Run(ctx, g.rdb,
		[]string{keyWatch, keySeen, keyOver, keyLost, keyPercent, keySweep, keyEvents, keyWho, keyLiveRoom, keyBulkRoom}, job, ms(listLag)).Int64Slice()
	if err == nil && len(got) != 3 {
		err = errors.New("the script's answer has another form")
	}
	if err != nil {
		return false, 0, 0, fmt.Errorf("look for job %s on the board: %w", job, err)
	}
	return got[0] == 1, int(got[1]), fromMS(got[2]), nil
}

// Forget ends the watch. A repeat is harmless.
func (g *Governor) Forget(ctx context.Context, job string) error {
	keys := []string{keyWatch, keySeen, keyOver, keyLost, keyDoubt, keyWho, keyPercent, keyWoken}
	if err := scriptForget.Run(ctx, g.rdb, keys, job).Err(); err != nil {
		return fmt.Errorf("forget job %s: %w", job, err)
	}
	return nil
}

// split undoes member.
func split(id string) (asset string, build int, ok bool) {
	i := strings.LastIndexByte(id, ':')
	if i < 1 {
		return "", 0, false
	}
	build, err := strconv.Atoi(id[i+1:])
	return id[:i], build, err == nil
}

// ours is the member that a job's metadata name, or "" if the job is another
// fleet's or does not say. Metadata can be forged: what follows from them is
// room that is taken or freed until the next sweep, never a change of a build.
func (g *Governor) ours(metadata map[string]string) (id string, fleet bool) {
	if metadata["fleet"] != g.opt.Fleet {
		return "", false
	}
	asset := metadata["asset"]
	build, err := strconv.Atoi(metadata["build"])
	if err != nil || build < 1 || asset == "" || len(asset) > 64 || strings.ContainsRune(asset, ':') {
		return "", true
	}
	return member(asset, build), true
}
