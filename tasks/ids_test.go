package tasks

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The digests are the fleet's keys in S3 for ever. The wants were computed
// apart from this code, with sha256sum and base32.
func TestDigests(t *testing.T) {
	for _, tt := range []struct {
		name, got, want string
	}{
		{"asset", AssetID("library", "2026/intro.mp4"), "ICZ3VBAZ2JXCIKFB5LKWQQXQTE"},
		{"quoted ETag", SourceVersion(`"d41d8cd98f00b204e9800998ecf8427e-3"`, 5<<30), "WHSPIB3F5D7YQZ2J"},
		{"bare ETag", SourceVersion("d41d8cd98f00b204e9800998ecf8427e-3", 5<<30), "WHSPIB3F5D7YQZ2J"},
		{"revision", Revision(source, profile), "VZPSGT3YSG7YW63K"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s = %s, want %s", tt.name, tt.got, tt.want)
		}
	}
	if AssetID("a", "b/c") == AssetID("a/b", "c") {
		t.Error("two assets share an ID")
	}
}

func TestIsAssetID(t *testing.T) {
	for _, tt := range []struct {
		s    string
		want bool
	}{
		{AssetID("library", "a.mp4"), true},
		{asset, true},
		{"", false},
		{asset[1:], false},
		{asset + "A", false},
		{strings.ToLower(asset), false},
		{asset[:25] + "B", false}, // not of 16 bytes
		{asset[:24] + "1A", false},
		{"s3://library/a.mp4", false},
	} {
		if got := IsAssetID(tt.s); got != tt.want {
			t.Errorf("IsAssetID(%q) = %v, want %v", tt.s, got, tt.want)
		}
	}
}

func TestTaskIDs(t *testing.T) {
	id := AssetID("library", "a.mp4")
	for _, tt := range []struct {
		task  Task
		id    string // a pattern
		queue string
		asset string
	}{
		{Ingest{Bucket: "library", Key: "a.mp4"}, "ingest:" + id + ":unknown-[A-Z2-7]{16}:default", QueueIngest, id},
		{Ingest{Bucket: "library", Key: "a.mp4", SourceVersion: source, Profile: profile, Lane: Live}, "ingest:" + id + ":" + source + ":" + profile, QueueIngest, id},
		{Ingest{Bucket: "library", Key: "a.mp4", SourceVersion: source, Lane: Bulk}, "ingest:" + id + ":" + source + ":default", QueueBulkIngest, id},
		{TranscodeSubmit{Asset: asset, Build: 3}, "transcode-submit:" + asset + ":3", QueueTranscodeSubmit, asset},
		{TranscodeSubmit{Asset: asset, Build: 3, Lane: Bulk}, "transcode-submit:" + asset + ":3", QueueBulkTranscodeSubmit, asset},
		{TranscodePoll{Asset: asset, Build: 3}, "transcode-poll:" + asset + ":3", QueueTranscodePoll, asset},
		{Publish{Asset: asset, Build: 3}, "publish:" + asset + ":3", QueuePublish, asset},
		{InvalidateOrRename{Asset: asset, Seq: 2}, "invalidate-or-rename:" + asset + ":2", QueueInvalidateOrRename, asset},
	} {
		if got := tt.task.ID(); !regexp.MustCompile("^" + tt.id + "$").MatchString(got) {
			t.Errorf("%#v.ID() = %s, want %s", tt.task, got, tt.id)
		}
		if tt.task.Queue() != tt.queue || !slices.Contains(QueuesOf(tt.task.Kind()), tt.queue) || !slices.Contains(Queues(), tt.queue) {
			t.Errorf("%#v goes to %s, want %s, one of %s", tt.task, tt.task.Queue(), tt.queue, QueuesOf(tt.task.Kind()))
		}
		if got := AssetOf(tt.task); got != tt.asset {
			t.Errorf("AssetOf(%#v) = %s, want %s", tt.task, got, tt.asset)
		}
		if Timeout(tt.task.Kind()) == 0 {
			t.Errorf("%s has no time-out", tt.task.Kind())
		}
	}
	unknown := Ingest{Bucket: "library", Key: "a.mp4"}
	if first, second := unknown.ID(), unknown.ID(); first == second {
		t.Error("unknown content has the same ID twice")
	}
}

// Asynq's mux takes a kind for another that it begins with, and Redis Cluster
// reads braces.
func TestKindsAreNoPrefixes(t *testing.T) {
	kinds := []string{KindIngest, KindTranscodeSubmit, KindTranscodePoll, KindPublish, KindInvalidateOrRename}
	for _, a := range kinds {
		for _, b := range kinds {
			if a != b && strings.HasPrefix(a, b) {
				t.Errorf("kind %s begins with kind %s", a, b)
			}
		}
	}
	for _, q := range Queues() {
		if strings.ContainsAny(q, "{}: ") {
			t.Errorf("queue %q holds a character of Redis keys", q)
		}
	}
}
