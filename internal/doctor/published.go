package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/distribution"
)

// Asset is what viewers have of one asset.
type Asset struct {
	ID     string
	URLs   delivery.URLs
	Smooth []string // paths of Smooth packages' server manifests, below the output
}

// Published shows assets that viewers have, in any order, one call at a time, as
// many as it is bounded to.
type Published func(ctx context.Context, show func(Asset)) (Extent, error)

// Extent is what was looked at for what viewers have.
type Extent struct {
	More   bool // assets were left out
	Smooth bool // Smooth packages are among what is made, whether viewers have them yet or not
}

// maxSamples bounds the assets that a finding's words name; [Finding.Assets] has
// them all.
const maxSamples = 5

// survey is what viewers have.
type survey struct {
	Read   int
	Smooth int // assets with Smooth packages
	made   Extent
	err    error
	sample *Asset   // one to ask for
	paths  []string // of Smooth packages, with the assets' IDs at the same places
	ids    []string
}

func (d *Doctor) count(ctx context.Context) (s survey) {
	if d.Published == nil {
		return s
	}
	s.made, s.err = d.Published(ctx, func(a Asset) {
		s.Read++
		if s.sample == nil || len(a.Smooth) > 0 && len(s.sample.Smooth) == 0 {
			s.sample = &a
		}
		if len(a.Smooth) > 0 {
			s.Smooth++
		}
		for _, p := range a.Smooth {
			s.paths, s.ids = append(s.paths, p), append(s.ids, a.ID)
		}
	})
	if errors.Is(s.err, context.DeadlineExceeded) && s.Read > 0 {
		s.made.More, s.err = true, nil
	}
	return s
}

// publishedSmooth lists the assets whose Smooth links lead to what cannot play.
func (v *visit) publishedSmooth(ctx context.Context) []Finding {
	s := v.survey()
	of := fmt.Sprintf("%d published assets", s.Read)
	if s.made.More {
		of = fmt.Sprintf("the first %d published assets", s.Read)
	}
	switch {
	case s.err != nil:
		return []Finding{trouble(v.Ledger.String(), s.err, "", allowRead)}
	case s.Smooth == 0:
		return []Finding{fine("", of+" have no Smooth links")}
	case v.Distribution == "":
		return []Finding{warning("", fmt.Sprintf("%d of %s have Smooth links, and no distribution is named that they go through", s.Smooth, of), "set VODFLEET_DISTRIBUTION_ID")}
	}
	c, err := v.config()
	if err != nil {
		return []Finding{warning("", fmt.Sprintf("%d of %s have Smooth links; whether they play is not known, for the distribution cannot be read", s.Smooth, of), "see the check distribution")}
	}
	d, _ := v.delivery(ctx)
	var (
		bad   []string // IDs
		words []string
	)
	for i, path := range s.paths {
		err := distribution.MayPublishSmooth(c, d, path)
		refusal, refused := errors.AsType[*distribution.Refusal](err)
		if !refused {
			continue
		}
		if !slices.Contains(bad[max(0, len(bad)-1):], s.ids[i]) {
			bad = append(bad, s.ids[i])
		}
		for _, f := range refusal.Findings {
			if !slices.Contains(words, f.Check) {
				words = append(words, f.Check)
			}
		}
	}
	if len(bad) == 0 {
		return []Finding{fine("", fmt.Sprintf("the Smooth links of %d of %s can play", s.Smooth, of))}
	}
	slices.Sort(bad)
	sample := strings.Join(bad[:min(len(bad), maxSamples)], " ")
	if len(bad) > maxSamples {
		sample += " … (--output json names all)"
	}
	f := broken("", fmt.Sprintf("%d of %s have Smooth links that cannot play: %s", len(bad), of, sample),
		"mend "+strings.Join(words, ", ")+" of the distribution; the links then play as they are")
	f.Assets = bad
	return []Finding{f}
}
