package memcloud

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// account is whose everything is.
const account = "111122223333"

// visibility is how long a received event is hidden from others.
const visibility = 30 * time.Second

// maxEvents bounds the queue: of more events, the oldest are lost.
const maxEvents = 1 << 20

// AtOnce delivers every event once, at once: an [Options.Deliver].
func AtOnce(int, cloud.Event) []time.Duration { return []time.Duration{0} }

// Events is a queue in memory. The transcoder's events come into it by
// [Options.Deliver]; others by Send.
type Events struct {
	c *Cloud

	mu       sync.Mutex
	numbered int // events that happened
	copies   int // that were made of them
	queue    []*queued
	arrived  chan struct{} // closed and replaced when an event arrives
}

// queued is one copy of an event.
type queued struct {
	event    cloud.Event
	from     time.Time // when it can be received
	number   int       // of the copy
	receives int
}

func newEvents(c *Cloud) *Events { return &Events{c: c, arrived: make(chan struct{})} }

// Send puts an event into the queue, once and at once. An event without an ID
// gets one; its Receipt is left out.
func (e *Events) Send(event cloud.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.numbered++
	e.add(e.name(event), e.c.now())
}

// Len returns how many copies of events are in the queue, those on their way
// and those that are received and not done among them.
func (e *Events) Len() int {
	e.c.Transcoder.advance()
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.queue)
}

// happen delivers an event of the cloud's own as the options say.
func (e *Events) happen(event cloud.Event) {
	if e.c.opts.Deliver == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.numbered++
	event = e.name(event)
	for _, lag := range e.c.opts.Deliver(e.numbered, event) {
		e.add(event, event.At.Add(lag))
	}
}

// name gives an event an ID. e.mu is held.
func (e *Events) name(event cloud.Event) cloud.Event {
	event.ID, event.Receipt = cmp.Or(event.ID, fmt.Sprintf("event-%d", e.numbered)), ""
	return event
}

// add puts one copy into the queue. e.mu is held.
func (e *Events) add(event cloud.Event, from time.Time) {
	e.copies++
	e.queue = append(e.queue, &queued{event: event, from: from, number: e.copies})
	if len(e.queue) > maxEvents {
		e.queue = slices.Delete(e.queue, 0, len(e.queue)-maxEvents)
	}
	close(e.arrived)
	e.arrived = make(chan struct{})
}

// Receive implements [cloud.Events]. Of what can be received the oldest comes
// first.
func (e *Events) Receive(ctx context.Context, wait time.Duration) ([]cloud.Event, error) {
	return call(ctx, e.c, "Events.Receive", "events", signature, func() ([]cloud.Event, error) {
		until := e.c.now().Add(min(max(wait, 0), cloud.MaxEventWait))
		for {
			e.c.Transcoder.advance()
			got, next, arrived := e.take(until)
			now := e.c.now()
			if len(got) > 0 || !now.Before(until) {
				return got, nil
			}
			if moves := e.c.Transcoder.next.Load(); moves > 0 {
				if at := time.Unix(0, moves); at.Before(next) {
					next = at
				}
			}
			t := time.NewTimer(max(next.Sub(now), 0))
			select {
			case <-ctx.Done():
				t.Stop()
				return nil, ctx.Err()
			case <-arrived:
				t.Stop()
			case <-t.C:
			}
		}
	})
}

// take receives what can be received now. Where that is nothing, it says when
// it will be something, until at the latest.
func (e *Events) take(until time.Time) (got []cloud.Event, next time.Time, arrived chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.c.now()
	next = until
	for _, q := range e.queue {
		if q.from.After(now) {
			if q.from.Before(next) {
				next = q.from
			}
			continue
		}
		q.receives++
		q.from = now.Add(visibility)
		event := copied(q.event)
		event.Receipt = fmt.Sprintf("%d.%d", q.number, q.receives)
		if got = append(got, event); len(got) == cloud.MaxEvents {
			break
		}
	}
	return got, next, e.arrived
}

// Done implements [cloud.Events]. A receipt is good until the event is received
// again: one that is older changes nothing.
func (e *Events) Done(ctx context.Context, receipts ...string) error {
	if len(receipts) == 0 {
		return nil
	}
	_, err := call(ctx, e.c, "Events.Done", "events", signature, func() (struct{}, error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, receipt := range receipts {
			var number, receive int
			if _, err := fmt.Sscanf(receipt, "%d.%d", &number, &receive); err != nil {
				continue
			}
			i, found := slices.BinarySearchFunc(e.queue, number, func(q *queued, n int) int { return cmp.Compare(q.number, n) })
			if found && e.queue[i].receives == receive {
				e.queue = slices.Delete(e.queue, i, i+1)
			}
		}
		return struct{}{}, nil
	})
	return err
}

// event is what the service tells of a job that has moved. t.mu is held.
func (j *job) event() cloud.Event {
	d := j.describe(j.moved)
	return cloud.Event{
		Account: account, At: j.moved,
		Job: &cloud.JobEvent{
			ID: d.ID, State: d.State, Status: string(d.State), Percent: d.Percent, ErrorCode: d.ErrorCode, Message: d.Message,
			Metadata: d.Metadata, Queue: d.Queue,
		},
	}
}

// copied is e with nothing that its holder could change for others.
func copied(e cloud.Event) cloud.Event {
	if e.Job != nil {
		e.Job = new(*e.Job)
		e.Job.Metadata = maps.Clone(e.Job.Metadata)
	}
	e.Uploads = slices.Clone(e.Uploads)
	return e
}
