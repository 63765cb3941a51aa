// Package cloud holds the ports through which vodfleet uses a cloud: object
// storage ([Store]), a transcoding service ([Transcoder]) and a content
// delivery network ([CDN]), with the errors they may answer.
//
// The comments here are the contract. Package cloudtest checks it, memcloud
// keeps it in memory and awscloud over AWS. What a fleet does with its cloud
// is for other packages.
package cloud

import (
	"cmp"
	"fmt"
	"strings"
)

// Location names one object, or a prefix of objects, in a bucket. A key is any
// string that S3 takes: it may begin with a slash, hold spaces, control
// characters and ".." segments, and is never cleaned or decoded.
type Location struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
}

// String returns the location as an s3:// URI with the key as it is, unescaped.
func (l Location) String() string { return "s3://" + l.Bucket + "/" + l.Key }

// Join returns the location of name below l. It only concatenates, with one
// slash between unless l's key is empty or ends in one.
func (l Location) Join(name string) Location {
	if l.Key != "" && !strings.HasSuffix(l.Key, "/") {
		l.Key += "/"
	}
	l.Key += name
	return l
}

// Holds reports whether m lies below l, taken as a prefix to the letter.
func (l Location) Holds(m Location) bool {
	return l.Bucket == m.Bucket && strings.HasPrefix(m.Key, l.Key)
}

// Compare orders locations by bucket, then key.
func (l Location) Compare(m Location) int {
	return cmp.Or(strings.Compare(l.Bucket, m.Bucket), strings.Compare(l.Key, m.Key))
}

// ParseLocation reads an s3://BUCKET/KEY URI. The key is taken as it stands:
// nothing in it is unescaped. It may be empty ("s3://BUCKET" or "s3://BUCKET/").
func ParseLocation(uri string) (Location, error) {
	rest, ok := strings.CutPrefix(uri, "s3://")
	if !ok {
		return Location{}, fmt.Errorf("location %q: want s3://BUCKET/KEY", uri)
	}
	bucket, key, _ := strings.Cut(rest, "/")
	if bucket == "" {
		return Location{}, fmt.Errorf("location %q: no bucket", uri)
	}
	return Location{Bucket: bucket, Key: key}, nil
}
