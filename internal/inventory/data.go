package inventory

import (
	"bufio"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// maxText bounds what one data file may hold once it is unpacked, in bytes. S3
// makes files of at most 2 GiB, packed. It is a variable for tests.
var maxText int64 = 64 << 30

// data is a data file being read: fetched and summed by one goroutine,
// unpacked by another, both at most a few buffers ahead of the reader.
type data struct {
	io.Reader
	raw    io.Closer
	cancel context.CancelFunc
	ahead  []*ahead
}

// open begins to read a data file. The caller closes it.
func (f dataFile) open(ctx context.Context, store cloud.Store, at cloud.Location) (*data, error) {
	ctx, cancel := context.WithCancel(ctx)
	raw, o, err := store.Open(ctx, at)
	if err != nil {
		cancel()
		return nil, forGood(err)
	}
	d := &data{raw: raw, cancel: cancel}
	if f.Size != nil && *f.Size != o.Size {
		d.Close()
		return nil, refuse("it has %d bytes, the manifest says %d", o.Size, *f.Size)
	}
	packed := readAhead(ctx, &checked{r: raw, size: o.Size, sum: md5.New(), want: f.MD5})
	text := readAhead(ctx, &unpacker{packed: bufio.NewReaderSize(packed, 64<<10)})
	d.ahead = []*ahead{packed, text}
	d.Reader = text
	return d, nil
}

// Close ends the reading, waits for what it began, and gives the file back.
func (d *data) Close() error {
	d.cancel()
	for _, a := range d.ahead {
		a.wait()
	}
	return d.raw.Close()
}

// streamError is an error of the file as it was fetched, as opposed to one of
// what is in it.
type streamError struct{ error }

func (e streamError) Unwrap() error { return e.error }

// readError sorts the errors of reading a data file.
func readError(err error) error {
	switch e, ok := errors.AsType[streamError](err); {
	case ok:
		return e.error
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse("gzip is truncated")
	}
	return unreadable{err}
}

// checked reads a file and holds it against its size and MD5 at its end.
type checked struct {
	r    io.Reader
	size int64 // of the object
	n    int64 // read so far
	sum  hash.Hash
	want string
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.sum.Write(p[:n])
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, streamError{fmt.Errorf("after %d of %d bytes: %w", c.n, c.size, err)}
	case c.n != c.size: // the connection's fault, not the file's
		return n, streamError{fmt.Errorf("ended after %d of %d bytes: %w", c.n, c.size, cloud.ErrUnavailable)}
	}
	if got := hex.EncodeToString(c.sum.Sum(nil)); !strings.EqualFold(got, c.want) {
		return n, streamError{refuse("MD5 is %s, the manifest says %s", got, c.want)}
	}
	return n, io.EOF
}

// unpacker reads gzip, also of several members.
type unpacker struct {
	packed *bufio.Reader
	gz     *gzip.Reader
	n      int64
}

func (u *unpacker) Read(p []byte) (int, error) {
	if u.gz == nil {
		gz, err := gzip.NewReader(u.packed)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // an empty file is no gzip
		}
		if err != nil {
			return 0, err
		}
		u.gz = gz
	}
	n, err := u.gz.Read(p)
	if u.n += int64(n); u.n > maxText {
		return 0, refuse("it unpacks to more than %d bytes", maxText)
	}
	return n, err
}
