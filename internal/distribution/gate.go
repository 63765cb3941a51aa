package distribution

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Reader reads how a distribution is set up; see [cloud.Distributions].
type Reader interface {
	Configuration(ctx context.Context, id string) (cloud.DistributionConfig, error)
}

// Times that a [Gate] goes by what it has read.
const (
	keepFor   = time.Minute     // it lets through
	refuseFor = 5 * time.Second // it holds back: somebody may just have mended it
)

// patience bounds each request to servers and to the distribution.
const patience = 5 * time.Second

// Gate tells whether Smooth packages may be published through a distribution,
// and reads that seldom. It is safe for concurrent use.
type Gate struct {
	// HTTP asks a server that is not said to be IIS whether it is, and for policy
	// files as viewers do. Nil: the setting decides, and those are not asked for.
	HTTP *http.Client

	cdn Reader
	id  string
	d   Delivery

	turn   chan struct{} // holds the fields below
	read   cloud.DistributionConfig
	kind   Kind      // of the origin that was read
	silent error     // why that is not known
	root   *Finding  // of the policy files
	at     time.Time // zero: not read yet
}

// NewGate returns the gate of the distribution with that ID.
func NewGate(cdn Reader, id string, d Delivery) *Gate {
	return &Gate{cdn: cdn, id: id, d: d, turn: make(chan struct{}, 1)}
}

// MayPublishSmooth is [MayPublishSmooth] of the distribution as it was within
// the last minute, or the last seconds where that is a [*Refusal], and of the
// policy files at its root. A
// distribution that is not there is refused too. One that cannot be read is the
// port's error, and so is a server that does not say who it is where no setting
// does: nothing is known then.
func (g *Gate) MayPublishSmooth(ctx context.Context, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-g.turn }()
	if age := time.Since(g.at); !g.at.IsZero() && age < keepFor {
		if err := g.judge(path); err == nil || age < refuseFor {
			return err
		}
	}
	c, err := g.cdn.Configuration(ctx, g.id)
	if errors.Is(err, cloud.ErrNotFound) {
		return &Refusal{g.id, []Finding{{
			Check: "distribution", Severity: Broken, Text: "there is no such distribution in this account",
			Fix: "set VODFLEET_DISTRIBUTION_ID to one that is there, or to nothing",
		}}}
	}
	if err != nil {
		return fmt.Errorf("may Smooth be published: %w", err)
	}
	kind, silent := g.origin(ctx, c)
	var root *Finding
	if g.HTTP != nil {
		root = policyFile(ctx, g.HTTP, c, g.d, patience)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	g.read, g.kind, g.silent, g.root, g.at = c, kind, silent, root, time.Now()
	return g.judge(path)
}

// judge goes by what was read.
func (g *Gate) judge(path string) error {
	if g.silent != nil {
		return g.silent
	}
	d := g.d
	d.Origin = g.kind
	err := MayPublishSmooth(g.read, d, path)
	if g.root == nil {
		return err
	}
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok {
		refusal = &Refusal{Distribution: g.read.ID}
	}
	refusal.Findings = append(refusal.Findings, *g.root)
	return refusal
}

// origin is what a distribution's origin is, by the setting or by what it says
// itself.
func (g *Gate) origin(ctx context.Context, c cloud.DistributionConfig) (Kind, error) {
	if g.HTTP == nil || g.d.Origin == IIS {
		return g.d.Origin, nil
	}
	server, err := Server(ctx, g.HTTP, c, g.d, patience)
	switch {
	case IsIIS(server):
		return IIS, nil
	case err != nil && g.d.Origin == "":
		return "", fmt.Errorf("may Smooth be published: %w; VODFLEET_ORIGIN_KIND can tell", err)
	}
	return g.d.Origin, nil
}
