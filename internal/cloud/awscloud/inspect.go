package awscloud

import (
	"context"
	"errors"
	"path"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

// inspector looks at an account's surroundings.
type inspector struct {
	store *s3.Client
	jobs  *mediaconvert.Client
	whole *Cloud
}

// Inspector returns what tells of the account.
func (c *Cloud) Inspector() cloud.Inspector {
	return &inspector{store: c.store.api, jobs: c.transcoder.api, whole: c}
}

// Versioned implements [cloud.Inspector].
func (i *inspector) Versioned(ctx context.Context, bucket string) (bool, error) {
	out, err := call(ctx, callTime, "GetBucketVersioning", "s3://"+bucket, func(ctx context.Context) (*s3.GetBucketVersioningOutput, error) {
		return i.store.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket})
	})
	if err != nil {
		return false, err
	}
	return out.Status == s3types.BucketVersioningStatusEnabled, nil
}

// BucketPolicy implements [cloud.Inspector].
func (i *inspector) BucketPolicy(ctx context.Context, bucket string) (string, error) {
	out, err := call(ctx, callTime, "GetBucketPolicy", "s3://"+bucket, func(ctx context.Context) (*s3.GetBucketPolicyOutput, error) {
		return i.store.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &bucket})
	})
	if e, ok := errors.AsType[*cloud.Error](err); ok && e.Code == "NoSuchBucketPolicy" {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Policy), nil
}

// TranscodeQueue implements [cloud.Inspector]. MediaConvert takes names only.
func (i *inspector) TranscodeQueue(ctx context.Context, queue string) (cloud.TranscodeQueue, error) {
	const op = "GetQueue"
	name := "Default"
	if queue != "" {
		name = path.Base(queue)
	}
	out, err := call(ctx, callTime, op, "queue "+name, func(ctx context.Context) (*mediaconvert.GetQueueOutput, error) {
		return i.jobs.GetQueue(ctx, &mediaconvert.GetQueueInput{Name: &name})
	})
	if err != nil {
		return cloud.TranscodeQueue{}, err
	}
	if out.Queue == nil {
		return cloud.TranscodeQueue{}, &cloud.Error{Op: op, Object: "queue " + name, Kind: cloud.ErrUnavailable, Message: "an answer without a queue"}
	}
	return cloud.TranscodeQueue{
		Name: aws.ToString(out.Queue.Name), ARN: aws.ToString(out.Queue.Arn), Active: out.Queue.Status == types.QueueStatusActive,
		Slots: int(aws.ToInt32(out.Queue.ConcurrentJobs)),
	}, nil
}

// EventQueue implements [cloud.Inspector].
func (i *inspector) EventQueue(ctx context.Context, url string) (string, error) {
	port, err := i.whole.Events(url)
	if err != nil {
		return "", invalid("GetQueueAttributes", "queue", err)
	}
	return port.(*events).arn(ctx)
}

func (e *events) arn(ctx context.Context) (string, error) {
	out, err := queueCall(ctx, "GetQueueAttributes", e.url, func(ctx context.Context) (*sqs.GetQueueAttributesOutput, error) {
		return e.api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: &e.url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
		})
	})
	if err != nil {
		return "", err
	}
	return out.Attributes[string(sqstypes.QueueAttributeNameQueueArn)], nil
}

// APIRates implements [cloud.Inspector].
func (i *inspector) APIRates(ctx context.Context) (map[string]float64, error) {
	told, err := i.whole.Quotas(ctx)
	if err != nil {
		return nil, err
	}
	rates := make(map[string]float64)
	for method, q := range told {
		if q.PerSecond != nil {
			rates[method] = *q.PerSecond
		}
	}
	return rates, nil
}
