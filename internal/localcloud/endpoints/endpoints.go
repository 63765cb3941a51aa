// Package endpoints is the file in which a running cloud writes down where it
// serves, and the environment that points AWS SDKs and CLIs there. It leaves
// serving to the main package.
package endpoints

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Endpoints are the addresses of a cloud, as URLs without a trailing slash.
type Endpoints struct {
	S3           string `json:"s3"`
	MediaConvert string `json:"mediaconvert"`
	CloudFront   string `json:"cloudfront"`
	SQS          string `json:"sqs"`
	Edge         string `json:"edge"`
	Mirror       string `json:"mirror,omitempty"` // web server that mirrors a bucket; empty for none
	IIS          string `json:"iis,omitempty"`    // one that behaves as Microsoft IIS; empty for none
	Admin        string `json:"admin"`
	Other        string `json:"other"` // answers for all other services that there is none

	Distribution string `json:"distribution"` // ID of the first one
	OriginBucket string `json:"originBucket"` // of the first distribution
	Role         string `json:"role"`         // ARN that jobs may be given
	EventsQueue  string `json:"eventsQueue"`  // URL of the queue of jobs' events; empty for none
	UploadsQueue string `json:"uploadsQueue"` // URL of the queue of new objects; empty for none

	PID int `json:"pid"` // of the process that serves; 0 once it has stopped in order
}

func file(dir string) string { return filepath.Join(dir, "endpoints.json") }

// Write notes e in dir, whole or not at all.
func Write(dir string, e Endpoints) error {
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("write endpoints: %w", err)
	}
	temp := file(dir) + ".new"
	if err := os.WriteFile(temp, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write endpoints: %w", err)
	}
	if err := os.Rename(temp, file(dir)); err != nil {
		return fmt.Errorf("write endpoints: %w", err)
	}
	return nil
}

// Read returns the endpoints noted in dir, of a cloud that runs or ran there.
func Read(dir string) (Endpoints, error) {
	var e Endpoints
	b, err := os.ReadFile(file(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return e, fmt.Errorf("read endpoints: no cloud has served from %s yet", dir)
	}
	if err != nil {
		return e, fmt.Errorf("read endpoints: %w", err)
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return e, fmt.Errorf("read endpoints %s: %w", file(dir), err)
	}
	return e, nil
}
