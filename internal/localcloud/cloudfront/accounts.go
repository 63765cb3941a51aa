package cloudfront

import (
	"cmp"
	"slices"
	"time"
)

// Load is a number of batches and of the paths in them.
type Load struct {
	Batches   int `json:"batches"`
	Paths     int `json:"paths"` // single ones
	Wildcards int `json:"wildcards"`
}

func (l *Load) add(v *invalidation, sign int) {
	single, wild := countPaths(v.Paths)
	l.Batches, l.Paths, l.Wildcards = l.Batches+sign, l.Paths+sign*single, l.Wildcards+sign*wild
}

// Account is what a distribution has had invalidated. It outlives the process,
// but for Refused.
type Account struct {
	Distribution string  `json:"distribution"`
	Total        Load    `json:"total"`      // since the distribution was made
	InProgress   Load    `json:"inProgress"` // now
	Highest      Load    `json:"highest"`    // in progress at once, each at its own time
	Refused      int     `json:"refused"`    // batches above the quotas of what is in progress, since the start
	Batches      []Batch `json:"batches"`    // oldest first
}

// Batch is one invalidation. A call that was answered with an earlier one has
// made none.
type Batch struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference"`
	Status    string    `json:"status"`
	Created   time.Time `json:"created"`
	Completed time.Time `json:"completed"` // or when it will be
	Paths     []string  `json:"paths"`
}

// Accounts returns the account of each distribution that is there.
func (s *Service) Accounts() []Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	list := make([]Account, len(s.dists))
	for i, d := range s.dists {
		a := Account{Distribution: d.ID, Refused: s.refused[d.ID], Batches: []Batch{}}
		for _, v := range s.batches[d.ID] {
			a.Total.add(v, 1)
			a.Batches = append(a.Batches, Batch{v.ID, v.Reference, s.invalidationStatus(v), v.Created, v.Done, v.Paths})
		}
		for _, v := range s.pending {
			if v.Distribution == d.ID {
				a.InProgress.add(v, 1)
			}
		}
		a.Highest = highest(s.batches[d.ID])
		list[i] = a
	}
	return list
}

// highest goes through batches by time. One that completes makes room for one
// that is made at the same moment.
func highest(batches []*invalidation) (most Load) {
	type change struct {
		at   time.Time
		v    *invalidation
		sign int
	}
	changes := make([]change, 0, 2*len(batches))
	for _, v := range batches {
		changes = append(changes, change{v.Created, v, 1}, change{v.Done, v, -1})
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.sign, b.sign)) })
	var now Load
	for _, c := range changes {
		now.add(c.v, c.sign)
		most = Load{max(most.Batches, now.Batches), max(most.Paths, now.Paths), max(most.Wildcards, now.Wildcards)}
	}
	return most
}
