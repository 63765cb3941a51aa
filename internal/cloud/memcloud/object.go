package memcloud

import (
	"maps"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// get finds an object.
func (s *Store) get(op string, at cloud.Location) (*object, error) {
	if err := at.Valid(); err != nil {
		return nil, fail(op, at.String(), cloud.ErrInvalid, err.Error())
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	b := s.buckets[at.Bucket]
	if b == nil {
		return nil, fail(op, at.String(), cloud.ErrNotFound, "no such bucket")
	}
	o, ok := b.Get(at.Key)
	if !ok {
		return nil, fail(op, at.String(), cloud.ErrNotFound, "")
	}
	return o, nil
}

// read finds an object whose content can be read.
func (s *Store) read(op string, at cloud.Location) (*object, error) {
	o, err := s.get(op, at)
	if err == nil && o.meta.Archived() {
		return nil, fail(op, at.String(), cloud.ErrInvalid, "the object is archived")
	}
	return o, err
}

// describe returns what is known of o, whose metadata the caller may change.
func (o *object) describe() cloud.Object {
	d := o.meta
	d.Metadata = maps.Clone(d.Metadata)
	return d
}

// answer returns what the answer to a write tells: no time, no class.
func (o *object) answer() cloud.Object {
	return cloud.Object{
		Location: o.meta.Location, Size: o.meta.Size, ETag: o.meta.ETag, VersionID: o.meta.VersionID,
		ContentType: o.meta.ContentType, CacheControl: o.meta.CacheControl, Metadata: maps.Clone(o.meta.Metadata),
	}
}
