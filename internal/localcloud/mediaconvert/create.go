package mediaconvert

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/rules"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/settings"
	"github.com/vodfleet/vodfleet/internal/localcloud/model"
)

// tokenLife is how long a ClientRequestToken makes a request one (API reference).
const tokenLife = time.Minute

// maxToken is the longest ClientRequestToken (user guide), in ASCII characters.
const maxToken = 64

type createBody struct {
	AccelerationSettings struct {
		Mode string `json:"mode"`
	} `json:"accelerationSettings"`
	BillingTagsSource    string            `json:"billingTagsSource"`
	ClientRequestToken   string            `json:"clientRequestToken"`
	HopDestinations      []json.RawMessage `json:"hopDestinations"`
	JobTemplate          string            `json:"jobTemplate"`
	Priority             *int              `json:"priority"`
	Queue                string            `json:"queue"`
	Role                 string            `json:"role"`
	Settings             json.RawMessage   `json:"settings"`
	StatusUpdateInterval string            `json:"statusUpdateInterval"`
	Tags                 map[string]string `json:"tags"`
	UserMetadata         map[string]string `json:"userMetadata"`
}

func (s *Service) createJob(r *request) (doc, error) {
	var b createBody
	if err := r.decode(&b); err != nil {
		return nil, err
	}
	hash, err := fingerprint(r.body)
	if err != nil {
		return nil, err
	}
	if err := judgeRequest(&b); err != nil {
		s.violation(r.op, err.Error())
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if j, err := s.repeated(b.ClientRequestToken, hash); j != nil || err != nil {
		if err != nil {
			return nil, err
		}
		raw, err := s.settingsOf(j)
		if err != nil {
			return nil, err
		}
		return doc{"job": j.view(j.Status, raw)}, nil
	}
	j, err := s.newJob(&b)
	if err != nil {
		return nil, err
	}
	if j.Token != "" {
		j.Hash = hash
	}
	if s.cfg.Calls != nil {
		if code, ok := s.cfg.Calls.FailJob(j.Input); ok {
			j.Fault = &code
		}
	}
	if err := s.files.save("settings", j.ID, b.Settings); err != nil {
		return nil, err
	}
	if err := s.saveJob(j); err != nil {
		return nil, err
	}
	s.keep(j)
	s.stir()
	return doc{"job": j.view(j.Status, b.Settings)}, nil
}

// fingerprint is equal for equal requests: SDKs write the members of a map in
// any order.
func fingerprint(body []byte) (string, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", badRequest("the body is no JSON document")
	}
	canonical, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

// judgeRequest refuses what the model lets pass in a request, but for its
// settings.
func judgeRequest(b *createBody) error {
	if len(b.ClientRequestToken) > maxToken || strings.ContainsFunc(b.ClientRequestToken, func(c rune) bool { return c < ' ' || c > '~' }) {
		return badRequest("/clientRequestToken: Should be at most %d ASCII characters", maxToken)
	}
	if err := problems("", rules.Role(b.Role)); err != nil {
		return err
	}
	if len(b.HopDestinations) > 0 {
		return unserved("/hopDestinations: queue hopping")
	}
	if len(b.Tags) > maxTags {
		return badRequest("/tags: Should have at most %d items", maxTags)
	}
	return problems("", rules.UserMetadata(b.UserMetadata))
}

// repeated finds the job that a request with this token made in the last
// minute. Another request with the token is refused. The caller holds s.mu.
func (s *Service) repeated(token, hash string) (*job, error) {
	if token == "" {
		return nil, nil
	}
	j := s.tokens[token]
	if j == nil || s.now().Sub(j.Created) >= tokenLife {
		return nil, nil
	}
	if j.Hash != hash {
		return nil, conflict("The client request token %q was used within the last minute with another request.", token)
	}
	return j, nil
}

// newJob makes the job that b asks for, and leaves the settings that it runs
// with in b. The caller holds s.mu.
func (s *Service) newJob(b *createBody) (*job, error) {
	now := s.now()
	j := &job{
		ID: newID(now), Seq: s.seq + 1, Role: b.Role, Token: b.ClientRequestToken, Metadata: b.UserMetadata, Tags: b.Tags,
		Billing: b.BillingTagsSource, Interval: b.StatusUpdateInterval, Acceleration: b.AccelerationSettings.Mode,
		Status: statusSubmitted, Created: now,
	}
	if b.JobTemplate != "" {
		t, err := s.templateOf(b.JobTemplate)
		if err != nil {
			return nil, err
		}
		if b.Settings, err = merge(t.Settings, b.Settings); err != nil {
			return nil, internal(err)
		}
		j.Template = t.arn()
		if b.Queue == "" {
			b.Queue = t.Queue
		}
		if b.Priority == nil {
			b.Priority = t.Priority
		}
	}
	if b.Priority != nil {
		j.Priority = *b.Priority
	}
	q, err := s.queueOf(b.Queue)
	if err != nil {
		return nil, err
	}
	j.Queue = q.Name
	decoded, err := judgeSettings(b.Settings)
	if err != nil {
		if e, ok := err.(*apiError); ok {
			s.violation("CreateJob", e.text)
		}
		return nil, err
	}
	j.Input = decoded.Inputs[0].FileInput
	for _, g := range decoded.OutputGroups {
		j.Destinations = append(j.Destinations, g.OutputGroupSettings.Group().Destination)
	}
	return j, nil
}

// judgeSettings refuses settings that break the model or contradict each
// other, and those that the local cloud cannot carry out.
func judgeSettings(raw json.RawMessage) (*settings.Job, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, internal(fmt.Errorf("read settings: %w", err))
	}
	if found := model.MediaConvert().ValidateJSON("JobSettings", v); len(found) > 0 {
		for i := range found {
			found[i].Path = "/settings" + found[i].Path
		}
		return nil, badRequest("%s", model.Join(found))
	}
	decoded, err := settings.Decode(raw)
	if err != nil {
		return nil, badRequest("/settings: %v", err)
	}
	if err := problems("/settings", rules.Check(decoded)); err != nil {
		return nil, err
	}
	if beyond := rules.Unsupported(decoded); len(beyond) > 0 {
		return nil, unserved("/settings%s", strings.Join(beyond, " | /settings"))
	}
	return decoded, nil
}
