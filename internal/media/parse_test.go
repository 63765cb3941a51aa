package media

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Every key, one at a time: what it changes of the default.
func TestParse(t *testing.T) {
	template := func(p *Profile) { *p = Profile{Template: "t", AudioTrack: 1, Delivery: Stable} }
	for _, tt := range []struct {
		yaml   string
		change func(p *Profile)
	}{
		{"{}", func(p *Profile) {}},
		{"packages:\nrenditions: ~\naudio: null\n", func(p *Profile) {}},
		{"\xef\xbb\xbfgop: 2s\r\n", func(p *Profile) {}},
		{"%YAML 1.1\n---\ngop: 2\n...\n", func(p *Profile) {}},
		{"packages: [mp4, hls, cmaf]", func(p *Profile) { p.Packages = []string{"cmaf", "hls", "mp4"} }},
		{"packages: [hls]", func(p *Profile) { p.Packages = []string{"hls"} }},
		{"packages: [dash]", func(p *Profile) { p.Packages, p.Sprite = []string{"dash"}, nil }},
		{"packages: [mp4]\nthumbnails: {sprite: off}", func(p *Profile) { p.Packages, p.Sprite = []string{"mp4"}, nil }},
		{"renditions: [{short_side: 480}, {short_side: 1080, quality: 9}]", func(p *Profile) {
			p.Renditions = []Rung{{1080, 6_000_000, 9}, {480, 2_000_000, 7}}
		}},
		{"renditions: [{short_side: 2160, max_bitrate: 20_000_000, quality: 10}]", func(p *Profile) {
			p.Renditions = []Rung{{2160, 20_000_000, 10}}
		}},
		{"renditions: [{short_side: 32, max_bitrate: 1000, quality: 1}]", func(p *Profile) { p.Renditions = []Rung{{32, 1000, 1}} }},
		{"audio: {bitrate: 192000}", func(p *Profile) { p.Bitrate = 192_000 }},
		{"audio: {sample_rate: 44100}", func(p *Profile) { p.SampleRate = 44_100 }},
		{"audio: {sample_rate: 22050, bitrate: 32000}", func(p *Profile) { p.SampleRate, p.Bitrate = 22_050, 32_000 }},
		{"audio: {languages: [ENG, fre, fra, nor]}", nil},
		{"audio: {languages: [ENG, fre, yes]}", func(p *Profile) { p.Languages = []string{"eng", "fra", "yes"} }},
		{"audio: {track: 64}", func(p *Profile) { p.AudioTrack = 64 }},
		{"gop: 1", func(p *Profile) { p.GOP, p.Fragment = time.Second, time.Second }},
		{"gop: 4s", func(p *Profile) { p.GOP, p.Fragment, p.Segment = 4*time.Second, 4*time.Second, 8*time.Second }},
		{"gop: 1m", func(p *Profile) { p.GOP, p.Fragment, p.Segment = time.Minute, time.Minute, time.Minute }},
		{"fragment: 4000ms", func(p *Profile) { p.Fragment, p.Segment = 4*time.Second, 8*time.Second }},
		{"segment: 10", func(p *Profile) { p.Segment = 10 * time.Second }},
		{"single_pass: true", func(p *Profile) { p.SinglePass = true }},
		{"thumbnails: off", func(p *Profile) { p.Poster, p.Sprite = nil, nil }},
		{"thumbnails: {poster: off}", func(p *Profile) { p.Poster = nil }},
		{"thumbnails: {sprite: off}", func(p *Profile) { p.Sprite = nil }},
		{"thumbnails: {poster: {at: 0}}", func(p *Profile) { p.Poster.At = 0 }},
		{"thumbnails: {poster: {short_side: 2160, quality: 100}}", func(p *Profile) { p.Poster.ShortSide, p.Poster.Quality = 2160, 100 }},
		{"thumbnails: {sprite: {every: 4s}}", func(p *Profile) { p.Sprite.Every, p.Sprite.EveryAtMost = 4*time.Second, 4*time.Second }},
		{"thumbnails: {sprite: {every_at_most: 60s, thumbnails: 10000}}", func(p *Profile) {
			p.Sprite.EveryAtMost, p.Sprite.Thumbnails = time.Minute, 10_000
		}},
		{"thumbnails: {sprite: {width: 1024, columns: 4, rows: 7}}", func(p *Profile) {
			p.Sprite.Width, p.Sprite.Columns, p.Sprite.Rows = 1024, 4, 7
		}},
		{"delivery: versioned", func(p *Profile) { p.Delivery = Versioned }},
		{"queue: arn:aws:mediaconvert:eu-west-1:111122223333:queues/bulk", func(p *Profile) {
			p.Queue = "arn:aws:mediaconvert:eu-west-1:111122223333:queues/bulk"
		}},
		{"priority: -50", func(p *Profile) { p.Priority = -50 }},
		{"acceleration: on", func(p *Profile) { p.Accelerate = true }},
		{"template: t", template},
		{"template: t\naudio: {languages: [eng], track: 2}\nqueue: q\npriority: 1\nacceleration: on\ndelivery: versioned", func(p *Profile) {
			*p = Profile{Template: "t", Languages: []string{"eng"}, AudioTrack: 2, Queue: "q", Priority: 1, Accelerate: true, Delivery: Versioned}
		}},
		// Aliases and merges mean what they say.
		{"renditions: [&a {short_side: 720, max_bitrate: 3000000, quality: 8}, {<<: *a, short_side: 480, max_bitrate: 2000000}]", func(p *Profile) {
			p.Renditions = []Rung{{720, 3_000_000, 8}, {480, 2_000_000, 8}}
		}},
	} {
		t.Run(tt.yaml, func(t *testing.T) {
			p, err := Parse([]byte(tt.yaml))

			if tt.change == nil {
				if err == nil {
					t.Error("Parse took it")
				}
				return
			}
			want := Default()
			tt.change(&want)
			if err != nil || !reflect.DeepEqual(p, want) {
				t.Errorf("Parse = %+v, %v\nwant %+v", p, err, want)
			}
		})
	}
}

