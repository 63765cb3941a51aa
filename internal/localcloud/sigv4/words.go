package sigv4

import (
	"fmt"
	"net/http"
)

// fault is what can be wrong with a signature.
type fault int

const (
	missingToken fault = iota // no signature
	incomplete                // a part of it is missing or malformed
	unknownKey                // by nobody's key
	mismatch                  // wrong, expired, or for something else
)

// words are a family of services' codes for the faults.
type words [4]string

var (
	xmlWords  = words{"MissingAuthenticationToken", "IncompleteSignature", "InvalidClientTokenId", "SignatureDoesNotMatch"}
	jsonWords = words{"MissingAuthenticationTokenException", "IncompleteSignatureException", "UnrecognizedClientException", "InvalidSignatureException"}
)

func wordsOf(service string) words {
	if service == "cloudfront" {
		return xmlWords
	}
	return jsonWords
}

func (w words) refuse(f fault, format string, args ...any) *Refusal {
	return &Refusal{http.StatusForbidden, w[f], fmt.Sprintf(format, args...)}
}
