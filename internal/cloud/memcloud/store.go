package memcloud

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/btree"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

const (
	listPage   = 1000
	deletePage = 1000
	maxCopy    = 5 << 30 // bytes
)

// Store is an object store in memory.
type Store struct {
	c       *Cloud
	mu      sync.RWMutex
	buckets map[string]*bucket
	writes  int // so far, for version IDs
}

// object is what one key holds. It is never changed once it is in a store.
type object struct {
	meta cloud.Object
	body []byte
}

// bucket orders its objects by the bytes of their keys.
type bucket = btree.Map[string, *object]

func newBucket() *bucket { return new(bucket) }

func newStore(c *Cloud) *Store {
	s := &Store{c: c, buckets: map[string]*bucket{}}
	for _, b := range c.opts.Buckets {
		s.buckets[b] = newBucket()
	}
	return s
}

// Head implements [cloud.Store].
func (s *Store) Head(ctx context.Context, at cloud.Location) (cloud.Object, error) {
	const op = "Store.Head"
	return call(ctx, s.c, op, at.String(), storeSignature, func() (cloud.Object, error) {
		o, err := s.get(op, at)
		if err != nil {
			return cloud.Object{}, err
		}
		return o.describe(), nil
	})
}

// Get implements [cloud.Store].
func (s *Store) Get(ctx context.Context, at cloud.Location, limit int64) ([]byte, cloud.Object, error) {
	const op = "Store.Get"
	o, err := call(ctx, s.c, op, at.String(), storeSignature, func() (*object, error) {
		o, err := s.read(op, at)
		if err == nil && o.meta.Size > limit {
			return nil, fail(op, at.String(), cloud.ErrInvalid, fmt.Sprintf("%d bytes, limit %d", o.meta.Size, limit))
		}
		return o, err
	})
	if err != nil {
		return nil, cloud.Object{}, err
	}
	return bytes.Clone(o.body), o.describe(), nil
}

// Open implements [cloud.Store].
func (s *Store) Open(ctx context.Context, at cloud.Location) (io.ReadCloser, cloud.Object, error) {
	const op = "Store.Open"
	o, err := call(ctx, s.c, op, at.String(), storeSignature, func() (*object, error) { return s.read(op, at) })
	if err != nil {
		return nil, cloud.Object{}, err
	}
	return &stream{ctx: ctx, r: bytes.NewReader(o.body)}, o.describe(), nil
}

// stream reads an object until its context ends or it is closed.
type stream struct {
	ctx context.Context
	r   *bytes.Reader
}

func (s *stream) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	if s.r == nil {
		return 0, errors.New("read of a closed object")
	}
	return s.r.Read(p)
}

func (s *stream) Close() error { s.r = nil; return nil }

