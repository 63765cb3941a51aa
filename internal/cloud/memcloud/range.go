package memcloud

import (
	"bytes"
	"context"
	"fmt"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// GetRange implements [cloud.Store].
func (s *Store) GetRange(ctx context.Context, at cloud.Location, offset, length int64) ([]byte, error) {
	const op = "Store.GetRange"
	return call(ctx, s.c, op, at.String(), storeSignature, func() ([]byte, error) {
		o, err := s.read(op, at)
		if err != nil {
			return nil, err
		}
		if offset < 0 || length < 1 || offset >= o.meta.Size {
			return nil, fail(op, at.String(), cloud.ErrInvalid, fmt.Sprintf("%d bytes from %d on of %d", length, offset, o.meta.Size))
		}
		return bytes.Clone(o.body[offset : offset+min(length, o.meta.Size-offset)]), nil
	})
}
