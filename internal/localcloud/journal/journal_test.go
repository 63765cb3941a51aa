package journal

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type entry struct {
	Word string `json:"word"`
}

// read opens the journal at path and returns the words that it says.
func read(t *testing.T, path string) (*Journal[entry], []string) {
	t.Helper()
	var words []string
	j, err := Open(path, 64, func(e entry) error {
		words = append(words, e.Word)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, words
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "j.jsonl")
	j, words := read(t, path)
	if len(words) != 0 {
		t.Fatalf("a journal that is not there says %q", words)
	}
	if err := j.Append(entry{"early"}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Append before Replace = %v, want %v", err, os.ErrClosed)
	}
	if err := j.Replace([]entry{{"a"}, {"b"}}); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(entry{"c"}); err != nil || j.Lines != 3 {
		t.Errorf("Append = %v, %d lines, want 3", err, j.Lines)
	}
	if err := j.Append(entry{strings.Repeat("x", 64)}); err == nil {
		t.Error("a line that could not be read back is written")
	}
	if err := j.Replace([]entry{{strings.Repeat("x", 64)}}); err == nil || j.Lines != 3 {
		t.Errorf("Replace = %v, %d lines; want it refused, and all as it was", err, j.Lines)
	}
	if err := j.Append(entry{"d"}); err != nil {
		t.Errorf("Append after a Replace that failed = %v", err)
	}
	j.Close()
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.tmp")); len(left) != 0 {
		t.Errorf("left %q", left)
	}

	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"word":"cut`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, words := read(t, path); !slices.Equal(words, []string{"a", "b", "c", "d"}) {
		t.Errorf("after a crash it says %q, want a to d", words)
	}
}

func TestReadRefuses(t *testing.T) {
	no := errors.New("no such word")
	for text, want := range map[string]string{
		`{"word":"a"}` + "\n" + `{"other":1}` + "\n": `line 2: json: unknown field "other"`,
		"{}\n":                   "line 1: no such word",
		"nonsense\n":             "line 1: invalid character 'o' in literal null (expecting 'u')",
		strings.Repeat("x", 100): "line 1: bufio: buffer full",
	} {
		err := Read(strings.NewReader(text), 64, func(e entry) error {
			if e.Word == "" {
				return no
			}
			return nil
		})
		if err == nil || err.Error() != want {
			t.Errorf("Read(%q) = %v, want %s", text, err, want)
		}
	}
}
