package mediaconvert

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"
)

func TestQueues(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir)
		defer s.stop()
		made, err := s.CreateQueue(t.Context(), &sdk.CreateQueueInput{Name: aws.String("bulk"), Description: aws.String("d")})
		if err != nil || made.Queue.Status != types.QueueStatusActive || made.Queue.Type != types.TypeCustom {
			t.Fatalf("create: %+v, %v", made, err)
		}
		if _, err := s.CreateQueue(t.Context(), &sdk.CreateQueueInput{Name: aws.String("bulk")}); code(err) != "ConflictException" {
			t.Errorf("again: %v", err)
		}
		if _, err := s.UpdateQueue(t.Context(), &sdk.UpdateQueueInput{Name: aws.String("bulk"), Status: types.QueueStatusPaused}); err != nil {
			t.Error(err)
		}
		in := jobInput("clip.mp4")
		in.Queue = aws.String("bulk")
		out, err := s.CreateJob(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got, _ := s.GetJob(t.Context(), &sdk.GetJobInput{Id: out.Job.Id}); got.Job.Status != types.JobStatusSubmitted {
			t.Errorf("job in a paused queue is %s", got.Job.Status)
		}
		if _, err := s.DeleteQueue(t.Context(), &sdk.DeleteQueueInput{Name: aws.String("bulk")}); code(err) != "ConflictException" {
			t.Errorf("delete with a job: %v", err)
		}
		if _, err := s.UpdateQueue(t.Context(), &sdk.UpdateQueueInput{Name: aws.String("bulk"), Status: types.QueueStatusActive}); err != nil {
			t.Error(err)
		}
		if j := s.wait(t, *out.Job.Id); j.Status != types.JobStatusComplete {
			t.Errorf("job in the queue is %s", j.Status)
		}
		if _, err := s.DeleteQueue(t.Context(), &sdk.DeleteQueueInput{Name: aws.String("bulk")}); err != nil {
			t.Error(err)
		}
		if _, err := s.GetQueue(t.Context(), &sdk.GetQueueInput{Name: aws.String("bulk")}); code(err) != "NotFoundException" {
			t.Errorf("get after delete: %v", err)
		}
		if _, err := s.DeleteQueue(t.Context(), &sdk.DeleteQueueInput{Name: aws.String("Default")}); code(err) != "BadRequestException" {
			t.Errorf("delete of the default queue: %v", err)
		}
	})
}

func TestTemplates(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir)
		defer s.stop()
		full := jobInput("clip.mp4").Settings
		groups := full.OutputGroups
		groups[0].OutputGroupSettings.CmafGroupSettings.Destination = nil
		groups[1].OutputGroupSettings.FileGroupSettings.Destination = nil
		create := func(name string) error {
			_, err := s.CreateJobTemplate(t.Context(), &sdk.CreateJobTemplateInput{
				Name: &name, Description: aws.String("one"), Priority: aws.Int32(7), Settings: &types.JobTemplateSettings{OutputGroups: groups},
			})
			return err
		}
		if err := create("ladder"); err != nil {
			t.Fatal(err)
		}
		if err := create("ladder"); code(err) != "ConflictException" {
			t.Errorf("again: %v", err)
		}
		groups[0].OutputGroupSettings.CmafGroupSettings.FragmentLength = aws.Int32(3)
		if err := create("broken"); code(err) != "BadRequestException" {
			t.Errorf("with a contradiction: %v", err)
		}
		up, err := s.UpdateJobTemplate(t.Context(), &sdk.UpdateJobTemplateInput{Name: aws.String("ladder"), Description: aws.String("two")})
		if err != nil || *up.JobTemplate.Description != "two" || *up.JobTemplate.Priority != 7 {
			t.Errorf("update: %+v, %v", up, err)
		}
		in := jobInput("clip.mp4")
		in.JobTemplate = aws.String("ladder")
		in.Settings = &types.JobSettings{
			Inputs: []types.Input{{FileInput: aws.String("s3://vod-in/clip.mp4"), AudioSelectors: full.Inputs[0].AudioSelectors}},
			OutputGroups: []types.OutputGroup{
				{OutputGroupSettings: &types.OutputGroupSettings{Type: types.OutputGroupTypeCmafGroupSettings, CmafGroupSettings: &types.CmafGroupSettings{Destination: aws.String("s3://vod-out/t/video")}}},
				{OutputGroupSettings: &types.OutputGroupSettings{Type: types.OutputGroupTypeFileGroupSettings, FileGroupSettings: &types.FileGroupSettings{Destination: aws.String("s3://vod-out/t/poster")}}},
			},
		}
		out, err := s.CreateJob(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		j := s.wait(t, *out.Job.Id)
		if j.Status != types.JobStatusComplete || *j.Priority != 7 || len(j.Settings.OutputGroups[0].Outputs) != 2 || *j.Settings.OutputGroups[0].OutputGroupSettings.CmafGroupSettings.FragmentLength != 2 {
			t.Errorf("job of the template: %s %+v", j.Status, j.Settings)
		}
		list, err := s.ListJobTemplates(t.Context(), &sdk.ListJobTemplatesInput{})
		if err != nil || len(list.JobTemplates) != 1 {
			t.Errorf("list: %v", err)
		}
		arn := list.JobTemplates[0].Arn
		if _, err := s.TagResource(t.Context(), &sdk.TagResourceInput{Arn: arn, Tags: map[string]string{"a": "1", "b": "2"}}); err != nil {
			t.Error(err)
		}
		if _, err := s.UntagResource(t.Context(), &sdk.UntagResourceInput{Arn: arn, TagKeys: []string{"a"}}); err != nil {
			t.Error(err)
		}
		tags, err := s.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{Arn: arn})
		if err != nil || len(tags.ResourceTags.Tags) != 1 || tags.ResourceTags.Tags["b"] != "2" {
			t.Errorf("tags: %+v, %v", tags, err)
		}
		if _, err := s.DeleteJobTemplate(t.Context(), &sdk.DeleteJobTemplateInput{Name: aws.String("ladder")}); err != nil {
			t.Error(err)
		}
		if _, err := s.GetJobTemplate(t.Context(), &sdk.GetJobTemplateInput{Name: aws.String("ladder")}); code(err) != "NotFoundException" {
			t.Errorf("get after delete: %v", err)
		}
	})
}

func TestProbeOfASimulatedSource(t *testing.T) {
	s := start(t, t.TempDir())
	put(t, s.objects, "dir/clip_640x360_90s_30fps_silent.MOV", "\x00\x00\x00\x18ftypqt  ")
	probe := func(key string) (*sdk.ProbeOutput, error) {
		return s.Probe(t.Context(), &sdk.ProbeInput{InputFiles: []types.ProbeInputFile{{FileUrl: aws.String("s3://vod-in/" + key)}}})
	}
	got, err := probe("dir/clip_640x360_90s_30fps_silent.MOV")
	if err != nil {
		t.Fatal(err)
	}
	r := got.ProbeResults[0]
	v := r.Container.Tracks[0].VideoProperties
	if r.Container.Format != types.FormatQuicktime || *r.Container.Duration != 90 || len(r.Container.Tracks) != 1 || *v.Width != 640 || *v.FrameRate.Numerator != 30 || *r.Metadata.FileSize != 12 {
		t.Errorf("probe: %+v %+v", r.Container, v)
	}
	put(t, s.objects, "text.mp4", "this is no video")
	if _, err := probe("text.mp4"); code(err) != "BadRequestException" {
		t.Errorf("probe of a text: %v", err)
	}
}
