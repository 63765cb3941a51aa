package awscloud

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// cdn is CloudFront.
type cdn struct{ api *cloudfront.Client }

// Distribution implements [cloud.CDN].
func (c *cdn) Distribution(ctx context.Context, id string) (cloud.Distribution, error) {
	const op = "GetDistribution"
	object := "distribution " + id
	if id == "" {
		return cloud.Distribution{}, &cloud.Error{Op: op, Object: object, Kind: cloud.ErrNotFound, Message: "no ID"}
	}
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*cloudfront.GetDistributionOutput, error) {
		return c.api.GetDistribution(ctx, &cloudfront.GetDistributionInput{Id: &id})
	})
	if err != nil {
		return cloud.Distribution{}, err
	}
	if out.Distribution == nil || out.Distribution.DistributionConfig == nil {
		return cloud.Distribution{}, &cloud.Error{Op: op, Object: object, Kind: cloud.ErrUnavailable, Message: "an answer without a distribution"}
	}
	d := out.Distribution
	return cloud.Distribution{
		ID: aws.ToString(d.Id), Domain: aws.ToString(d.DomainName), Enabled: aws.ToBool(d.DistributionConfig.Enabled), ETag: unquote(out.ETag),
	}, nil
}

// Invalidate implements [cloud.CDN]. Paths are sent in order, so that a repeat
// is the same request to the letter.
func (c *cdn) Invalidate(ctx context.Context, distribution, reference string, paths []string) (cloud.Invalidation, error) {
	const op = "CreateInvalidation"
	object := "distribution " + distribution
	err := cloud.ValidPaths(paths)
	if reference == "" {
		err = errors.Join(err, errors.New("no reference"))
	}
	if err != nil {
		return cloud.Invalidation{}, invalid(op, object, err)
	}
	if distribution == "" {
		return cloud.Invalidation{}, &cloud.Error{Op: op, Object: object, Kind: cloud.ErrNotFound, Message: "no ID"}
	}
	in := &cloudfront.CreateInvalidationInput{
		DistributionId: &distribution,
		InvalidationBatch: &types.InvalidationBatch{
			CallerReference: &reference,
			Paths:           &types.Paths{Quantity: aws.Int32(int32(len(paths))), Items: slices.Sorted(slices.Values(paths))},
		},
	}
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*cloudfront.CreateInvalidationOutput, error) {
		return c.api.CreateInvalidation(ctx, in)
	})
	if err != nil {
		return cloud.Invalidation{}, err
	}
	return invalidationOf(op, object, out.Invalidation)
}

// Invalidation implements [cloud.CDN].
func (c *cdn) Invalidation(ctx context.Context, distribution, id string) (cloud.Invalidation, error) {
	const op = "GetInvalidation"
	object := "invalidation " + id
	if distribution == "" || id == "" {
		return cloud.Invalidation{}, &cloud.Error{Op: op, Object: object, Kind: cloud.ErrNotFound, Message: "no ID"}
	}
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*cloudfront.GetInvalidationOutput, error) {
		return c.api.GetInvalidation(ctx, &cloudfront.GetInvalidationInput{DistributionId: &distribution, Id: &id})
	})
	if err != nil {
		return cloud.Invalidation{}, err
	}
	return invalidationOf(op, object, out.Invalidation)
}

func invalidationOf(op, object string, i *types.Invalidation) (cloud.Invalidation, error) {
	if i == nil || aws.ToString(i.Id) == "" {
		return cloud.Invalidation{}, &cloud.Error{Op: op, Object: object, Kind: cloud.ErrUnavailable, Message: "an answer without an invalidation"}
	}
	return cloud.Invalidation{ID: *i.Id, Done: aws.ToString(i.Status) == "Completed", Created: aws.ToTime(i.CreateTime)}, nil
}
