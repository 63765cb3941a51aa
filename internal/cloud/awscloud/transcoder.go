package awscloud

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"
	"github.com/vodfleet/vodfleet/internal/cloud"
)

const jobPage = 20 // jobs of one page, MediaConvert's maximum

// transcoder is MediaConvert.
type transcoder struct {
	api     *mediaconvert.Client
	objects *store // tells a source that is not there from one that is no media

	mu        sync.Mutex
	templates map[string]template // read lately, by name
}

// template is a job template as it was read.
type template struct {
	settings *types.JobTemplateSettings
	read     time.Time
}

// Submit implements [cloud.Transcoder].
//
// The SDK repeats a CreateJob that was throttled, broke or was not answered.
// That is safe while MediaConvert knows the token, for one minute from the
// request that made the job: every attempt bears the same token. All attempts
// together have [submitTime], half of that minute, from before the first of
// them, and none is sent later than [tokenTime] after the first by the cloud's
// clock, if that may have made the job; so none can arrive when the token of an
// earlier one is forgotten, unless the network holds it back. Past that time the
// error is [cloud.ErrUnavailable], and callers look for the job. All attempts are
// signed as of r.At, and the error is [cloud.ErrUnavailable] as well if the
// last was refused and one before it may have made the job.
func (t *transcoder) Submit(ctx context.Context, r cloud.JobRequest) (cloud.Job, error) {
	const op = "CreateJob"
	object := r.Spec.Input.String()
	if err := r.Valid(); err != nil {
		return cloud.Job{}, invalid(op, object, err)
	}
	var tpl *types.JobTemplateSettings
	if name := r.Spec.Template; name != "" {
		var err error
		if tpl, err = t.template(ctx, name, templateLife); err != nil {
			return cloud.Job{}, err
		}
	}
	in, err := createJob(r, tpl)
	if err != nil {
		return cloud.Job{}, invalid(op, object, err)
	}
	all := attempts{at: r.At, clock: t.objects.clock}
	out, err := call(all.of(ctx), submitTime, op, object, func(ctx context.Context) (*mediaconvert.CreateJobOutput, error) {
		return t.api.CreateJob(ctx, in, all.seen)
	})
	if err != nil {
		return cloud.Job{}, all.sure(expired(err, r.At))
	}
	return jobOf(op, object, out.Job)
}

// Job implements [cloud.Transcoder].
func (t *transcoder) Job(ctx context.Context, id string) (cloud.Job, error) {
	const op = "GetJob"
	object := "job " + id
	if id == "" {
		return cloud.Job{}, &cloud.Error{Op: op, Object: object, Kind: cloud.ErrNotFound, Message: "no ID"}
	}
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*mediaconvert.GetJobOutput, error) {
		return t.api.GetJob(ctx, &mediaconvert.GetJobInput{Id: &id})
	})
	if err != nil {
		return cloud.Job{}, err
	}
	return jobOf(op, object, out.Job)
}

// List implements [cloud.Transcoder].
func (t *transcoder) List(ctx context.Context, q cloud.JobQuery) (cloud.JobPage, error) {
	const op = "ListJobs"
	object := "jobs " + string(q.State)
	if !slices.Contains(cloud.JobStates, q.State) {
		return cloud.JobPage{}, invalid(op, object, errors.New("no such state"))
	}
	in := &mediaconvert.ListJobsInput{
		Status: types.JobStatus(q.State), Queue: optional(q.Queue), Order: types.OrderDescending,
		MaxResults: aws.Int32(jobPage), NextToken: optional(q.Cursor),
	}
	if q.Oldest {
		in.Order = types.OrderAscending
	}
	out, err := call(ctx, callTime, op, object, func(ctx context.Context) (*mediaconvert.ListJobsOutput, error) {
		return t.api.ListJobs(ctx, in)
	})
	if err != nil {
		return cloud.JobPage{}, err
	}
	page := cloud.JobPage{Next: aws.ToString(out.NextToken)}
	for i := range out.Jobs {
		// One that cannot be told from others hides no other.
		if job, err := jobOf(op, object, &out.Jobs[i]); err == nil {
			page.Jobs = append(page.Jobs, job)
		}
	}
	return page, nil
}

// Cancel implements [cloud.Transcoder]. Whether a job that cannot be canceled
// is so already, one more look tells.
func (t *transcoder) Cancel(ctx context.Context, id string) error {
	const op = "CancelJob"
	object := "job " + id
	if id == "" {
		return &cloud.Error{Op: op, Object: object, Kind: cloud.ErrNotFound, Message: "no ID"}
	}
	_, err := call(ctx, callTime, op, object, func(ctx context.Context) (*mediaconvert.CancelJobOutput, error) {
		return t.api.CancelJob(ctx, &mediaconvert.CancelJobInput{Id: &id})
	})
	if !errors.Is(err, cloud.ErrConflict) && !errors.Is(err, cloud.ErrInvalid) {
		return err
	}
	job, look := t.Job(ctx, id)
	switch {
	case look != nil:
		return errors.Join(err, look)
	case job.State == cloud.JobCanceled:
		return nil
	case job.State.Ended():
		return &cloud.Error{Op: op, Object: object, Kind: cloud.ErrConflict, Message: "the job is " + string(job.State)}
	}
	return err
}
