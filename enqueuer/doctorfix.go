package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/doctor"
	"github.com/vodfleet/vodfleet/internal/run"
)

// maxPlans bounds how often a distribution may change under the doctor's hands.
const maxPlans = 3

// fix shows what can be mended, has it confirmed and mends it, and waits for
// every edge. It reports whether anything was changed. Where the distribution
// has changed meanwhile, what is left to do is shown, and confirmed, anew.
func (c *doctorCmd) fix(e *env, d *doctor.Doctor, x *examined) (changed bool, err error) {
	for range maxPlans {
		p, err := d.Plan(e.ctx)
		if errors.Is(err, cloud.ErrNotFound) || errors.Is(err, cloud.ErrDenied) {
			x.Left = append(x.Left, err.Error())
			c.say(e, "could not: "+err.Error())
			return false, nil
		}
		if err != nil {
			return false, err
		}
		x.Diff = p.Diff()
		if p.Empty() {
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
		if errors.Is(err, cloud.ErrPrecondition) {
			c.say(e, "somebody else has changed the distribution meanwhile: it is read again")
			continue
		}
		if err != nil {
			return false, err
		}
		x.Done, x.Left = m.Done, m.Left
		for _, done := range m.Done {
			c.say(e, plain(done))
		}
		for _, left := range m.Left {
			c.say(e, "could not: "+plain(left))
		}
		return true, c.settle(e, d, m)
	}
	return false, &run.Error{Code: run.Unfinished, Err: fmt.Errorf("the distribution has changed %d times meanwhile: nothing was changed", maxPlans)}
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
			return e.ctx.Err() // nil: the time is over
		case err != nil && !cloud.Retryable(err):
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(settleEvery):
		}
	}
}
