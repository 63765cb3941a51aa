package awscloud

import (
	"reflect"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// bucketDomain is a bucket's host name as an origin: with its Region, without
// one (of us-east-1, or of old), of two kinds of old, and dual-stack. Source:
// "Use an Amazon S3 bucket" in "Use various origins with CloudFront
// distributions", CloudFront developer guide; "Legacy endpoints" of S3's.
var bucketDomain = regexp.MustCompile(`^(.+)\.s3(?:[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-[0-9]+))?\.amazonaws\.com(?:\.cn)?$`)

// bucketOf takes an origin's domain apart; the Region may be empty, and both
// are where the domain is no bucket's.
func bucketOf(domain string) (bucket, region string) {
	m := bucketDomain.FindStringSubmatch(domain)
	if m == nil {
		return "", ""
	}
	return m[1], m[2]
}

// domainOf is what bucketOf takes apart.
func domainOf(bucket, region string) string {
	domain := bucket + ".s3."
	if region != "" {
		domain += region + "."
	}
	domain += "amazonaws.com"
	if len(region) > 3 && region[:3] == "cn-" {
		domain += ".cn"
	}
	return domain
}

// century is longer than anything is kept, and a [time.Duration] holds it.
const century = 100 * 365 * 24 * 3600

func ttl(n *int64) time.Duration {
	return time.Duration(min(max(aws.ToInt64(n), 0), century)) * time.Second
}

// sorted copies a list; an empty one is nil.
func sorted[T ~string](items []T) []string {
	if len(items) == 0 {
		return nil
	}
	out := make([]string, len(items))
	for i, v := range items {
		out[i] = string(v)
	}
	slices.Sort(out)
	return out
}

func chosen(mode string, names []string) cloud.Selection {
	return cloud.Selection{Mode: mode, Names: sorted(names)}
}

// fromDefault is a default behaviour as one of the others: they are the same,
// but for the pattern.
func fromDefault(d *types.DefaultCacheBehavior) *types.CacheBehavior {
	out := new(types.CacheBehavior)
	copyMembers(out, d)
	return out
}

// toDefault is the way back.
func toDefault(b *types.CacheBehavior) *types.DefaultCacheBehavior {
	out := new(types.DefaultCacheBehavior)
	copyMembers(out, b)
	return out
}

// copyMembers copies what two structures both have, whatever the SDK comes to
// know of: a member that is not copied would be lost by the next change.
func copyMembers(dst, src any) {
	to, from := reflect.ValueOf(dst).Elem(), reflect.ValueOf(src).Elem()
	for i := range from.NumField() {
		if f := from.Type().Field(i); f.IsExported() {
			if v := to.FieldByName(f.Name); v.IsValid() && v.Type() == f.Type {
				v.Set(from.Field(i))
			}
		}
	}
}
