package objects

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxListing bounds the body of a listing: 1,000 keys of 1,024 bytes with what
// goes with them.
const maxListing = 16 << 20 // bytes

// listings are the operations that take encoding-type, with the elements that
// it applies to (API reference, ListObjectsV2 and the others).
var (
	listings = []string{"ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads"}
	encoded  = []string{"Key", "Prefix", "Delimiter", "Marker", "NextMarker", "StartAfter", "KeyMarker", "NextKeyMarker"}
)

// encodeListing gives a listing the encoding that its request asks for, which
// the gateway does not know: keys are percent-encoded, and the answer says so.
func encodeListing(r *http.Response) error {
	if r.StatusCode != http.StatusOK || r.Request == nil || !strings.Contains(r.Request.URL.RawQuery, "encoding-type=url") {
		return nil
	}
	if q, _ := url.ParseQuery(r.Request.URL.RawQuery); q.Get("encoding-type") != "url" || !slices.Contains(listings, operation(r.Request)) {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxListing+1))
	if err == nil && len(body) > maxListing {
		err = fmt.Errorf("longer than %d bytes", maxListing)
	}
	if err != nil {
		return fmt.Errorf("read listing: %w", err)
	}
	r.Body.Close()
	if body, err = encodeKeys(body); err != nil {
		return fmt.Errorf("encode listing: %w", err)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

// encodeKeys copies an XML listing with its keys encoded.
func encodeKeys(body []byte) ([]byte, error) {
	in := xml.NewDecoder(bytes.NewReader(body))
	var out bytes.Buffer
	var open []string
	var kept int64 // offset up to which body has been copied
	for {
		from := in.InputOffset()
		token, err := in.RawToken()
		if err == io.EOF {
			out.Write(body[kept:])
			return out.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
		to := in.InputOffset()
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token.Name.Local)
			if len(open) == 1 {
				out.Write(body[kept:to])
				out.WriteString("<EncodingType>url</EncodingType>")
				kept = to
			} else if len(open) == 2 && token.Name.Local == "EncodingType" { // the gateway's own, empty
				out.Write(body[kept:from])
				kept = to
			}
		case xml.EndElement:
			if len(open) == 2 && token.Name.Local == "EncodingType" {
				kept = to
			}
			open = open[:max(0, len(open)-1)]
		case xml.CharData:
			if len(open) < 2 || !slices.Contains(encoded, open[len(open)-1]) {
				continue
			}
			out.Write(body[kept:from])
			out.WriteString(escapeKey(string(token)))
			kept = to
		}
	}
}

// escapeKey is a key as S3 writes it in a listing of encoding-type url:
// unreserved characters, the slash and the star stay, a space is a plus.
func escapeKey(key string) string {
	return strings.NewReplacer("%2F", "/", "%2A", "*", "~", "%7E").Replace(url.QueryEscape(key))
}
