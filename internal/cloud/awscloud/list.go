package awscloud

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

const batch = 1000 // keys of one DeleteObjects and objects of one page

// List implements [cloud.Store]. Keys are asked for in URL encoding: XML has
// no way to write control characters.
func (s *store) List(ctx context.Context, prefix cloud.Location, after string) iter.Seq2[cloud.Object, error] {
	const op = "ListObjectsV2"
	return func(yield func(cloud.Object, error) bool) {
		if prefix.Bucket == "" {
			yield(cloud.Object{}, invalid(op, prefix.String(), errors.New("no bucket")))
			return
		}
		in := &s3.ListObjectsV2Input{
			Bucket: &prefix.Bucket, Prefix: optional(prefix.Key), StartAfter: optional(after),
			EncodingType: types.EncodingTypeUrl, MaxKeys: aws.Int32(batch),
		}
		for {
			out, err := call(ctx, callTime, op, prefix.String(), func(ctx context.Context) (*s3.ListObjectsV2Output, error) {
				return s.api.ListObjectsV2(ctx, in)
			})
			if err != nil {
				yield(cloud.Object{}, err)
				return
			}
			for _, o := range out.Contents {
				object, err := listed(prefix.Bucket, o, out.EncodingType)
				if err != nil {
					yield(cloud.Object{}, garbled(op, prefix, err))
					return
				}
				if !yield(object, nil) {
					return
				}
			}
			if !aws.ToBool(out.IsTruncated) {
				return
			}
			next := aws.ToString(out.NextContinuationToken)
			if next == "" || next == aws.ToString(in.ContinuationToken) {
				yield(cloud.Object{}, garbled(op, prefix, errors.New("a page that leads to no other")))
				return
			}
			in.ContinuationToken = &next
		}
	}
}

func listed(bucket string, o types.Object, encoding types.EncodingType) (cloud.Object, error) {
	key := aws.ToString(o.Key)
	if encoding == types.EncodingTypeUrl {
		raw, err := url.QueryUnescape(key)
		if err != nil {
			return cloud.Object{}, fmt.Errorf("key %q: not URL-encoded", key)
		}
		key = raw
	}
	return cloud.Object{
		Location: cloud.Location{Bucket: bucket, Key: key}, Size: aws.ToInt64(o.Size), ETag: unquote(o.ETag),
		LastModified: aws.ToTime(o.LastModified), StorageClass: class(string(o.StorageClass)),
	}, nil
}

func garbled(op string, at cloud.Location, err error) error {
	return &cloud.Error{Op: op, Object: at.String(), Kind: cloud.ErrUnavailable, Message: err.Error()}
}

// Delete implements [cloud.Store]. It stops at a request that fails as a
// whole; keys that fail alone do not keep others from being deleted.
func (s *store) Delete(ctx context.Context, bucket string, keys ...string) error {
	var errs []error
	var next []types.ObjectIdentifier
	flush := func() error {
		if len(next) == 0 {
			return nil
		}
		failed, err := s.deleteBatch(ctx, bucket, next)
		errs, next = append(errs, failed...), nil
		return err
	}
	for _, key := range keys {
		at := cloud.Location{Bucket: bucket, Key: key}
		if err := at.Valid(); err != nil {
			errs = append(errs, invalid("DeleteObjects", at.String(), err))
			continue
		}
		var err error
		if plain(key) {
			if next = append(next, types.ObjectIdentifier{Key: &key}); len(next) == batch {
				err = flush()
			}
		} else {
			err = s.deleteOne(ctx, at)
		}
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	return errors.Join(append(errs, flush())...)
}

func (s *store) deleteBatch(ctx context.Context, bucket string, keys []types.ObjectIdentifier) (failed []error, err error) {
	const op = "DeleteObjects"
	first := cloud.Location{Bucket: bucket, Key: aws.ToString(keys[0].Key)}
	out, err := call(ctx, callTime, op, first.String(), func(ctx context.Context) (*s3.DeleteObjectsOutput, error) {
		return s.api.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: keys, Quiet: aws.Bool(true)}})
	})
	if err != nil {
		return nil, err
	}
	for _, e := range out.Errors {
		code := aws.ToString(e.Code)
		if code == "NoSuchKey" {
			continue // and so it is deleted
		}
		at := cloud.Location{Bucket: bucket, Key: aws.ToString(e.Key)}
		failed = append(failed, &cloud.Error{
			Op: op, Object: at.String(), Kind: kindOf(code, nil), Code: code, Message: clean(aws.ToString(e.Message)),
		})
	}
	return failed, nil
}

func (s *store) deleteOne(ctx context.Context, at cloud.Location) error {
	_, err := call(ctx, callTime, "DeleteObject", at.String(), func(ctx context.Context) (*s3.DeleteObjectOutput, error) {
		return s.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &at.Bucket, Key: &at.Key})
	})
	if e, ok := errors.AsType[*cloud.Error](err); ok && e.Code == "NoSuchKey" {
		return nil
	}
	return err
}

// plain reports whether an XML document can name a key, and no reader of it
// will trim or fold it: no control characters, and none of what XML 1.0 leaves
// out (section 2.2), for which encoders put U+FFFD, another key.
func plain(key string) bool {
	if strings.TrimSpace(key) != key {
		return false
	}
	return !strings.ContainsFunc(key, func(r rune) bool {
		return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0xfffe || r == 0xffff || r == utf8.RuneError
	})
}
