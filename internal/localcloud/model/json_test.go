package model

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestValidateJSON(t *testing.T) {
	for _, tt := range []struct {
		name, shape, doc string
		want             []string
	}{
		{"minimal job", "CreateJobRequest", `{"role":"r","settings":{}}`, nil},
		{"missing required", "CreateJobRequest", `{"settings":{}}`, []string{"/: role is a required property"}},
		{"null is absent", "CreateJobRequest", `{"role":null,"settings":{}}`, []string{"/: role is a required property"}},
		{"unknown member", "JobSettings", `{"outputGroupz":[]}`, []string{"/outputGroupz: Unknown property"}},
		{"member in the wrong case", "JobSettings", `{"OutputGroups":[]}`, []string{"/OutputGroups: Unknown property"}},
		{"wrong type", "JobSettings", `{"outputGroups":{}}`, []string{"/outputGroups: Should be an array"}},
		{"illegal enum", "JobSettings", `{"timecodeConfig":{"source":"NOW"}}`, []string{"/timecodeConfig/source: Should match one of [EMBEDDED, ZEROBASED, SPECIFIEDSTART]"}},
		{"too small", "H264Settings", `{"maxBitrate":999}`, []string{"/maxBitrate: Should be greater than or equal to 1000"}},
		{"too large", "H264Settings", `{"qvbrSettings":{"qvbrQualityLevel":11}}`, []string{"/qvbrSettings/qvbrQualityLevel: Should be less than or equal to 10"}},
		{"double's range is in its name", "H264Settings", `{"gopSize":-0.5}`, []string{"/gopSize: Should be greater than or equal to 0"}},
		{"not whole", "H264Settings", `{"maxBitrate":1000.5}`, []string{"/maxBitrate: Should be an integer"}},
		{"number as text", "H264Settings", `{"maxBitrate":"5000"}`, []string{"/maxBitrate: Should be a number"}},
		{"pattern", "CmafGroupSettings", `{"destination":"gs://b/k"}`, []string{`/destination: Should match pattern ^s3:\/\/.*$`}},
		{"text's length", "Output", `{"nameModifier":""}`, []string{"/nameModifier: Should have at least 1 characters"}},
		{"map's keys are free", "Input", `{"audioSelectors":{"a/b":{"defaultSelection":"NO"}}}`, []string{"/audioSelectors/a~1b/defaultSelection: Should match one of [DEFAULT, NOT_DEFAULT]"}},
		{"path members are not of the body", "CancelJobRequest", `{"id":"1"}`, []string{"/id: Unknown property"}},
		{"not an object", "CreateJobRequest", `[]`, []string{"/: Should be an object"}},
		{"no such shape", "Nothing", `{}`, []string{"/: no shape Nothing in the model of MediaConvert"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var doc any
			if err := json.Unmarshal([]byte(tt.doc), &doc); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range MediaConvert().ValidateJSON(tt.shape, doc) {
				got = append(got, v.String())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("ValidateJSON = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		model                     *Model
		method, path, query, want string
		part                      string
	}{
		{MediaConvert(), "POST", "/2017-08-29/jobs", "", "CreateJob", ""},
		{MediaConvert(), "GET", "/2017-08-29/jobs/17-abc", "", "GetJob", "17-abc"},
		{MediaConvert(), "GET", "/2017-08-29/jobs/", "", "", ""},
		{MediaConvert(), "PATCH", "/2017-08-29/jobs", "", "", ""},
		{CloudFront(), "POST", "/2020-05-31/distribution", "", "CreateDistribution", ""},
		{CloudFront(), "POST", "/2020-05-31/distribution", "WithTags", "CreateDistributionWithTags", ""},
		{CloudFront(), "GET", "/2020-05-31/distribution/E1/config", "", "GetDistributionConfig", "E1"},
	} {
		name, parts, ok := tt.model.Match(tt.method, tt.path, tt.query)
		part := parts["id"] + parts["Id"]
		if name != tt.want || ok != (tt.want != "") || part != tt.part {
			t.Errorf("Match(%s %s?%s) = %q, %v, %v", tt.method, tt.path, tt.query, name, parts, ok)
		}
	}
}

func TestServedOperationsHaveShapes(t *testing.T) {
	for _, m := range []*Model{MediaConvert(), CloudFront()} {
		served := 0
		for name, op := range m.Operations {
			for _, s := range append([]string{op.Input, op.Output}, op.Errors...) {
				if s != "" && m.Shapes[s] == nil {
					t.Errorf("%s: %s names the shape %s, which is not there", m.Service, name, s)
				}
			}
			if op.Served {
				served++
			}
		}
		for name, s := range m.Shapes {
			uses := []*Member{s.Item, s.Key, s.Value}
			for _, u := range s.Members {
				uses = append(uses, &u)
			}
			for _, u := range uses {
				if u != nil && m.Shapes[u.Shape] == nil {
					t.Errorf("%s: %s uses the shape %s, which is not there", m.Service, name, u.Shape)
				}
			}
		}
		if served < 15 {
			t.Errorf("%s: %d operations served", m.Service, served)
		}
	}
}

func FuzzValidateJSON(f *testing.F) {
	f.Add([]byte(`{"role":"r","settings":{"inputs":[{"fileInput":"s3://b/k","audioSelectors":{"a":{}}}]}}`))
	f.Add([]byte(`{"settings":{"outputGroups":[{"outputs":[{"videoDescription":{"width":1e400}}]}]}}`))
	f.Add([]byte(`[[[[[[[[null]]]]]]]]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var doc any
		if json.Unmarshal(b, &doc) != nil {
			return
		}
		if vs := MediaConvert().ValidateJSON("CreateJobRequest", doc); len(vs) > maxViolations {
			t.Errorf("%d violations", len(vs))
		}
	})
}
