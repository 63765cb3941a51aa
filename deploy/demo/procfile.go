package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// entry is one line of a Procfile: a command for the shell, by its name.
type entry struct{ name, command string }

var entryLine = regexp.MustCompile(`^([A-Za-z0-9_-]+):\s*(\S.*)$`)

// parseProcfile reads the form that Heroku and foreman know: NAME: COMMAND a
// line; empty lines and those of a # are passed over.
func parseProcfile(r io.Reader) ([]entry, error) {
	var all []entry
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := entryLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("procfile line %d: want NAME: COMMAND, not %.60q", n, line)
		}
		if slices.ContainsFunc(all, func(e entry) bool { return e.name == m[1] }) {
			return nil, fmt.Errorf("procfile line %d: a second %s", n, m[1])
		}
		all = append(all, entry{m[1], m[2]})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("procfile: %w", err)
	}
	return all, nil
}
