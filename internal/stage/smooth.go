package stage

import (
	"context"
	"errors"
	"fmt"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

// Smooth says whether viewers can play what is published; see
// [distribution.Gate].
type Smooth interface {
	// MayPublishSmooth fails with a [*distribution.Refusal] if the Smooth package
	// whose server manifest is at path, below the output, cannot be played. Any
	// other error says that it is not known.
	MayPublishSmooth(ctx context.Context, path string) error
}

// playable holds back a build whose Smooth packages could not be played: once
// it is shown, its links are in other systems. Where that is not known, neither
// is it shown: a distribution that cannot be read is an error as any other of
// the cloud's, tried again, and told as one of access in the end.
func (p *Publish) playable(ctx context.Context, asset string, build int, out ledger.Outputs) error {
	if p.Smooth == nil {
		return nil
	}
	for _, pkg := range out.Packages {
		if pkg.Smooth == "" {
			continue
		}
		if err := p.Smooth.MayPublishSmooth(ctx, media.BuildPrefix(cloud.Location{}, asset, build).Key+pkg.Smooth); err != nil {
			return fmt.Errorf("package %s: %w", pkg.Name, err)
		}
	}
	return nil
}

// refused reports whether err says that the distribution has to be mended
// first, which no retry does.
func refused(err error) bool {
	_, ok := errors.AsType[*distribution.Refusal](err)
	return ok
}
