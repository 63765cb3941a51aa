package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Names of the metadata that documents carry.
const (
	metaSeq    = "seq"    // the switch that the document shows
	metaBuild  = "build"  // its build
	metaDigest = "digest" // of the document's bytes, SHA-256 in hexadecimal
)

func (d document) metadata(body []byte) map[string]string {
	digest := sha256.Sum256(body)
	return map[string]string{
		metaSeq: strconv.Itoa(d.seq), metaBuild: strconv.Itoa(d.build), metaDigest: hex.EncodeToString(digest[:]),
	}
}

// putAttempts is how often one document is tried while others write it too.
const putAttempts = 6

// errNewer means that a document of a later switch is there.
var errNewer = errors.New("a newer document is there")

// made is a document that put wrote where there was none.
type made struct {
	document
	etag string
}

// put writes d unless it is there, by compare-and-swap. It fails with [errNewer]
// if one of a higher seq is there. What it returns has an ETag if it made an
// object that was not there before.
//
// The documents of an asset's first switch are put without looking: the
// condition tells if there is something.
func (s *Service) put(ctx context.Context, d document) (made, error) {
	var last error
	for attempt := range putAttempts {
		var there cloud.Object // the zero value: nothing is
		if attempt > 0 || d.seq > 1 {
			var err error
			there, err = s.store.Head(ctx, d.at)
			if err != nil && !errors.Is(err, cloud.ErrNotFound) {
				return made{}, err
			}
		}
		absent := there.ETag == ""
		body := d.body
		if body == nil {
			if body = d.withdrawn; absent {
				return made{}, nil // nothing to withdraw
			}
		}
		meta := d.metadata(body)
		switch seq, _ := strconv.Atoi(there.Metadata[metaSeq]); { // one without is anybody's
		case seq > d.seq:
			return made{}, errNewer
		case seq == d.seq && there.Metadata[metaDigest] == meta[metaDigest]:
			return made{}, nil
		}
		o, err := s.store.Put(ctx, cloud.Put{
			Location: d.at, Body: body, ContentType: d.contentType, CacheControl: d.cacheControl,
			Metadata: meta, If: cloud.Condition{Absent: absent, ETag: there.ETag},
		})
		switch {
		case err == nil && absent:
			return made{d, o.ETag}, nil
		case err == nil:
			return made{}, nil
		case errors.Is(err, cloud.ErrPrecondition), errors.Is(err, cloud.ErrConflict), errors.Is(err, cloud.ErrNotFound) && !absent:
			last = err // somebody else was faster: look again
		default:
			return made{}, err
		}
	}
	return made{}, fmt.Errorf("%w (after %d attempts)", last, putAttempts)
}

// undo withdraws the entries that a writer made before it found that a newer
// switch is shown. The newer one has written over them or will, if it has such
// entries; if it has none, it may have looked before they were made.
func (s *Service) undo(ctx context.Context, all []made) error {
	for _, m := range all {
		_, err := s.store.Put(ctx, cloud.Put{
			Location: m.at, Body: m.withdrawn, ContentType: m.contentType, CacheControl: m.cacheControl,
			Metadata: m.metadata(m.withdrawn), If: cloud.Condition{ETag: m.etag},
		})
		switch {
		case err == nil, errors.Is(err, cloud.ErrPrecondition), errors.Is(err, cloud.ErrConflict), errors.Is(err, cloud.ErrNotFound):
			// Withdrawn, or somebody else's by now.
		default:
			return fmt.Errorf("withdraw %s of switch %d: %w", m.at, m.seq, err)
		}
	}
	return nil
}
