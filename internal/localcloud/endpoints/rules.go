package endpoints

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
)

// rule is one rule of botocore's endpoint rule sets, format 1.0.
type rule struct {
	Type       string      `json:"type"`
	Conditions []condition `json:"conditions"`
	Endpoint   *endpoint   `json:"endpoint,omitempty"`
}

type condition struct {
	Fn   string `json:"fn"`
	Argv []any  `json:"argv"`
}

type endpoint struct {
	URL        string         `json:"url"`
	Properties map[string]any `json:"properties"`
	Headers    map[string]any `json:"headers"`
}

type parameter struct {
	Type    string `json:"type"`
	BuiltIn string `json:"builtIn,omitempty"`
}

// WriteRules writes e into dir as botocore's endpoint rule sets. The AWS CLI
// before versions 1.29 and 2.13, as Linux distributions still ship it, reads no
// AWS_ENDPOINT_URL variables, but does read rule sets from AWS_DATA_PATH.
func WriteRules(dir string, e Endpoints) error {
	for _, s := range []struct {
		service, version string
		rules            []rule
		parameters       map[string]parameter
	}{
		{"s3", "2006-03-01", s3Rules(e.S3), map[string]parameter{"Bucket": {Type: "String"}}},
		{"mediaconvert", "2017-08-29", []rule{to(e.MediaConvert)}, nil},
		{"cloudfront", "2020-05-31", []rule{to(e.CloudFront)}, nil},
		{"sqs", "2012-11-05", []rule{to(e.SQS)}, nil},
		// What those who run a fleet call besides must not reach AWS either.
		{"sts", "2011-06-15", []rule{to(e.Other)}, nil},
		{"iam", "2010-05-08", []rule{to(e.Other)}, nil},
		{"events", "2015-10-07", []rule{to(e.Other)}, nil},
		{"service-quotas", "2019-06-24", []rule{to(e.Other)}, nil},
	} {
		parameters := map[string]parameter{"Region": {Type: "String", BuiltIn: "AWS::Region"}, "Endpoint": {Type: "String", BuiltIn: "SDK::Endpoint"}}
		maps.Copy(parameters, s.parameters)
		b, err := json.MarshalIndent(map[string]any{"version": "1.0", "parameters": parameters, "rules": s.rules}, "", " ")
		if err != nil {
			return fmt.Errorf("write endpoint rules of %s: %w", s.service, err)
		}
		folder := filepath.Join(dir, s.service, s.version)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("write endpoint rules of %s: %w", s.service, err)
		}
		if err := os.WriteFile(filepath.Join(folder, "endpoint-rule-set-1.json"), b, 0o644); err != nil {
			return fmt.Errorf("write endpoint rules of %s: %w", s.service, err)
		}
	}
	return nil
}

// s3Rules put the bucket into the path.
func s3Rules(url string) []rule {
	bucket := to(url + "/{Bucket}")
	bucket.Conditions = []condition{{"isSet", []any{map[string]string{"ref": "Bucket"}}}}
	return []rule{bucket, to(url)}
}

func to(url string) rule {
	return rule{Type: "endpoint", Conditions: []condition{}, Endpoint: &endpoint{url, map[string]any{}, map[string]any{}}}
}
