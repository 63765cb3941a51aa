package edge

import (
	"context"
	"net/http"
)

type smoothIndexes struct{}

func newSmoothIndexes() *smoothIndexes { return &smoothIndexes{} }

func isSmooth(string) bool { return false }

func (e *Edge) fetchSmooth(context.Context, *request) *entry {
	return failure(http.StatusNotImplemented, "Smooth")
}
