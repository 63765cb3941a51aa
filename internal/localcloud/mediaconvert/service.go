package mediaconvert

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Service is the stand-in. It is safe for concurrent use.
type Service struct {
	cfg    Config
	files  files
	engine engine
	ops    map[string]func(*request) (doc, error)
	wake   chan struct{} // there may be a job to begin
	probes chan struct{} // a place for each look at a source under way

	mu        sync.Mutex
	queues    map[string]*queue
	templates map[string]*template
	jobs      []*job             // by creation
	byID      map[string]*job    //
	active    map[string]*job    // submitted or progressing, by ID
	tokens    map[string]*job    // the latest by its token
	waiting   map[string]*lineup // by queue
	again     []*job             // to be begun again after a restart
	working   map[string]int     // jobs at work, by queue
	busy      int                // jobs at work
	seq       int64
	buckets   map[string]*bucket
}

// maxProbes bounds looks at sources at once.
const maxProbes = 4

// New returns the service with the state found in cfg.Dir. Jobs that were at
// work begin again, under their IDs, once Run runs.
func New(cfg Config) (*Service, error) {
	cfg.defaults()
	dir, err := filepath.Abs(cfg.Dir) // whatever becomes of the working directory
	if err != nil {
		return nil, fmt.Errorf("mediaconvert: %w", err)
	}
	cfg.Dir = dir
	s := &Service{
		cfg: cfg, files: files{filepath.Join(cfg.Dir, "mediaconvert")},
		wake: make(chan struct{}, 1), probes: make(chan struct{}, maxProbes),
		queues: make(map[string]*queue), templates: make(map[string]*template), byID: make(map[string]*job), active: make(map[string]*job),
		tokens: make(map[string]*job), waiting: make(map[string]*lineup), working: make(map[string]int), buckets: make(map[string]*bucket),
	}
	s.engine, s.ops = newEngine(cfg), s.handlers()
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("mediaconvert: %w", err)
	}
	return s, nil
}

func (s *Service) now() time.Time { return s.cfg.Clock.Now() }

// load reads the state. Without any, there is the account's default queue.
func (s *Service) load() error {
	queues, err1 := s.files.ids("queues")
	templates, err2 := s.files.ids("templates")
	jobs, err3 := s.files.ids("jobs")
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	for _, id := range queues {
		q := new(queue)
		if err := s.files.read("queues", id, q); err != nil {
			return err
		}
		s.queues[q.Name] = q
	}
	if s.queues[defaultQueue] == nil {
		if err := s.saveQueue(&queue{Name: defaultQueue, Status: queueActive, Created: s.now(), Updated: s.now()}); err != nil {
			return err
		}
	}
	for _, id := range templates {
		t := new(template)
		if err := s.files.read("templates", id, t); err != nil {
			return err
		}
		s.templates[t.Name] = t
	}
	found := make([]*job, 0, len(jobs))
	for _, id := range jobs {
		j := new(job)
		if err := s.files.read("jobs", id, j); err != nil {
			return err
		}
		found = append(found, j)
	}
	slices.SortFunc(found, func(a, b *job) int { return int(a.Seq - b.Seq) })
	for _, j := range found {
		s.keep(j)
	}
	s.forget()
	return s.sweep()
}

// sweep deletes settings whose job a crash kept from being noted.
func (s *Service) sweep() error {
	ids, err := s.files.ids("settings")
	if err != nil {
		return err
	}
	for _, id := range ids {
		if s.byID[id] == nil {
			if err := s.files.remove("settings", id); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep takes a job into the lists. The caller holds s.mu, or nobody else can.
func (s *Service) keep(j *job) {
	s.jobs = append(s.jobs, j)
	s.byID[j.ID] = j
	s.seq = max(s.seq, j.Seq)
	if j.Token != "" {
		s.tokens[j.Token] = j
	}
	switch j.Status {
	case statusSubmitted:
		s.active[j.ID] = j
		s.line(j.Queue).add(j)
	case statusProgressing:
		s.active[j.ID] = j
		s.again = append(s.again, j)
	}
}

func (s *Service) saveJob(j *job) error { return s.files.save("jobs", j.ID, j) }

// forget drops jobs that the service does not know any more. The caller holds
// s.mu, or nobody else can.
func (s *Service) forget() {
	old := s.now().Add(-history)
	n := 0
	for n < len(s.jobs) && s.jobs[n].Created.Before(old) && s.jobs[n].ended() {
		j := s.jobs[n]
		_ = s.files.remove("jobs", j.ID) // one that stays is dropped at the next start
		_ = s.files.remove("settings", j.ID)
		delete(s.byID, j.ID)
		if s.tokens[j.Token] == j {
			delete(s.tokens, j.Token)
		}
		n++
	}
	s.jobs = slices.Delete(s.jobs, 0, n)
}

// Jobs returns every job that is kept, by time of submission.
func (s *Service) Jobs() []Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Job, len(s.jobs))
	for i, j := range s.jobs {
		list[i] = j.operatorView()
	}
	return list
}
