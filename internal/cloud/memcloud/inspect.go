package memcloud

import "github.com/vodfleet/vodfleet/internal/cloud"

// Jobs returns every job there ever was, as it is now, the oldest first: what
// a test counts. It is no call of the port.
func (t *Transcoder) Jobs() []cloud.Job {
	t.advance()
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.c.now()
	jobs := make([]cloud.Job, len(t.jobs))
	for _, j := range t.jobs {
		jobs[j.number-1] = j.describe(now)
	}
	return jobs
}

// Request returns what job id was asked for with.
func (t *Transcoder) Request(id string) (cloud.JobRequest, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j, ok := t.jobs[id]
	if !ok {
		return cloud.JobRequest{}, false
	}
	r := j.request
	r.Spec = clone(r.Spec)
	return r, true
}
