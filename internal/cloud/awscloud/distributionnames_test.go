package awscloud

import (
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
)

func TestBucketOf(t *testing.T) {
	for _, tt := range []struct{ domain, bucket, region string }{
		{"lib.s3.eu-west-1.amazonaws.com", "lib", "eu-west-1"},
		{"lib.s3-eu-west-1.amazonaws.com", "lib", "eu-west-1"},
		{"lib.s3.amazonaws.com", "lib", ""},
		{"my.lib.s3.us-gov-west-1.amazonaws.com", "my.lib", "us-gov-west-1"},
		{"lib.s3.dualstack.us-east-1.amazonaws.com", "lib", "us-east-1"},
		{"lib.s3.cn-north-1.amazonaws.com.cn", "lib", "cn-north-1"},
		{"lib.s3-website-us-east-1.amazonaws.com", "", ""},
		{"s3.eu-west-1.amazonaws.com", "", ""},
		{"origin.example.com", "", ""},
		{"", "", ""},
	} {
		if bucket, region := bucketOf(tt.domain); bucket != tt.bucket || region != tt.region {
			t.Errorf("bucketOf(%q) = %q, %q; want %q, %q", tt.domain, bucket, region, tt.bucket, tt.region)
		}
	}
	for _, region := range []string{"", "eu-west-1", "cn-north-1"} {
		if bucket, got := bucketOf(domainOf("a.b", region)); bucket != "a.b" || got != region {
			t.Errorf("bucketOf(%q) = %q, %q", domainOf("a.b", region), bucket, got)
		}
	}
}

func FuzzBucketOf(f *testing.F) {
	f.Add("lib.s3.eu-west-1.amazonaws.com")
	f.Fuzz(func(t *testing.T, domain string) { bucketOf(domain) })
}

// TestDefaultBehaviorIsWhole fails when the SDK comes to know a member of the
// default behaviour that the way there and back would lose.
func TestDefaultBehaviorIsWhole(t *testing.T) {
	d := new(types.DefaultCacheBehavior)
	v := reflect.ValueOf(d).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case !v.Type().Field(i).IsExported():
		case f.Kind() == reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		case f.Kind() == reflect.String:
			f.SetString("set")
		default:
			t.Errorf("%s is a %s: say here how it is set", v.Type().Field(i).Name, f.Kind())
		}
	}
	if got := toDefault(fromDefault(d)); !reflect.DeepEqual(got, d) {
		t.Errorf("there and back is %+v, want %+v", got, d)
	}
}
