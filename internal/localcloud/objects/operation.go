package objects

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// subresources are the query parameters that make another operation of a
// request, with the noun of its name, for buckets and for objects.
var (
	bucketResources = []resource{
		{"accelerate", "BucketAccelerateConfiguration"}, {"acl", "BucketAcl"}, {"analytics", "BucketAnalyticsConfiguration"},
		{"cors", "BucketCors"}, {"encryption", "BucketEncryption"}, {"intelligent-tiering", "BucketIntelligentTieringConfiguration"},
		{"inventory", "BucketInventoryConfiguration"}, {"lifecycle", "BucketLifecycleConfiguration"}, {"location", "BucketLocation"},
		{"logging", "BucketLogging"}, {"metrics", "BucketMetricsConfiguration"}, {"notification", "BucketNotificationConfiguration"},
		{"object-lock", "ObjectLockConfiguration"}, {"ownershipControls", "BucketOwnershipControls"}, {"policyStatus", "BucketPolicyStatus"},
		{"policy", "BucketPolicy"}, {"publicAccessBlock", "PublicAccessBlock"}, {"replication", "BucketReplication"},
		{"requestPayment", "BucketRequestPayment"}, {"tagging", "BucketTagging"}, {"versioning", "BucketVersioning"}, {"website", "BucketWebsite"},
	}
	objectResources = []resource{
		{"acl", "ObjectAcl"}, {"attributes", "ObjectAttributes"}, {"legal-hold", "ObjectLegalHold"},
		{"retention", "ObjectRetention"}, {"tagging", "ObjectTagging"}, {"torrent", "ObjectTorrent"},
	}
)

type resource struct{ param, noun string }

// operation names the S3 operation of a request as the API reference does.
// What is none of its operations is Unknown.
func operation(req *http.Request) string {
	bucket, key := target(req)
	q, _ := url.ParseQuery(req.URL.RawQuery)
	switch {
	case req.Method == http.MethodOptions:
		return "Preflight"
	case bucket == "" && req.Method == http.MethodGet:
		return "ListBuckets"
	case bucket == "":
		return "Unknown"
	case key == "":
		return bucketOperation(req.Method, q)
	}
	return objectOperation(req, q)
}

func bucketOperation(method string, q url.Values) string {
	if noun := nounOf(bucketResources, q); noun != "" {
		return verb(method, noun)
	}
	switch method {
	case http.MethodHead:
		return "HeadBucket"
	case http.MethodPut:
		return "CreateBucket"
	case http.MethodDelete:
		return "DeleteBucket"
	case http.MethodPost:
		if q.Has("delete") {
			return "DeleteObjects"
		}
		return "PostObject"
	case http.MethodGet:
		switch {
		case q.Has("versions"):
			return "ListObjectVersions"
		case q.Has("uploads"):
			return "ListMultipartUploads"
		case q.Get("list-type") == "2":
			return "ListObjectsV2"
		}
		return "ListObjects"
	}
	return "Unknown"
}

func objectOperation(req *http.Request, q url.Values) string {
	if noun := nounOf(objectResources, q); noun != "" {
		return verb(req.Method, noun)
	}
	copied := req.Header.Get("X-Amz-Copy-Source") != ""
	switch req.Method {
	case http.MethodHead:
		return "HeadObject"
	case http.MethodGet:
		if q.Has("uploadId") {
			return "ListParts"
		}
		return "GetObject"
	case http.MethodPut:
		switch {
		case q.Has("partNumber") && copied:
			return "UploadPartCopy"
		case q.Has("partNumber"):
			return "UploadPart"
		case copied:
			return "CopyObject"
		}
		return "PutObject"
	case http.MethodPost:
		switch {
		case q.Has("uploads"):
			return "CreateMultipartUpload"
		case q.Has("uploadId"):
			return "CompleteMultipartUpload"
		case q.Has("restore"):
			return "RestoreObject"
		case q.Has("select"):
			return "SelectObjectContent"
		}
	case http.MethodDelete:
		if q.Has("uploadId") {
			return "AbortMultipartUpload"
		}
		return "DeleteObject"
	}
	return "Unknown"
}

// target returns the bucket and the key that a request is for.
func target(req *http.Request) (bucket, key string) {
	host := req.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	path := strings.TrimPrefix(req.URL.Path, "/")
	if b, ok := strings.CutSuffix(host, "."+virtualDomain); ok && b != "" {
		return b, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

func nounOf(of []resource, q url.Values) string {
	for _, r := range of {
		if q.Has(r.param) {
			return r.noun
		}
	}
	return ""
}

func verb(method, noun string) string {
	switch method {
	case http.MethodGet, http.MethodHead:
		return "Get" + noun
	case http.MethodPut:
		return "Put" + noun
	case http.MethodDelete:
		return "Delete" + noun
	}
	return "Unknown"
}
