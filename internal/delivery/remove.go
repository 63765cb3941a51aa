package delivery

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// removePage is how many files one request deletes; S3 takes at most 1,000.
const removePage = 1000

// Remove deletes every file of a build. It refuses any prefix but that of one
// build below the output, media/ASSET/BUILD/, before it deletes anything. A
// repeat is safe, and finishes what an earlier call began.
func (s *Service) Remove(ctx context.Context, prefix cloud.Location) error {
	if err := s.checkPrefix(prefix); err != nil {
		return fmt.Errorf("remove %s: %w", prefix, err)
	}
	keys := make([]string, 0, removePage)
	flush := func() error {
		if len(keys) == 0 {
			return nil
		}
		err := s.store.Delete(ctx, prefix.Bucket, keys...)
		keys = keys[:0]
		return err
	}
	for o, err := range s.store.List(ctx, prefix, "") {
		if err != nil {
			return fmt.Errorf("remove %s: %w", prefix, err)
		}
		if keys = append(keys, o.Key); len(keys) < removePage {
			continue
		}
		if err := flush(); err != nil {
			return fmt.Errorf("remove %s: %w", prefix, err)
		}
	}
	if err := flush(); err != nil {
		return fmt.Errorf("remove %s: %w", prefix, err)
	}
	return nil
}

// checkPrefix refuses what [media.BuildPrefix] does not make of our output.
func (s *Service) checkPrefix(prefix cloud.Location) error {
	root := s.output.Join("media/")
	if !root.Holds(prefix) {
		return fmt.Errorf("not below %s", root)
	}
	asset, rest, _ := strings.Cut(prefix.Key[len(root.Key):], "/")
	number, ok := strings.CutSuffix(rest, "/")
	n, err := strconv.Atoi(number)
	if !ok || !isAsset(asset) || err != nil || n < 1 || strconv.Itoa(n) != number {
		return fmt.Errorf("not the prefix of a build, %sASSET/BUILD/", root)
	}
	return nil
}

// isAsset reports whether s has the form of an asset ID: 26 characters of base32.
func isAsset(s string) bool {
	const length = 26
	notBase32 := func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '2' || r > '7') }
	return len(s) == length && !strings.ContainsFunc(s, notBase32)
}
