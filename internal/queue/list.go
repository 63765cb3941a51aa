package queue

import (
	"context"
	"errors"
	"iter"
)

// Tasks yields every task that is still to be done: pending, active, scheduled
// and in retry. It reads a page at a time, and one that stays in its state
// meanwhile is yielded once or, seldom, twice; one that moves may be missed, so
// ask [Inspector.Alive] before acting on an absence. A record that cannot be
// read is yielded with Unreadable set. An error ends it.
func (i *Inspector) Tasks(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) { yield(Info{}, errors.ErrUnsupported) }
}

// Archived yields the archived tasks, as Tasks does the others.
func (i *Inspector) Archived(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) { yield(Info{}, errors.ErrUnsupported) }
}

// Orphans yields the active tasks that have no lease, which Asynq never
// recovers.
func (i *Inspector) Orphans(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) { yield(Info{}, errors.ErrUnsupported) }
}

// Alive says of each task whether something will come of it: it waits, or is
// active. One that is archived, absent, unreadable or in no list is not alive;
// [Client.Wake] makes it so. It costs a round trip for each 500.
func (i *Inspector) Alive(ctx context.Context, refs []TaskRef) ([]bool, error) {
	return nil, errors.ErrUnsupported
}
