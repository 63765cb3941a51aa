package distribution

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// Pending stands for the name of a policy, or the ID of an origin access
// control, that is to be made; see [Apply].
const Pending = "new"

func origins(j *judge) {
	j.check = "origin"
	for _, b := range j.all() {
		o := j.c.Origin(b.Origin)
		switch kind := j.kind(b); {
		case o == nil:
			j.add(Broken, name(b), fmt.Sprintf("its origin %s is not there", b.Origin), "name one of the distribution's origins", nil)
		case kind == S3 && o.Bucket != j.d.Output.Bucket:
			text, fix := fmt.Sprintf("its origin is %s, and streams are written to the bucket %s", o.Domain, j.d.Output.Bucket), "have it use the output bucket as its origin"
			if j.ours(b) {
				j.add(Broken, name(b), text, fix, j.useOutput(b.Pattern))
			} else {
				j.before(Broken, b, text, fix, ownMedia, ownEntries)
			}
		case j.unsaid(b):
			j.add(Warning, name(b), fmt.Sprintf("its origin is the server %s, and nothing says that it has what is written to the output", o.Domain),
				"set VODFLEET_ORIGIN_KIND (--origin-kind) to custom or iis if it has; if not, have it use the output bucket as its origin", nil)
		case kind != S3 && o.Bucket != "":
			j.add(Broken, name(b), fmt.Sprintf("its origin is the bucket %s, and the origin is said to be a server (%s)", o.Bucket, kind),
				"have it use the server as its origin, or set VODFLEET_ORIGIN_KIND (--origin-kind) to s3", nil)
		}
	}
}

// useOutput has a behaviour use the output bucket, as an origin that is there
// or a new one.
func (j *judge) useOutput(pattern string) func(*cloud.DistributionConfig) {
	return func(c *cloud.DistributionConfig) {
		id := outputOrigin(c, j.d)
		of(pattern, func(b *cloud.Behavior) { toBucket(b, id) })(c)
	}
}

// toBucket has a behaviour use an origin that is a bucket. What another origin
// was sent beside the path goes: with a site's Host header a bucket is not found.
func toBucket(b *cloud.Behavior, origin string) {
	b.Origin, b.Request = origin, cloud.RequestPolicy{}
}

// outputOrigin finds the output bucket among the origins, under the path that
// the viewer URL needs and not as one that is public, or adds it; it returns its
// ID.
func outputOrigin(c *cloud.DistributionConfig, d Delivery) string {
	path, _ := wantedPath(d)
	taken := map[string]bool{}
	for _, o := range c.Origins {
		if o.Bucket == d.Output.Bucket && o.Path == path && o.Access+o.Legacy != "" {
			return o.ID
		}
		taken[o.ID] = true
	}
	for _, g := range c.Groups {
		taken[g.ID] = true
	}
	id := "vodfleet-output"
	for n := 2; taken[id]; n++ {
		id = fmt.Sprintf("vodfleet-output-%d", n)
	}
	c.Origins = append(c.Origins, cloud.Origin{ID: id, Path: path, Bucket: d.Output.Bucket, Region: d.Region, Access: Pending})
	return id
}

// wantedPath is the OriginPath with which viewers find the output under the
// viewer URL: a request's path is the OriginPath and the URL's path, and that is
// the object's key. It fails where no OriginPath does that.
func wantedPath(d Delivery) (string, bool) {
	key := strings.Trim(d.Output.Key, "/")
	if key != "" {
		key = "/" + key
	}
	path, ok := strings.CutSuffix(key, d.root())
	return path, ok
}

func originPath(j *judge) {
	j.check = "origin-path"
	want, ok := wantedPath(j.d)
	if !ok {
		j.add(Broken, "viewer URL", fmt.Sprintf("its path %s is not the end of the output's prefix %s, so no origin path leads there", j.root, j.d.Output.Key),
			"set VODFLEET_VIEWER_URL or VODFLEET_OUTPUT so that the one's path is the other's end, or empty", nil)
		return
	}
	seen := map[string]bool{}
	for _, b := range j.all() {
		o := j.c.Origin(b.Origin)
		if o == nil || o.Bucket != j.d.Output.Bucket || o.Path == want {
			continue
		}
		text := fmt.Sprintf("path is %q: the viewer URL leads to s3://%s%s%s/, and streams are written to %s/", o.Path, o.Bucket, o.Path, j.root, j.d.Output)
		fix := fmt.Sprintf("have it use an origin of the path %q", want)
		switch {
		case !j.ours(b):
			j.before(Broken, b, "its origin's "+text, fix, ownMedia, ownEntries)
		case j.others(o.ID):
			j.add(Broken, name(b), "its origin's "+text, fix, j.useOutput(b.Pattern))
		case !seen[o.ID]:
			j.add(Broken, "origin "+o.ID, "its "+text, fmt.Sprintf("set its origin path to %q", want), ofOrigin(o.ID, func(o *cloud.Origin) { o.Path = want }))
		}
		seen[o.ID] = true
	}
}

