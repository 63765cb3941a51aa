package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/ledger"
)

func TestScan(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{
		"b.mp4": 3, "a.MOV": 3, "folder/deep/c d.mkv": 1, ".hidden": 1, ".cache/x.mp4": 1, "no-extension": 9, "bad-\xff.mp4": 1,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{"link.mp4": "b.mp4", "dangling.mp4": "nothing", "loop": "."} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	videos, refused, err := scan(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range videos {
		got = append(got, v.key)
	}
	if want := []string{"folder/deep/c d.mkv", "a.MOV", "b.mp4", "link.mp4", "no-extension"}; !slices.Equal(got, want) {
		t.Errorf("scan = %q, want %q", got, want)
	}
	if len(refused) != 1 || !strings.Contains(refused["bad-\xff.mp4"], "UTF-8") {
		t.Errorf("refused %q, want the name that is not UTF-8", refused)
	}
	if _, _, err := scan(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("scan of a folder that is not there succeeds")
	}
}

func TestAdded(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.mp4")
	if err := os.WriteFile(file, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	at := info.ModTime()
	for _, tt := range []struct {
		name  string
		known video
		after time.Duration // of the look, since the file was written
		want  int
	}{
		{"new and still", video{}, 3 * time.Second, 1},
		{"new and being copied", video{}, time.Second, 0},
		{"known", video{"a.mp4", file, 3, at}, time.Hour, 0},
		{"longer", video{"a.mp4", file, 2, at}, time.Hour, 1},
		{"written again", video{"a.mp4", file, 3, at.Add(-time.Hour)}, time.Hour, 1},
	} {
		d := &demo{library: dir, known: map[string]video{}}
		if tt.known.key != "" {
			d.known["a.mp4"] = tt.known
		}
		got, err := d.added(at.Add(tt.after))
		if err != nil || len(got) != tt.want {
			t.Errorf("%s: added = %v, %v, want %d", tt.name, got, err, tt.want)
		}
	}
}

func TestRight(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name string
		a    asset
		want bool
	}{
		{"published", asset{state: "published", ended: true, playable: now, want: "published"}, true},
		{"published, not playable", asset{state: "published", ended: true, want: "published"}, false},
		{"still in work", asset{state: "published", playable: now}, false},
		{"a bad source, as it should", asset{state: "failed", ended: true, want: "failed", class: ledger.BadSource, reason: "no video"}, true},
		{"another failure than it should", asset{state: "failed", ended: true, want: "failed", class: ledger.Access, reason: "denied"}, false},
		{"published in place of failed", asset{state: "published", ended: true, playable: now, want: "failed"}, false},
		{"failed in place of published", asset{state: "failed", ended: true, want: "published", class: ledger.BadSource, reason: "no video"}, false},
		{"the user's, failed", asset{state: "failed", ended: true, class: ledger.BadSource, reason: "no video"}, true},
		{"the user's, failed without a reason", asset{state: "failed", ended: true}, false},
		{"the user's, skipped", asset{state: "skipped", ended: true, reason: "image, by its name"}, true},
	} {
		if got := tt.a.right(); got != tt.want {
			t.Errorf("%s: right = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got, want := printable("kůň\x1b[2J\u202e日\n"), "kůň�[2J�日�"; got != want {
		t.Errorf("printable = %q, want %q", got, want)
	}
}
