package inventory

import (
	"testing"

	"github.com/vodfleet/vodfleet/tasks"
)

func TestPlan(t *testing.T) {
	version := tasks.SourceVersion("e1", 7)
	for _, tt := range []struct {
		name string
		row  Row
		skip string
		want string // source version
	}{
		{"video", Row{Key: "a.mp4", Size: 7, ETag: "e1"}, "", version},
		{"quoted ETag", Row{Key: "a.mp4", Size: 7, ETag: `"e1"`}, "", version},
		{"odd case", Row{Key: "a.Mp4", Size: 7, ETag: "e1"}, "", version},
		{"no extension", Row{Key: "jpg", Size: 7, ETag: "e1"}, "", version},
		{"unknown extension", Row{Key: "a.mp4.part", Size: 7, ETag: "e1"}, "", version},
		{"hidden file", Row{Key: ".mp4", Size: 7, ETag: "e1"}, "", version},
		{"folder with an extension", Row{Key: "a.jpg/b", Size: 7, ETag: "e1"}, "", version},
		{"empty", Row{Key: "a.mp4", Size: 0, ETag: "e1"}, "", tasks.SourceVersion("e1", 0)},
		{"no ETag", Row{Key: "a.mp4", Size: 7}, "", ""},
		{"no size", Row{Key: "a.mp4", Size: -1, ETag: "e1"}, "", ""},
		{"slash at the end with content", Row{Key: "a/", Size: 7, ETag: "e1"}, "", version},
		{"slash at the end of no known size", Row{Key: "a/", Size: -1, ETag: "e1"}, "", ""},
		{"folder", Row{Key: "a/", Size: 0, ETag: "e1"}, "folder", ""},
		{"delete marker", Row{Key: "a.mp4", Size: -1, DeleteMarker: true}, "delete marker", ""},
		{"old delete marker", Row{Key: "a.mp4", Size: -1, DeleteMarker: true, OldVersion: true}, "delete marker", ""},
		{"old version", Row{Key: "a.mp4", Size: 7, ETag: "e1", OldVersion: true}, "old version", ""},
		{"image", Row{Key: "a/b.JPG", Size: 7, ETag: "e1"}, "image, by its name", ""},
		{"captions", Row{Key: "a/b.en.vtt", Size: 7, ETag: "e1"}, "captions, by its name", ""},
		{"document", Row{Key: ".txt", Size: 7, ETag: "e1"}, "text or document, by its name", ""},
		{"archive", Row{Key: "a.tar.gz", Size: 7, ETag: "e1"}, "archive, by its name", ""},
		{"checksum", Row{Key: "a.mp4.md5", Size: 7, ETag: "e1"}, "checksum, by its name", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.row.Bucket = "library"
			want := tasks.Ingest{Bucket: "library", Key: tt.row.Key, SourceVersion: tt.want}
			if tt.skip != "" {
				want = tasks.Ingest{}
			}
			if task, skip := new(Report).Plan(tt.row); task != want || skip != tt.skip {
				t.Errorf("Plan = %+v, %q\nwant   %+v, %q", task, skip, want, tt.skip)
			}
		})
	}
}