// Put implements [cloud.Store].
func (s *Store) Put(ctx context.Context, p cloud.Put) (cloud.Object, error) {
	const op = "Store.Put"
	return call(ctx, s.c, op, p.Location.String(), storeSignature, func() (cloud.Object, error) {
		if err := p.Valid(); err != nil {
			return cloud.Object{}, fail(op, p.Location.String(), cloud.ErrInvalid, err.Error())
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := s.check(op, p); err != nil {
			return cloud.Object{}, err
		}
		o := s.write(p.Location, bytes.Clone(p.Body), cloud.Object{
			ContentType: p.ContentType, CacheControl: p.CacheControl, Metadata: maps.Clone(p.Metadata),
		})
		return o.answer(), nil
	})
}

// check holds p's condition against what is there. s.mu is held.
func (s *Store) check(op string, p cloud.Put) error {
	at := p.Location.String()
	b := s.buckets[p.Bucket]
	if b == nil {
		if len(s.c.opts.Buckets) > 0 {
			return fail(op, at, cloud.ErrNotFound, "no such bucket")
		}
		b = newBucket()
	}
	o, ok := b.Get(p.Key)
	switch {
	case p.If.Absent && ok:
		return fail(op, at, cloud.ErrPrecondition, "there is an object")
	case p.If.ETag != "" && !ok:
		return fail(op, at, cloud.ErrNotFound, "no object to replace")
	case p.If.ETag != "" && o.meta.ETag != p.If.ETag:
		return fail(op, at, cloud.ErrPrecondition, "another ETag")
	}
	return nil
}

// write stores body, which is the store's from now on. s.mu is held.
func (s *Store) write(at cloud.Location, body []byte, meta cloud.Object) *object {
	sum := md5.Sum(body)
	s.writes++
	meta.Location = at
	meta.Size = int64(len(body))
	meta.ETag = hex.EncodeToString(sum[:])
	meta.LastModified = s.c.now().Truncate(time.Second)
	if s.c.opts.Versioning {
		meta.VersionID = fmt.Sprintf("v%010d", s.writes)
	}
	o := &object{meta: meta, body: body}
	b := s.buckets[at.Bucket]
	if b == nil {
		b = newBucket()
		s.buckets[at.Bucket] = b
	}
	b.Set(at.Key, o)
	return o
}

// Copy implements [cloud.Store].
func (s *Store) Copy(ctx context.Context, src, dst cloud.Location, ifETag string) (cloud.Object, error) {
	const op = "Store.Copy"
	return call(ctx, s.c, op, dst.String(), storeSignature, func() (cloud.Object, error) {
		o, err := s.read(op, src)
		if err != nil {
			return cloud.Object{}, err
		}
		if ifETag != "" && o.meta.ETag != ifETag {
			return cloud.Object{}, fail(op, src.String(), cloud.ErrPrecondition, "another ETag")
		}
		if o.meta.Size > maxCopy {
			return cloud.Object{}, fail(op, src.String(), cloud.ErrInvalid, "more than 5 GiB")
		}
		if err := dst.Valid(); err != nil {
			return cloud.Object{}, fail(op, dst.String(), cloud.ErrInvalid, err.Error())
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := s.check(op, cloud.Put{Location: dst}); err != nil {
			return cloud.Object{}, err
		}
		n := s.write(dst, o.body, cloud.Object{
			ContentType: o.meta.ContentType, CacheControl: o.meta.CacheControl, Metadata: o.meta.Metadata,
		})
		return cloud.Object{Location: dst, ETag: n.meta.ETag, VersionID: n.meta.VersionID}, nil
	})
}

// Delete implements [cloud.Store].
func (s *Store) Delete(ctx context.Context, bucket string, keys ...string) error {
	var errs []error
	for len(keys) > 0 {
		n := min(len(keys), deletePage)
		_, err := call(ctx, s.c, "Store.Delete", "s3://"+bucket+"/"+keys[0], storeSignature, func() (struct{}, error) {
			return struct{}{}, s.delete(bucket, keys[:n])
		})
		errs = append(errs, err)
		keys = keys[n:]
	}
	return errors.Join(errs...)
}

func (s *Store) delete(bucket string, keys []string) error {
	const op = "Store.Delete"
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[bucket]
	if b == nil {
		return fail(op, "s3://"+bucket, cloud.ErrNotFound, "no such bucket")
	}
	var errs []error
	for _, k := range keys {
		at := cloud.Location{Bucket: bucket, Key: k}
		if err := at.Valid(); err != nil {
			errs = append(errs, fail(op, at.String(), cloud.ErrInvalid, err.Error()))
			continue
		}
		b.Delete(k)
	}
	return errors.Join(errs...)
}

// List implements [cloud.Store].
func (s *Store) List(ctx context.Context, prefix cloud.Location, after string) iter.Seq2[cloud.Object, error] {
	return func(yield func(cloud.Object, error) bool) {
		for {
			page, err := call(ctx, s.c, "Store.List", prefix.String(), storeSignature, func() ([]cloud.Object, error) {
				return s.page(prefix, after)
			})
			if err != nil {
				yield(cloud.Object{}, err)
				return
			}
			for _, o := range page {
				if !yield(o, nil) {
					return
				}
			}
			if len(page) < listPage {
				return
			}
			after = page[len(page)-1].Key
		}
	}
}

func (s *Store) page(prefix cloud.Location, after string) ([]cloud.Object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b := s.buckets[prefix.Bucket]
	if b == nil {
		return nil, fail("Store.List", prefix.String(), cloud.ErrNotFound, "no such bucket")
	}
	var page []cloud.Object
	b.Ascend(max(prefix.Key, after), func(k string, o *object) bool {
		if !strings.HasPrefix(k, prefix.Key) {
			return k < prefix.Key
		}
		if k == after && after != "" {
			return true
		}
		page = append(page, cloud.Object{
			Location: o.meta.Location, Size: o.meta.Size, ETag: o.meta.ETag,
			LastModified: o.meta.LastModified, StorageClass: o.meta.StorageClass,
		})
		return len(page) < listPage
	})
	return page, nil
}

// Now implements [cloud.Store].
func (s *Store) Now() time.Time { return s.c.now() }
