package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
)

const maxKey = 1024 // bytes, of S3

// fetchObject reads an object of an S3 origin. One above the limit comes as an
// open file. Bucket policies are not modelled: every bucket lets the
// distribution read objects and not list them, so a missing key is denied.
func (e *Edge) fetchObject(ctx context.Context, bucket, path string, kept *entry) *entry {
	key, err := objectKey(path)
	switch {
	case err != nil:
		return s3Error(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	case len(key) > maxKey:
		return s3Error(http.StatusBadRequest, "KeyTooLongError", "Your key is too long")
	case key == "":
		return s3Error(http.StatusForbidden, "AccessDenied", "Access Denied") // a list of the bucket
	}
	if err := e.hold(ctx); err != nil {
		return failure(http.StatusServiceUnavailable, err.Error())
	}
	defer e.release()
	body, info, err := e.cfg.Objects.Get(ctx, bucket, key)
	if err != nil {
		return e.objectError(ctx, bucket, err)
	}
	defer body.Close()
	header := objectHeader(info)
	if kept != nil && kept.status == http.StatusOK && kept.header.Get("ETag") == header.Get("ETag") {
		return &entry{status: http.StatusNotModified, header: header}
	}
	if info.Size > e.cfg.MaxObject {
		return e.openObject(ctx, bucket, key)
	}
	data := make([]byte, info.Size)
	if _, err := io.ReadFull(body, data); err != nil {
		return s3Error(http.StatusInternalServerError, "InternalError", fmt.Sprintf("read s3://%s/%s: %v", bucket, key, err))
	}
	return &entry{status: http.StatusOK, header: header, body: data}
}

// openObject opens an object's file.
func (e *Edge) openObject(ctx context.Context, bucket, key string) *entry {
	f, info, err := objects.OpenFile(ctx, e.cfg.Objects, bucket, key)
	if err != nil {
		return e.objectError(ctx, bucket, err)
	}
	return &entry{status: http.StatusOK, header: objectHeader(info), file: f, fetched: e.cfg.Clock.Now()}
}

func (e *Edge) objectError(ctx context.Context, bucket string, err error) *entry {
	if !errors.Is(err, objects.ErrNotFound) {
		return s3Error(http.StatusInternalServerError, "InternalError", err.Error())
	}
	if err := e.cfg.Objects.Bucket(ctx, bucket); errors.Is(err, objects.ErrNotFound) {
		return s3Error(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	}
	return s3Error(http.StatusForbidden, "AccessDenied", "Access Denied")
}

func objectHeader(info objects.Info) http.Header {
	h := http.Header{"Server": {"AmazonS3"}}
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	h.Set("Content-Type", "binary/octet-stream")
	set("Content-Type", info.ContentType)
	set("Cache-Control", info.CacheControl)
	if info.ETag != "" {
		h.Set("ETag", `"`+strings.Trim(info.ETag, `"`)+`"`)
	}
	if !info.LastModified.IsZero() {
		h.Set("Last-Modified", info.LastModified.UTC().Format(http.TimeFormat))
	}
	for k, v := range info.Metadata {
		h.Set("X-Amz-Meta-"+k, v)
	}
	return h
}
