package run

import (
	"context"
	"errors"
	"sync"
)

// Group runs the parts of a program and stops them in order: parts are
// cancelled from the last added to the first, each only when the one before it
// has returned. So what others need is added first.
type Group struct {
	parts []part
}

type part struct {
	name string
	run  func(context.Context) error
}

// Add adds a part. run blocks until its context ends, and returns nil or the
// context's error then; an earlier return of an error stops the whole group.
func (g *Group) Add(name string, run func(context.Context) error) {
	g.parts = append(g.parts, part{name, run})
}

// Run runs all parts until ctx ends or a part fails, then stops them in order
// and returns the first failure, or nil.
func (g *Group) Run(ctx context.Context) error {
	type running struct {
		cancel context.CancelFunc
		done   chan struct{}
	}
	var (
		mu    sync.Mutex
		errs  []error
		first = make(chan struct{})
		once  sync.Once
		all   []running
	)
	for _, p := range g.parts {
		// Parts outlive ctx: they are cancelled below, in order.
		pctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r := running{cancel, make(chan struct{})}
		all = append(all, r)
		go func() {
			defer close(r.done)
			err := p.run(pctx)
			if err != nil && !errors.Is(err, context.Canceled) {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
			if pctx.Err() == nil { // ended by itself
				once.Do(func() { close(first) })
			}
		}()
	}
	select {
	case <-ctx.Done():
	case <-first:
	}
	for i := len(all) - 1; i >= 0; i-- {
		all[i].cancel()
		<-all[i].done
	}
	return errors.Join(errs...)
}
