package objects

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// OpenFile opens an object's content for reading; the caller closes it. What
// is open stays as it is when the object is replaced or deleted. It fails with
// [ErrNotFound] as s does.
func OpenFile(ctx context.Context, s Store, bucket, key string) (*os.File, Info, error) {
	for again := true; ; again = false {
		name, info, err := s.Open(ctx, bucket, key)
		if err != nil {
			return nil, Info{}, err
		}
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) && again { // replaced between the two
			continue
		}
		if err != nil {
			return nil, Info{}, fmt.Errorf("open s3://%s/%s: %w", bucket, key, err)
		}
		return f, info, nil
	}
}
