package delivery

import (
	"context"
	"errors"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/media"
)

// file is what the listing tells of one.
type file struct {
	size     int64 // bytes
	archived bool
}

// list reads the names and sizes of all files below the prefix, once.
func (c *check) list(ctx context.Context) error {
	c.files = make(map[string]file)
	for o, err := range c.store.List(ctx, c.prefix, "") {
		if err != nil {
			return err
		}
		path := strings.TrimPrefix(o.Key, c.prefix.Key)
		c.files[path] = file{o.Size, o.Archived()}
		if path != media.ThumbnailsFile { // ours: an earlier call may have left it
			c.out.Files++
			c.out.Bytes += o.Size
		}
		if len(c.files) > maxObjects {
			c.add("", "more than %d files", maxObjects)
			return c.err(c.prefix)
		}
	}
	return nil
}

// has checks that a file is there and holds at least so many bytes. By is the
// manifest that names it, or empty if the job should have left it.
func (c *check) has(path, by string, least int64) bool {
	f, ok := c.files[path]
	named := ""
	if by != "" {
		named = ", named by " + by
	}
	switch {
	case !ok:
		c.add(path, "missing%s", named)
	case f.size == 0:
		c.add(path, "empty%s", named)
	case f.size < least:
		c.add(path, "has %d bytes, and %s names a part that ends at %d", f.size, by, least)
	case f.archived:
		c.add(path, "archived: viewers cannot get it")
	default:
		return true
	}
	return false
}

// resolve returns the file that a manifest names, if it is in the build.
func (c *check) resolve(manifest, uri string) (string, bool) {
	path, err := media.Resolve(manifest, uri)
	if e, ok := errors.AsType[*media.URIError](err); ok {
		c.add(manifest, "URI %q: %s", e.URI, e.Why)
	} else if err != nil {
		c.add(manifest, "%v", err)
	}
	return path, err == nil
}

// follow checks a file that a manifest names and returns its path, or "".
func (c *check) follow(manifest string, r media.Ref) string {
	path, ok := c.resolve(manifest, r.URI)
	if !ok {
		return ""
	}
	if _, there := c.files[path]; !there && r.Optional {
		return ""
	}
	c.has(path, manifest, r.Range.End())
	return path
}

// fetch reads a manifest. Ok is false if there is a problem with it.
func (c *check) fetch(ctx context.Context, path, by string) (body []byte, ok bool, err error) {
	if !c.has(path, by, 0) {
		return nil, false, nil
	}
	size := c.files[path].size
	if size > media.MaxManifest {
		c.add(path, "%d bytes, limit %d", size, media.MaxManifest)
		return nil, false, nil
	}
	if c.left -= size; c.left < 0 {
		c.add(path, "with it, manifests have more than %d bytes", maxRead)
		return nil, false, nil
	}
	body, _, err = c.store.Get(ctx, c.prefix.Join(path), media.MaxManifest)
	switch {
	case errors.Is(err, cloud.ErrNotFound), errors.Is(err, cloud.ErrInvalid):
		c.add(path, "%v", err) // it has changed since it was listed
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	return body, true, nil
}
