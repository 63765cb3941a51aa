package distribution

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Statement is the statement of a bucket's policy that lets one distribution
// read the output, and more objects of its bucket; see [RootFiles]. Source:
// "Give CloudFront permission to access the S3 bucket" in "Restrict access to
// an Amazon S3 origin".
func Statement(output cloud.Location, arn string, more ...cloud.Location) string {
	output.Key = strings.Trim(output.Key, "/")
	resource := []string{object(output.Join("*"))}
	for _, at := range more {
		resource = append(resource, object(at))
	}
	b, _ := json.Marshal(map[string]any{ // strings and lists of them: it cannot fail
		"Sid": "OneDistributionReads", "Effect": "Allow", "Principal": map[string]string{"Service": service},
		"Action": "s3:GetObject", "Resource": resource,
		"Condition": map[string]any{"StringEquals": map[string]string{"AWS:SourceArn": arn}},
	})
	return string(b)
}

const service = "cloudfront.amazonaws.com"

// object is the ARN of an object, or of those that a pattern matches.
func object(at cloud.Location) string { return "arn:aws:s3:::" + at.Bucket + "/" + at.Key }

// policy is a bucket's policy, as far as reading objects goes.
type policy struct{ Statement list[statement] }

type statement struct {
	Effect       string
	Principal    principal
	NotPrincipal json.RawMessage
	Action       list[string]
	NotAction    list[string]
	Resource     list[string]
	NotResource  list[string]
	Condition    map[string]map[string]list[string]
}

// list is what a policy has one or several of.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(b []byte) error {
	var many []T
	if json.Unmarshal(b, &many) == nil {
		*l = many
		return nil
	}
	var one T
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*l = list[T]{one}
	return nil
}

// principal is "*", or kinds of principals with their names.
type principal struct {
	everybody bool
	names     map[string]list[string]
}

func (p *principal) UnmarshalJSON(b []byte) error {
	var word string
	if json.Unmarshal(b, &word) == nil {
		p.everybody = word == "*"
		return nil
	}
	return json.Unmarshal(b, &p.names)
}

// maxPolicy bounds a policy's text; S3's own limit is 20 KB.
const maxPolicy = 64 << 10

func parsePolicy(text string) (policy, error) {
	var p policy
	switch {
	case strings.TrimSpace(text) == "":
		return p, nil
	case len(text) > maxPolicy:
		return p, fmt.Errorf("it has %d bytes, limit %d", len(text), maxPolicy)
	}
	err := json.Unmarshal([]byte(text), &p)
	return p, err
}

// allows reports whether a distribution may read an object: a statement allows
// it, and none denies it. Conditions other than on the distribution count as
// not met where they allow, and are not judged where they deny.
func (p policy) allows(arn, identity, object string) bool {
	allowed := false
	for _, s := range p.Statement {
		if !s.about(identity, object) {
			continue
		}
		switch s.Effect {
		case "Deny":
			if len(s.Condition) == 0 {
				return false
			}
		case "Allow":
			allowed = allowed || s.conditions(arn)
		}
	}
	return allowed
}

func (s statement) about(identity, object string) bool {
	action := anyOf(s.Action, "s3:getobject", true) || len(s.NotAction) > 0 && !anyOf(s.NotAction, "s3:getobject", true)
	resource := anyOf(s.Resource, object, false) || len(s.NotResource) > 0 && !anyOf(s.NotResource, object, false)
	who := s.Principal.everybody || anyOf(s.Principal.names["AWS"], "", false)
	for _, n := range s.Principal.names["Service"] {
		who = who || n == service
	}
	if _, id, ok := strings.Cut(identity, "origin-access-identity/cloudfront/"); ok {
		for _, n := range s.Principal.names["AWS"] {
			who = who || strings.HasSuffix(n, "Origin Access Identity "+id)
		}
	}
	return action && resource && who
}

// anyOf reports whether one of a policy's patterns matches; fold ignores case.
func anyOf(patterns []string, text string, fold bool) bool {
	for _, p := range patterns {
		if fold {
			p = strings.ToLower(p)
		}
		if wild(p, text, false) {
			return true
		}
	}
	return false
}

// conditions reports whether all of them are on the distribution, and met.
func (s statement) conditions(arn string) bool {
	for operator, keys := range s.Condition {
		for key, values := range keys {
			met := false
			for _, v := range values {
				switch {
				case strings.EqualFold(key, "aws:SourceArn") && operator == "StringEquals":
					met = met || v == arn
				case strings.EqualFold(key, "aws:SourceArn") && (operator == "StringLike" || operator == "ArnLike" || operator == "ArnEquals"):
					met = met || wild(v, arn, false)
				case strings.EqualFold(key, "aws:SourceAccount") && strings.HasPrefix(operator, "String"):
					met = met || strings.Contains(arn, "::"+v+":")
				}
			}
			if !met {
				return false
			}
		}
	}
	return true
}
