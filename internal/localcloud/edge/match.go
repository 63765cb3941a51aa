package edge

import (
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/vodfleet/vodfleet/internal/localcloud/cloudfront"
)

// choose returns the first behaviour whose pattern matches the path, else the
// default one. Patterns see the path without dot segments.
func choose(v *cloudfront.View, path string) cloudfront.Behavior {
	path = strings.TrimPrefix(withoutDots(normal(path)), "/")
	last := len(v.Behaviors) - 1
	for _, b := range v.Behaviors[:last] {
		if glob(strings.TrimPrefix(b.Pattern, "/"), path) {
			return b
		}
	}
	return v.Behaviors[last]
}

// glob matches a path pattern: * stands for any characters, also none and
// also slashes, ? for exactly one. Case counts. It runs in time proportional to
// the product of the lengths at most.
func glob(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

const hexDigits = "0123456789ABCDEF"

// normal brings an escaped path to one spelling: escapes of unreserved
// characters (RFC 3986) undone, bytes that need one escaped, hexadecimal digits
// in upper case. Reserved characters stay as they were sent.
func normal(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch v, escaped := unescape(path[i:]); {
		case escaped && unreserved(v):
			b.WriteByte(v)
			i += 2
		case escaped:
			b.WriteString(strings.ToUpper(path[i : i+3]))
			i += 2
		case c <= ' ' || c >= 0x7f || strings.IndexByte("<>\"#%{}|\\^[]`", c) >= 0:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// unescape reads one percent escape at the beginning of s.
func unescape(s string) (byte, bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	hi, lo := strings.IndexByte("0123456789ABCDEF", upper(s[1])), strings.IndexByte("0123456789ABCDEF", upper(s[2]))
	return byte(hi<<4 | lo&15), hi >= 0 && lo >= 0
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// withoutDots removes dot segments as RFC 3986 section 5.2.4 does.
func withoutDots(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	var out []string
	parts := strings.Split(path, "/")
	for i, p := range parts {
		switch p {
		case "..":
			if len(out) > 1 {
				out = out[:len(out)-1]
			}
		case ".":
		default:
			out = append(out, p)
			continue
		}
		if i == len(parts)-1 { // a trailing dot segment names a folder
			out = append(out, "")
		}
	}
	return strings.Join(out, "/")
}

// purgeForm is an invalidation's path in the spelling of normal. Escapes that
// CloudFront's rules do not ask for are left in place, and so match nothing:
// only non-ASCII and unsafe characters (RFC 1738) may be escaped.
func purgeForm(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if _, escaped := unescape(path[i:]); escaped {
			s := strings.ToUpper(path[i : i+3])
			if s == "%7E" { // unsafe in RFC 1738, unreserved in RFC 3986
				s = "~"
			}
			b.WriteString(s)
			i += 2
			continue
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

var errBadKey = errors.New("not a key")

// objectKey returns the S3 key of an escaped path: S3 undoes percent escapes
// and takes + for a space, also in paths. It fails where S3 answers that it
// could not parse the URI.
func objectKey(path string) (string, error) {
	key, err := url.QueryUnescape(strings.TrimPrefix(path, "/"))
	if err != nil || !utf8.ValidString(key) {
		return "", errBadKey
	}
	return key, nil
}
