package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/smooth"
)

// bucketFolder is a folder of an S3 origin, by its escaped path.
type bucketFolder struct {
	edge   *Edge
	bucket string
	path   string
}

// Open implements [smooth.Folder].
func (f *bucketFolder) Open(ctx context.Context, name string) (*smooth.File, error) {
	found := f.edge.openAt(ctx, f.bucket, f.path, name)
	if found.status != http.StatusOK {
		return nil, &originError{found}
	}
	file := found.file.(*os.File)
	info, err := file.Stat()
	if err != nil {
		_ = file.Close() // only read
		return nil, err
	}
	return &smooth.File{
		ReaderAt: file, Closer: file, ID: "s3://" + f.bucket + f.path + name, Size: info.Size(), Header: found.header,
		Version: fmt.Sprintf("%s %d %d", found.header.Get("ETag"), info.Size(), info.ModTime().UnixNano()),
	}, nil
}

// openAt opens the object of a name in the folder of an escaped path.
func (e *Edge) openAt(ctx context.Context, bucket, path, name string) *entry {
	folder, err := objectKey(path)
	if err != nil {
		return s3Error(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	}
	if len(folder)+len(name) > maxKey {
		return s3Error(http.StatusBadRequest, "KeyTooLongError", "Your key is too long")
	}
	return e.openObject(ctx, bucket, folder+name)
}

// httpFolder is a folder of a custom origin.
type httpFolder struct {
	edge *Edge
	q    *request
}

// Open implements [smooth.Folder]. The first read comes with it.
func (f *httpFolder) Open(ctx context.Context, name string) (*smooth.File, error) {
	q := *f.q
	q.path = f.q.smooth.Folder + escapePath(name)
	r := &rangeReader{ctx: ctx, edge: f.edge, q: &q}
	header, err := r.open()
	if err != nil {
		return nil, err
	}
	o := q.origin
	return &smooth.File{
		ReaderAt: r, Closer: r, Size: r.size, Version: r.version, Header: header,
		ID: "http://" + o.Domain + ":" + strconv.Itoa(o.HTTPPort) + o.Path + q.path,
	}, nil
}

// escapePath escapes a relative path for a URL.
func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// block is how much is read ahead: a manifest, or a fragment's headers.
const block = 64 << 10 // bytes

// rangeReader reads a file of a custom origin by ranges. It is not safe for
// concurrent use.
type rangeReader struct {
	ctx     context.Context
	edge    *Edge
	q       *request
	size    int64
	version string

	at   int64 // of ahead in the file
	data []byte
}

var errChanged = errors.New("the origin's file changed while it was read")

// open asks for the beginning, and so for the size.
func (r *rangeReader) open() (http.Header, error) {
	resp, err := r.ask(0, block)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusPartialContent:
		from, size, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || from != 0 {
			return nil, r.fail("answered the Content-Range %q to bytes=0-%d", resp.Header.Get("Content-Range"), block-1)
		}
		r.size = size
	case http.StatusOK, http.StatusRequestedRangeNotSatisfiable: // whole, or empty
	default:
		body, _ := io.ReadAll(io.LimitReader(resp.Body, block)) // as much of an error page as there is
		header := resp.Header.Clone()
		header.Del("Content-Length")
		return nil, &originError{&entry{status: resp.StatusCode, header: header, body: body}}
	}
	if resp.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		if r.data, err = io.ReadAll(io.LimitReader(resp.Body, block+1)); err != nil {
			return nil, r.fail("broke off: %w", err)
		}
	}
	switch {
	case len(r.data) > block:
		return nil, r.fail("answers no ranges, and the file is above %d bytes", block)
	case resp.StatusCode != http.StatusPartialContent:
		r.size = int64(len(r.data))
	case int64(len(r.data)) != min(r.size, block):
		return nil, r.fail("answered %d bytes of a file of %d", len(r.data), r.size)
	}
	r.version = versionOf(resp.Header, r.size)
	return resp.Header, nil
}

// ReadAt implements [io.ReaderAt].
func (r *rangeReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= r.size {
		return 0, io.EOF
	}
	want, short := p, error(nil)
	if int64(len(p)) > r.size-off {
		want, short = p[:r.size-off], io.EOF
	}
	if off < r.at || off+int64(len(want)) > r.at+int64(len(r.data)) {
		if err := r.load(off, max(int64(len(want)), block)); err != nil {
			return 0, err
		}
	}
	return copy(want, r.data[off-r.at:]), short
}

// Close implements [io.Closer]: nothing is open between reads.
func (r *rangeReader) Close() error { return nil }

// load reads n bytes, or up to the end.
func (r *rangeReader) load(off, n int64) error {
	n = min(n, r.size-off)
	resp, err := r.ask(off, n)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	from, _, ok := contentRange(resp.Header.Get("Content-Range"))
	size := r.size
	if ok {
		_, size, _ = contentRange(resp.Header.Get("Content-Range"))
	}
	switch {
	case resp.StatusCode == http.StatusPartialContent && ok && from == off && versionOf(resp.Header, size) == r.version:
	case resp.StatusCode == http.StatusPartialContent:
		return r.fail("%w", errChanged)
	default:
		return r.fail("answered %d to a range of the file", resp.StatusCode)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(resp.Body, data); err != nil {
		return r.fail("broke off: %w", err)
	}
	r.at, r.data = off, data
	return nil
}

func (r *rangeReader) ask(off, n int64) (*http.Response, error) {
	resp, err := r.edge.ask(r.ctx, r.q, http.MethodGet, nil, http.Header{
		"Range":           {fmt.Sprintf("bytes=%d-%d", off, off+n-1)},
		"Accept-Encoding": {"identity"}, // whatever the viewer takes: it is for the edge to read
	})
	if err != nil {
		return nil, &originError{originFailure(r.q, err)}
	}
	return resp, nil
}

func (r *rangeReader) fail(format string, args ...any) error {
	return fmt.Errorf("the origin %s at %s: "+format, append([]any{r.q.origin.Domain, r.q.path}, args...)...)
}

// versionOf tells an answer's content apart from others.
func versionOf(h http.Header, size int64) string {
	return fmt.Sprint(h.Get("ETag"), " ", h.Get("Last-Modified"), " ", size)
}

// contentRange reads "bytes FROM-TO/SIZE" (RFC 9110, 14.4).
func contentRange(s string) (from, size int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	span, total, cut := strings.Cut(s, "/")
	first, _, dash := strings.Cut(span, "-")
	if !ok || !cut || !dash {
		return 0, 0, false
	}
	from, err := strconv.ParseInt(first, 10, 64)
	if err != nil || from < 0 {
		return 0, 0, false
	}
	size, err = strconv.ParseInt(total, 10, 64)
	return from, size, err == nil && size > from
}
