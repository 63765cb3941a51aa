package invalidate

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// shelf keeps the batches beside the ledger:
//
//	invalidations/000000000012.json     batch 12
//	invalidations/000000000012.done     it is complete, and its members were told
//	invalidations/000000000012.refused  the service will never take it
//
// A batch is put only where there is none of its number, by one who has read all
// before it. So two that make batches at a time make a sequence, and the last
// one tells what the month has cost.
type shelf struct {
	store cloud.Store
	root  cloud.Location // of the ledger
}

const folder = "invalidations/"

// ends are how the name of an object tells what it is.
const (
	asked   = "json"
	done    = "done"
	refused = "refused"
)

func (s shelf) at(number int, end string) cloud.Location {
	return s.root.Join(fmt.Sprintf("%s%012d.%s", folder, number, end))
}

// parseName reads the name of an object.
func parseName(key string) (number int, end string, ok bool) {
	digits, end, _ := strings.Cut(path.Base(key), ".")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || fmt.Sprintf("%012d", n) != digits {
		return 0, "", false
	}
	return n, end, end == asked || end == done || end == refused
}

// found is what the folder holds, by number.
type found struct {
	asked map[int]bool
	ended map[int]ending
	last  int // the highest number of a batch; 0: there is none
}

type ending struct {
	refused bool
	at      time.Time
}

func (s shelf) list(ctx context.Context) (found, error) {
	f := found{asked: map[int]bool{}, ended: map[int]ending{}}
	for o, err := range s.store.List(ctx, s.root.Join(folder), "") {
		if err != nil {
			return found{}, fmt.Errorf("list invalidations: %w", err)
		}
		n, end, ok := parseName(o.Key)
		switch {
		case !ok:
		case end == asked:
			f.asked[n], f.last = true, max(f.last, n)
		default:
			f.ended[n] = ending{f.ended[n].refused || end == refused, o.LastModified}
		}
	}
	return f, nil
}

// get reads a batch.
func (s shelf) get(ctx context.Context, number int) (*flight, error) {
	at := s.at(number, asked)
	body, _, err := s.store.Get(ctx, at, maxBatch)
	if err != nil {
		return nil, fmt.Errorf("read invalidation %d: %w", number, err)
	}
	b, err := decode(body, number)
	switch {
	case errors.Is(err, errNewer):
		return nil, fmt.Errorf("read invalidation %s: %w", at, err)
	case err != nil:
		return nil, &corruptError{at, err}
	}
	return &flight{batch: b, reference: reference(body)}, nil
}

// corruptError says that a stored batch is none. Its members come again.
type corruptError struct {
	at  cloud.Location
	err error
}

func (e *corruptError) Error() string { return fmt.Sprintf("invalidation %s: %v", e.at, e.err) }

// put stores a batch where there is none of its number yet: else it fails with
// [cloud.ErrPrecondition] or [cloud.ErrConflict]. It may be stored after any
// error.
func (s shelf) put(ctx context.Context, b *batch) (*flight, error) {
	body, err := b.encode()
	if err == nil {
		_, err = s.store.Put(ctx, cloud.Put{
			Location: s.at(b.Number, asked), Body: body, ContentType: "application/json", If: cloud.Condition{Absent: true},
		})
	}
	if err != nil {
		return nil, fmt.Errorf("write invalidation %d: %w", b.Number, err)
	}
	return &flight{batch: b, reference: reference(body)}, nil
}

// end notes how a batch ended. A repeat is safe.
func (s shelf) end(ctx context.Context, number int, how string) error {
	if _, err := s.store.Put(ctx, cloud.Put{Location: s.at(number, how)}); err != nil {
		return fmt.Errorf("note invalidation %d as %s: %w", number, how, err)
	}
	return nil
}

// kept is for how long batches that have ended stay for people to read. The last
// one stays: it has the month's count.
const kept = 48 * time.Hour

// prune removes old batches. The batch goes before the note that it has ended,
// so that what is left of a crash never looks as if it were under way.
func (s shelf) prune(ctx context.Context, f found, now time.Time) error {
	var batches, notes []string
	for n, e := range f.ended {
		if n == f.last || now.Sub(e.at) < kept {
			continue
		}
		batches = append(batches, s.at(n, asked).Key)
		notes = append(notes, s.at(n, done).Key, s.at(n, refused).Key)
	}
	for _, keys := range [][]string{batches, notes} {
		if len(keys) == 0 {
			return nil
		}
		slices.Sort(keys)
		if err := s.store.Delete(ctx, s.root.Bucket, keys...); err != nil {
			return fmt.Errorf("remove old invalidations: %w", err)
		}
	}
	return nil
}
