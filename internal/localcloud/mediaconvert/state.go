package mediaconvert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// files keeps one JSON file a resource, replaced whole or not at all.
type files struct{ dir string }

func (f files) path(kind, id string) string { return filepath.Join(f.dir, kind, id+".json") }

// save writes v as KIND/ID.json.
func (f files) save(kind, id string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("save %s %s: %w", kind, id, err)
	}
	name := f.path(kind, id)
	err = os.WriteFile(name+".new", data, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(name), 0o755); err == nil {
			err = os.WriteFile(name+".new", data, 0o644)
		}
	}
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		return fmt.Errorf("save %s %s: %w", kind, id, err)
	}
	return nil
}

// read reads KIND/ID.json into v.
func (f files) read(kind, id string, v any) error {
	data, err := os.ReadFile(f.path(kind, id))
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return fmt.Errorf("read %s %s: %w", kind, id, err)
	}
	return nil
}

// remove deletes KIND/ID.json; a missing one is no error.
func (f files) remove(kind, id string) error {
	if err := os.Remove(f.path(kind, id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s %s: %w", kind, id, err)
	}
	return nil
}

// ids lists the resources of a kind, in order. What a crash left between write
// and rename is deleted.
func (f files) ids(kind string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(f.dir, kind))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", kind, err)
	}
	var ids []string
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			_ = os.Remove(filepath.Join(f.dir, kind, e.Name()))
			continue
		}
		ids = append(ids, id)
	}
	return ids, nil
}
