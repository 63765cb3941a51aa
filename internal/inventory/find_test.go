package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
)

func TestFind(t *testing.T) {
	complete := func(folder string) []string {
		return []string{folder + "/manifest.checksum", folder + "/manifest.json"}
	}
	for _, tt := range []struct {
		name  string
		root  string
		keys  [][]string
		taken Taken
		want  []string // manifests' folders
	}{
		{"none", "inv", nil, nil, nil},
		{"oldest first", "inv", [][]string{complete("inv/b/all/2026-11-22T01-00Z"), complete("inv/b/all/2026-11-21T01-00Z")}, nil,
			[]string{"inv/b/all/2026-11-21T01-00Z", "inv/b/all/2026-11-22T01-00Z"}},
		{"by time over buckets and configurations", "inv", [][]string{
			complete("inv/a/all/2026-11-22T01-00Z"), complete("inv/a/new/2026-11-20T01-00Z"), complete("inv/b/all/2026-11-21T01-00Z"), complete("inv/b/all/2026-11-22T01-00Z"),
		}, nil, []string{"inv/a/new/2026-11-20T01-00Z", "inv/b/all/2026-11-21T01-00Z", "inv/a/all/2026-11-22T01-00Z", "inv/b/all/2026-11-22T01-00Z"}},
		{"root ends in a slash", "inv/", [][]string{complete("inv/b/all/2026-11-22T01-00Z")}, nil, []string{"inv/b/all/2026-11-22T01-00Z"}},
		{"root is the bucket", "", [][]string{complete("b/all/2026-11-22T01-00Z")}, nil, []string{"b/all/2026-11-22T01-00Z"}},
		{"root is a configuration", "inv/b/all", [][]string{complete("inv/b/all/2026-11-22T01-00Z"), complete("inv/b/all2/2026-11-22T01-00Z")}, nil, []string{"inv/b/all/2026-11-22T01-00Z"}},
		{"another folder", "inv", [][]string{complete("inventory/b/all/2026-11-22T01-00Z")}, nil, nil},
		{"not complete", "inv", [][]string{{"inv/b/all/2026-11-22T01-00Z/manifest.json"}}, nil, nil},
		{"checksum alone", "inv", [][]string{{"inv/b/all/2026-11-22T01-00Z/manifest.checksum"}}, nil, nil},
		{"checksum of another", "inv", [][]string{{"inv/b/all/2026-11-21T01-00Z/manifest.checksum", "inv/b/all/2026-11-22T01-00Z/manifest.json"}}, nil, nil},
		{"no time", "inv", [][]string{complete("inv/b/all/2026-11-22"), complete("inv/b/all/2026-13-22T01-00Z"), complete("inv/b/all/x2026-11-22T01-00Z")}, nil, nil},
		{"data and links passed over", "inv", [][]string{
			complete("inv/a/all/2026-11-22T01-00Z"), {"inv/a/all/data/1.csv.gz", "inv/a/all/hive/dt=2026-11-22-01-00/symlink.txt"}, complete("inv/b/all/2026-11-22T01-00Z"),
		}, nil, []string{"inv/a/all/2026-11-22T01-00Z", "inv/b/all/2026-11-22T01-00Z"}},
		{"a configuration called data", "inv", [][]string{complete("inv/a/data/2026-11-22T01-00Z")}, nil, []string{"inv/a/data/2026-11-22T01-00Z"}},
		{"the last key there can be", "inv", [][]string{
			complete("inv/a/all/2026-11-22T01-00Z"), {"inv/a/all/data/\U0010FFFF\U0010FFFF"}, complete("inv/b/all/2026-11-22T01-00Z"),
		}, nil, []string{"inv/a/all/2026-11-22T01-00Z", "inv/b/all/2026-11-22T01-00Z"}},
		{"taken, by configuration", "inv", [][]string{
			complete("inv/a/all/2026-11-22T01-00Z"), complete("inv/b/all/2026-11-21T01-00Z"), complete("inv/b/all/2026-11-23T01-00Z"),
		}, Taken{"inv/a/all/": "2026-11-22T01-00Z"}, []string{"inv/b/all/2026-11-21T01-00Z", "inv/b/all/2026-11-23T01-00Z"}},
		{"taken, then overtaken", "inv", [][]string{
			complete("inv/b/all/2026-11-21T01-00Z"), complete("inv/b/all/2026-11-22T01-00Z"), complete("inv/b/all/2026-11-23T01-00Z"),
		}, Taken{"inv/b/all/": "2026-11-22T01-00Z"}, []string{"inv/b/all/2026-11-23T01-00Z"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := memcloud.New(memcloud.Options{Buckets: []string{reports}})
			for _, keys := range tt.keys {
				for _, k := range keys {
					c.Store.Seed(cloud.Put{Location: at(k)})
				}
			}
			taken := Taken{}
			maps.Copy(taken, tt.taken)
			var got []string
			for f, err := range Find(t.Context(), c.Store, at(tt.root), tt.taken) {
				if err != nil {
					t.Fatal(err)
				}
				if f.Manifest != at(f.Configuration+f.Folder+"/manifest.json") {
					t.Errorf("found %+v", f)
				}
				got = append(got, strings.TrimSuffix(f.Manifest.Key, "/manifest.json"))
				taken.Add(f)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("found %v\nwant  %v", got, tt.want)
			}
			for f := range Find(t.Context(), c.Store, at(tt.root), taken) {
				t.Errorf("found %s again", f.Manifest)
			}
		})
	}
}

