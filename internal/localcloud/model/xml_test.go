package model

import (
	"slices"
	"strings"
	"testing"
)

const batch = `<InvalidationBatch xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Paths><Quantity>2</Quantity><Items><Path>/a</Path><Path>/b*</Path></Items></Paths><CallerReference>r</CallerReference></InvalidationBatch>`

func TestValidateXML(t *testing.T) {
	for _, tt := range []struct {
		name, shape, doc string
		want             []string
	}{
		{"valid", "InvalidationBatch", batch, nil},
		{"item of another name", "InvalidationBatch", strings.ReplaceAll(batch, "Path>/a</Path", "member>/a</member"), []string{"/InvalidationBatch/Paths/Items/member: Unknown element, want Path"}},
		{"unknown element", "InvalidationBatch", strings.Replace(batch, "<Paths>", "<Tags/><Paths>", 1), []string{"/InvalidationBatch/Tags: Unknown element"}},
		{"missing", "InvalidationBatch", `<InvalidationBatch><CallerReference>r</CallerReference></InvalidationBatch>`, []string{"/InvalidationBatch: Paths is required"}},
		{"twice", "InvalidationBatch", strings.Replace(batch, "</InvalidationBatch>", "<CallerReference>q</CallerReference></InvalidationBatch>", 1), []string{"/InvalidationBatch/CallerReference: given 2 times"}},
		{"not a number", "InvalidationBatch", strings.Replace(batch, ">2<", ">two<", 1), []string{"/InvalidationBatch/Paths/Quantity: Should be an integer"}},
		{"stray text", "InvalidationBatch", strings.Replace(batch, "<Paths>", "x<Paths>", 1), []string{"/InvalidationBatch: text where elements belong"}},
		{"time", "Invalidation", `<I><Id>1</Id><Status>s</Status><CreateTime>now</CreateTime>` + strings.Replace(batch, ` xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"`, "", 1) + `</I>`, []string{"/I/CreateTime: Should be an ISO 8601 time"}},
		{"enum", "OriginAccessControlConfig", `<C><Name>n</Name><SigningProtocol>v4</SigningProtocol><SigningBehavior>always</SigningBehavior><OriginAccessControlOriginType>s3</OriginAccessControlOriginType></C>`, []string{"/C/SigningProtocol: Should match one of [sigv4]"}},
		{"not XML", "InvalidationBatch", `{"a":1}`, []string{"/: no element in the document"}},
		{"entities", "InvalidationBatch", `<!DOCTYPE a [<!ENTITY e "x">]><a/>`, []string{"/: directives are not allowed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, v := range CloudFront().ValidateXML(tt.shape, []byte(tt.doc)) {
				got = append(got, v.String())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("ValidateXML = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPayload(t *testing.T) {
	body, root, ok := CloudFront().Payload("UpdateDistributionRequest")
	if body != "DistributionConfig" || root != "DistributionConfig" || !ok {
		t.Errorf("Payload = %q, %q, %v", body, root, ok)
	}
	if _, _, ok := MediaConvert().Payload("CreateJobRequest"); ok {
		t.Error("CreateJobRequest has a payload")
	}
}

func FuzzValidateXML(f *testing.F) {
	f.Add([]byte(batch))
	f.Add([]byte(strings.Repeat("<a>", 100)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if vs := CloudFront().ValidateXML("DistributionConfig", b); len(vs) > maxViolations {
			t.Errorf("%d violations", len(vs))
		}
	})
}