// Whatever MediaConvert would refuse, and whatever may be a slip, is refused
// by name.
func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ yaml, want string }{
		{"", "empty; {} is the default profile"},
		{"# nothing", "empty; {} is the default profile"},
		{"{}\n---\n{}", "more than one YAML document"},
		{"hello", "line 1: a single value in the place of settings"},
		{"[gop]", "line 1: a list in the place of settings"},
		{"gop: 2\nfragmnet: 4", "line 2: fragmnet is not a setting"},
		{"thumbnails: {sprite: {widht: 1}}", "line 1: widht is not a setting"},
		{"audio: {codec: ac3}", "line 1: codec is not a setting"},
		{"gop: 2\ngop: 2", `line 2: mapping key "gop" already defined at line 1`},
		{"gop: [2]", "line 1: a list in the place of a single value"},
		{"packages: cmaf", "line 1: a single value in the place of a list"},
		{"gop: *x", "unknown anchor 'x' referenced"},

		{"packages: []", `packages: "0 of them": want 1 to 5`},
		{"packages: [smooth, smooth]", "packages: smooth: want each package once"},
		{"packages: [thumbs]", "packages: thumbs: want cmaf, hls, dash, smooth, mp4"},
		{"packages: [CMAF]", "packages: CMAF: want cmaf, hls, dash, smooth, mp4"},
		{"packages: [~]", `packages: "0 of them": want 1 to 5`},
		{"packages: [cmaf, cmaf]", "packages: cmaf: want each package once"},

		{"renditions: []", `renditions: "0 of them": want 1 to 10`},
		{"renditions: [{}]", `renditions[0].short_side: "": want an even number from 32 to 2160`},
		{"renditions: [{short_side: 721, max_bitrate: 1000, quality: 1}]", "renditions[0].short_side: 721: want an even number from 32 to 2160"},
		{"renditions: [{short_side: 30, max_bitrate: 1000, quality: 1}]", "renditions[0].short_side: 30: want an even number from 32 to 2160"},
		{"renditions: [{short_side: 2162, max_bitrate: 1000, quality: 1}]", "renditions[0].short_side: 2162: want an even number from 32 to 2160"},
		{"renditions: [{short_side: 540, quality: 1}]", `renditions[0].max_bitrate: "": want a whole number from 1000 to 1152000000`},
		{"renditions: [{short_side: 540, max_bitrate: 1000}]", `renditions[0].quality: "": want a whole number from 1 to 10`},
		{"renditions: [{short_side: 480, max_bitrate: 999}]", "renditions[0].max_bitrate: 999: want a whole number from 1000 to 1152000000"},
		{"renditions: [{short_side: 480, max_bitrate: 1152000001}]", "renditions[0].max_bitrate: 1152000001: want a whole number from 1000 to 1152000000"},
		{"renditions: [{short_side: 480, max_bitrate: 2M}]", "renditions[0].max_bitrate: 2M: want a whole number from 1000 to 1152000000"},
		{"renditions: [{short_side: 480, quality: 0}]", "renditions[0].quality: 0: want a whole number from 1 to 10"},
		{"renditions: [{short_side: 480, quality: 11}]", "renditions[0].quality: 11: want a whole number from 1 to 10"},
		{"renditions: [{short_side: 480, quality: 7.5}]", "renditions[0].quality: 7.5: want a whole number from 1 to 10"},
		{"renditions: [{short_side: 480}, {short_side: 480}]", `renditions: "short_side 480 twice": want each size once`},
		{"renditions: [{short_side: 480, max_bitrate: 5000000}, {short_side: 720}]", `renditions: "max_bitrate 5000000 at short_side 480": want less than the 4000000 at short_side 720`},

		{"audio: {sample_rate: 96000}", "audio.sample_rate: 96000: want a whole number from 8000 to 48000"},
		{"audio: {sample_rate: 11025}", "audio.sample_rate: 11025: want one of 8000, 12000, 16000, 22050, 24000, 32000, 44100, 48000"},
		{"audio: {bitrate: 100000}", "audio.bitrate: 100000: want for AAC-LC in stereo at 48000 Hz one of 64000, 80000, 96000, 112000, 128000, 160000, 192000, 224000, 256000, 288000, 320000, 384000, 448000, 512000, 576000"},
		{"audio: {bitrate: 48000}", "audio.bitrate: 48000: want for AAC-LC in stereo at 48000 Hz one of 64000, 80000, 96000, 112000, 128000, 160000, 192000, 224000, 256000, 288000, 320000, 384000, 448000, 512000, 576000"},
		{"audio: {sample_rate: 22050}", "audio.bitrate: 128000: want for AAC-LC in stereo at 22050 Hz one of 32000"},
		{"audio: {languages: [en]}", "audio.languages: en: want three letters of ISO 639-2, such as eng"},
		{"audio: {languages: [ger, deu]}", "audio.languages: deu: want each language once"},
		{"audio: {track: 0}", "audio.track: 0: want a whole number from 1 to 64"},

		{"gop: 0", "gop: 0: want whole seconds from 1s to 60s"},
		{"gop: 2.5s", "gop: 2.5s: want whole seconds from 1s to 60s"},
		{"gop: 61s", "gop: 61s: want whole seconds from 1s to 60s"},
		{"gop: 99999999999999999999", "gop: 99999999999999999999: want whole seconds from 1s to 60s"},
		{"gop: two", "gop: two: want whole seconds from 1s to 60s"},
		{"fragment: 3s", "fragment: 3s: want a multiple of the GOP, 2s"},
		{"fragment: 1s", "fragment: 1s: want a multiple of the GOP, 2s"},
		{"segment: 5s", "segment: 5s: want a multiple of the fragment, 2s"},
		{"gop: 2s\nfragment: 4s\nsegment: 6s", "segment: 6s: want a multiple of the fragment, 4s"},
		{"single_pass: yes", "single_pass: yes: want false or true"},

		{"thumbnails: on", "thumbnails: on: want settings, or off"},
		{"thumbnails: {poster: no}", "thumbnails.poster: no: want settings, or off"},
		{"thumbnails: {sprite: ''}", `thumbnails.sprite: "": want settings, or off`},
		{"thumbnails: {poster: {at: -1s}}", "thumbnails.poster.at: -1s: want whole seconds from 0s to 3600s"},
		{"thumbnails: {poster: {short_side: 31}}", "thumbnails.poster.short_side: 31: want an even number from 32 to 2160"},
		{"thumbnails: {poster: {quality: 101}}", "thumbnails.poster.quality: 101: want a whole number from 1 to 100"},
		{"thumbnails: {sprite: {every: 0}}", "thumbnails.sprite.every: 0: want whole seconds from 1s to 3600s"},
		{"thumbnails: {sprite: {every: 5s, every_at_most: 4s}}", "thumbnails.sprite.every_at_most: 4s: want at least every, 5s"},
		{"thumbnails: {sprite: {thumbnails: 0}}", "thumbnails.sprite.thumbnails: 0: want a whole number from 1 to 10000"},
		{"thumbnails: {sprite: {width: 161}}", "thumbnails.sprite.width: 161: want a multiple of 8 from 8 to 4096"},
		{"thumbnails: {sprite: {columns: 26}}", "thumbnails.sprite.columns: 26: want at most 25 of width 160: an image of tiles is at most 4096 pixels wide"},
		{"thumbnails: {sprite: {rows: 46}}", "thumbnails.sprite.rows: 46: want at most 45 of width 160: an image of tiles is at most 4096 pixels high"},
		{"packages: [mp4, dash]\nthumbnails: {sprite: {}}", `thumbnails.sprite: "with packages dash, mp4": want cmaf or hls among the packages, which alone carry tiles, or off`},

		{"delivery: fixed", "delivery: fixed: want stable or versioned"},
		{"priority: 51", "priority: 51: want a whole number from -50 to 50"},
		{"acceleration: preferred", "acceleration: preferred: want off or on"},
		{"queue: 'a\"b'", `queue: "a\"b": want 1 to 256 printable ASCII characters without quotes, backslashes or spaces around`},
		{"queue: ' a'", `queue: " a": want 1 to 256 printable ASCII characters without quotes, backslashes or spaces around`},
		{"queue: schön", `queue: "sch\u00f6n": want 1 to 256 printable ASCII characters without quotes, backslashes or spaces around`},
		{"template: t\nrenditions: [{short_side: 720}]\ngop: 2\naudio: {bitrate: 1}", `renditions: the template "t" decides this; leave out one of the two; ` +
			`audio.bitrate: the template "t" decides this; leave out one of the two; gop: the template "t" decides this; leave out one of the two`},
		{"template: t\nthumbnails: off", `thumbnails: the template "t" decides this; leave out one of the two`},
		{"gop: 0\npriority: x", "priority: x: want a whole number from -50 to 50; gop: 0: want whole seconds from 1s to 60s"},
	} {
		t.Run(tt.yaml, func(t *testing.T) {
			p, err := Parse([]byte(tt.yaml))

			if got, want := fmt.Sprint(err), "profile: "+tt.want; got != want {
				t.Errorf("Parse = %s\nwant %s", got, want)
			}
			if err != nil && !reflect.DeepEqual(p, Profile{}) {
				t.Errorf("Parse = %+v beside an error", p)
			}
		})
	}
}

