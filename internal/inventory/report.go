// Package inventory reads S3 Inventory reports: it finds those that are
// complete, checks what their manifest promises, and streams their rows. What
// a row asks for is decided by [Report.Plan], which is pure; whether it is
// enqueued is for others.
//
// Reports are old news: S3 lists a bucket over hours, and a report may be read
// days later. So a row is never more than a reason to look at the object
// itself.
package inventory

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Names of the two objects of a report's folder.
const (
	manifestName = "manifest.json"
	checksumName = "manifest.checksum"
)

// ErrIncomplete means that a report has no manifest.checksum, which S3 writes
// last: it is not finished, or it never will be.
var ErrIncomplete = errors.New("not complete")

// unreadable marks an error that no repeat mends; see [Unreadable].
type unreadable struct{ error }

func (u unreadable) Unwrap() error { return u.error }

func refuse(format string, args ...any) error { return unreadable{fmt.Errorf(format, args...)} }

// Unreadable reports whether err says that a report can never be read as it
// is: its manifest or one of its data files is broken, missing, or of a format
// that this version does not read. Newer reports say the same better, so it is
// left alone. Other errors (a cloud that does not answer or denies, a report
// that is not complete) may pass, or are mended by a person.
func Unreadable(err error) bool {
	_, ok := errors.AsType[unreadable](err)
	return ok
}

// Report is one complete inventory report.
type Report struct {
	Manifest     cloud.Location
	SourceBucket string // whose objects it lists

	store   cloud.Store
	files   []dataFile
	columns columns
}

// Open reads a report's manifest.json and holds it against the
// manifest.checksum beside it, its MD5 (Amazon S3 User Guide, "Locating your
// inventory list"). It fails with [ErrIncomplete] if there is no checksum, and
// with an error that is [Unreadable] if the manifest is broken.
func Open(ctx context.Context, store cloud.Store, manifest cloud.Location) (*Report, error) {
	r, err := open(ctx, store, manifest)
	if err != nil {
		return nil, fmt.Errorf("open report %s: %w", manifest, err)
	}
	return r, nil
}

func open(ctx context.Context, store cloud.Store, at cloud.Location) (*Report, error) {
	folder, ok := strings.CutSuffix(at.Key, manifestName)
	if !ok || folder != "" && !strings.HasSuffix(folder, "/") {
		return nil, refuse("want the key of a %s", manifestName)
	}
	sum, _, err := store.Get(ctx, cloud.Location{Bucket: at.Bucket, Key: folder + checksumName}, maxChecksum)
	switch {
	case errors.Is(err, cloud.ErrNotFound):
		return nil, fmt.Errorf("%w: no %s", ErrIncomplete, checksumName)
	case err != nil:
		return nil, forGood(err)
	}
	text, _, err := store.Get(ctx, at, maxManifest)
	if err != nil {
		return nil, forGood(err)
	}
	got := md5.Sum(text)
	if want := strings.TrimSpace(string(sum)); !strings.EqualFold(hex.EncodeToString(got[:]), want) {
		return nil, refuse("MD5 is %x, %s says %.40q", got, checksumName, want)
	}
	m, err := parseManifest(text, at.Bucket)
	if err != nil {
		return nil, unreadable{err}
	}
	return &Report{Manifest: at, SourceBucket: m.SourceBucket, store: store, files: m.Files, columns: m.columns}, nil
}

// forGood marks an error of the store as unreadable where a repeat ends the
// same: an object that is not there, is too large, or is archived.
func forGood(err error) error {
	if errors.Is(err, cloud.ErrNotFound) || errors.Is(err, cloud.ErrInvalid) {
		return unreadable{err}
	}
	return err
}

// File returns the data file that a row was read from.
func (r *Report) File(row Row) cloud.Location { return r.at(row.file) }

func (r *Report) at(file int) cloud.Location {
	return cloud.Location{Bucket: r.Manifest.Bucket, Key: r.files[file].Key}
}
