package origins

import (
	"context"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
)

// maxDeleted bounds the files that are kept open; what is deleted beyond it is
// gone at once.
const maxDeleted = 4096

// Deleted has what was deleted in buckets for as long as their mirrors learn of
// it late.
type Deleted struct {
	Objects objects.Store
	Now     func() time.Time // the cloud's time
	Lag     time.Duration    // 0: they learn of it at once

	mu   sync.Mutex
	kept map[object]kept
}

type object struct{ bucket, key string }

// kept is a deleted object's content. Others may be reading it too, so closing
// does nothing: the file is closed once nobody has it any more.
type kept struct {
	*io.SectionReader
	info objects.Info
	till time.Time
}

func (kept) Close() error { return nil }

// Keep keeps an object that is about to be deleted, if it is there.
func (d *Deleted) Keep(ctx context.Context, bucket, key string) {
	if d.Lag <= 0 {
		return
	}
	f, info, err := objects.OpenFile(ctx, d.Objects, bucket, key)
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for o, k := range d.kept {
		if d.over(k) {
			delete(d.kept, o)
		}
	}
	if len(d.kept) >= maxDeleted {
		_ = f.Close() // only read
		return
	}
	if d.kept == nil {
		d.kept = map[object]kept{}
	}
	d.kept[object{bucket, key}] = kept{io.NewSectionReader(f, 0, info.Size), info, d.Now().Add(d.Lag)}
}

// over reports whether mirrors have learned of a deletion.
func (d *Deleted) over(k kept) bool { return !d.Now().Before(k.till) }

// open returns what mirrors still have of a deleted object.
func (d *Deleted) open(bucket, key string) (kept, bool) {
	if d == nil {
		return kept{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	k, ok := d.kept[object{bucket, key}]
	if !ok || d.over(k) {
		return kept{}, false
	}
	k.SectionReader = io.NewSectionReader(k.SectionReader, 0, k.Size()) // with a position of its own
	return k, true
}

// file is the content of an object.
type file interface {
	io.ReadSeekCloser
	io.ReaderAt
}

var (
	_ file = (*os.File)(nil)
	_ file = kept{}
)
