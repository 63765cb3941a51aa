package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// Get implements [Store].
func (s *Service) Get(ctx context.Context, bucket, key string) (io.ReadCloser, Info, error) {
	if err := within(bucket, key); err != nil {
		return nil, Info{}, wrap("get", bucket, key, err)
	}
	out, err := s.backend.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, Info{}, wrap("get", bucket, key, err)
	}
	return out.Body, Info{
		Size:         aws.ToInt64(out.ContentLength),
		ETag:         strings.Trim(aws.ToString(out.ETag), `"`),
		ContentType:  aws.ToString(out.ContentType),
		CacheControl: aws.ToString(out.CacheControl),
		LastModified: aws.ToTime(out.LastModified).UTC(),
		Metadata:     out.Metadata,
	}, nil
}

// Open implements [Store].
func (s *Service) Open(ctx context.Context, bucket, key string) (string, Info, error) {
	info, err := s.Head(ctx, bucket, key)
	if err != nil {
		return "", Info{}, err
	}
	return filepath.Join(s.root, bucket, key), info, nil
}

// Put implements [Store].
func (s *Service) Put(ctx context.Context, bucket, key, contentType string, body io.Reader, size int64) error {
	if err := within(bucket, key); err != nil {
		return wrap("put", bucket, key, err)
	}
	if contentType == "" {
		contentType = "binary/octet-stream"
	}
	_, err := s.backend.PutObject(ctx, s3response.PutObjectInput{
		Bucket: &bucket, Key: &key, ContentType: &contentType, ContentLength: &size,
		Body: &exact{r: body, left: size},
	})
	return wrap("put", bucket, key, err)
}

// Head implements [Store].
func (s *Service) Head(ctx context.Context, bucket, key string) (Info, error) {
	if err := within(bucket, key); err != nil {
		return Info{}, wrap("head", bucket, key, err)
	}
	out, err := s.backend.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return Info{}, wrap("head", bucket, key, err)
	}
	return Info{
		Size:         aws.ToInt64(out.ContentLength),
		ETag:         strings.Trim(aws.ToString(out.ETag), `"`),
		ContentType:  aws.ToString(out.ContentType),
		CacheControl: aws.ToString(out.CacheControl),
		LastModified: aws.ToTime(out.LastModified).UTC(),
		Metadata:     out.Metadata,
	}, nil
}

// Bucket implements [Store].
func (s *Service) Bucket(ctx context.Context, bucket string) error {
	if err := within(bucket, "x"); err != nil {
		return wrap("look at", bucket, "", err)
	}
	_, err := s.backend.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	return wrap("look at", bucket, "", err)
}

// within returns [ErrNotFound] for what the gateway's own door keeps out: names
// that would lead out of the bucket's folder, and those of no object.
func within(bucket, key string) error {
	if len(bucket) < 3 || strings.ContainsAny(bucket, "/\x00") || strings.HasPrefix(bucket, ".") || !filepath.IsLocal(bucket) {
		return ErrNotFound
	}
	if key == "" || strings.Contains(key, "\x00") || strings.HasPrefix(key, "/") || strings.Contains(key, "//") {
		return ErrNotFound
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "." || part == ".." {
			return ErrNotFound
		}
	}
	return nil
}

// wrap names the object and makes S3's own errors readable.
func wrap(op, bucket, key string, err error) error {
	if err == nil {
		return nil
	}
	name := "bucket " + bucket
	if key != "" {
		name = "s3://" + bucket + "/" + key
	}
	if e, ok := errors.AsType[s3err.S3Error](err); ok {
		switch base := e.BaseError(); base.Code {
		case "NoSuchKey", "NoSuchBucket", "InvalidBucketName":
			err = ErrNotFound
		default:
			err = fmt.Errorf("%s: %s", base.Code, base.Description)
		}
	}
	return fmt.Errorf("%s %s: %w", op, name, err)
}

var errShort = errors.New("body is shorter than its size")

// exact reads r, which must have just so many bytes.
type exact struct {
	r    io.Reader
	left int64
}

func (e *exact) Read(b []byte) (int, error) {
	if int64(len(b)) > e.left+1 {
		b = b[:e.left+1]
	}
	n, err := e.r.Read(b)
	switch e.left -= int64(n); {
	case e.left < 0:
		return 0, errors.New("body is longer than its size")
	case err == io.EOF && e.left > 0:
		return n, errShort // the gateway takes io.ErrUnexpectedEOF for an end
	}
	return n, err
}
