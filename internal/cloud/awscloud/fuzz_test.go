package awscloud_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// FuzzAnswers answers every call with the same bytes. Whatever they are, a
// call ends in a value or in an error of one of the kinds.
func FuzzAnswers(f *testing.F) {
	settings(f, "1")
	for _, seed := range []struct {
		status int
		body   string
	}{
		{200, `{"job":` + complete + `}`},
		{200, `{"jobs":[` + complete + `,{}],"nextToken":"n"}`},
		{200, `{"probeResults":[{"container":{"format":"mp4","duration":-1e300,"tracks":[{"index":1,"trackType":"video","videoProperties":{"rotation":1e9,"frameRate":{"numerator":-1,"denominator":0}}}]},"metadata":{}}]}`},
		{200, `{"jobTemplate":{"name":"t","settings":{"inputs":[{}],"outputGroups":[{"outputGroupSettings":{"type":"FILE_GROUP_SETTINGS","fileGroupSettings":{}},"outputs":[{"containerSettings":{"container":"RAW"},"videoDescription":{"codecSettings":{"codec":"FRAME_CAPTURE","frameCaptureSettings":{"framerateNumerator":1,"framerateDenominator":2147483647}}}}]},{}]}}}`},
		{200, `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><Contents><Key>%zz</Key></Contents></ListBucketResult>`},
		{200, `<DeleteResult><Error><Key>k</Key></Error><Error/></DeleteResult>`},
		{200, `<CopyObjectResult/>`},
		{200, `<Distribution><Id>E</Id></Distribution>`},
		{200, `<Invalidation><Id>I</Id><CreateTime>yesterday</CreateTime></Invalidation>`},
		{404, `<Error><Code>NoSuchKey</Code></Error>`},
		{500, `{"message":null}`},
		{302, ``},
	} {
		f.Add(seed.status, seed.body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		c, _ := opened(t, says(status, body))
		at := cloud.Location{Bucket: "b", Key: "k"}
		ctx := t.Context()
		_, head := c.Store().Head(ctx, at)
		_, _, get := c.Store().Get(ctx, at, 100)
		_, put := c.Store().Put(ctx, cloud.Put{Location: at})
		_, copied := c.Store().Copy(ctx, at, at, "")
		deleted := c.Store().Delete(ctx, "b", "k", "\x01")
		var listed error
		n := 0
		for _, err := range c.Store().List(ctx, at, "") {
			if listed = err; n > 1000 {
				break
			}
			n++
		}
		templated := one()
		templated.Spec.Template = "t"
		_, submitted := c.Transcoder().Submit(ctx, one())
		_, byTemplate := c.Transcoder().Submit(ctx, templated)
		_, job := c.Transcoder().Job(ctx, "1-a")
		_, jobs := c.Transcoder().List(ctx, cloud.JobQuery{State: cloud.JobComplete})
		_, probed := c.Transcoder().Probe(ctx, at)
		_, template := c.Transcoder().Template(ctx, "t")
		_, distribution := c.CDN().Distribution(ctx, "E1")
		_, invalidation := c.CDN().Invalidation(ctx, "E1", "I1")
		for _, err := range []error{
			head, get, put, copied, deleted, listed, submitted, byTemplate, job, jobs, probed, template, distribution, invalidation, c.Transcoder().Cancel(ctx, "1-a"),
		} {
			if err != nil && !slices.ContainsFunc(errs, func(kind error) bool { return errors.Is(err, kind) }) {
				t.Errorf("%d %q: %v, which is of no kind", status, body, err)
			}
		}
	})
}
