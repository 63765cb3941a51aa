package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/hibiken/asynq"
	"github.com/vodfleet/vodfleet/tasks"
	"go.uber.org/zap"
)

// process runs one task for Asynq and returns what Asynq shall take for its
// result. It logs how the run ended, once; handlers do not.
func (s *Server) process(ctx context.Context, at *asynq.Task) error {
	r := newRun(ctx, at)
	if err := s.readLost(ctx, r, at.Payload()); err != nil {
		s.metrics.observe(r.kind, crowded, 0)
		return forRedis(notYetFor(s.times.crowded, err.Error()))
	}
	leave, err := s.enter(r)
	if err != nil {
		s.metrics.observe(r.kind, crowded, 0)
		return err
	}
	defer leave()
	end, err := s.begin(ctx, r, at.Payload())
	if err != nil {
		s.metrics.observe(r.kind, crowded, 0)
		return forRedis(notYetFor(s.times.crowded, err.Error()))
	}
	defer end()
	began := time.Now()
	t, h, o, err := s.read(r, at.Payload())
	if err == nil {
		o, err = s.call(ctx, r, h, t)
	}
	took := time.Since(began)
	if ctx.Err() != nil {
		o = late
	}
	s.metrics.observe(r.kind, o, took)
	s.report(r, tasks.AssetOf(t), o, err, took)
	s.settle(r, at.Payload(), o, err)
	return forRedis(err)
}

// enter takes a slot for the run. Asynq gives up a handler that does not end in
// time and goes on without it: its slot is free and its task runs again, while
// the handler still works. So slots are counted here by the handlers that
// really work, and a task whose last run goes on in this process waits for it.
// So does a task that has lost its worker, while another such is at work.
func (s *Server) enter(r *run) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.atWork[r.key()] != nil {
		return nil, notYetFor(s.times.crowded, "its last run has not ended")
	}
	if r.crashes > 0 && s.suspect {
		return nil, notYetFor(s.times.crowded, "another task that lost its worker is at work")
	}
	select {
	case s.slots <- struct{}{}:
	default:
		return nil, notYetFor(s.times.crowded, "earlier runs have not ended")
	}
	s.atWork[r.key()] = r
	s.suspect = s.suspect || r.crashes > 0
	running := s.metrics.running.WithLabelValues(label(r.kind))
	running.Inc()
	return func() {
		running.Dec()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.atWork, r.key())
		s.suspect = s.suspect && r.crashes == 0
		<-s.slots
	}, nil
}

// read finds the task's handler and decodes the payload. A payload or a kind of
// a newer version waits for a newer worker; it is not burnt.
func (s *Server) read(r *run, payload []byte) (tasks.Task, handler, outcome, error) {
	if !slices.Contains(kinds, r.kind) { // its payload need not be of our form
		return nil, nil, unknown, notYetFor(s.times.unknown, tasks.ErrKind.Error())
	}
	t, err := tasks.Decode(r.kind, payload)
	h := s.handlers[r.kind]
	switch {
	case errors.Is(err, tasks.ErrVersion):
		return nil, nil, unknown, notYetFor(s.times.unknown, err.Error())
	case err != nil:
		return nil, nil, unreadable, Permanent(err)
	case h == nil:
		return t, nil, unknown, notYetFor(s.times.unknown, "this worker has no handler for "+r.kind)
	}
	return t, h, done, nil
}

// call runs the handler under its own context and classifies the result.
func (s *Server) call(ctx context.Context, r *run, h handler, t tasks.Task) (outcome, error) {
	hctx, cancel := s.handlerContext(ctx)
	defer cancel()
	err := protect(func() error { return h(r.in(hctx), t) })
	if err == nil {
		err = r.wanted()
	}
	_, isWait := errors.AsType[*notYet](err)
	_, isPanic := errors.AsType[*panicError](err)
	switch {
	case err == nil:
		return done, nil
	case errors.Is(err, asynq.SkipRetry):
		return givenUp, err
	case isWait:
		return waits, err
	case isPanic:
		return panicked, err
	case s.stop.Err() != nil && hctx.Err() != nil:
		return interrupted, notYetFor(0, errStopping.Error())
	}
	return failed, err
}

// handlerContext is ctx for a handler: it ends before Asynq gives up the run,
// by a tenth of the time and at most five seconds, and when the server stops.
// Asynq looks at ctx alone, and so waits for what the handler has to say.
func (s *Server) handlerContext(ctx context.Context) (context.Context, context.CancelFunc) {
	hctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.stop, func() { cancel(context.Cause(s.stop)) })
	if end, ok := ctx.Deadline(); ok {
		end = end.Add(-min(time.Until(end)/10, 5*time.Second))
		inner, cancelInner := context.WithDeadline(hctx, end)
		return inner, func() { stop(); cancelInner(); cancel(nil) }
	}
	return hctx, func() { stop(); cancel(nil) }
}

// panicError is a handler's panic.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return clean(fmt.Sprintf("panic: %v", p.value), maxErrorText) }

func protect(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p, debug.Stack()}
		}
	}()
	return f()
}

// fields are the fixed keys of everything that is logged of a task.
func (r *run) fields(asset string) []zap.Field {
	f := []zap.Field{
		zap.String("task", clean(r.id, 200)), zap.String("kind", clean(r.kind, 64)),
		zap.String("queue", r.queue), zap.Int("attempt", r.failures+1),
	}
	if r.crashes > 0 {
		f = append(f, zap.Int("crashes", r.crashes))
	}
	if asset != "" {
		f = append(f, zap.String("asset", asset))
	}
	return f
}

// report logs how a run ended. Waits are no news, unless a worker is too old.
func (s *Server) report(r *run, asset string, o outcome, err error, took time.Duration) {
	log := s.log.With(append(r.fields(asset), zap.Duration("took", took))...)
	switch o {
	case done:
		log.Debug("task done")
	case waits:
		log.Debug("task waits", zap.Error(err))
	case interrupted:
		log.Info("task interrupted")
	case failed:
		log.Warn("task failed", zap.Error(err))
	case panicked:
		p, _ := errors.AsType[*panicError](err)
		log.Error("task panicked", zap.Error(err), zap.ByteString("stack", p.stack))
	case givenUp:
		log.Error("task given up", zap.Error(err))
	case unreadable:
		log.Error("task unreadable", zap.Error(err))
	case unknown:
		if s.seldom.pass("unknown " + label(r.kind)) {
			log.Warn("task waits for a newer worker", zap.Error(err))
		}
	case late:
		log.Warn("task ended after its time; its result is lost", zap.Error(err))
	}
}

// abandoned hears from Asynq about every run that did not end in success. What
// process returned has been reported; what is left are the runs that Asynq gave
// up while their handler was at work.
func (s *Server) abandoned(ctx context.Context, at *asynq.Task, err error) {
	if _, ours := errors.AsType[*told](err); ours || IsVerdict(err) {
		return
	}
	r := newRun(ctx, at)
	if isLost(err) {
		s.noteStalled(r, at.Payload())
	}
	s.log.Warn("task goes on without its handler", append(r.fields(""), zap.Error(err))...)
}
