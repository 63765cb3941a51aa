package endpoints

import (
	"fmt"
	"io"
	"strings"
)

// Variable is the name and the value of an environment variable.
type Variable struct{ Name, Value string }

// Account are the credentials and the region of the cloud's only account.
type Account struct{ AccessKey, SecretKey, Region string }

// Environment returns the variables that point an AWS SDK or CLI at e. rules is
// the folder of [WriteRules], for CLIs that know no endpoint variables; it may
// be empty.
func (e Endpoints) Environment(a Account, rules string) []Variable {
	vars := []Variable{
		{"AWS_ACCESS_KEY_ID", a.AccessKey},
		{"AWS_SECRET_ACCESS_KEY", a.SecretKey},
		{"AWS_REGION", a.Region},
		{"AWS_DEFAULT_REGION", a.Region}, // what the AWS CLI before version 2 reads
		{"AWS_EC2_METADATA_DISABLED", "true"},
		{"AWS_ENDPOINT_URL", e.Other},
		{"AWS_ENDPOINT_URL_S3", e.S3},
		{"AWS_ENDPOINT_URL_MEDIACONVERT", e.MediaConvert},
		{"AWS_ENDPOINT_URL_CLOUDFRONT", e.CloudFront},
	}
	vars = given(vars, Variable{"AWS_ENDPOINT_URL_SQS", e.SQS})
	if rules != "" {
		vars = append(vars, Variable{"AWS_DATA_PATH", rules})
	}
	return vars
}

// Fleet returns the variables that vodfleet needs besides the AWS ones, and
// where web servers for custom origins are.
func (e Endpoints) Fleet() []Variable {
	return given([]Variable{
		{"VODFLEET_DISTRIBUTION_ID", e.Distribution},
		{"VODFLEET_VIEWER_URL", e.Edge},
		{"VODFLEET_OUTPUT", "s3://" + e.OriginBucket},
		{"VODFLEET_MEDIACONVERT_ROLE", e.Role},
	}, Variable{"VODFLEET_EVENTS_QUEUE_URL", e.EventsQueue}, Variable{"VODFLEET_UPLOADS_QUEUE_URL", e.UploadsQueue},
		Variable{"LOCALCLOUD_MIRROR_URL", e.Mirror}, Variable{"LOCALCLOUD_IIS_URL", e.IIS})
}

// given appends what has a value.
func given(vars []Variable, more ...Variable) []Variable {
	for _, v := range more {
		if v.Value != "" {
			vars = append(vars, v)
		}
	}
	return vars
}

// Export writes variables as lines that a POSIX shell evaluates.
func Export(w io.Writer, vars []Variable) error {
	for _, v := range vars {
		if _, err := fmt.Fprintf(w, "export %s=%s\n", v.Name, quote(v.Value)); err != nil {
			return err
		}
	}
	return nil
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
