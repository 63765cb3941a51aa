package edge

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"html"
	"maps"
	"net/http"
)

// s3Error is an error answer of S3.
func s3Error(status int, code, text string) *entry {
	var b bytes.Buffer
	b.WriteString(xml.Header + "<Error><Code>" + code + "</Code><Message>")
	_ = xml.EscapeText(&b, []byte(text)) // a bytes.Buffer does not fail
	b.WriteString("</Message></Error>")
	return &entry{
		status: status, body: b.Bytes(),
		header: http.Header{"Content-Type": {"application/xml"}, "Server": {"AmazonS3"}},
	}
}

// failure is an error of the edge itself.
func failure(status int, text string) *entry {
	body := fmt.Sprintf("<!DOCTYPE html>\n<html><head><title>ERROR: The request could not be satisfied</title></head><body>\n"+
		"<h1>%d ERROR</h1>\n<h2>The request could not be satisfied.</h2>\n<p>%s</p>\n</body></html>\n", status, html.EscapeString(text))
	return &entry{
		status: status, body: []byte(body),
		header: http.Header{"Content-Type": {"text/html"}, "Server": {"CloudFront"}},
	}
}

// refuse answers a request that goes to no origin.
func refuse(w http.ResponseWriter, r *http.Request, status int, text string) {
	writePlain(w, r, failure(status, text))
}

func writeXML(w http.ResponseWriter, r *http.Request, status int, code, text string) {
	writePlain(w, r, s3Error(status, code, text))
}

func writePlain(w http.ResponseWriter, r *http.Request, n *entry) {
	maps.Copy(w.Header(), n.header)
	w.Header().Set("X-Cache", resultError)
	w.WriteHeader(n.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(n.body) // the viewer may be gone
	}
}
