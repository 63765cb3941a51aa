package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestParseProcfile(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       string // entries, or the error
	}{
		{"commands", "# first\n\nweb: exec serve --port \"${PORT:-80}\"\nwork-er_2:   run: it\n", `[{web exec serve --port "${PORT:-80}"} {work-er_2 run: it}]`},
		{"empty", "\n# nothing\n", "[]"},
		{"no command", "web:\n", `procfile line 1: want NAME: COMMAND, not "web:"`},
		{"no name", "a: b\nserve it\n", `procfile line 2: want NAME: COMMAND, not "serve it"`},
		{"twice", "a: b\na: c\n", "procfile line 2: a second a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			entries, err := parseProcfile(strings.NewReader(tt.text))
			got := fmt.Sprint(entries)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("parseProcfile = %s, want %s", got, tt.want)
			}
		})
	}
}

// The repository's own Procfile has what the demo starts, what others need
// first.
func TestProcfile(t *testing.T) {
	f, err := os.Open("../../Procfile")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	entries, err := parseProcfile(f)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.name)
		if !strings.Contains(e.command, "exec ") {
			t.Errorf("%s does not exec: its shell would be signalled in its place", e.name)
		}
	}
	if want := []string{"redis", "localcloud", "worker", "enqueuer", "dashboard", "library"}; !slices.Equal(names, want) {
		t.Errorf("processes %v, want %v", names, want)
	}
}
