// Package folder is a store of objects in a plain folder, without rules or
// metadata, for tests of what reads and writes objects.
package folder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
)

// Store keeps each bucket as a folder of the one it names.
type Store string

var _ objects.Store = Store("")

func (s Store) path(bucket, key string) string { return filepath.Join(string(s), bucket, key) }

// Get implements [objects.Store].
func (s Store) Get(ctx context.Context, bucket, key string) (io.ReadCloser, objects.Info, error) {
	info, err := s.Head(ctx, bucket, key)
	if err != nil {
		return nil, info, err
	}
	f, err := os.Open(s.path(bucket, key))
	return f, info, err
}

// Open implements [objects.Store].
func (s Store) Open(ctx context.Context, bucket, key string) (string, objects.Info, error) {
	info, err := s.Head(ctx, bucket, key)
	return s.path(bucket, key), info, err
}

// Put implements [objects.Store].
func (s Store) Put(ctx context.Context, bucket, key, _ string, body io.Reader, size int64) error {
	if err := s.Bucket(ctx, bucket); err != nil {
		return err
	}
	b, err := io.ReadAll(body)
	if err != nil || int64(len(b)) != size {
		return fmt.Errorf("put %s/%s: %d of %d bytes: %w", bucket, key, len(b), size, err)
	}
	p := s.path(bucket, key)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(p+"~", b, 0o644); err != nil {
		return err
	}
	return os.Rename(p+"~", p)
}

// Head implements [objects.Store]. ETags are hashes of small contents, and
// sizes and times of large ones.
func (s Store) Head(_ context.Context, bucket, key string) (objects.Info, error) {
	info, err := os.Stat(s.path(bucket, key))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && info.IsDir() {
		return objects.Info{}, fmt.Errorf("head s3://%s/%s: %w", bucket, key, objects.ErrNotFound)
	}
	if err != nil {
		return objects.Info{}, err
	}
	tag := fmt.Append(nil, info.Size(), info.ModTime())
	if info.Size() < 1<<20 {
		if tag, err = os.ReadFile(s.path(bucket, key)); err != nil {
			return objects.Info{}, err
		}
	}
	sum := sha256.Sum256(tag)
	return objects.Info{Size: info.Size(), ETag: hex.EncodeToString(sum[:16]), LastModified: info.ModTime().UTC().Truncate(time.Second)}, nil
}

// Bucket implements [objects.Store].
func (s Store) Bucket(_ context.Context, bucket string) error {
	if _, err := os.Stat(filepath.Join(string(s), bucket)); err != nil {
		return fmt.Errorf("look at bucket %s: %w", bucket, objects.ErrNotFound)
	}
	return nil
}
