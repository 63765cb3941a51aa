package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// partSize is how much of a file is sent in one request. Files up to it are
// sent whole; larger ones in parts, of which S3 takes 10,000.
const partSize = 64 << 20 // bytes

// uploader brings files into a bucket that are not in it yet.
type uploader struct {
	api    *s3.Client
	bucket string
}

func newUploader(ctx context.Context) (*uploader, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read AWS settings: %w", err)
	}
	api := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = true
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired // the signature covers the bytes
	})
	return &uploader{api, libraryBucket}, nil
}

// etagOf returns the ETag that S3 gives to what r holds when it is sent in
// parts of part bytes: the MD5 of a whole object; of one in parts the MD5 of
// their MD5s and their number.
func etagOf(r io.Reader, size, part int64) (string, error) {
	if size <= part {
		sum := md5.New()
		_, err := io.Copy(sum, r)
		return hex.EncodeToString(sum.Sum(nil)), err
	}
	sums, n := md5.New(), 0
	for {
		sum := md5.New()
		read, err := io.CopyN(sum, r, part)
		if read > 0 {
			sums.Write(sum.Sum(nil))
			n++
		}
		if errors.Is(err, io.EOF) {
			return fmt.Sprintf("%x-%d", sums.Sum(nil), n), nil
		}
		if err != nil {
			return "", err
		}
	}
}

// same reports whether a bucket's object holds what a file of that size does.
// sum returns the file's ETag; it is asked only where the sizes agree.
func same(o cloud.Object, there bool, size int64, sum func() (string, error)) (bool, error) {
	if !there || o.Size != size {
		return false, nil
	}
	etag, err := sum()
	return err == nil && strings.Trim(o.ETag, `"`) == etag, err
}

// bring uploads v unless there, what the bucket has under its key, is the same.
// It returns the object's ETag and whether it was uploaded.
func (u *uploader) bring(ctx context.Context, v video, there map[string]cloud.Object) (etag string, sent bool, err error) {
	f, err := os.Open(v.path)
	if err != nil {
		return "", false, fmt.Errorf("upload: %w", err)
	}
	defer f.Close()
	o, known := there[v.key]
	equal, err := same(o, known, v.size, func() (string, error) {
		return etagOf(io.NewSectionReader(f, 0, v.size), v.size, partSize)
	})
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", v.path, err)
	}
	if equal {
		return strings.Trim(o.ETag, `"`), false, nil
	}
	etag, err = u.send(ctx, f, v)
	if err != nil {
		return "", false, fmt.Errorf("upload %s: %w", v.path, err)
	}
	return etag, true, nil
}

func (u *uploader) send(ctx context.Context, f *os.File, v video) (string, error) {
	if v.size > partSize {
		return u.sendParts(ctx, f, v)
	}
	out, err := u.api.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &u.bucket, Key: &v.key, Body: io.NewSectionReader(f, 0, v.size), ContentLength: &v.size,
	})
	if err != nil {
		return "", err
	}
	return strings.Trim(aws.ToString(out.ETag), `"`), nil
}

func (u *uploader) sendParts(ctx context.Context, f *os.File, v video) (string, error) {
	begun, err := u.api.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &u.bucket, Key: &v.key})
	if err != nil {
		return "", err
	}
	var parts []types.CompletedPart
	for at := int64(0); at < v.size && err == nil; at += partSize {
		n := int32(len(parts) + 1)
		size := min(partSize, v.size-at)
		var out *s3.UploadPartOutput
		out, err = u.api.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &u.bucket, Key: &v.key, UploadId: begun.UploadId, PartNumber: &n,
			Body: io.NewSectionReader(f, at, size), ContentLength: &size,
		})
		if err == nil {
			parts = append(parts, types.CompletedPart{PartNumber: &n, ETag: out.ETag})
		}
	}
	if err == nil {
		var out *s3.CompleteMultipartUploadOutput
		out, err = u.api.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &u.bucket, Key: &v.key, UploadId: begun.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
		if err == nil {
			return strings.Trim(aws.ToString(out.ETag), `"`), nil
		}
	}
	_, abort := u.api.AbortMultipartUpload(context.WithoutCancel(ctx), &s3.AbortMultipartUploadInput{
		Bucket: &u.bucket, Key: &v.key, UploadId: begun.UploadId,
	})
	return "", errors.Join(err, abort)
}
