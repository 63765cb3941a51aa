package invalidate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/governor"
)

// Limits of what one distribution has in progress. Source: "Quotas on
// invalidations" in the CloudFront developer guide.
const (
	maxPaths     = cloud.MaxInvalidPaths
	maxWildcards = 15
)

// schema is the version of [batch] that this package writes.
const schema = 1

// maxBatch is the most bytes of a stored batch: 3,000 paths of 4,000
// characters, and what is around them.
const maxBatch = 16 << 20

// errNewer means that a batch was written by a later version of this program.
var errNewer = errors.New("written by a newer version")

// batch is one invalidation of the entries of many assets, as it is stored. It
// is written before it is asked for and never changed.
type batch struct {
	Schema       int       `json:"schema"`
	Number       int       `json:"number"` // batches are counted from 1
	Distribution string    `json:"distribution"`
	Created      time.Time `json:"created"` // by the cloud's clock

	// Of the month of Created, in UTC: the paths of all its batches up to and
	// with this one, and how many were allowed beyond the budget by then.
	MonthPaths int `json:"month_paths"`
	Granted    int `json:"granted,omitempty"`

	Members []member `json:"members"`
}

// member is a switch of an asset whose replaced entries a batch has dropped.
type member struct {
	Asset string   `json:"asset"`
	Seq   int      `json:"seq"`
	Paths []string `json:"paths"`
}

// encode returns the stored form of a batch.
func (b *batch) encode() ([]byte, error) { return json.Marshal(b) }

// decode reads a stored batch, and refuses what is not one: what it names is
// sent to the service and paid for.
func decode(body []byte, number int) (*batch, error) {
	var b batch
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, err
	}
	switch {
	case b.Schema > schema:
		return nil, fmt.Errorf("schema %d: %w", b.Schema, errNewer)
	case b.Schema < 1:
		return nil, errors.New("no schema")
	case b.Number != number:
		return nil, fmt.Errorf("number %d, want %d", b.Number, number)
	case b.Distribution == "":
		return nil, errors.New("no distribution")
	case b.MonthPaths < 0 || b.Granted < 0:
		return nil, errors.New("a count below zero")
	}
	for _, m := range b.Members {
		if err := m.check(); err != nil {
			return nil, err
		}
	}
	if err := cloud.ValidPaths(b.paths()); err != nil {
		return nil, err
	}
	return &b, nil
}

func (m member) check() error {
	if m.Asset == "" || strings.ContainsRune(m.Asset, ':') || m.Seq < 1 {
		return fmt.Errorf("asset %q switch %d: no such switch", m.Asset, m.Seq)
	}
	if err := cloud.ValidPaths(m.Paths); err != nil {
		return fmt.Errorf("asset %s switch %d: %w", m.Asset, m.Seq, err)
	}
	return nil
}

// reference is what makes a repeat of the request the same invalidation: a hash
// of the batch as it is stored.
func reference(body []byte) string {
	sum := sha256.Sum256(body)
	return "vodfleet-" + hex.EncodeToString(sum[:16])
}

// paths are those of all members.
func (b *batch) paths() (all []string) {
	for _, m := range b.Members {
		all = append(all, m.Paths...)
	}
	return all
}

func (b *batch) load() (l load) {
	for _, m := range b.Members {
		l = l.plus(m.Paths)
	}
	return l
}

// stale are the members as the governor's line has them.
func (b *batch) stale() (all []governor.Stale) {
	for _, m := range b.Members {
		all = append(all, governor.Stale{Asset: m.Asset, Seq: m.Seq})
	}
	return all
}

// month is what the paths of a moment count for.
func month(t time.Time) string { return t.UTC().Format("2006-01") }

// load is what invalidations have in progress.
type load struct{ paths, wildcards int }

func (l load) plus(paths []string) load {
	for _, p := range paths {
		if strings.HasSuffix(p, "*") {
			l.wildcards++
		} else {
			l.paths++
		}
	}
	return l
}

func (l load) add(m load) load { return load{l.paths + m.paths, l.wildcards + m.wildcards} }

// all is what a request costs: a wildcard counts, and is paid for, as one path.
func (l load) all() int { return l.paths + l.wildcards }
