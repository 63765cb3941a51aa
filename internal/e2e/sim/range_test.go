package sim

import (
	"context"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

func (s store) GetRange(ctx context.Context, at cloud.Location, offset, length int64) ([]byte, error) {
	return do(s.run, "Store.GetRange", at.String(), func() ([]byte, error) { return s.Store.GetRange(ctx, at, offset, length) })
}
