package main

import (
	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/delivery"
	"github.com/vodfleet/vodfleet/internal/distribution"
)

// mirror is the distribution's origin, where that is not the output itself; else
// nil.
func (f *flags) mirror(store cloud.Store, output cloud.Location) *delivery.Origin {
	if f.Origin.Host == "" {
		return nil
	}
	return delivery.NewOrigin(store, output, f.Origin.String(), distribution.Kind(f.OriginKind.OriginKind) == distribution.IIS)
}
