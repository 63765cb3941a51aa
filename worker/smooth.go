package main

import (
	"net/http"

	"github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/stage"
)

// smooth holds back what viewers could not play through the distribution; nil
// where there is none.
func (f *flags) smooth(cdn distribution.Reader) stage.Smooth {
	if f.Distribution == "" {
		return nil
	}
	gate := distribution.NewGate(cdn, f.Distribution, distribution.Delivery{
		Output: f.Output.Location, Viewer: f.ViewerURL.String(), Smooth: true, Origin: distribution.Kind(f.OriginKind.OriginKind),
	})
	gate.HTTP = &http.Client{}
	return gate
}
