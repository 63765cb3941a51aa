package awscloud

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
)

// Quota is what the account allows of one method of MediaConvert: requests a
// second, and requests at once; nil where the account does not tell.
type Quota struct {
	PerSecond *float64
	Burst     *int
}

// quotaCodes are Service Quotas' codes of MediaConvert's methods: of their
// rate, and of their burst. See the tables of "AWS Elemental MediaConvert
// endpoints and quotas" in the AWS General Reference.
var quotaCodes = map[string]struct{ rate, burst string }{
	"CreateJob": {"L-0EB971DE", "L-CD746D2B"},
	"GetJob":    {"L-78B2D11D", "L-0A485F3B"},
	"ListJobs":  {"L-A4F8DFA3", "L-94047106"},
	"CancelJob": {"L-2D1D110F", ""},
	"Probe":     {"L-2C57B94C", ""},
}

// maxQuotaPages bounds how many pages of a hundred quotas are read.
const maxQuotaPages = 10

// Quotas reads what the account allows MediaConvert's methods, by their names,
// from Service Quotas. It needs the permission servicequotas:ListServiceQuotas,
// and fails with [cloud.ErrDenied] without it. Methods that are not told are
// missing.
func (c *Cloud) Quotas(ctx context.Context) (map[string]Quota, error) {
	return quotas{servicequotas.NewFromConfig(c.config)}.read(ctx)
}

type quotas struct{ api *servicequotas.Client }

func (s quotas) read(ctx context.Context) (map[string]Quota, error) {
	values := make(map[string]float64)
	var next *string
	for range maxQuotaPages {
		page, err := call(ctx, callTime, "ListServiceQuotas", "mediaconvert", func(ctx context.Context) (*servicequotas.ListServiceQuotasOutput, error) {
			return s.api.ListServiceQuotas(ctx, &servicequotas.ListServiceQuotasInput{
				ServiceCode: new("mediaconvert"), MaxResults: aws.Int32(100), NextToken: next,
			})
		})
		if err != nil {
			return nil, err
		}
		for _, q := range page.Quotas {
			if q.QuotaCode != nil && q.Value != nil {
				values[*q.QuotaCode] = *q.Value
			}
		}
		if next = page.NextToken; aws.ToString(next) == "" {
			break
		}
	}
	told := make(map[string]Quota)
	for method, codes := range quotaCodes {
		var q Quota
		if rate, ok := values[codes.rate]; ok {
			q.PerSecond = &rate
		}
		if burst, ok := values[codes.burst]; ok {
			q.Burst = new(int(burst))
		}
		if q != (Quota{}) {
			told[method] = q
		}
	}
	return told, nil
}
