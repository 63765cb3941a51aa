package objects

import (
	"context"
	"path"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3response"
)

// unfinished is the name that a file has for a moment while it takes another's
// place (versitygw's linkatOTmpfile). It is no object, and its bucket's lists
// have it.
var unfinished = regexp.MustCompile(`^\..+\.sgwtmp\.[0-9]+$`)

func isUnfinished(key *string) bool { return unfinished.MatchString(path.Base(aws.ToString(key))) }

func isUnfinishedObject(o s3response.Object) bool { return isUnfinished(o.Key) }

// ListObjects lists objects, and nothing that is about to be one.
func (b *clocked) ListObjects(ctx context.Context, in *s3.ListObjectsInput) (s3response.ListObjectsResult, error) {
	out, err := b.Posix.ListObjects(ctx, in)
	out.Contents = slices.DeleteFunc(out.Contents, isUnfinishedObject)
	return out, err
}

// ListObjectsV2 lists objects, and nothing that is about to be one.
func (b *clocked) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input) (s3response.ListObjectsV2Result, error) {
	out, err := b.Posix.ListObjectsV2(ctx, in)
	before := len(out.Contents)
	out.Contents = slices.DeleteFunc(out.Contents, isUnfinishedObject)
	if left := before - len(out.Contents); left > 0 && out.KeyCount != nil {
		out.KeyCount = aws.Int32(*out.KeyCount - int32(left))
	}
	return out, err
}

// ListObjectVersions lists versions, and nothing that is about to be one.
func (b *clocked) ListObjectVersions(ctx context.Context, in *s3.ListObjectVersionsInput) (s3response.ListVersionsResult, error) {
	out, err := b.Posix.ListObjectVersions(ctx, in)
	out.Versions = slices.DeleteFunc(out.Versions, func(v s3response.ObjectVersion) bool { return isUnfinished(v.Key) })
	return out, err
}
