package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// roleARN is what MediaConvert takes for a role; see "CreateJob" in its API
// reference and "IAM identifiers" in the IAM user guide.
var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):role/[A-Za-z0-9+=,.@_/-]{1,576}$`)

// role judges the role by its ARN: no call tells whether it may be passed on.
func (d *Doctor) role(ctx context.Context) []Finding {
	const fix = "set VODFLEET_MEDIACONVERT_ROLE to the ARN of the role that MediaConvert takes on: arn:aws:iam::ACCOUNT:role/NAME"
	if d.Role == "" {
		return []Finding{broken("", "no role is told: workers do not start, and MediaConvert could not read a source", fix)}
	}
	parts := roleARN.FindStringSubmatch(d.Role)
	if parts == nil {
		return []Finding{broken(d.Role, "it is no ARN of a role", fix)}
	}
	q, err := d.Inspector.TranscodeQueue(ctx, d.Queue)
	if err != nil {
		return []Finding{fine(d.Role, "its form is right; whose account it is was not compared")} // job-queue tells of the error
	}
	if account := accountOf(q.ARN); account != "" && account != parts[1] {
		return []Finding{broken(d.Role, fmt.Sprintf("it is of account %s, and jobs run in %s: a role of another account cannot be passed on", parts[1], account), fix)}
	}
	return []Finding{fine(d.Role, "its form and account are right; whether it may be passed on, the first job tells")}
}

func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

func (d *Doctor) jobQueue(ctx context.Context) []Finding {
	q, err := d.Inspector.TranscodeQueue(ctx, d.Queue)
	name := "queue " + d.Queue
	if d.Queue == "" {
		name = "queue Default"
	}
	switch {
	case err != nil:
		return []Finding{trouble(name, err, "make it, or name another in VODFLEET_MEDIACONVERT_QUEUE", "allow mediaconvert:GetQueue")}
	case !q.Active:
		return []Finding{broken(name, "it is paused: jobs are taken in and none is begun", "aws mediaconvert update-queue --name "+q.Name+" --status ACTIVE")}
	}
	return []Finding{fine(name, fmt.Sprintf("it is active, with %d jobs at once", q.Slots))}
}

// methods are those of MediaConvert that a fleet calls all the time.
var methods = []string{"CreateJob", "GetJob", "ListJobs"}

// quotas holds the told rate against the account's.
func (d *Doctor) quotas(ctx context.Context) []Finding {
	rates, err := d.Inspector.APIRates(ctx)
	if err != nil {
		f := warning("MediaConvert", "the account does not tell its quotas: "+err.Error(), "allow servicequotas:ListServiceQuotas")
		if d.Rate > 0 {
			return []Finding{fine("MediaConvert", fmt.Sprintf("the account does not tell; VODFLEET_API_RATE is %v a second", d.Rate))}
		}
		if !errors.Is(err, cloud.ErrDenied) {
			f.Fix = "run doctor again, or set VODFLEET_API_RATE; 2 a second is assumed"
		}
		return []Finding{f}
	}
	var found []Finding
	for _, m := range methods {
		rate, told := rates[m]
		switch {
		case told && rate <= 0:
			found = append(found, broken(m, "the account's quota is 0 a second", "ask Service Quotas for more"))
		case told && d.Rate > rate:
			found = append(found, warning(m, fmt.Sprintf("VODFLEET_API_RATE is %v a second, and the account's quota %v: requests will be throttled", d.Rate, rate),
				"unset VODFLEET_API_RATE, and the account is asked; or ask Service Quotas for more"))
		case told && d.Rate > 0 && d.Rate < rate/2:
			found = append(found, warning(m, fmt.Sprintf("VODFLEET_API_RATE is %v a second, and the account's quota %v: most of it is not used", d.Rate, rate),
				"unset VODFLEET_API_RATE, and the account is asked"))
		}
	}
	if len(found) == 0 {
		var told []string
		for _, m := range slices.Sorted(maps.Keys(rates)) {
			told = append(told, fmt.Sprintf("%s %v/s", m, rates[m]))
		}
		if len(told) == 0 {
			told = []string{"the account tells none; 2/s is assumed"}
		}
		found = []Finding{fine("MediaConvert", strings.Join(told, ", "))}
	}
	return found
}

func (d *Doctor) events(ctx context.Context) []Finding {
	if d.Events == "" {
		return []Finding{fine("", "none are configured: jobs are watched through lists")}
	}
	if _, err := d.Inspector.EventQueue(ctx, d.Events); err != nil {
		return []Finding{trouble(d.Events, err, "make it, or mend VODFLEET_EVENTS_QUEUE_URL", "allow sqs:GetQueueAttributes, sqs:ReceiveMessage and sqs:DeleteMessage on it")}
	}
	return nil
}

// jobTemplate says whether the profile's job template can be read.
func (v *visit) jobTemplate(context.Context) []Finding {
	if v.Template == nil {
		return []Finding{fine("", "the profile names none")}
	}
	if _, err := v.made(); err != nil {
		return []Finding{trouble("", err, "make the job template, or name another in the profile", "allow mediaconvert:GetJobTemplate on it")}
	}
	return nil
}
