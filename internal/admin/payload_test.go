package admin

import (
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/tasks"
)

func TestFormatPayload(t *testing.T) {
	const (
		asset   = "5XDW6LWF2LX4HBG4PJHMY7OH2Q"
		profile = "0123456789abcdef0123456789abcdef"
	)
	for _, tt := range []struct {
		task tasks.Task
		want string
	}{
		{tasks.Ingest{Bucket: "library", Key: "films/a b.mp4"}, `source     s3://library/"films/a b.mp4"
asset      5XDW6LWF2LX4HBG4PJHMY7OH2Q`},
		{tasks.Ingest{Bucket: "library", Key: "a\nb\x1b[31m\u202e.mp4", SourceVersion: "FJKSAYQG7ZDCIU6H", Profile: profile, Reference: "order 7\nasset      X", Lane: tasks.Bulk}, `source     s3://library/"a\nb\x1b[31m\u202e.mp4"
asset      ` + tasks.AssetID("library", "a\nb\x1b[31m\u202e.mp4") + `
lane       bulk
version    FJKSAYQG7ZDCIU6H
profile    0123456789abcdef0123456789abcdef
reference  "order 7\nasset      X"`},
		{tasks.TranscodeSubmit{Asset: asset, Build: 2, Lane: tasks.Live, Profile: profile, Reference: "order 7"}, `asset      5XDW6LWF2LX4HBG4PJHMY7OH2Q
build      2
lane       live
profile    0123456789abcdef0123456789abcdef
reference  order 7`},
		{tasks.TranscodePoll{Asset: asset, Build: 2, Job: "1700-abc", Profile: profile}, `asset      5XDW6LWF2LX4HBG4PJHMY7OH2Q
build      2
profile    0123456789abcdef0123456789abcdef
job        1700-abc`},
		{tasks.Publish{Asset: asset, Build: 2, Reference: "0"}, `asset      5XDW6LWF2LX4HBG4PJHMY7OH2Q
build      2
reference  0`},
		{tasks.InvalidateOrRename{Asset: asset, Seq: 3}, `asset      5XDW6LWF2LX4HBG4PJHMY7OH2Q
switch     3`},
	} {
		payload, err := tasks.Encode(tt.task)
		if err != nil {
			t.Fatal(err)
		}
		if got := FormatPayload(tt.task.Kind(), payload); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.task.Kind(), got, tt.want)
		}
	}
}

// What is not ours is told by what is wrong, whatever it holds.
func TestFormatForeignPayload(t *testing.T) {
	for _, tt := range []struct{ name, kind, payload string }{
		{"another kind", "mail", `{"to":"secret"}`},
		{"a kind that begins alike", "ingest-secret", `{"v":1,"bucket":"secret"}`},
		{"a newer version", tasks.KindIngest, `{"v":99,"key":"secret"}`},
		{"broken", tasks.KindIngest, `{"v":1,"key":"secret`},
		{"another type", tasks.KindPublish, `{"v":1,"asset":"secret","build":"secret"}`},
		{"no object", tasks.KindPublish, `"secret"`},
		{"not text", tasks.KindPublish, "\xff\x00secret"},
		{"large", tasks.KindIngest, strings.Repeat("secret", 10_000)},
		{"empty", tasks.KindIngest, ""},
	} {
		got := FormatPayload(tt.kind, []byte(tt.payload))
		if strings.Contains(got, "secret") || !strings.HasPrefix(got, "decode ") || len(got) > 300 {
			t.Errorf("%s: %q, want what is wrong and no content", tt.name, got)
		}
	}
}