// TestFindRequests: data files are not listed, however many there are.
func TestFindRequests(t *testing.T) {
	c := memcloud.New(memcloud.Options{})
	for _, bucket := range []string{"a", "b"} {
		c.Store.Seed(cloud.Put{Location: at("inv/" + bucket + "/all/2026-11-22T01-00Z/manifest.checksum")})
		c.Store.Seed(cloud.Put{Location: at("inv/" + bucket + "/all/2026-11-22T01-00Z/manifest.json")})
		for i := range 5000 {
			c.Store.Seed(cloud.Put{Location: at(fmt.Sprintf("inv/%s/all/data/%d.csv.gz", bucket, i))})
			c.Store.Seed(cloud.Put{Location: at(fmt.Sprintf("inv/%s/all/hive/%d/symlink.txt", bucket, i))})
		}
	}
	found := 0
	for _, err := range Find(t.Context(), c.Store, at("inv"), nil) {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	if lists := c.Calls()["Store.List"]; found != 2 || lists != 5 {
		t.Errorf("%d reports found by %d requests, want 2 by 5", found, lists)
	}
}

func TestFindFails(t *testing.T) {
	c := memcloud.New(memcloud.Options{Buckets: []string{"other"}})
	var got []string
	for _, err := range Find(t.Context(), c.Store, at("inv"), nil) {
		got = append(got, fmt.Sprint(err))
	}
	if want := []string{"find reports below s3://reports/inv/: Store.List s3://reports/inv/: not found: no such bucket"}; !slices.Equal(got, want) {
		t.Errorf("Find yields %q\nwant %q", got, want)
	}
}

func TestFindBounded(t *testing.T) {
	c := memcloud.New(memcloud.Options{})
	for i := range maxConfigurations + 1 {
		c.Store.Seed(cloud.Put{Location: at(fmt.Sprintf("inv/b/%d/2026-11-22T01-00Z/manifest.checksum", i))})
	}
	for _, err := range Find(t.Context(), c.Store, at("inv"), nil) {
		if want := "find reports below s3://reports/inv/: more than 1000 configurations: look in a folder of fewer"; fmt.Sprint(err) != want {
			t.Errorf("Find: %v\nwant %s", err, want)
		}
		return
	}
	t.Error("found nothing, not even an error")
}
