package storm

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// maxBody bounds a request's body that is read for its name.
const maxBody = 1 << 20 // bytes

// Names tells what a request of one service is, and the asset it is about.
type Names func(*http.Request) (name, about string)

// S3Names names requests of S3 by what they are to the fleet: the ledger of
// ledgers is below its prefix, all else is output or source.
func S3Names(ledgers, outputs string) Names {
	return func(r *http.Request) (string, string) {
		bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if r.URL.Query().Has("list-type") {
			key = r.URL.Query().Get("prefix")
		}
		noun, about := "Source", ""
		switch bucket {
		case ledgers:
			noun, about = ledgerObject(key)
		case outputs:
			noun = "Output"
			if rest, ok := strings.CutPrefix(key, "watch/"); ok {
				noun = "Entry"
				about, _, _ = strings.Cut(rest, "/")
			} else if rest, ok := strings.CutPrefix(key, "media/"); ok {
				about, _, _ = strings.Cut(rest, "/")
			}
		}
		return verb(r) + noun, about
	}
}

// ledgerObject tells the kind of an object of the ledger by its key, wherever
// the ledger's prefix ends: PREFIX/ledger/AA/ASSET.json, PREFIX/open/AA/ASSET.N.
func ledgerObject(key string) (noun, about string) {
	parts := strings.Split(key, "/")
	last := parts[len(parts)-1]
	about, _, _ = strings.Cut(last, ".")
	for _, p := range parts[:len(parts)-1] {
		switch p {
		case "ledger":
			return "Record", about
		case "open":
			return "Open", about
		case "failed":
			return "Failed", about
		case "due":
			return "Due", about
		}
	}
	return "Ledger", ""
}

func verb(r *http.Request) string {
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Has("list-type"):
		return "List"
	case r.Method == http.MethodPost && r.URL.Query().Has("delete"), r.Method == http.MethodDelete:
		return "Delete"
	case r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") != "":
		return "Copy"
	}
	return r.Method[:1] + strings.ToLower(r.Method[1:])
}

// MediaConvertNames names requests of MediaConvert by their operations.
func MediaConvertNames(r *http.Request) (name, about string) {
	path := r.URL.Path
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/jobs"):
		return "CreateJob", assetOf(r)
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/probe"):
		return "Probe", ""
	case r.Method == http.MethodGet && strings.HasSuffix(path, "/jobs"), strings.HasSuffix(path, "/search"):
		return "ListJobs", ""
	case r.Method == http.MethodGet && strings.Contains(path, "/jobs/"):
		return "GetJob", ""
	case r.Method == http.MethodDelete && strings.Contains(path, "/jobs/"):
		return "CancelJob", ""
	}
	return "mediaconvert.other", ""
}

// assetOf reads the asset and the build out of a request for a job, which it
// leaves as it was.
func assetOf(r *http.Request) string {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	rest := r.Body
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), rest), rest}
	var job struct {
		UserMetadata map[string]string `json:"userMetadata"`
	}
	if err != nil || json.Unmarshal(body, &job) != nil {
		return ""
	}
	return job.UserMetadata["asset"] + ":" + job.UserMetadata["build"]
}

// CloudFrontNames names requests of CloudFront.
func CloudFrontNames(r *http.Request) (name, about string) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/invalidation") {
		return "CreateInvalidation", ""
	}
	return "cloudfront." + verb(r), ""
}
