package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/smooth"
)

const (
	maxFragment = 32 << 20 // bytes
	// smoothTime bounds one answer of Smooth Streaming, which may take many
	// reads of the origin.
	smoothTime = time.Minute
)

// errTooLarge is what the local cloud does not hold in memory.
var errTooLarge = errors.New("above the local cloud's limit")

// smoothOf reads what a player of Smooth Streaming asks for. Case counts: the
// only form of a client manifest's link that CloudFront documents has a capital
// M, and what is lenient here would let links pass that may not play there. A
// server manifest's own path, without /Manifest, and .ismc, .ismv and .isma
// files are objects like any other ("other content"), with the flag too.
func smoothOf(q *request) (smooth.Request, bool) {
	if !q.behavior.Smooth || q.view.Functions {
		return smooth.Request{}, false
	}
	return smooth.Parse(normal(q.path), false)
}

// lasting reports whether no invalidation reaches the answer: where the flag
// is on, CloudFront does not invalidate media files of Smooth Streaming
// (CloudFront developer guide, "Invalidate files").
func lasting(q *request) bool {
	if q.smooth != nil {
		return true
	}
	path := normal(q.path)
	return q.behavior.Smooth && !q.view.Functions && (strings.HasSuffix(path, ".ismv") || strings.HasSuffix(path, ".isma"))
}

// fetchSmooth makes a client manifest or a fragment out of the origin's files.
func (e *Edge) fetchSmooth(ctx context.Context, q *request, kept *entry) *entry {
	if err := e.hold(ctx); err != nil {
		return failure(http.StatusServiceUnavailable, err.Error())
	}
	defer e.release()
	ctx, cancel := context.WithTimeout(ctx, smoothTime)
	defer cancel()
	part, err := e.smooth.Resolve(ctx, e.folder(q), *q.smooth)
	if err != nil {
		return smoothFailure(err)
	}
	defer part.Close()
	header, limit := smoothHeader(part, q.smooth), int64(maxFragment)
	if q.smooth.Manifest {
		limit = e.cfg.MaxObject
	}
	if part.Size > limit {
		return smoothFailure(fmt.Errorf("%s: %d bytes: %w", q.smooth.Name, part.Size, errTooLarge))
	}
	age := takeAge(header)
	if tag := header.Get("ETag"); tag != "" && kept != nil && kept.status == http.StatusOK && kept.header.Get("ETag") == tag {
		return &entry{status: http.StatusNotModified, header: header, age: age}
	}
	body := make([]byte, part.Size)
	if n, err := part.ReadAt(body, part.Offset); n < len(body) {
		return smoothFailure(fmt.Errorf("%s: read %d bytes at %d: %w", q.smooth.Name, part.Size, part.Offset, err))
	}
	return &entry{status: http.StatusOK, header: header, body: body, age: age}
}

// smoothHeader is that of the file, but for what tells of its bytes.
func smoothHeader(part *smooth.Part, r *smooth.Request) http.Header {
	h := part.Header.Clone()
	for _, name := range []string{"Accept-Ranges", "Content-Encoding", "Content-Length", "Content-Range"} {
		h.Del(name)
	}
	h.Set("Content-Type", cmp.Or(map[string]string{"": "text/xml", "audio": "audio/mp4"}[part.Kind], "video/mp4"))
	if tag := strings.Trim(strings.TrimPrefix(h.Get("ETag"), "W/"), `"`); tag != "" && !r.Manifest {
		h.Set("ETag", fmt.Sprintf(`"%s-%d-%d"`, tag, part.Offset, part.Size))
	}
	return h
}

// smoothFailure answers that something is not there, or what the origin
// answered for the server manifest, or that the origin's files are no good.
func smoothFailure(err error) *entry {
	if o, ok := errors.AsType[*originError](err); ok {
		return o.answer
	}
	switch {
	case errors.Is(err, smooth.ErrNotFound):
		return failure(http.StatusNotFound, err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return failure(http.StatusGatewayTimeout, err.Error())
	}
	return failure(http.StatusBadGateway, err.Error())
}

// originError is an origin's answer that has not the file that was asked for.
type originError struct{ answer *entry }

func (e *originError) Error() string {
	return fmt.Sprintf("the origin answered %d %s", e.answer.status, http.StatusText(e.answer.status))
}

// Is makes 403 and 404 what is not found: S3 does not tell them apart.
func (e *originError) Is(target error) bool {
	return target == smooth.ErrNotFound && (e.answer.status == http.StatusForbidden || e.answer.status == http.StatusNotFound)
}

// folder is the one of the server manifest at the origin.
func (e *Edge) folder(q *request) smooth.Folder {
	if q.origin.Bucket != "" {
		return &bucketFolder{e, q.origin.Bucket, q.origin.Path + q.smooth.Folder}
	}
	return &httpFolder{e, q}
}
