package awscloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/encoding/httpbinding"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// store is S3. A conditional write that the SDK has repeated after a lost
// answer may meet what it wrote itself, and say so as a failed condition: who
// needs to know looks at what is there.
type store struct {
	api   *s3.Client
	clock *clock
}

// Now implements [cloud.Store]. It goes by the answers of all the account's
// services.
func (s *store) Now() time.Time { return s.clock.Now() }

// Head implements [cloud.Store].
func (s *store) Head(ctx context.Context, at cloud.Location) (cloud.Object, error) {
	const op = "HeadObject"
	if err := at.Valid(); err != nil {
		return cloud.Object{}, invalid(op, at.String(), err)
	}
	out, err := call(ctx, callTime, op, at.String(), func(ctx context.Context) (*s3.HeadObjectOutput, error) {
		return s.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &at.Bucket, Key: &at.Key})
	})
	if err != nil {
		return cloud.Object{}, err
	}
	return cloud.Object{
		Location: at, Size: aws.ToInt64(out.ContentLength), ETag: unquote(out.ETag), VersionID: version(out.VersionId),
		LastModified: aws.ToTime(out.LastModified), StorageClass: class(string(out.StorageClass)), Restored: restored(out.Restore),
		ContentType: aws.ToString(out.ContentType), CacheControl: aws.ToString(out.CacheControl), Metadata: lower(out.Metadata),
	}, nil
}

// Get implements [cloud.Store].
func (s *store) Get(ctx context.Context, at cloud.Location, limit int64) ([]byte, cloud.Object, error) {
	const op = "GetObject"
	if err := at.Valid(); err != nil {
		return nil, cloud.Object{}, invalid(op, at.String(), err)
	}
	type object struct {
		body []byte
		info cloud.Object
	}
	got, err := call(ctx, callTime, op, at.String(), func(ctx context.Context) (object, error) {
		out, err := s.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &at.Bucket, Key: &at.Key})
		if err != nil {
			return object{}, err
		}
		defer out.Body.Close()
		info := opened(at, out)
		if info.Size > limit {
			return object{}, tooLarge{info.Size, limit}
		}
		body, err := io.ReadAll(io.LimitReader(out.Body, limit+1))
		switch {
		case err != nil:
			return object{}, err
		case int64(len(body)) > limit:
			return object{}, tooLarge{limit: limit}
		}
		return object{body, info}, nil
	})
	if err != nil {
		return nil, cloud.Object{}, err
	}
	return got.body, got.info, nil
}

// tooLarge refuses an object by its size, 0 if that was not told.
type tooLarge struct{ size, limit int64 }

func (e tooLarge) Error() string {
	if e.size == 0 {
		return fmt.Sprintf("more than %d bytes", e.limit)
	}
	return fmt.Sprintf("%d bytes, limit %d", e.size, e.limit)
}

// opened is what the answer to a GET tells of an object.
func opened(at cloud.Location, out *s3.GetObjectOutput) cloud.Object {
	return cloud.Object{
		Location: at, Size: aws.ToInt64(out.ContentLength), ETag: unquote(out.ETag), VersionID: version(out.VersionId),
		LastModified: aws.ToTime(out.LastModified), StorageClass: class(string(out.StorageClass)), Restored: restored(out.Restore),
		ContentType: aws.ToString(out.ContentType), CacheControl: aws.ToString(out.CacheControl), Metadata: lower(out.Metadata),
	}
}

// Put implements [cloud.Store].
func (s *store) Put(ctx context.Context, p cloud.Put) (cloud.Object, error) {
	const op = "PutObject"
	object := p.Location.String()
	if err := p.Valid(); err != nil {
		return cloud.Object{}, invalid(op, object, err)
	}
	in := &s3.PutObjectInput{
		Bucket: &p.Bucket, Key: &p.Key, Body: bytes.NewReader(p.Body), Metadata: p.Metadata,
		ContentType: optional(p.ContentType), CacheControl: optional(p.CacheControl),
	}
	if p.If.Absent {
		in.IfNoneMatch = new("*")
	}
	if p.If.ETag != "" {
		in.IfMatch = new(quote(p.If.ETag))
	}
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*s3.PutObjectOutput, error) {
		return s.api.PutObject(ctx, in)
	})
	if err != nil {
		return cloud.Object{}, err
	}
	return cloud.Object{
		Location: p.Location, Size: int64(len(p.Body)), ETag: unquote(out.ETag), VersionID: version(out.VersionId),
		ContentType: p.ContentType, CacheControl: p.CacheControl, Metadata: maps.Clone(p.Metadata),
	}, nil
}

// Copy implements [cloud.Store].
func (s *store) Copy(ctx context.Context, src, dst cloud.Location, ifETag string) (cloud.Object, error) {
	const op = "CopyObject"
	object := src.String() + " to " + dst.String()
	if err := errors.Join(src.Valid(), dst.Valid()); err != nil {
		return cloud.Object{}, invalid(op, object, err)
	}
	in := &s3.CopyObjectInput{Bucket: &dst.Bucket, Key: &dst.Key, CopySource: new(src.Bucket + "/" + httpbinding.EscapePath(src.Key, false))}
	if ifETag != "" {
		in.CopySourceIfMatch = new(quote(ifETag))
	}
	out, err := call(ctx, copyTime, op, object, func(ctx context.Context) (*s3.CopyObjectOutput, error) {
		return s.api.CopyObject(ctx, in)
	})
	if err != nil {
		return cloud.Object{}, err
	}
	if out.CopyObjectResult == nil || aws.ToString(out.CopyObjectResult.ETag) == "" {
		return cloud.Object{}, &cloud.Error{Op: op, Object: object, Kind: cloud.ErrUnavailable, Message: "an answer without an ETag"}
	}
	return cloud.Object{Location: dst, ETag: unquote(out.CopyObjectResult.ETag), VersionID: version(out.VersionId)}, nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func unquote(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

func quote(etag string) string { return `"` + etag + `"` }

// version is empty where a bucket has, or had, no versioning.
func version(id *string) string {
	if v := aws.ToString(id); v != "null" {
		return v
	}
	return ""
}

// class is empty for STANDARD, as S3's answers to GET and HEAD have it.
func class(c string) string {
	if c == "STANDARD" {
		return ""
	}
	return c
}

// restored reads x-amz-restore: an archived object can be read once it says
// that no request is going on, until its date of expiry.
func restored(header *string) bool {
	return strings.Contains(aws.ToString(header), `ongoing-request="false"`)
}

func lower(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	all := make(map[string]string, len(m))
	for k, v := range m {
		all[strings.ToLower(k)] = v
	}
	return all
}
