package mediaconvert

import (
	"encoding/json"
	"fmt"
	"strings"
)

func (s *Service) getJob(r *request) (doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.jobOf(r)
	if err != nil {
		return nil, err
	}
	raw, err := s.settingsOf(j)
	if err != nil {
		return nil, err
	}
	return doc{"job": j.view(j.Status, raw)}, nil
}

// jobOf finds the job that the path names. The caller holds s.mu.
func (s *Service) jobOf(r *request) (*job, error) {
	j := s.byID[r.parts["id"]]
	if j == nil {
		return nil, notFound("The job %q does not exist.", r.parts["id"])
	}
	return j, nil
}

// settingsOf reads a job's settings. The caller holds s.mu.
func (s *Service) settingsOf(j *job) (json.RawMessage, error) {
	var raw json.RawMessage
	if err := s.files.read("settings", j.ID, &raw); err != nil {
		return nil, internal(err)
	}
	return raw, nil
}

// listJobs answers ListJobs and SearchJobs: the newest first unless asked
// otherwise, as they were before the lag of lists.
func (s *Service) listJobs(r *request) (doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	after, err := r.cursor()
	if err != nil {
		return nil, err
	}
	queue := ""
	if name := r.query.Get("queue"); name != "" {
		q, err := s.queueOf(name)
		if err != nil {
			return nil, err
		}
		queue = q.Name
	}
	input := r.query.Get("inputFile")
	if len(input) > 300 {
		return nil, badRequest("/inputFile: Should have at most 300 characters")
	}
	seen, status := s.now().Add(-s.cfg.ListLag), r.query.Get("status")
	ascending := r.query.Get("order") == "ASCENDING"
	var page []*job
	more := false
	for i := range s.jobs {
		j := s.jobs[i]
		if !ascending {
			j = s.jobs[len(s.jobs)-1-i]
		}
		if after != "" { // keys cost time, and there may be thousands of jobs
			if key := j.sortKey(); ascending && key <= after || !ascending && key >= after {
				continue
			}
		}
		at := j.statusAt(seen)
		if at == "" || status != "" && at != status || queue != "" && j.Queue != queue || input != "" && !strings.Contains(j.Input, input) {
			continue
		}
		if len(page) == r.limit() {
			more = true
			break
		}
		page = append(page, j)
	}
	list := []any{}
	for _, j := range page {
		raw, err := s.settingsOf(j)
		if err != nil {
			return nil, err
		}
		list = append(list, j.view(j.statusAt(seen), raw))
	}
	next := ""
	if more {
		next = cursor{page[len(page)-1].sortKey(), r.listed()}.token()
	}
	return withNext(doc{"jobs": list}, next), nil
}

// sortKey orders jobs by creation.
func (j *job) sortKey() string { return fmt.Sprintf("%016d", j.Seq) }

func (s *Service) cancelJob(r *request) (doc, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.jobOf(r)
	if err != nil {
		return nil, err
	}
	switch j.Status {
	case statusCanceled:
		return doc{}, nil
	case statusComplete, statusError:
		return nil, conflict("The job %q is already in the state %s.", j.ID, j.Status)
	}
	changed := *j
	changed.Status, changed.Finished = statusCanceled, s.now()
	if err := s.saveJob(&changed); err != nil {
		return nil, err
	}
	stop := j.cancel
	*j = changed
	j.cancel = nil
	s.settled(j)
	if stop != nil {
		stop(errCanceled)
	}
	return doc{}, nil
}
