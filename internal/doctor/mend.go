package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
)

// Plan is what [Doctor.Mend] would do.
type Plan struct {
	Lines []distribution.Line // of the distribution's configuration
	Files []File              // to write at its root
	Left  []string            // what cannot be planned, and why

	have, want cloud.DistributionConfig
}

// File is a policy file to write.
type File struct {
	Name string
	At   cloud.Location
	body []byte
}

// Empty reports whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Lines) == 0 && len(p.Files) == 0 }

// Diff shows the plan line by line.
func (p Plan) Diff() (lines []string) {
	for _, l := range p.Lines {
		lines = append(lines, l.String())
	}
	for _, f := range p.Files {
		lines = append(lines, "+ file "+f.At.String()+", answered as /"+f.Name)
	}
	return lines
}

// Plan reads the distribution and says what would be changed; nothing without
// one. A policy file that is there is rewritten only if domains are told and it
// is the doctor's own.
func (d *Doctor) Plan(ctx context.Context) (Plan, error) {
	if d.Distribution == "" {
		return Plan{}, nil
	}
	v := d.visit(ctx)
	c, err := v.config()
	if err != nil {
		return Plan{}, err
	}
	rules, _ := v.delivery(ctx)
	p := Plan{have: c}
	p.want, _ = distribution.Mend(c, rules)
	p.Lines = distribution.Diff(p.have, p.want)
	if !rules.Smooth {
		return p, nil
	}
	files, err := distribution.PolicyFiles(d.Domains)
	if err != nil {
		return Plan{}, err
	}
	for _, f := range files {
		at, err := distribution.PolicyFileAt(p.want, f.Name)
		if err != nil {
			continue // policy-files says who has to put it where
		}
		switch writes, err := d.writes(ctx, at, f.Body); {
		case err != nil:
			p.Left = append(p.Left, err.Error())
		case writes:
			p.Files = append(p.Files, File{f.Name, at, f.Body})
		}
	}
	return p, nil
}

// writes reports whether a policy file is to be written: there is none, or one
// for other domains than those that are told.
func (d *Doctor) writes(ctx context.Context, at cloud.Location, body []byte) (bool, error) {
	there, _, err := d.Store.Get(ctx, at, maxAnswer)
	if errors.Is(err, cloud.ErrNotFound) {
		return true, nil
	}
	return err == nil && len(d.Domains) > 0 && !bytes.Equal(there, body), err
}

// Mended is what [Doctor.Mend] did and could not do, and how to know that every
// edge has it.
type Mended struct {
	Done []string
	Left []string

	configured   bool
	invalidation string // ID; empty: none
}

// Mend does what a plan says. It fails with [cloud.ErrPrecondition] alone, having
// changed nothing, if the distribution has changed since the plan: plan again.
// What else fails is left, and keeps nothing else from being done. A repeat is
// safe.
func (d *Doctor) Mend(ctx context.Context, p Plan) (m Mended, err error) {
	m.Left = p.Left
	now := p.have
	if len(p.Lines) > 0 {
		_, err := distribution.Apply(ctx, d.CDN, p.have, p.want)
		switch {
		case errors.Is(err, cloud.ErrPrecondition):
			return Mended{}, err
		case err != nil:
			m.Left = append(m.Left, fmt.Sprintf("change distribution %s: %v", d.Distribution, err))
		default:
			now, m.configured = p.want, true
			m.Done = append(m.Done, fmt.Sprintf("changed distribution %s", d.Distribution))
		}
	}
	var paths []string
	for _, f := range p.Files {
		if at, err := distribution.PolicyFileAt(now, f.Name); err != nil || at != f.At {
			m.Left = append(m.Left, "write "+f.At.String()+": the distribution answers /"+f.Name+" from elsewhere, until it is changed")
			continue
		}
		written, err := distribution.WritePolicyFile(ctx, d.Store, f.At, f.body, false)
		switch {
		case err != nil:
			m.Left = append(m.Left, "write "+f.At.String()+": "+err.Error())
		case written:
			m.Done = append(m.Done, "wrote "+f.At.String())
			paths = append(paths, "/"+f.Name)
		}
	}
	if len(paths) == 0 {
		return m, nil
	}
	// Edges remember that there was none, or another.
	i, err := d.CDN.Invalidate(ctx, d.Distribution, "doctor-"+strings.ToLower(rand.Text()), paths)
	if err != nil {
		m.Left = append(m.Left, "invalidate "+strings.Join(paths, ", ")+": "+err.Error()+"; edges forget by themselves within minutes")
		return m, nil
	}
	m.invalidation = i.ID
	return m, nil
}

// Settled reports whether every edge has what was mended.
func (d *Doctor) Settled(ctx context.Context, m Mended) (bool, error) {
	if m.configured {
		c, err := d.CDN.Configuration(ctx, d.Distribution)
		if err != nil || !c.Deployed {
			return false, err
		}
	}
	if m.invalidation != "" {
		i, err := d.CDN.Invalidation(ctx, d.Distribution, m.invalidation)
		if err != nil || !i.Done {
			return false, err
		}
	}
	return true, nil
}
