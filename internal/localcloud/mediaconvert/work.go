package mediaconvert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/transcode"
)

// maxWork is how long a job may be at work (user guide: 48 hours).
const maxWork = 48 * time.Hour

var errCanceled = errors.New("canceled")

// engine carries out jobs.
type engine interface {
	Run(ctx context.Context, t transcode.Task, progress func(transcode.Phase, int)) (*transcode.Result, error)
	Probe(ctx context.Context, bucket, key string) (*transcode.Source, error)
}

func newEngine(cfg Config) engine {
	if cfg.Simulate {
		return &transcode.Simulator{Objects: cfg.Objects, Clock: cfg.Clock, Least: cfg.JobTime[0], Most: cfg.JobTime[1]}
	}
	return &transcode.Engine{Objects: cfg.Objects, Tools: cfg.Tools, Space: cfg.Space}
}

// stir makes Run look for jobs to begin.
func (s *Service) stir() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run works on jobs until ctx ends, then stops what is at work, which the next
// New finds as it was. It can be called once.
func (s *Service) Run(ctx context.Context) error {
	if err := os.RemoveAll(s.workDir("")); err != nil {
		return fmt.Errorf("mediaconvert: clear work folder: %w", err)
	}
	if !s.cfg.Simulate {
		if err := s.cfg.Tools.Check(); err != nil {
			return fmt.Errorf("mediaconvert: %w", err)
		}
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		for _, j := range s.begin() {
			workers.Go(func() { s.work(ctx, j) })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-tick.C:
			s.mu.Lock()
			s.forget()
			s.mu.Unlock()
		}
	}
}

func (s *Service) workDir(id string) string { return filepath.Join(s.files.dir, "work", id) }

// begin takes the jobs that there are slots for.
func (s *Service) begin() []*job {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*job
	take := func(j *job) {
		s.busy++
		s.working[j.Queue]++
		list = append(list, j)
	}
	for s.busy < s.cfg.Slots && len(s.again) > 0 {
		j := s.again[0]
		s.again = s.again[1:]
		if !j.ended() {
			j.Runs++
			j.Phase, j.Percent = string(transcode.Probing), 0
			take(j)
		}
	}
	for s.busy < s.cfg.Slots {
		var next *job
		for name, l := range s.waiting {
			q := s.queues[name]
			if q == nil || q.Status != queueActive || s.working[name] >= s.cfg.Quotas.ConcurrentJobs {
				continue
			}
			if j := l.peek(); j != nil && (next == nil || j.Seq < next.Seq) {
				next = j
			}
		}
		if next == nil {
			break
		}
		next.Runs++
		next.Status, next.Started, next.Phase = statusProgressing, s.now(), string(transcode.Probing)
		if err := s.saveJob(next); err != nil {
			s.end(next, nil, &transcode.Failure{Code: 1999, Message: err.Error()})
			continue
		}
		take(next)
		s.tell("PROGRESSING", next, nil)
	}
	return list
}

// work carries out one job.
func (s *Service) work(ctx context.Context, j *job) {
	defer s.stir()
	workCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := time.AfterFunc(s.cfg.Clock.Host(maxWork), func() {
		cancel(&transcode.Failure{Code: 1999, Message: fmt.Sprintf("The job was at work for more than %v", maxWork)})
	})
	defer limit.Stop()
	task, err := s.taskOf(j, cancel)
	var result *transcode.Result
	if err == nil {
		result, err = s.engine.Run(workCtx, task, func(p transcode.Phase, percent int) { s.progress(j, p, percent) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j.cancel = nil
	s.busy--
	s.working[j.Queue]--
	if j.ended() || err != nil && ctx.Err() != nil {
		return // canceled, or the whole service stops: the job begins again
	}
	s.end(j, result, err)
}

// taskOf prepares a job's work.
func (s *Service) taskOf(j *job, cancel context.CancelCauseFunc) (transcode.Task, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.ended() {
		return transcode.Task{}, errCanceled
	}
	j.cancel = cancel
	raw, err := s.settingsOf(j)
	if err != nil {
		return transcode.Task{}, err
	}
	decoded, err := settings.Decode(raw)
	if err != nil {
		return transcode.Task{}, err
	}
	t := transcode.Task{ID: j.ID, Settings: decoded, Started: j.Started, Dir: s.workDir(j.ID)}
	if j.Fault != nil {
		t.Fail = failure(*j.Fault)
	}
	return t, nil
}

func (s *Service) progress(j *job, p transcode.Phase, percent int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.ended() || j.Phase == string(p) && j.Percent == percent {
		return
	}
	j.Phase, j.Percent = string(p), percent
	s.tell("STATUS_UPDATE", j, nil)
}

// end notes how a job ended. The caller holds s.mu.
func (s *Service) end(j *job, result *transcode.Result, err error) {
	j.Status, j.Finished, j.Result = statusComplete, s.now(), result
	if err != nil {
		f, ok := errors.AsType[*transcode.Failure](err)
		if !ok {
			f = &transcode.Failure{Code: 1999, Message: "Unexpected error: " + err.Error()}
		}
		j.Status, j.ErrorCode, j.ErrorMessage = statusError, f.Code, f.Message
	} else {
		j.Percent = 100
	}
	if err := s.saveJob(j); err != nil && j.Status == statusComplete {
		// What is not noted is not true: after a restart the job runs again.
		j.Status, j.ErrorCode, j.ErrorMessage = statusError, 1999, err.Error()
	}
	s.settled(j)
}

// settled takes a job that has ended out of what goes on. The caller holds s.mu.
func (s *Service) settled(j *job) {
	delete(s.active, j.ID)
	s.tell(j.Status, j, j.Result)
}

// tell passes a change on. The caller holds s.mu.
func (s *Service) tell(status string, j *job, r *transcode.Result) {
	if s.cfg.Events == nil {
		return
	}
	s.cfg.Events(Event{Status: status, Time: s.now(), Job: j.operatorView(), Interval: cmp.Or(j.Interval, "SECONDS_60"), Result: r})
}