// Whatever it holds, a profile costs little.
func TestParseBounds(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("<<: [&a {gop: 2}")
	for c := 'b'; c <= 'z'; c++ {
		bomb.WriteString(fmt.Sprintf(", &%c {<<: [%s]}", c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ",")))
	}
	bomb.WriteString("]")
	for _, tt := range []struct{ name, yaml, want string }{
		{"too long", strings.Repeat("#", MaxProfile+1), "profile: 65537 bytes, at most 65536 are read"},
		{"aliases of aliases", bomb.String(), "profile: document contains excessive aliasing"},
		{"alias of itself", "packages: &a [*a]", "profile: line 1: a list in the place of a single value"},
		{"deep", strings.Repeat("[", MaxProfile), "profile: exceeded max depth of 10000"},
		{"deep mappings", strings.Repeat("a: {", MaxProfile/4), "profile: exceeded max depth of 10000"},
		{"many renditions", "renditions: [" + strings.Repeat("{},", 10_000) + "]", `profile: renditions: "10000 of them": want 1 to 10`},
		{"many packages", "packages: [" + strings.Repeat("cmaf,", 10_000) + "]", `profile: packages: "10000 of them": want 1 to 5`},
		{"many languages", "audio: {languages: [" + strings.Repeat("eng,", 10_000) + "]}", `profile: audio.languages: "10000 of them": want at most 16`},
		{"long value", "gop: " + strings.Repeat("9", 60_000), "profile: gop: " + strings.Repeat("9", 80) + ": want whole seconds from 1s to 60s"},
		{"long anchor", "gop: *" + strings.Repeat("a", 60_000), "profile: unknown anchor '" + strings.Repeat("a", 200-len("unknown anchor '"))},
		{"long queue", "queue: " + strings.Repeat("q", 257), "profile: queue: " + strings.Repeat("q", 80) + ": want 1 to 256 printable ASCII characters without quotes, backslashes or spaces around"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.yaml))

			if got := fmt.Sprint(err); got != tt.want {
				t.Errorf("Parse = %.300s\nwant %s", got, tt.want)
			}
		})
	}
	var many strings.Builder
	for i := range 1000 {
		many.WriteString(fmt.Sprintf("k%d: 1\n", i))
	}
	if _, err := Parse([]byte(many.String())); err == nil || len(err.Error()) > 1000 {
		t.Errorf("Parse of 1,000 unknown keys = %v", err)
	}
}

// What is taken is canonical, and everything taken has legal jobs.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"{}", string(Default().Canonical()), "template: t\n", "gop: 2\nfragment: 4s\nsegment: 8", "packages: [cmaf, hls, dash, smooth, mp4]",
		"renditions: [&a {short_side: 720}, {<<: *a, short_side: 480}]", "thumbnails: {poster: off, sprite: {every: 1s}}", "audio: {languages: [eng]}",
		"gop: !!binary Mg==", "? [a]\n: b", "gop: |\n  2\n", "\xff\xfe{\x00}\x00",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse(text)
		if err != nil {
			if !reflect.DeepEqual(p, Profile{}) || strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("Parse = %+v, %q", p, err)
			}
			return
		}
		back, err := Parse(p.Canonical())
		if err != nil || !reflect.DeepEqual(back, p) {
			t.Errorf("Parse(Canonical) = %+v, %v\nwant %+v", back, err, p)
		}
		checkPlan(t, p, clip())
	})
}
