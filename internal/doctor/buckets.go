package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Fixes that several checks have.
const (
	makeBucket = "make the bucket, or name the right one in "
	allowRead  = "allow s3:GetObject on its objects and s3:ListBucket on the bucket; see deploy/iam"
	allowWrite = "allow s3:GetObject, s3:PutObject and s3:DeleteObject on its objects and s3:ListBucket on the bucket; see deploy/iam"
)

// sources says which videos cannot be found: each source is listed, and where it
// has an object its first is looked at.
func (d *Doctor) sources(ctx context.Context) []Finding {
	var found []Finding
	for _, s := range d.Sources {
		err := d.look(ctx, s)
		if err != nil {
			found = append(found, trouble(s.String(), err, makeBucket+"VODFLEET_SOURCES", allowRead))
		}
	}
	return found
}

// look lists a prefix and looks at its first object.
func (d *Doctor) look(ctx context.Context, prefix cloud.Location) error {
	for o, err := range d.Store.List(ctx, prefix, "") {
		if err != nil {
			return err
		}
		if _, err := d.Store.Head(ctx, o.Location); err != nil && !errors.Is(err, cloud.ErrNotFound) { // it may just have gone
			return err
		}
		break
	}
	return nil
}

// probeFolder is where the doctor's own objects are, below the output and the
// ledger.
const probeFolder = "doctor/"

func (d *Doctor) output(ctx context.Context) []Finding {
	subject := d.Output.String()
	if err := d.look(ctx, d.Output.Join("media/")); err != nil {
		return []Finding{trouble(subject, err, makeBucket+"VODFLEET_OUTPUT", allowRead)}
	}
	if !d.Probe {
		return []Finding{fine(subject, "it can be read; not written to, as told")}
	}
	return d.probe(ctx, d.Output, false)
}

func (d *Doctor) ledger(ctx context.Context) []Finding {
	subject := d.Ledger.String()
	if err := d.look(ctx, d.Ledger.Join("ledger/")); err != nil {
		return []Finding{trouble(subject, err, makeBucket+"VODFLEET_LEDGER", allowRead)}
	}
	var found []Finding
	if d.Probe {
		found = d.probe(ctx, d.Ledger, true)
	}
	kept, err := d.Inspector.Versioned(ctx, d.Ledger.Bucket)
	switch {
	case errors.Is(err, cloud.ErrDenied):
		found = append(found, warning("bucket "+d.Ledger.Bucket, "it does not tell whether it is versioned: "+err.Error(), "allow s3:GetBucketVersioning on it"))
	case err != nil:
		found = append(found, trouble("bucket "+d.Ledger.Bucket, err, "", ""))
	case !kept:
		found = append(found, warning("bucket "+d.Ledger.Bucket, "it keeps no versions: a record that is lost by mistake is lost",
			"aws s3api put-bucket-versioning --bucket "+d.Ledger.Bucket+" --versioning-configuration Status=Enabled"))
	}
	return found
}

// probe puts an object, reads it, tries conditional writes where those count,
// and deletes it.
func (d *Doctor) probe(ctx context.Context, root cloud.Location, conditions bool) (found []Finding) {
	at := root.Join(probeFolder + strings.ToLower(rand.Text()))
	subject := root.String()
	body := []byte("an object of vodfleet's doctor; it may be deleted\n")
	put, err := d.Store.Put(ctx, cloud.Put{Location: at, Body: body, ContentType: "text/plain"})
	if err != nil {
		return []Finding{trouble(subject, fmt.Errorf("put an object: %w", err), "", allowWrite)}
	}
	defer func() {
		if err := d.Store.Delete(context.WithoutCancel(ctx), at.Bucket, at.Key); err != nil {
			found = append(found, trouble(subject, fmt.Errorf("delete %s: %w", at, err), "", allowWrite))
		}
	}()
	if got, _, err := d.Store.Get(ctx, at, 1<<10); err != nil {
		return []Finding{trouble(subject, fmt.Errorf("read what was put: %w", err), "", allowWrite)}
	} else if string(got) != string(body) {
		return []Finding{broken(subject, "an object reads otherwise than it was put", "see what stands between this host and the bucket")}
	}
	if !conditions {
		return nil
	}
	const fix = "keep the ledger where conditional writes work, as in S3: without them two workers undo each other's work and videos are paid for twice"
	_, err = d.Store.Put(ctx, cloud.Put{Location: at, Body: body, If: cloud.Condition{Absent: true}})
	if f := refused(subject, "If-None-Match on an object that is there", err, fix); f != nil {
		found = append(found, *f)
	}
	_, err = d.Store.Put(ctx, cloud.Put{Location: at, Body: append(body, '.'), If: cloud.Condition{ETag: strings.Repeat("0", 32)}})
	if f := refused(subject, "If-Match with another ETag", err, fix); f != nil {
		found = append(found, *f)
	}
	if len(found) > 0 {
		return found
	}
	if _, err := d.Store.Put(ctx, cloud.Put{Location: at, Body: append(body, '.'), If: cloud.Condition{ETag: put.ETag}}); err != nil {
		found = append(found, broken(subject, "a write with the right If-Match is refused: "+err.Error(), fix))
	}
	return found
}

// refused is a finding unless a conditional write was refused for its condition.
func refused(subject, condition string, err error, fix string) *Finding {
	switch {
	case errors.Is(err, cloud.ErrPrecondition), errors.Is(err, cloud.ErrConflict):
		return nil
	case err == nil:
		return new(broken(subject, "a write with "+condition+" is not refused", fix))
	}
	return new(trouble(subject, fmt.Errorf("write with %s: %w", condition, err), "", allowWrite))
}
