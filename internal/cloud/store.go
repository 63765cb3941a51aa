package cloud

import (
	"context"
	"io"
	"iter"
	"time"
)

// Object is what a store knows of an object without its content. Lists fill
// Key, Size, ETag, LastModified and StorageClass only.
type Object struct {
	Location
	Size         int64  // bytes
	ETag         string // opaque, without quotes: equal for equal uploads, changed by any change of content
	VersionID    string // empty where versioning is off
	LastModified time.Time
	StorageClass string // empty for STANDARD
	Restored     bool   // an archived object that can be read for now
	ContentType  string
	CacheControl string
	Metadata     map[string]string // keys in lower case
}

// Archived reports whether the object must be restored before it can be read.
func (o Object) Archived() bool {
	switch o.StorageClass {
	case "GLACIER", "DEEP_ARCHIVE":
		return !o.Restored
	}
	return false
}

// Condition makes a write depend on what is there. The zero value writes
// whatever is there.
type Condition struct {
	Absent bool   // only if there is no object
	ETag   string // only if the object there has this ETag
}

// Put is one small object to write whole.
type Put struct {
	Location
	Body         []byte
	ContentType  string
	CacheControl string
	Metadata     map[string]string // keys in lower case, values printable ASCII
	If           Condition
}

// Store is an object store with strong read-after-write consistency and
// conditional writes. All methods are safe for concurrent use, and bounded in
// time by ctx and by the store's own time-outs. Every method may fail with
// [ErrDenied], [ErrThrottled] or [ErrUnavailable]; after [ErrUnavailable] a
// write may or may not have been done. A location or a [Put] that is not valid
// is [ErrInvalid], and so is reading or copying an archived object. A missing
// bucket is [ErrNotFound].
type Store interface {
	// Head looks at an object. It fails with [ErrNotFound] if there is none.
	Head(ctx context.Context, at Location) (Object, error)

	// Get reads an object of at most limit bytes. It fails with [ErrNotFound],
	// and with [ErrInvalid] if the object is larger than limit: nothing is
	// returned in part.
	Get(ctx context.Context, at Location, limit int64) ([]byte, Object, error)

	// GetRange reads length bytes of an object from an offset on, both at least
	// 0 and length at least 1: fewer where the object ends before. It fails
	// with [ErrNotFound], and with [ErrInvalid] if the object ends at the
	// offset or before, as an empty one does.
	GetRange(ctx context.Context, at Location, offset, length int64) ([]byte, error)

	// Open reads an object of any size as a stream, which the caller closes.
	// It fails with [ErrNotFound]. An error in the middle of the stream is
	// returned by Read; the stream is not resumed.
	Open(ctx context.Context, at Location) (io.ReadCloser, Object, error)

	// Put writes an object whole and returns it with its new ETag. A failed
	// condition is [ErrPrecondition]; a race with another conditional write may
	// be [ErrConflict]; with If.ETag, an object that is gone is
	// [ErrPrecondition] or [ErrNotFound]. Without a condition a repeat is safe.
	Put(ctx context.Context, p Put) (Object, error)

	// List yields the objects whose keys begin with prefix.Key, in the order
	// of their keys' UTF-8 bytes, starting after the key after (empty: from the
	// first). It reads pages of up to 1,000 as the caller goes on. An error is
	// yielded once, last.
	List(ctx context.Context, prefix Location, after string) iter.Seq2[Object, error]

	// Copy copies src's content, content type, Cache-Control and metadata to
	// dst, within the store, objects up to 5 GiB. It fails with [ErrNotFound]
	// if src is not there, and a condition on ETag is one on src:
	// [ErrPrecondition] if src has changed. A repeat is safe.
	Copy(ctx context.Context, src, dst Location, ifETag string) (Object, error)

	// Delete removes objects of one bucket by key. Objects that are not there
	// count as deleted; a repeat is safe. It sends as many requests as it
	// needs, and joins what failed.
	Delete(ctx context.Context, bucket string, keys ...string) error

	// Now is the cloud's clock, to the second: the Date of its latest answer
	// carried on by the host's monotonic clock; before any answer, the host's
	// clock.
	Now() time.Time
}
