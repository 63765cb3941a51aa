// Package objects is the local cloud's S3: versitygw over a directory, behind
// a reverse proxy that names and counts each request, injects faults, checks
// the age of signatures and answers dates by the cloud's clock. The other
// parts of the cloud read and write the same objects in process, through
// Store, without counting as calls of the account. It leaves counting and
// faults to package calls and the rules of signatures to package sigv4.
package objects

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrNotFound is returned for an object or a bucket that is not there.
var ErrNotFound = errors.New("not found")

// Info is what is known of an object without its content.
type Info struct {
	Size         int64  // bytes
	ETag         string // without quotes
	ContentType  string
	CacheControl string
	LastModified time.Time         // in the cloud's time
	Metadata     map[string]string // keys in lower case
}

// Created is an object that has been written, however: it is there with all of
// its bytes.
type Created struct {
	Bucket, Key string
	Size        int64  // bytes
	ETag        string // without quotes
	VersionID   string // empty where versioning is off
	By          string // Put, Copy or CompleteMultipartUpload
	Time        time.Time
}

// Store is the in-process way to the account's objects. Every method may be
// repeated, is safe for concurrent use, and fails with [ErrNotFound] if the
// bucket, or an object to be read, is not there.
type Store interface {
	// Get reads an object as a stream, which the caller closes.
	Get(ctx context.Context, bucket, key string) (io.ReadCloser, Info, error)

	// Open returns the path of a local file with the object's content, to be
	// read only. The file is another one, or gone, once the object has been
	// replaced or deleted.
	Open(ctx context.Context, bucket, key string) (path string, info Info, err error)

	// Put writes an object of size bytes whole: it is there with all of them,
	// or not at all. contentType may be empty.
	Put(ctx context.Context, bucket, key, contentType string, body io.Reader, size int64) error

	// Head looks at an object.
	Head(ctx context.Context, bucket, key string) (Info, error)

	// Bucket looks whether a bucket is there.
	Bucket(ctx context.Context, bucket string) error
}
