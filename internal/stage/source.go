package stage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// Head looks at objects; see [cloud.Store].
type Head interface {
	Head(ctx context.Context, at cloud.Location) (cloud.Object, error)
}

// errStale ends a run whose build is no longer to be brought forward: another
// revision is wanted, or another run was faster.
var errStale = errors.New("build is superseded")

// look compares the source with the bytes that b is made of: the service reads
// by key, not by version. If they changed it supersedes b and returns
// [errStale]: what the record hands on from there is another look at the source.
// A published b cannot be superseded, and that look is asked for here. gone
// reports that there is no source any more, which is for the caller to judge.
func look(ctx context.Context, src Head, book Book, next Queue, rec *ledger.Record, b ledger.Build) (gone bool, err error) {
	obj, err := src.Head(ctx, rec.Location)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		return true, nil
	case err != nil:
		return false, err
	}
	version := tasks.SourceVersion(obj.ETag, obj.Size)
	if version == b.Revision.Source {
		return false, nil
	}
	if b.State != ledger.Published {
		_, err = book.UpdateFrom(ctx, rec, func(now time.Time, r *ledger.Record) error {
			return r.Supersede(now, b.Number)
		})
		if err := unlessIllegal(err); err != nil {
			return false, err
		}
		return false, errStale
	}
	again := tasks.Ingest{
		Bucket: rec.Location.Bucket, Key: rec.Location.Key, SourceVersion: version, Profile: b.Revision.Profile,
		Reference: rec.Reference, Lane: tasks.Lane(rec.Lane),
	}
	if err := next.Enqueue(ctx, again); err != nil {
		return false, fmt.Errorf("ingest the changed source %s again: %w", rec.Location, err)
	}
	return false, errStale
}

// unlessIllegal drops the error of a transition that the record does not allow
// any more: another run got further, and its word counts.
func unlessIllegal(err error) error {
	if _, ok := errors.AsType[*ledger.TransitionError](err); ok {
		return nil
	}
	return err
}

// facts returns what the ledger keeps of a source.
func facts(o cloud.Object) ledger.Source {
	return ledger.Source{
		Version: tasks.SourceVersion(o.ETag, o.Size), ETag: o.ETag, Size: o.Size,
		VersionID: o.VersionID, LastModified: o.LastModified,
	}
}
