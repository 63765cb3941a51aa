package media

import "strings"

// terminology maps the bibliographic codes of ISO 639-2, which many files
// carry, to the terminological ones that ISO 639-3 and probes use.
var terminology = map[string]string{
	"alb": "sqi", "arm": "hye", "baq": "eus", "bur": "mya", "chi": "zho",
	"cze": "ces", "dut": "nld", "fre": "fra", "geo": "kat", "ger": "deu",
	"gre": "ell", "ice": "isl", "mac": "mkd", "mao": "mri", "may": "msa",
	"per": "fas", "rum": "ron", "slo": "slk", "tib": "bod", "wel": "cym",
}

// language returns the code in lower case and in its terminological form, so
// that two codes of one language compare equal.
func language(code string) string {
	code = strings.ToLower(code)
	if t, ok := terminology[code]; ok {
		return t
	}
	return code
}

// isLanguage reports whether code has the form of an ISO 639-2 code in lower
// case. Whether the language exists is not looked up: one that no source has
// does no harm.
func isLanguage(code string) bool {
	if len(code) != 3 {
		return false
	}
	for _, c := range []byte(code) {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}
