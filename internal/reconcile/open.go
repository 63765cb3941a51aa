package reconcile

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
	"golang.org/x/sync/errgroup"
)

// key is an asset ID in as few bytes as there are: a pass holds one for each
// asset that has a live task.
type key [16]byte

var alphabet = base32.StdEncoding.WithPadding(base32.NoPadding)

func keyOf(asset string) (k key, ok bool) {
	if !tasks.IsAssetID(asset) {
		return k, false
	}
	_, err := alphabet.Decode(k[:], []byte(asset))
	return k, err == nil
}

func (k key) String() string { return alphabet.EncodeToString(k[:]) }

func (k key) compare(l key) int { return slices.Compare(k[:], l[:]) }

// live are the assets that have a live task; true for those that have one which
// only a record can have led to.
type live map[key]bool

// maxUnread bounds the tasks that cannot be read and are remembered.
const maxUnread = 10_000

// listTasks lists the live tasks, and counts those that cannot be read. They
// are listed before the markers: an asset that moves on meanwhile then looks
// idle, which its record and its task refute, and never busy by mistake.
func (p *pass) listTasks(ctx context.Context) (live, error) {
	all := make(live)
	for t, err := range p.Tasks.Tasks(ctx) {
		switch {
		case err != nil:
			return nil, fmt.Errorf("reconcile: %w", err)
		case t.Unreadable:
			if len(p.unread) < maxUnread {
				p.unread[queue.TaskRef{Queue: t.Queue, ID: t.ID}] = true
			}
			continue
		}
		p.report.Tasks++
		kind, asset := named(t.ID)
		if k, ok := keyOf(asset); ok {
			all[k] = all[k] || kind != tasks.KindIngest
		}
	}
	return all, nil
}

// named reads the ID of a task, KIND:ASSET:…: unlike its payload, it is the
// same in every version.
func named(id string) (kind, asset string) {
	kind, rest, _ := strings.Cut(id, ":")
	asset, _, _ = strings.Cut(rest, ":")
	return kind, asset
}

// open gives every open asset without a live task its task.
func (p *pass) open(ctx context.Context, busy live) error {
	var (
		idle   []key
		sample []key // of the busy ones
		seen   int
	)
	for asset, err := range p.Ledger.Open(ctx) {
		if err != nil {
			return fmt.Errorf("reconcile: %w", err)
		}
		k, ok := keyOf(asset)
		if !ok {
			continue // no marker of ours
		}
		p.report.Open++
		if _, ok := busy[k]; !ok {
			idle = append(idle, k)
			continue
		}
		delete(busy, k)
		if seen++; len(sample) < maxSample {
			sample = append(sample, k)
		} else if n := rand.IntN(seen); n < maxSample { // each with the same chance
			sample[n] = k
		}
	}
	idle = p.turn(idle)
	err := each(ctx, idle, p.mend)

	var lost []key // with tasks of a record, and no marker
	for k, recorded := range busy {
		if recorded && len(lost) < maxMissing { // in random order: each comes to its turn
			lost = append(lost, k)
		}
	}
	return errors.Join(err, each(ctx, sample, p.check), each(ctx, lost, p.missing))
}

// turn returns those candidates whose turn it is, and remembers where the next
// pass goes on.
func (p *pass) turn(idle []key) []key {
	slices.SortFunc(idle, key.compare)
	from, _ := slices.BinarySearchFunc(idle, p.after, key.compare)
	if from < len(idle) && idle[from] == p.after {
		from++
	}
	turn := slices.Concat(idle[from:], idle[:from])
	if p.report.Cut = len(turn) > p.reads; p.report.Cut {
		turn = turn[:p.reads]
	}
	if !p.dry {
		p.after = key{}
		if p.report.Cut {
			p.after = turn[len(turn)-1]
		}
	}
	return turn
}

// maxErrors bounds the errors that a step of a pass returns.
const maxErrors = 10

// each runs f for all, several at a time, and joins the first of their errors.
// One that fails does not keep the others from their turn.
func each[T any](ctx context.Context, all []T, f func(ctx context.Context, item T) error) error {
	var (
		g    errgroup.Group
		errs = make(chan error, maxErrors)
	)
	g.SetLimit(atOnce)
	for _, item := range all {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if err := f(ctx, item); err != nil {
				select {
				case errs <- err:
				default:
				}
			}
			return nil
		})
	}
	_ = g.Wait()
	close(errs)
	joined := context.Cause(ctx)
	for err := range errs {
		joined = errors.Join(joined, err)
	}
	return joined
}

