package tasks

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
)

// Lengths of the identifiers, in characters.
const (
	assetIDLen = 26 // 16 bytes in base32
	hashLen    = 16 // 10 bytes in base32
	profileLen = 32 // 16 bytes in hexadecimal
)

// letters is the alphabet of RFC 4648, section 6: upper case, unpadded, so that
// IDs survive file systems and URLs.
var letters = base32.StdEncoding.WithPadding(base32.NoPadding)

// AssetID returns the fleet's name of one source video: 26 characters of
// base32 over the first 16 bytes of SHA-256(bucket, NUL, key). Bucket names
// hold no NUL, so two videos never share the hashed text.
func AssetID(bucket, key string) string {
	return digest(bucket, key, 16)
}

// SourceVersion returns the name of an object's content: 16 characters of
// base32 over its ETag, with or without the quotes of the HTTP header, and its
// size in bytes. Reports, listings and HEAD answers agree on these two, while
// not all of them know a VersionId.
func SourceVersion(etag string, size int64) string {
	return digest(strings.Trim(etag, `"`), strconv.FormatInt(size, 10), 10)
}

// Revision returns the name of what viewers should get: a source version under
// the profile of that digest, 16 characters of base32.
func Revision(sourceVersion, profile string) string {
	return digest(sourceVersion, profile, 10)
}

// IsAssetID reports whether s could have come from [AssetID].
func IsAssetID(s string) bool {
	return len(s) == assetIDLen && isBase32(s) && strings.IndexByte("AEIMQUY4", s[assetIDLen-1]) >= 0 // 128 bits leave two of the last character zero
}

// AssetOf returns the ID of the asset that t is about, or "" if t is not of
// this package.
func AssetOf(t Task) string {
	switch t := t.(type) {
	case Ingest:
		return AssetID(t.Bucket, t.Key)
	case TranscodeSubmit:
		return t.Asset
	case TranscodePoll:
		return t.Asset
	case Publish:
		return t.Asset
	case InvalidateOrRename:
		return t.Asset
	}
	return ""
}

// Kind is [KindIngest].
func (Ingest) Kind() string { return KindIngest }

// ID is "ingest:ASSET:SOURCEVERSION:PROFILE", where no profile reads "default".
// Without a source version its place is taken by a random one, another at every
// call: content that is not known cannot be the same as what is being worked on.
func (t Ingest) ID() string {
	source, profile := t.SourceVersion, t.Profile
	if source == "" {
		source = "unknown-" + rand.Text()[:hashLen]
	}
	if profile == "" {
		profile = "default"
	}
	return KindIngest + ":" + AssetID(t.Bucket, t.Key) + ":" + source + ":" + profile
}

// Kind is [KindTranscodeSubmit].
func (TranscodeSubmit) Kind() string { return KindTranscodeSubmit }

// ID is "transcode-submit:ASSET:BUILD".
func (t TranscodeSubmit) ID() string { return numbered(KindTranscodeSubmit, t.Asset, t.Build) }

// Kind is [KindTranscodePoll].
func (TranscodePoll) Kind() string { return KindTranscodePoll }

// ID is "transcode-poll:ASSET:BUILD".
func (t TranscodePoll) ID() string { return numbered(KindTranscodePoll, t.Asset, t.Build) }

// Kind is [KindPublish].
func (Publish) Kind() string { return KindPublish }

// ID is "publish:ASSET:BUILD".
func (t Publish) ID() string { return numbered(KindPublish, t.Asset, t.Build) }

// Kind is [KindInvalidateOrRename].
func (InvalidateOrRename) Kind() string { return KindInvalidateOrRename }

// ID is "invalidate-or-rename:ASSET:SEQ".
func (t InvalidateOrRename) ID() string { return numbered(KindInvalidateOrRename, t.Asset, t.Seq) }

func numbered(kind, asset string, n int) string {
	return kind + ":" + asset + ":" + strconv.Itoa(n)
}

// digest is base32 over the first n bytes of SHA-256(a, NUL, b).
func digest(a, b string, n int) string {
	sum := sha256.Sum256([]byte(a + "\x00" + b))
	return letters.EncodeToString(sum[:n])
}

func isBase32(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
