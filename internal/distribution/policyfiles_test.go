package distribution_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
)

func TestPolicyFiles(t *testing.T) {
	for _, tt := range []struct {
		domains []string
		want    map[string][]string // parts of each file
		err     string
	}{
		{nil, map[string][]string{
			"clientaccesspolicy.xml": {`<domain uri="*"/>`, `<domain uri="https://*"/>`, `<resource path="/" include-subpaths="true"/>`},
			"crossdomain.xml":        {`<allow-access-from domain="*" secure="false"/>`},
			"crossdomainpolicy.xml":  {`<allow-access-from domain="*" secure="false"/>`},
		}, "<nil>"},
		{[]string{"Player.example.com", "https://*.example.org", "player.example.com", "localhost:8080"}, map[string][]string{
			"clientaccesspolicy.xml": {`<domain uri="http://player.example.com"/>`, `<domain uri="https://player.example.com"/>`, `<domain uri="https://*.example.org"/>`, `"http://localhost:8080"`},
			"crossdomain.xml":        {`<allow-access-from domain="player.example.com" secure="false"/>`, `<allow-access-from domain="*.example.org" secure="true"/>`},
		}, "<nil>"},
		{[]string{`a"b`}, nil, `domain "a\"b": want a host name, *.example.com for those below it, or *`},
		{[]string{"ftp://a.example"}, nil, `domain "ftp://a.example": want http or https`},
		{[]string{"https://a.example/path"}, nil, `domain "https://a.example/path": want a host name, *.example.com for those below it, or *`},
		{[]string{""}, nil, `domain "": want a host name, *.example.com for those below it, or *`},
		{make([]string, 101), nil, "101 domains, limit 100"},
	} {
		files, err := distribution.PolicyFiles(tt.domains)
		if fmt.Sprint(err) != tt.err {
			t.Errorf("PolicyFiles(%.40q) = %v, want %s", tt.domains, err, tt.err)
		}
		for _, f := range files {
			for _, part := range tt.want[f.Name] {
				if !strings.Contains(string(f.Body), part) {
					t.Errorf("%s of %q has no %s:\n%s", f.Name, tt.domains, part, f.Body)
				}
			}
			if n := strings.Count(string(f.Body), `"http://player.example.com"`); n > 1 {
				t.Errorf("%s names a site %d times", f.Name, n)
			}
			for d := xml.NewDecoder(strings.NewReader(string(f.Body))); ; {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("%s: %v", f.Name, err)
				}
			}
		}
	}
}

func TestPolicyFileAt(t *testing.T) {
	const name = "crossdomain.xml"
	for _, tt := range []struct {
		change func(c *cloud.DistributionConfig)
		want   string
	}{
		{func(c *cloud.DistributionConfig) { c.Behaviors[3].Origin = "s3" }, "s3://out/vod/crossdomain.xml <nil>"},
		{func(c *cloud.DistributionConfig) { c.Behaviors[3].Origin, c.Origins[0].Path = "s3", "" }, "s3://out/crossdomain.xml <nil>"},
		{func(c *cloud.DistributionConfig) { c.Behaviors[2].Pattern = "*.xml" }, "s3://out/vod/crossdomain.xml <nil>"},
		{func(c *cloud.DistributionConfig) {}, "s3:/// /crossdomain.xml is answered by the server o.example.com: put the file there"},
		{func(c *cloud.DistributionConfig) { c.Behaviors[3].Origin = "none" }, "s3:/// /crossdomain.xml: the distribution has no origin none"},
		{func(c *cloud.DistributionConfig) { c.Behaviors = nil }, "s3:/// /crossdomain.xml: the distribution has no default behaviour"},
	} {
		c := good()
		tt.change(&c)
		at, err := distribution.PolicyFileAt(c, name)
		if got := at.String() + " " + fmt.Sprint(err); got != tt.want {
			t.Errorf("PolicyFileAt = %s, want %s", got, tt.want)
		}
	}
}

func TestWritePolicyFile(t *testing.T) {
	m := memcloud.New(memcloud.Options{Buckets: []string{"out"}})
	at := cloud.Location{Bucket: "out", Key: "crossdomain.xml"}
	write := func(body string, force bool, written bool, want error) {
		t.Helper()
		got, err := distribution.WritePolicyFile(t.Context(), m.Store, at, []byte(body), force)
		if got != written || !errors.Is(err, want) {
			t.Errorf("WritePolicyFile(%.20s) = %v, %v; want %v, %v", body, got, err, written, want)
		}
	}
	write("one", false, true, nil)
	write("one", false, false, nil)
	write("two", false, true, nil) // ours to replace
	theirs := func(body string) { m.Store.Seed(cloud.Put{Location: at, Body: []byte(body)}) }
	theirs("two")
	write("two", false, false, nil)
	theirs("theirs")
	write("three", false, false, distribution.ErrOthers)
	write("three", true, true, nil)
	theirs(strings.Repeat("x", 2<<20))
	write("four", false, false, distribution.ErrOthers)
	write("four", true, true, nil)
	body, o, err := m.Store.Get(t.Context(), at, 100)
	if err != nil || string(body) != "four" || o.ContentType != "text/xml" || o.CacheControl != "public, max-age=300" {
		t.Errorf("there is %q of %s, %s, %v", body, o.ContentType, o.CacheControl, err)
	}
	m.SetHooks(memcloud.Hooks{Before: func(string, string) error { return cloud.ErrDenied }})
	write("five", false, false, cloud.ErrDenied)
}
