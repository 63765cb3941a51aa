package inventory

import "strings"

// split cuts a line of CSV into exactly len(fields) fields and says why it
// could not. Fields may be quoted or not, and hold commas and doubled quotes if
// they are. A line end always ends a row: S3 URL-encodes keys, so no field
// holds one, and a stray quote then costs one row and not the rest of the file.
func split(line string, fields []string) (reason string) {
	for i := range fields {
		last := i == len(fields)-1
		if !strings.HasPrefix(line, `"`) {
			end := strings.IndexByte(line, ',')
			if end < 0 != last {
				return countReason(last)
			}
			if last {
				end = len(line)
			}
			fields[i] = line[:end]
			line = line[min(end+1, len(line)):]
			continue
		}
		field, rest, ok := quoted(line[1:])
		if !ok {
			return "a quote is not closed"
		}
		fields[i] = field
		switch {
		case last && rest != "" && rest[0] == ',':
			return countReason(true)
		case last && rest != "", !last && rest != "" && rest[0] != ',':
			return "text after a closing quote"
		case !last && rest == "":
			return countReason(false)
		case !last:
			line = rest[1:]
		}
	}
	return ""
}

func countReason(more bool) string {
	if more {
		return "more columns than the manifest says"
	}
	return "fewer columns than the manifest says"
}

// quoted reads a quoted field behind its opening quote.
func quoted(s string) (field, rest string, ok bool) {
	end := strings.IndexByte(s, '"')
	if end < 0 {
		return "", "", false
	}
	if end+1 == len(s) || s[end+1] != '"' {
		return s[:end], s[end+1:], true // as nearly all are
	}
	var b strings.Builder
	for {
		b.WriteString(s[:end])
		s = s[end+1:]
		if s == "" || s[0] != '"' {
			return b.String(), s, true
		}
		b.WriteByte('"')
		s = s[1:]
		if end = strings.IndexByte(s, '"'); end < 0 {
			return "", "", false
		}
	}
}
