package stage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

// moved returns the spec of one of an asset's builds as that of another: its
// destinations are moved from the one's folder to the other's; see
// [media.BuildPrefix].
func moved(spec cloud.JobSpec, asset string, from, to int) (cloud.JobSpec, error) {
	left := media.BuildPrefix(cloud.Location{}, asset, from).Key
	spec.Groups = slices.Clone(spec.Groups)
	for i := range spec.Groups {
		d := &spec.Groups[i].Destination
		at := strings.LastIndex(d.Key, left)
		if at < 0 {
			return spec, fmt.Errorf("move build %d of asset %s to build %d: %s is not below %s", from, asset, to, d, left)
		}
		d.Key = d.Key[:at] + media.BuildPrefix(cloud.Location{}, asset, to).Key + d.Key[at+len(left):]
	}
	return spec, nil
}

// failBuild returns what records the end of a build, and when its files go.
func failBuild(ctx context.Context, book Book, retire *Retirement, asset string, build int, stage string) func(ledger.Failure) error {
	return func(f ledger.Failure) error {
		rec, err := book.Update(ctx, asset, func(now time.Time, r *ledger.Record) error {
			f.Stage, f.At = stage, now
			if b := r.Build(build); b != nil && b.State == ledger.Published {
				return r.FailSwitch(now, build, f) // there was nothing else to do with it
			}
			return r.FailBuild(now, build, f)
		})
		if err != nil {
			return unlessIllegal(err)
		}
		return retire.Schedule(ctx, rec)
	}
}
