package inventory

import (
	"path"
	"strings"

	"github.com/vodfleet/vodfleet/tasks"
)

// Plan says what a row asks for: a task whose profile and lane are the
// caller's, or why it is skipped, in words that can be counted.
//
// Only what is certain from the row alone is skipped: whether something is a
// video is for the probe, so a key with no extension, or with one that nobody
// knows, goes on in whatever case it is written. Names of images, captions,
// documents and archives are not worth a probe each, of which an account has
// few a second, nor a failure in the ledger: libraries hold more of them than
// videos. An empty file goes on, and fails where people look for failures.
func (r *Report) Plan(row Row) (task tasks.Ingest, skip string) {
	switch kind := besides[strings.ToLower(path.Ext(row.Key))]; {
	case row.DeleteMarker:
		return task, "delete marker"
	case row.OldVersion:
		return task, "old version"
	case row.Size == 0 && strings.HasSuffix(row.Key, "/"):
		return task, "folder"
	case kind != "":
		return task, kind + ", by its name"
	}
	task = tasks.Ingest{Bucket: row.Bucket, Key: row.Key}
	if row.ETag != "" && row.Size >= 0 {
		task.SourceVersion = tasks.SourceVersion(row.ETag, row.Size)
	}
	return task, ""
}

// besides are what lies beside videos, by extension.
var besides = kinds(map[string]string{
	"image":            "jpg jpeg png webp heic avif tif tiff bmp svg ico psd",
	"captions":         "srt vtt ttml dfxp scc sbv ass ssa stl",
	"text or document": "txt md nfo log json xml yaml yml csv tsv html htm css js pdf doc docx odt xls xlsx ppt pptx",
	"archive":          "zip gz tgz tar bz2 xz 7z rar",
	"checksum":         "md5 sha1 sha256",
})

func kinds(lists map[string]string) map[string]string {
	m := make(map[string]string)
	for kind, list := range lists {
		for ext := range strings.FieldsSeq(list) {
			m["."+ext] = kind
		}
	}
	return m
}
