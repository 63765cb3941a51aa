package stage

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/media"
)

// StoredProfiles finds profiles by digest beside the ledger, and keeps the
// ones it has seen: what a digest names never changes.
type StoredProfiles struct {
	shelf   Shelf
	initial string // digest for tasks that name none

	mu   sync.Mutex
	seen map[string]media.Profile
}

// Shelf is where profiles are stored; see [ledger.Store].
type Shelf interface {
	Profile(ctx context.Context, digest string) ([]byte, error)
	PutProfile(ctx context.Context, digest string, yaml []byte) error
}

// maxProfiles bounds the cache; a fleet uses a handful.
const maxProfiles = 256

// NewProfiles returns the profiles on a shelf. Tasks without a digest get
// initial, which is a digest, or empty for the built-in profile; that one is
// put on the shelf, so that a fleet of mixed versions finds it.
func NewProfiles(ctx context.Context, shelf Shelf, initial string) (*StoredProfiles, error) {
	p := &StoredProfiles{shelf: shelf, initial: initial, seen: make(map[string]media.Profile)}
	if initial != "" {
		_, err := p.Profile(ctx, initial)
		return p, err
	}
	builtin := media.Default()
	p.initial = builtin.Digest()
	p.seen[p.initial] = builtin
	if err := shelf.PutProfile(ctx, p.initial, builtin.Canonical()); err != nil {
		return nil, fmt.Errorf("store the built-in profile %s: %w", p.initial, err)
	}
	return p, nil
}

// Profile returns the profile of a digest. It fails with [cloud.ErrNotFound]
// if it was never stored, and refuses a stored text that does not have the
// digest.
func (p *StoredProfiles) Profile(ctx context.Context, digest string) (media.Profile, error) {
	if digest == "" {
		digest = p.initial
	}
	p.mu.Lock()
	profile, ok := p.seen[digest]
	p.mu.Unlock()
	if ok {
		return profile, nil
	}
	text, err := p.shelf.Profile(ctx, digest)
	if errors.Is(err, cloud.ErrNotFound) {
		return media.Profile{}, fmt.Errorf("profile %s is not stored; store it with `enqueuer profile put FILE`: %w", digest, err)
	}
	if err != nil {
		return media.Profile{}, fmt.Errorf("profile %s: %w", digest, err)
	}
	if profile, err = media.Parse(text); err != nil {
		return media.Profile{}, fmt.Errorf("profile %s as stored: %w", digest, err)
	}
	if got := profile.Digest(); got != digest {
		return media.Profile{}, fmt.Errorf("profile %s as stored has the digest %s: it was changed in place; store it again under its own name", digest, got)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.seen) >= maxProfiles {
		clear(p.seen)
	}
	p.seen[digest] = profile
	return profile, nil
}
