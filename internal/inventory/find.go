package inventory

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Bounds of what is held while reports are looked for.
const (
	maxConfigurations = 1000
	maxReports        = 100_000
)

// folderTime is the layout of the folder that a report's manifest is in.
const folderTime = "2006-01-02T15-04Z"

// Found is a complete report.
type Found struct {
	Manifest      cloud.Location
	Configuration string // the key's beginning that all reports of its inventory share, "inv/library/all/"
	Folder        string // the time of the report, "2026-11-22T01-00Z": equal lengths, ascending as text
}

// Taken remembers, by configuration, the folder of the report taken last. One
// time for all of them would lose reports: a report is named after the time at
// which it was begun, and a large bucket's is complete hours after a small
// one's. Within a configuration nothing is lost: a report that was overtaken
// by the next one says nothing that the next does not say better.
type Taken map[string]string

// Add notes that f is taken.
func (t Taken) Add(f Found) { t[f.Configuration] = f.Folder }

// Find yields the complete reports below a folder that are newer than those
// taken, of any number of source buckets and configurations, by their time,
// the oldest first. An error is yielded once, and nothing else then. It reads
// the names of manifests and passes over those of data files: about three
// requests a configuration.
func Find(ctx context.Context, store cloud.Store, root cloud.Location, taken Taken) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		if root.Key != "" {
			root = root.Join("")
		}
		s := search{root: root, taken: taken, configurations: make(map[string]bool)}
		if err := s.run(ctx, store); err != nil {
			yield(Found{}, fmt.Errorf("find reports below %s: %w", root, err))
			return
		}
		slices.SortFunc(s.found, func(a, b Found) int {
			return cmp.Or(strings.Compare(a.Folder, b.Folder), strings.Compare(a.Configuration, b.Configuration))
		})
		for _, f := range s.found {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// search walks through the keys below root in their order.
type search struct {
	root           cloud.Location
	taken          Taken
	configuration  string // of the manifest seen last
	configurations map[string]bool
	summed         string // folder whose checksum was seen last
	found          []Found
}

func (s *search) run(ctx context.Context, store cloud.Store) error {
	for after, more := "", true; more; {
		more = false
		for o, err := range store.List(ctx, s.root, after) {
			if err != nil {
				return err
			}
			if after = s.pass(o.Key); after > o.Key {
				more = true
				break
			}
			if err := s.see(o.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// pass returns the key to go on behind, if key is one of many that are no
// manifests: beside the folders of its manifests, and sorted behind them, a
// configuration has its data and links to them for Hive.
func (s *search) pass(key string) string {
	for _, folder := range []string{"data/", "hive/"} {
		if s.configuration != "" && strings.HasPrefix(key, s.configuration+folder) {
			return s.configuration + folder + "\U0010FFFF"
		}
	}
	return ""
}

// see takes notice of a key. The checksum of a report sorts before its manifest.
func (s *search) see(key string) error {
	end := strings.LastIndexByte(key, '/')
	if end < 0 {
		return nil
	}
	folder, name := key[:end], key[end+1:]
	if name != manifestName && name != checksumName {
		return nil
	}
	begin := strings.LastIndexByte(folder, '/') + 1
	configuration, at := folder[:begin], folder[begin:]
	if t, err := time.Parse(folderTime, at); err != nil || t.Format(folderTime) != at {
		return nil
	}
	if s.configuration = configuration; !s.configurations[configuration] {
		if len(s.configurations) == maxConfigurations {
			return fmt.Errorf("more than %d configurations: look in a folder of fewer", maxConfigurations)
		}
		s.configurations[configuration] = true
	}
	switch {
	case name == checksumName:
		s.summed = folder
	case s.summed == folder && at > s.taken[configuration]:
		if len(s.found) == maxReports {
			return fmt.Errorf("more than %d reports: look in a folder of fewer", maxReports)
		}
		s.found = append(s.found, Found{cloud.Location{Bucket: s.root.Bucket, Key: key}, configuration, at})
	}
	return nil
}
