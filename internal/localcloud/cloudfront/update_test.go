package cloudfront

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
)

// An update has to name what a distribution is made without.
func TestUpdateNeedsEveryMember(t *testing.T) {
	s := newStand(t)
	made, err := s.CreateDistribution(t.Context(), &sdk.CreateDistributionInput{DistributionConfig: full()})
	if err != nil {
		t.Fatal(err)
	}
	type config = types.DistributionConfig
	for name, drop := range map[string]func(c *config){
		"Aliases":                    func(c *config) { c.Aliases = nil },
		"WebACLId":                   func(c *config) { c.WebACLId = nil },
		"OriginPath":                 func(c *config) { c.Origins.Items[0].OriginPath = nil },
		"CustomHeaders":              func(c *config) { c.Origins.Items[1].CustomHeaders = nil },
		"OriginReadTimeout":          func(c *config) { c.Origins.Items[1].CustomOriginConfig.OriginReadTimeout = nil },
		"OriginKeepaliveTimeout":     func(c *config) { c.Origins.Items[1].CustomOriginConfig.OriginKeepaliveTimeout = nil },
		"SmoothStreaming":            func(c *config) { c.CacheBehaviors.Items[1].SmoothStreaming = nil },
		"Compress":                   func(c *config) { c.DefaultCacheBehavior.Compress = nil },
		"AllowedMethods":             func(c *config) { c.CacheBehaviors.Items[0].AllowedMethods = nil },
		"LambdaFunctionAssociations": func(c *config) { c.CacheBehaviors.Items[0].LambdaFunctionAssociations = nil },
		"FieldLevelEncryptionId":     func(c *config) { c.DefaultCacheBehavior.FieldLevelEncryptionId = nil },
	} {
		c := full()
		drop(c)
		_, err := s.UpdateDistribution(t.Context(), &sdk.UpdateDistributionInput{Id: made.Distribution.Id, IfMatch: made.ETag, DistributionConfig: c})
		if code(err) != "IllegalUpdate" || !strings.Contains(err.Error(), name+" is required for updates.") {
			t.Errorf("an update without %s = %v", name, err)
		}
		c.CallerReference, c.Aliases = aws.String("without "+name), nil
		if _, err := s.CreateDistribution(t.Context(), &sdk.CreateDistributionInput{DistributionConfig: c}); err != nil {
			t.Errorf("a distribution without %s = %v", name, err)
		}
	}
}
