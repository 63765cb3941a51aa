package main

import (
	"context"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/doctor"
)

// maxPlans bounds how often a distribution may change under the doctor's hands.
const maxPlans = 3

// fix shows what can be mended, has it confirmed and mends it, and waits for
// every edge. It reports whether anything was changed; what could not be done is
// in x.Left. Where the distribution has changed meanwhile, what is left to do is
// shown, and confirmed, anew. It fails only where it was told no, or to stop.
func (c *doctorCmd) fix(e *env, d *doctor.Doctor, x *examined) (changed bool, err error) {
	for range maxPlans {
		p, err := d.Plan(e.ctx)
		if err != nil {
			c.left(e, x, err.Error())
			return false, e.ctx.Err()
		}
		x.Diff = p.Diff()
		if p.Empty() {
			c.left(e, x, p.Left...)
			c.say(e, "nothing that --fix can mend")
			return false, nil
		}
		c.say(e, fmt.Sprintf("distribution %s: %d changes", d.Distribution, len(x.Diff)))
		for _, line := range x.Diff {
			c.say(e, "  "+plain(line))
		}
		if !c.Yes {
			if err := e.confirm("Make these changes?"); err != nil {
				return false, err
			}
		}
		m, err := d.Mend(e.ctx, p)
		if err != nil { // it has changed since
			c.say(e, "somebody else has changed the distribution meanwhile: it is read again")
			continue
		}
		x.Done = m.Done
		for _, done := range m.Done {
			c.say(e, plain(done))
		}
		c.left(e, x, m.Left...)
		if err := c.settle(e, d, m); err != nil {
			c.left(e, x, "see whether every edge has the changes: "+err.Error())
		}
		return len(m.Done) > 0, e.ctx.Err()
	}
	c.left(e, x, fmt.Sprintf("the distribution has changed %d times meanwhile: nothing was changed", maxPlans))
	return false, nil
}

// left tells what could not be done.
func (c *doctorCmd) left(e *env, x *examined, left ...string) {
	x.Left = append(x.Left, left...)
	for _, l := range left {
		c.say(e, "could not: "+plain(l))
	}
}

// say tells a person.
func (c *doctorCmd) say(e *env, line string) {
	if !c.json() {
		fmt.Fprintln(e.out, line)
	}
}

// settleEvery is the time between looks at changes on their way to the edges.
const settleEvery = time.Second

// settle waits until every edge has what was mended, for c.Wait at the most.
func (c *doctorCmd) settle(e *env, d *doctor.Doctor, m doctor.Mended) error {
	if c.Wait == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(e.ctx, c.Wait)
	defer cancel()
	for {
		done, err := d.Settled(ctx, m)
		switch {
		case done:
			return nil
		case ctx.Err() != nil:
			c.say(e, "the changes are not at every edge yet")
			return nil
		case err != nil && !cloud.Retryable(err):
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(settleEvery):
		}
	}
}
