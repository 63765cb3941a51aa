package awscloud

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

const maxWarnings = 20 // of one job that are kept

// jobOf is a job as MediaConvert tells it. A job without an ID is an answer
// that cannot be used. A state that is not known is told as it is: a job in it
// has not ended.
func jobOf(op, object string, j *types.Job) (cloud.Job, error) {
	if j == nil || aws.ToString(j.Id) == "" {
		return cloud.Job{}, &cloud.Error{Op: op, Object: object, Kind: cloud.ErrUnavailable, Message: "an answer without a job"}
	}
	job := cloud.Job{
		ID: *j.Id, State: cloud.JobState(j.Status), Percent: min(max(int(aws.ToInt32(j.JobPercentComplete)), 0), 100),
		Metadata: maps.Clone(j.UserMetadata), Queue: aws.ToString(j.Queue), Created: aws.ToTime(j.CreatedAt),
		ErrorCode: int(aws.ToInt32(j.ErrorCode)), Message: clean(aws.ToString(j.ErrorMessage)), Warnings: warnings(j),
	}
	if job.State == cloud.JobComplete {
		job.Percent = 100
	}
	if t := j.Timing; t != nil {
		job.Started, job.Finished = aws.ToTime(t.StartTime), aws.ToTime(t.FinishTime)
	}
	if s := j.Settings; s != nil && len(s.OutputGroups) > 0 {
		job.Destination = destinationOf(s.OutputGroups[0].OutputGroupSettings)
	}
	for _, g := range j.OutputGroupDetails {
		for _, o := range g.OutputDetails {
			job.Duration = max(job.Duration, time.Duration(aws.ToInt32(o.DurationInMs))*time.Millisecond)
		}
	}
	return job, nil
}

// warnings are a job's, in the service's words where it gives any, else by code.
func warnings(j *types.Job) []string {
	var all []string
	if j.Messages != nil {
		for _, w := range j.Messages.Warning {
			all = append(all, clean(w))
		}
	}
	for _, w := range j.Warnings {
		all = append(all, fmt.Sprintf("warning %d, %d times", aws.ToInt32(w.Code), aws.ToInt32(w.Count)))
	}
	return all[:min(len(all), maxWarnings)]
}

// destinationOf is where a group's files go; the zero location if it is
// nothing that we would have written.
func destinationOf(s *types.OutputGroupSettings) cloud.Location {
	var uri *string
	switch {
	case s == nil:
	case s.CmafGroupSettings != nil:
		uri = s.CmafGroupSettings.Destination
	case s.HlsGroupSettings != nil:
		uri = s.HlsGroupSettings.Destination
	case s.DashIsoGroupSettings != nil:
		uri = s.DashIsoGroupSettings.Destination
	case s.MsSmoothGroupSettings != nil:
		uri = s.MsSmoothGroupSettings.Destination
	case s.FileGroupSettings != nil:
		uri = s.FileGroupSettings.Destination
	}
	at, err := cloud.ParseLocation(aws.ToString(uri))
	if err != nil {
		return cloud.Location{}
	}
	at.Key = strings.ReplaceAll(at.Key, "$$", "$")
	return at
}