func ofOrigin(id string, change func(*cloud.Origin)) func(*cloud.DistributionConfig) {
	return func(c *cloud.DistributionConfig) {
		for i := range c.Origins {
			if c.Origins[i].ID == id {
				change(&c.Origins[i])
			}
		}
	}
}

func access(j *judge) {
	j.check = "origin-access"
	seen := map[string]bool{}
	for _, b := range j.all() {
		o := j.c.Origin(b.Origin)
		if o == nil || o.Bucket == "" || o.Access != "" {
			continue
		}
		const text, fix = "no origin access control: a bucket that is not public answers 403", "use an origin access control, and allow the distribution in the bucket's policy"
		change := ofOrigin(o.ID, func(o *cloud.Origin) { o.Access, o.Legacy = Pending, "" })
		s := Broken
		if j.d.BucketPolicy == nil || j.mayRead(o, "") {
			s = Warning // it may be public, or is
		}
		switch safe := j.mayRead(o, j.c.ARN); {
		case o.Legacy != "" && !seen[o.ID]:
			if !safe {
				change = nil // it works, and would not
			}
			j.add(Warning, "origin "+o.ID, "it uses an origin access identity, which signs no requests for buckets with SSE-KMS or in newer Regions",
				"allow the distribution in the bucket's policy, beside the identity, and then use an origin access control", change)
		case o.Legacy != "":
		case j.others(o.ID) && !safe && j.ours(b):
			j.add(s, name(b), "its origin has "+text, fix, j.useOutput(b.Pattern))
		case j.others(o.ID) && !safe:
			j.before(s, b, "its origin has "+text, fix, ownMedia, ownEntries)
		case !seen[o.ID]:
			j.add(s, "origin "+o.ID, "it has "+text, fix, change)
		}
		seen[o.ID] = true
	}
}

// mayRead reports whether the output bucket's policy is known, and lets a
// distribution, or with an empty ARN everybody, read all that an origin serves.
func (j *judge) mayRead(o *cloud.Origin, arn string) bool {
	if j.d.BucketPolicy == nil || arn == "" && j.c.ARN == "" || o.Bucket != j.d.Output.Bucket {
		return false
	}
	p, err := parsePolicy(*j.d.BucketPolicy)
	if err != nil {
		return false
	}
	var keys []string
	for _, file := range slices.Concat(mediaPaths, entryPaths, []string{smoothPath, smoothPath + "c", smoothPath + "v"}) {
		keys = append(keys, j.d.Output.Join(file).Key)
	}
	if j.others(o.ID) {
		keys = append(keys, strings.TrimPrefix(o.Path+"/index.html", "/"))
	}
	return !slices.ContainsFunc(keys, func(key string) bool {
		return !p.allows(arn, "", object(cloud.Location{Bucket: o.Bucket, Key: key}))
	})
}

// served are the sorts of files that the bucket's policy has to let through.
var served = []string{"ism", "ismc", "ismv", "isma", "m3u8", "mpd", "mp4", "json"}

func bucketPolicy(j *judge) {
	j.check = "bucket-policy"
	if j.d.BucketPolicy == nil || j.c.ARN == "" {
		j.check = "" // nothing was looked at
		return
	}
	fromBucket, legacy := false, ""
	for _, b := range j.all() {
		if o := j.c.Origin(b.Origin); o != nil && o.Bucket == j.d.Output.Bucket {
			fromBucket = true
			if o.Access == "" {
				legacy = o.Legacy
			}
		}
	}
	if !fromBucket {
		return
	}
	root := RootFiles(j.c, j.d)
	fix := "allow it with this statement: " + Statement(j.d.Output, j.c.ARN, root...)
	p, err := parsePolicy(*j.d.BucketPolicy)
	if err != nil {
		j.add(Broken, "bucket "+j.d.Output.Bucket, fmt.Sprintf("its policy cannot be read: %v", err), fix, nil)
		return
	}
	var refused []string
	for _, ext := range served {
		if !j.d.Smooth && strings.HasPrefix(ext, "ism") {
			continue
		}
		key := j.d.Output.Join("media/" + sample + "/1/smooth/video." + ext).Key
		if !p.allows(j.c.ARN, legacy, object(cloud.Location{Bucket: j.d.Output.Bucket, Key: key})) {
			refused = append(refused, "."+ext)
		}
	}
	if len(refused) > 0 {
		j.add(Broken, "bucket "+j.d.Output.Bucket, "its policy does not let the distribution read "+strings.Join(refused, ", ")+" files", fix, nil)
		return
	}
	for _, at := range root {
		identity := ""
		if o := j.c.Origin(Choose(&j.c, "/"+path.Base(at.Key)).Origin); o.Access == "" {
			identity = o.Legacy
		}
		if !p.allows(j.c.ARN, identity, object(at)) {
			refused = append(refused, "/"+path.Base(at.Key))
		}
	}
	if len(refused) > 0 {
		j.add(Warning, "bucket "+j.d.Output.Bucket, "its policy does not let the distribution read "+strings.Join(refused, ", ")+", which some players of Smooth ask for", fix, nil)
	}
}
