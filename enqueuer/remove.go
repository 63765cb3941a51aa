package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/stage"
)

type removeCmd struct {
	orderFlags
	ViewerURL    string `name:"viewer-url" env:"VODFLEET_VIEWER_URL" help:"URL under which viewers reach the output; empty: the root of the distribution's own domain." placeholder:"URL"`
	Distribution string `name:"distribution-id" env:"VODFLEET_DISTRIBUTION_ID" help:"Distribution that is asked how long its edges may keep Smooth media." placeholder:"ID"`

	Reason string `help:"Why, for the ledger; at most 500 bytes are kept." placeholder:"TEXT"`
}

func (removeCmd) Help() string {
	return fmt.Sprintf(`Takes assets from viewers: their entries are replaced by documents that play
nothing, all their files deleted, caches told, and the entries deleted %v
later. Jobs that run for them are canceled. The ledger keeps a tombstone of the
asset: reports, uploads and add pass it over, whatever its source has by then,
until enqueuer restore takes it back. The source itself is left alone. It works
for sources that were never seen, too, named by their s3:// URI. A repeat is
safe.

CloudFront does not invalidate Smooth Streaming media: what its edges have of
that may be played until it expires there, which is after the cache behaviour's
maximum TTL at the latest: it is told where --distribution-id can be read. Copies
in browsers expire by their own max-age.

Examples:

  enqueuer remove s3://library/films/one.mp4 --reason "rights ended"
  enqueuer remove 5XDW6LWF2LX4HBG4PJHMY7OH2Q --dry-run

Exit codes: 0 done, and the fleet finishes it; 1 failed; 2 wrong usage.`, ledger.ShutFor)
}

// What outlives a removal.
const (
	noteSmooth  = "Smooth Streaming media cannot be invalidated: edges may serve what they hold of it until the maximum TTL of its cache behaviour has passed, which is a year where enqueuer distribution made it (%s)."
	noteLife    = "Smooth Streaming media cannot be invalidated: edges may serve what they hold of it for %s, the maximum TTL of %s in distribution %s; disable that to end it sooner."
	noteBrowser = "Files in browsers' own caches live until their max-age has passed."
)

// lookTime bounds the look at the distribution, which is for a note alone.
const lookTime = 10 * time.Second

// smoothNote says how long Smooth media may live on.
func (c *removeCmd) smoothNote(e *env) string {
	life, of, err := c.smoothLife(e)
	if err != nil {
		return fmt.Sprintf(noteSmooth, err)
	}
	return fmt.Sprintf(noteLife, roughly(life), of, c.Distribution)
}

func (c *removeCmd) smoothLife(e *env) (time.Duration, string, error) {
	if c.Distribution == "" {
		return 0, "", errors.New("no --distribution-id to ask for it")
	}
	ctx, cancel := context.WithTimeout(e.ctx, lookTime)
	defer cancel()
	cdn, err := e.openCDN()
	if err != nil {
		return 0, "", err
	}
	conf, err := cdn.Configuration(ctx, c.Distribution)
	if err == nil {
		conf, err = cdn.Policies(ctx, conf)
	}
	if err != nil {
		return 0, "", err
	}
	life, of, known := distribution.SmoothLife(conf, distribution.Delivery{Viewer: c.ViewerURL, Smooth: true})
	if !known {
		return 0, "", errors.New("its cache policy cannot be read")
	}
	return life, of, nil
}

// roughly is a time in words.
func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}

func (c *removeCmd) Run(e *env) error {
	return c.run(e, order{
		verb: "removed",
		may:  func(now time.Time, r *ledger.Record) error { return r.Remove(now, c.Reason) },
		do: func(ctx context.Context, o orders, n named) (*ledger.Record, error) {
			rec, err := stage.Remove(ctx, o.book, o.queue, n.asset, n.source, c.Reason)
			if err != nil {
				return rec, err
			}
			return rec, o.drop(ctx, rec)
		},
	}, c.smoothNote(e), noteBrowser)
}

// drop deletes the tasks of a removed asset that wait for nothing any more. One
// that is at work ends by itself, as it meets the tombstone; so would these.
func (o orders) drop(ctx context.Context, rec *ledger.Record) error {
	keep := make(map[queue.TaskRef]bool)
	for _, t := range stage.Tasks(rec) {
		keep[queue.Ref(t)] = true
	}
	all, err := o.queue.archive.Find(ctx, rec.Asset)
	if err != nil {
		return err
	}
	for _, t := range all {
		ref := queue.TaskRef{Queue: t.Queue, ID: t.ID}
		if keep[ref] {
			continue
		}
		if err := o.queue.archive.Drop(ctx, ref); err != nil {
			return err
		}
	}
	return nil
}

type restoreCmd struct {
	orderFlags
}

func (restoreCmd) Help() string {
	return `Takes assets back that were removed: their sources are looked at again and made
anew, whatever failed or was rolled back from before. That is paid for. It is
refused for assets that are not removed, or whose removal is not done yet.

Examples:

  enqueuer restore s3://library/films/one.mp4

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 some were refused: see why.`
}

func (c *restoreCmd) Run(e *env) error {
	return c.run(e, order{
		verb: "restored",
		may:  func(now time.Time, r *ledger.Record) error { return r.Restore(now) },
		do: func(ctx context.Context, o orders, n named) (*ledger.Record, error) {
			return stage.Restore(ctx, o.book, o.queue, n.asset)
		},
	})
}

// tellRemoval tells of an asset's tombstone.
func tellRemoval(line func(name, format string, args ...any), m *ledger.Removal) {
	line("removed", "%s: %s", stamp(m.At), cmp.Or(m.Reason, "no reason given"))
	switch {
	case m.Shut.IsZero():
		line("", "its entries are still there")
	case m.Gone.IsZero():
		line("", "its entries play nothing since %s, and are deleted from %s on", stamp(m.Shut), stamp(m.Shut.Add(ledger.ShutFor)))
	default:
		line("", "its entries are gone since %s", stamp(m.Gone))
	}
	line("", "it stays away, whatever its source has, until enqueuer restore")
}
