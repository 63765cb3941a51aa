package stage

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// moved returns spec with the destinations below from moved to below to.
func moved(spec cloud.JobSpec, from, to cloud.Location) cloud.JobSpec {
	spec.Groups = slices.Clone(spec.Groups)
	for i := range spec.Groups {
		d := &spec.Groups[i].Destination
		*d = cloud.Location{Bucket: to.Bucket, Key: to.Key + strings.TrimPrefix(d.Key, from.Key)}
	}
	return spec
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