// mend looks at an asset that has a marker and, as it seemed, no task.
func (p *pass) mend(ctx context.Context, k key) error {
	rec, err := p.read(ctx, k.String())
	if rec == nil || err != nil {
		return err
	}
	return p.supply(ctx, rec)
}

// check looks at an asset that has a task, and may lack another: one of a
// superseded build whose job runs for nobody, or of a switch that newer content
// follows. One that has just moved on is left alone.
func (p *pass) check(ctx context.Context, k key) error {
	rec, err := p.read(ctx, k.String())
	if rec == nil || err != nil || !rec.Open() || p.Ledger.Now().Sub(rec.Updated) < finished {
		return err
	}
	return p.supply(ctx, rec)
}

// supply enqueues what an asset lacks of the tasks that its record asks for.
func (p *pass) supply(ctx context.Context, rec *ledger.Record) error {
	asset := rec.Asset
	f := Finding{Asset: asset, Source: rec.Location.String()}
	if !rec.Open() {
		return p.settle(ctx, rec, f)
	}
	wants := stage.Tasks(rec)
	if len(wants) == 0 {
		f.Kind, f.Why = Stuck, "status "+rec.Status()
		p.found(f)
		return nil
	}
	refs := make([]queue.TaskRef, len(wants))
	for i, t := range wants {
		refs[i] = queue.Ref(t)
	}
	alive, err := p.Tasks.Alive(ctx, refs)
	if err != nil {
		return fmt.Errorf("reconcile asset %s: %w", asset, err)
	}
	for i, t := range wants {
		if i < len(alive) && alive[i] && !(p.dry && p.unread[refs[i]]) {
			continue // it moved on while the tasks were listed
		}
		if err := p.enqueue(ctx, t, f); err != nil {
			return fmt.Errorf("reconcile asset %s: %w", asset, err)
		}
	}
	return nil
}

// read reads a record. It is nil, and told, if there is none to go by.
func (p *pass) read(ctx context.Context, asset string) (*ledger.Record, error) {
	rec, err := p.Ledger.Get(ctx, asset)
	p.mu.Lock()
	p.report.Read++
	p.mu.Unlock()
	if err == nil {
		return rec, nil
	}
	kind := unreadable(err)
	if errors.Is(err, cloud.ErrNotFound) {
		kind = MissingRecord
	}
	if kind == "" {
		return nil, fmt.Errorf("reconcile: %w", err)
	}
	p.found(Finding{Kind: kind, Asset: asset, Why: err.Error()})
	return nil, nil
}

// unreadable is the kind of a record that cannot be read by this version, and
// "" of any other error.
func unreadable(err error) Kind {
	switch {
	case errors.Is(err, ledger.ErrCorrupt):
		return CorruptRecord
	case errors.Is(err, ledger.ErrNewer):
		return NewerRecord
	}
	return ""
}

// missing looks at an asset that has tasks and no marker: mostly they repeat
// what is done, or retire what was replaced.
func (p *pass) missing(ctx context.Context, k key) error {
	_, err := p.read(ctx, k.String())
	return err
}

// settle removes a marker of an asset that needs none. One whose record has
// just changed was open when it was listed.
func (p *pass) settle(ctx context.Context, rec *ledger.Record, f Finding) error {
	if p.Ledger.Now().Sub(rec.Updated) < finished {
		return nil
	}
	f.Kind = StaleMarker
	if !p.dry {
		if err := p.Ledger.Settle(ctx, rec); err != nil {
			return fmt.Errorf("reconcile asset %s: %w", rec.Asset, err)
		}
		f.Mended = true
	}
	p.found(f)
	return nil
}

// enqueue enqueues a task that an asset lacks. An archived one in its place is
// deleted first: it may be what cannot be read, and its failures count no more.
func (p *pass) enqueue(ctx context.Context, t tasks.Task, f Finding) error {
	ref := queue.Ref(t)
	f.Kind, f.Task = NoTask, ref.ID
	info, err := p.Tasks.Look(ctx, ref.Queue, ref.ID)
	if err == nil && info.State == stateArchived {
		f.Kind, f.Why = ArchivedTask, info.LastErr
	}
	if !p.dry {
		if f.Kind == ArchivedTask {
			if _, err := p.Tasks.Clear(ctx, ref); err != nil {
				return err
			}
		}
		if err := p.Queue.Enqueue(ctx, t); err != nil {
			return err
		}
		f.Mended = true
	}
	p.found(f)
	return nil
}

const stateArchived = "archived"
