package cloudfront

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// files keeps one JSON file per resource, so that a change costs one small
// write however much there is. A file is replaced whole or not at all.
type files struct{ dir string }

// save writes v as KIND/ID.json.
func (f files) save(kind, id string, v any) error {
	dir := filepath.Join(f.dir, kind)
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("save %s %s: %w", kind, id, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save %s %s: %w", kind, id, err)
	}
	name := filepath.Join(dir, id+".json")
	if err := os.WriteFile(name+".new", data, 0o644); err != nil {
		return fmt.Errorf("save %s %s: %w", kind, id, err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("save %s %s: %w", kind, id, err)
	}
	return nil
}

// remove deletes KIND/ID.json; a missing one is no error.
func (f files) remove(kind, id string) error {
	err := os.Remove(filepath.Join(f.dir, kind, id+".json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s %s: %w", kind, id, err)
	}
	return nil
}

// load reads every resource of a kind, in order of ID.
func load[T any](f files, kind string) ([]*T, error) {
	entries, err := os.ReadDir(filepath.Join(f.dir, kind))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", kind, err)
	}
	var out []*T
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue // left by a crash between write and rename
		}
		data, err := os.ReadFile(filepath.Join(f.dir, kind, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", kind, err)
		}
		v := new(T)
		if err := json.Unmarshal(data, v); err != nil {
			return nil, fmt.Errorf("load %s %s: %w", kind, e.Name(), err)
		}
		out = append(out, v)
	}
	return out, nil
}
