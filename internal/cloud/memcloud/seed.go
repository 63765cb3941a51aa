package memcloud

import (
	"maps"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Seed writes an object as somebody else would: no hook sees it and no call is
// counted. It panics if p is not valid.
func (s *Store) Seed(p cloud.Put) cloud.Object {
	if err := p.Valid(); err != nil {
		panic("seed " + p.Location.String() + ": " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(p.Location, append([]byte(nil), p.Body...), cloud.Object{
		ContentType: p.ContentType, CacheControl: p.CacheControl, Metadata: maps.Clone(p.Metadata),
	}).describe()
}

// SetClass moves an object to a storage class, and says whether an archived
// one has been restored for now. Objects that are not there stay so.
func (s *Store) SetClass(at cloud.Location, class string, restored bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[at.Bucket]
	if b == nil {
		return
	}
	if o, ok := b.Get(at.Key); ok {
		moved := *o
		moved.meta.StorageClass, moved.meta.Restored = class, restored
		b.Set(at.Key, &moved)
	}
}

// AddBucket makes a bucket, if it is not there.
func (s *Store) AddBucket(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[name] == nil {
		s.buckets[name] = newBucket()
	}
}
