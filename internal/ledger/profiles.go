package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// MaxProfile is the most bytes of a stored profile.
const MaxProfile = 256 << 10

// PutProfile keeps a profile under the digest of its canonical content. A
// repeat is safe, and what is there already is never replaced: equal digests
// mean equal profiles.
func (s *Store) PutProfile(ctx context.Context, digest string, yaml []byte) error {
	at, err := s.profileAt(digest)
	if err != nil {
		return err
	}
	if len(yaml) > MaxProfile {
		return fmt.Errorf("keep profile %s: %d bytes, limit %d", digest, len(yaml), MaxProfile)
	}
	_, err = s.store.Put(ctx, cloud.Put{
		Location:    at,
		Body:        yaml,
		ContentType: "application/yaml",
		If:          cloud.Condition{Absent: true},
	})
	if err != nil && !errors.Is(err, cloud.ErrPrecondition) {
		return fmt.Errorf("keep profile %s: %w", digest, err)
	}
	return nil
}

// Profile reads the profile of a digest. It fails with [cloud.ErrNotFound].
// What it returns never changes, so callers may keep it.
func (s *Store) Profile(ctx context.Context, digest string) ([]byte, error) {
	at, err := s.profileAt(digest)
	if err != nil {
		return nil, err
	}
	body, _, err := s.store.Get(ctx, at, MaxProfile)
	if err != nil {
		return nil, fmt.Errorf("read profile %s: %w", digest, err)
	}
	return body, nil
}

func (s *Store) profileAt(digest string) (cloud.Location, error) {
	if !validName(digest) {
		return cloud.Location{}, fmt.Errorf("profile %q: not a digest", clip(digest, 64))
	}
	return s.root.Join("profiles/" + digest + ".yaml"), nil
}
