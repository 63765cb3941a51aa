package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// report has the local cloud write an inventory report of the library, as S3
// would, and returns where its manifest is.
func report(ctx context.Context, root, dir string) (manifest string, err error) {
	cmd := exec.CommandContext(ctx, filepath.Join(root, "bin", "localcloud"), "inventory",
		"--dir", filepath.Join(dir, "cloud"), "--bucket", libraryBucket, "--to", reports, "--format", "csv")
	out, err := cmd.Output()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(e.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("write an inventory report: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// taken is what watch remembers of the last report that it took.
type taken struct {
	Manifest  string `json:"manifest"`
	Rows      int    `json:"rows"`
	New       int    `json:"new"`
	Changed   int    `json:"changed"`
	InWork    int    `json:"in_work"`
	Unchanged int    `json:"unchanged"`
	Left      int    `json:"left"`

	Skipped map[string]int `json:"skipped"`
	Broken  map[string]int `json:"broken"`
}

// String says what was found, in words.
func (t *taken) String() string {
	parts := []string{fmt.Sprintf("%d rows", t.Rows)}
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(t.New, "new")
	add(t.Changed, "changed")
	add(t.InWork, "in work")
	add(t.Unchanged, "unchanged")
	add(t.Left, "left")
	for _, reasons := range []map[string]int{t.Skipped, t.Broken} {
		for _, reason := range slices.Sorted(maps.Keys(reasons)) {
			add(reasons[reason], reason)
		}
	}
	return strings.Join(parts, ", ")
}

// maxProgress bounds what watch remembers.
const maxProgress = 4 << 20 // bytes

// hasTaken reports whether watch has taken the report of manifest, and what it
// found. A report that it refused is an error.
func hasTaken(ctx context.Context, store cloud.Store, manifest string) (*taken, error) {
	for o, err := range store.List(ctx, cloud.Location{Bucket: ledgerBucket, Key: ledgerPrefix + "/watch/"}, "") {
		if err != nil {
			return nil, err
		}
		body, _, err := store.Get(ctx, o.Location, maxProgress)
		if err != nil {
			return nil, err
		}
		var p struct {
			Counts  *taken `json:"counts"`
			Refused []struct{ Manifest, Reason string }
		}
		if err := json.Unmarshal(body, &p); err != nil {
			return nil, fmt.Errorf("progress of watch in %s: %w", o.Location, err)
		}
		for _, r := range p.Refused {
			if r.Manifest == manifest {
				return nil, fmt.Errorf("report %s is refused: %s", manifest, r.Reason)
			}
		}
		if p.Counts != nil && p.Counts.Manifest == manifest {
			return p.Counts, nil
		}
	}
	return nil, nil
}
