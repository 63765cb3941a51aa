package media

import (
	"bytes"
	"fmt"
	"strings"
)

// RewriteHLS returns the playlist with prefix before every URI that it names,
// and every other byte as it was: unknown tags, comments, line ends. A prefix
// is a relative or absolute URL that ends in a slash and holds no quotes. It
// fails where [ParseHLS] fails, and on a URI that is not relative.
func RewriteHLS(playlist []byte, prefix string) ([]byte, error) {
	if _, err := ParseHLS(playlist); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	done := 0
	insert := func(at int) {
		out.Write(playlist[done:at])
		out.WriteString(prefix)
		done = at
	}
	for l := range hlsLines(playlist) {
		starts, err := uriStarts(l.text)
		if err != nil {
			return nil, fmt.Errorf("rewrite playlist: line %d: %w", l.number, err)
		}
		for _, s := range starts {
			insert(l.start + s)
		}
	}
	out.Write(playlist[done:])
	return out.Bytes(), nil
}

// uriStarts tells where the URIs of a line begin.
func uriStarts(line string) ([]int, error) {
	switch {
	case line == "" || strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "#EXT"):
		return nil, nil
	case !strings.HasPrefix(line, "#"):
		return []int{0}, checkRelative(line)
	}
	tag, value, _ := strings.Cut(line[1:], ":")
	attrs, _, err := list(tag, value)
	if err != nil {
		return nil, err
	}
	var starts []int
	for _, a := range attrs {
		if !a.namesFile() {
			continue
		}
		if err := checkRelative(a.value); err != nil {
			return nil, fmt.Errorf("%s: URI %.200q: %w", tag, a.value, err)
		}
		starts = append(starts, len(line)-len(value)+a.at)
	}
	return starts, nil
}
