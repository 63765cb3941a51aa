package objects

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
	"golang.org/x/sys/unix"

	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
)

// clocked is versitygw's store with what S3 does besides: an object's last
// modification is the cloud's time, and a conditional write that is overtaken
// by a deletion is a conflict.
type clocked struct {
	*posix.Posix
	clk      *clock.Clock
	overtake overtake
	created  func(Created) // nil: nobody is told
	notify   string        // of objects of this bucket
	deleting func(ctx context.Context, bucket, key string)
}

// PutObject stamps the object before it can be seen.
func (b *clocked) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	var w *write
	if in.Bucket != nil && in.Key != nil && (in.IfMatch != nil || in.IfNoneMatch != nil) {
		w = b.overtake.begin(*in.Bucket, *in.Key)
		defer b.overtake.end(w)
	}
	out, err := b.PutObjectWithPostFunc(ctx, in, func(f *os.File) error {
		if w != nil && w.overtaken.Load() {
			return errConflict
		}
		return b.stampFile(f)
	})
	if err != nil && w != nil && w.overtaken.Load() {
		return out, errConflict
	}
	if err == nil {
		b.tell(ctx, "Put", in.Bucket, in.Key)
	}
	return out, err
}

// CopyObject stamps the copy once it is there.
func (b *clocked) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (s3response.CopyObjectOutput, error) {
	out, err := b.Posix.CopyObject(ctx, in)
	if err == nil {
		if t, ok := b.stamp(*in.Bucket, *in.Key); ok && out.CopyObjectResult != nil {
			out.CopyObjectResult.LastModified = &t
		}
		b.tell(ctx, "Copy", in.Bucket, in.Key)
	}
	return out, err
}

// CompleteMultipartUpload stamps the object once it is there.
func (b *clocked) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (s3response.CompleteMultipartUploadResult, string, error) {
	out, version, err := b.Posix.CompleteMultipartUpload(ctx, in)
	if err == nil {
		b.stamp(*in.Bucket, *in.Key)
		b.tell(ctx, "CompleteMultipartUpload", in.Bucket, in.Key)
	}
	return out, version, err
}

// tell tells of an object that has just been written. What has replaced it
// meanwhile is told in its place, and once more by its own writer; of one that
// has gone meanwhile nothing is told.
func (b *clocked) tell(ctx context.Context, by string, bucket, key *string) {
	if b.created == nil || bucket == nil || key == nil || *bucket != b.notify {
		return
	}
	out, err := b.HeadObject(context.WithoutCancel(ctx), &s3.HeadObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		return
	}
	b.created(Created{
		Bucket: *bucket, Key: *key, Size: aws.ToInt64(out.ContentLength), ETag: strings.Trim(aws.ToString(out.ETag), `"`),
		VersionID: aws.ToString(out.VersionId), By: by, Time: b.clk.Now(),
	})
}

// DeleteObject overtakes the conditional writes of its object.
func (b *clocked) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	b.warn(ctx, in.Bucket, in.Key)
	out, err := b.Posix.DeleteObject(ctx, in)
	if err == nil {
		b.overtake.delete(*in.Bucket, *in.Key)
	}
	return out, err
}

// DeleteObjects overtakes the conditional writes of its objects.
func (b *clocked) DeleteObjects(ctx context.Context, in *s3.DeleteObjectsInput) (s3response.DeleteResult, error) {
	if in.Delete != nil {
		for _, o := range in.Delete.Objects {
			b.warn(ctx, in.Bucket, o.Key)
		}
	}
	out, err := b.Posix.DeleteObjects(ctx, in)
	if err == nil {
		for _, o := range out.Deleted {
			b.overtake.delete(*in.Bucket, *o.Key)
		}
	}
	return out, err
}

// warn tells of an object that is about to be deleted.
func (b *clocked) warn(ctx context.Context, bucket, key *string) {
	if b.deleting != nil && bucket != nil && key != nil {
		b.deleting(ctx, *bucket, *key)
	}
}

// ahead is how far the cloud's clock must be from the host's to be stamped.
const ahead = time.Second

// stampFile gives an open file the cloud's time.
func (b *clocked) stampFile(f *os.File) error {
	now := b.clk.Now()
	if time.Until(now).Abs() < ahead {
		return nil
	}
	return unix.Futimes(int(f.Fd()), []unix.Timeval{unix.NsecToTimeval(now.UnixNano()), unix.NsecToTimeval(now.UnixNano())})
}

// stamp gives an object's file the cloud's time. An object that has gone, or
// has been replaced, in the meantime is none the worse for it.
func (b *clocked) stamp(bucket, key string) (time.Time, bool) {
	now := b.clk.Now()
	if time.Until(now).Abs() < ahead || strings.HasSuffix(key, "/") {
		return time.Time{}, false
	}
	return now, os.Chtimes(filepath.Join(bucket, key), now, now) == nil
}

// errConflict is S3's answer to a conditional write whose object was deleted
// before the write was complete (S3 user guide, conditional writes).
var errConflict = s3err.APIError{
	Code:           "ConditionalRequestConflict",
	Description:    "The conditional request cannot succeed due to a conflicting operation against this resource.",
	HTTPStatusCode: http.StatusConflict,
}

// overtake knows the conditional writes under way. Its zero value is ready.
type overtake struct {
	mu     sync.Mutex
	writes map[*write]struct{}
}

type write struct {
	bucket, key string
	overtaken   atomic.Bool
}

func (o *overtake) begin(bucket, key string) *write {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writes == nil {
		o.writes = make(map[*write]struct{})
	}
	w := &write{bucket: bucket, key: key}
	o.writes[w] = struct{}{}
	return w
}

func (o *overtake) end(w *write) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.writes, w)
}

func (o *overtake) delete(bucket, key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for w := range o.writes {
		if w.bucket == bucket && w.key == key {
			w.overtaken.Store(true)
		}
	}
}
