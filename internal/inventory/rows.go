package inventory

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxRow bounds one row in bytes: a key of 1,024 bytes, each of them encoded
// in three, and the other columns with room to spare.
const maxRow = 64 << 10

// Rows yields the rows of all data files, in the manifest's order, as they are
// read: nothing is held but a few buffers. A row that cannot be read is yielded
// as a [*RowError], and the rows go on; any other error is yielded once, last.
//
// A data file is held against the MD5 that the manifest has of it while it is
// read, so a wrong file is known only at its end, when its rows have been
// yielded. Like all rows, they are reasons to look and no more.
func (r *Report) Rows(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for file := range r.files {
			if more, err := r.rowsOf(ctx, file, yield); err != nil {
				yield(Row{}, fmt.Errorf("read data file %s of report %s: %w", r.at(file), r.Manifest, err))
				return
			} else if !more {
				return
			}
		}
	}
}

// rowsOf yields the rows of one data file; more is false if yield wants none.
func (r *Report) rowsOf(ctx context.Context, file int, yield func(Row, error) bool) (more bool, err error) {
	data, err := r.files[file].open(ctx, r.store, r.at(file))
	if err != nil {
		return false, err
	}
	defer data.Close()
	lines := bufio.NewReaderSize(data, maxRow)
	var fields [maxColumns]string
	for n := 1; ; n++ {
		line, end, long := nextLine(lines)
		if end != nil && !errors.Is(end, io.EOF) {
			return false, readError(end)
		}
		if end != nil && len(line) == 0 && !long {
			return true, nil
		}
		row, bad := Row{}, fault{reason: fmt.Sprintf("row is longer than %d bytes", maxRow)}
		if !long {
			row, bad = r.columns.parse(string(bytes.TrimSuffix(line, []byte("\r"))), fields[:])
		}
		row.Line, row.file = n, file
		if bad.reason == "" {
			more = yield(row, nil)
		} else {
			more = yield(row, &RowError{File: r.at(file), Line: n, fault: bad})
		}
		if !more || end != nil {
			return more, nil
		}
	}
}

// nextLine returns the next line without its end. It is good until the next
// call. Of a line that is too long nothing is returned. The error is that of
// reading behind the line.
func nextLine(r *bufio.Reader) (line []byte, err error, long bool) {
	line, err = r.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		long = true
		line, err = r.ReadSlice('\n')
	}
	if long {
		return nil, err, true
	}
	return bytes.TrimSuffix(line, []byte("\n")), err, false
}
