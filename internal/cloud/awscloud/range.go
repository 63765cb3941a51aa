package awscloud

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// GetRange implements [cloud.Store]. S3 answers a range that begins beyond the
// end with 416 InvalidRange, whose status tells its kind.
func (s *store) GetRange(ctx context.Context, at cloud.Location, offset, length int64) ([]byte, error) {
	const op = "GetObject"
	if err := at.Valid(); err != nil {
		return nil, invalid(op, at.String(), err)
	}
	if offset < 0 || length < 1 {
		return nil, invalid(op, at.String(), fmt.Errorf("%d bytes from %d on", length, offset))
	}
	length = min(length, math.MaxInt64-offset)
	return call(ctx, callTime, op, at.String(), func(ctx context.Context) ([]byte, error) {
		out, err := s.api.GetObject(ctx, &s3.GetObjectInput{
			Bucket: &at.Bucket, Key: &at.Key, Range: new(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)),
		})
		if err != nil {
			return nil, err
		}
		defer out.Body.Close()
		if out.ContentRange == nil { // the whole, of a server that knows no ranges
			if n, err := io.CopyN(io.Discard, out.Body, offset); err == io.EOF {
				return nil, tooShort{n, offset}
			} else if err != nil {
				return nil, err
			}
		}
		body, err := io.ReadAll(io.LimitReader(out.Body, length))
		if err == nil && len(body) == 0 {
			err = tooShort{offset, offset}
		}
		if err != nil {
			return nil, err
		}
		return body, nil
	})
}

// tooShort refuses a range that begins where an object has ended.
type tooShort struct{ size, offset int64 }

func (e tooShort) Error() string {
	return fmt.Sprintf("%d bytes, asked for those from %d on", e.size, e.offset)
}
