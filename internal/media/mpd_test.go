package media

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// A manifest as MediaConvert's CMAF group writes one: with a timeline, by
// duration at both levels, and with images.
func TestParseMPD(t *testing.T) {
	m, err := ParseMPD(playlist(t, "cmaf.mpd"))

	media := func(uris ...string) (files []Ref) {
		for i, uri := range uris {
			by := "SegmentTemplate media"
			if i == 0 {
				by = "SegmentTemplate initialization"
			}
			files = append(files, Ref{URI: uri, By: by})
		}
		return files
	}
	audio := media("video_audioinit.cmfa", "video_audio_000000001.cmfa", "video_audio_000000002.cmfa", "video_audio_000000003.cmfa")
	rate := 30000.0 / 1001
	want := MPD{Duration: 14400 * time.Millisecond, Tracks: []Track{
		{ID: "1", Kind: TrackVideo, Variant: Variant{Width: 1920, Height: 1080, Bandwidth: 6_000_000, Codecs: "avc1.640028", FrameRate: rate}, Duration: 14414400 * time.Microsecond,
			Files: media("video_1080pinit.cmfv", "video_1080p_000000001.cmfv", "video_1080p_000000002.cmfv", "video_1080p_000000003.cmfv")},
		{ID: "2", Kind: TrackVideo, Variant: Variant{Width: 640, Height: 360, Bandwidth: 1_000_000, Codecs: "avc1.64001e", FrameRate: rate}, Duration: 14400 * time.Millisecond,
			Files: media("video_360pinit.cmfv", "video_360p_000000001.cmfv", "video_360p_000000002.cmfv", "video_360p_000000003.cmfv")},
		{ID: "3", Kind: TrackAudio, Variant: Variant{Bandwidth: 128_000, Codecs: "mp4a.40.2"}, Duration: 14400 * time.Millisecond, Files: audio},
		{ID: "thumbnails160x90", Kind: TrackImage, Variant: Variant{Width: 800, Height: 450, Bandwidth: 24_549}, Duration: 14400 * time.Millisecond,
			Files: []Ref{{URI: "Thumbnail_000000001.jpg", By: "SegmentTemplate media"}}},
	}}
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("ParseMPD = %+v, %v\nwant %+v", m, err, want)
	}
	if got, want := m.Variants(), []Variant{m.Tracks[0].Variant, m.Tracks[1].Variant}; !reflect.DeepEqual(got, want) {
		t.Errorf("Variants = %+v, want %+v", got, want)
	}
}

// told writes the files of every track in one line.
func (m MPD) told() string {
	var b strings.Builder
	for _, t := range m.Tracks {
		fmt.Fprintf(&b, "[%d %s %v]", t.Period, t.Kind, t.Duration)
		for _, f := range t.Files {
			fmt.Fprintf(&b, " %s", f.URI)
			if f.Range != (Range{}) {
				fmt.Fprintf(&b, "@%d+%d", f.Range.Offset, f.Range.Length)
			}
			if f.Optional {
				b.WriteString("?")
			}
		}
		b.WriteString("; ")
	}
	return b.String()
}

// mpd is a manifest of ten seconds around the content of one adaptation set.
func mpd(set string) string {
	return `<MPD type="static" mediaPresentationDuration="PT10S"><Period><AdaptationSet contentType="video">` + set + `</AdaptationSet></Period></MPD>`
}

// rep is a manifest of one representation.
func rep(segments string) string {
	return mpd(`<Representation id="v" bandwidth="1234">` + segments + `</Representation>`)
}

func TestParseMPDFiles(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"by number", rep(`<SegmentTemplate media="$Number$.m4s" duration="5"/>`), "[0 video 10s] 1.m4s 2.m4s; "},
		{"from a number", rep(`<SegmentTemplate media="$Number$.m4s" duration="5000" timescale="1000" startNumber="0"/>`), "[0 video 10s] 0.m4s 1.m4s; "},
		{"to a number", rep(`<SegmentTemplate media="$Number$.m4s" startNumber="7" endNumber="9"/>`), "[0 video 10s] 7.m4s 8.m4s 9.m4s; "},
		{"a last one of a whole second", rep(`<SegmentTemplate media="$Number$" duration="3"/>`), "[0 video 10s] 1 2 3 4; "},
		{"a last one that rounding decides", rep(`<SegmentTemplate media="$Number$" duration="4800" timescale="1000"/>`), "[0 video 10s] 1 2 3?; "},
		{"a last one that rounding does not decide", rep(`<SegmentTemplate media="$Number$" duration="4700" timescale="1000"/>`), "[0 video 10s] 1 2 3; "},
		{"one that is longer than all", rep(`<SegmentTemplate media="$Number$" duration="60"/>`), "[0 video 10s] 1; "},
		{"rounding that decides nothing", rep(`<SegmentTemplate media="$Number$" duration="10000000" timescale="3000001"/>`), "[0 video 10s] 1 2 3 4?; "},
		{"width and name", rep(`<SegmentTemplate media="$RepresentationID$/$Bandwidth%06d$/a$$-$Number%03d$" duration="5"/>`), "[0 video 10s] v/001234/a$-001 v/001234/a$-002; "},
		{"wider than the width", rep(`<SegmentTemplate media="$Number%02d$" startNumber="99" duration="5"/>`), "[0 video 10s] 99 100; "},
		{"initialization", rep(`<SegmentTemplate initialization="$RepresentationID$init" media="$Number$" duration="10"/>`), "[0 video 10s] vinit 1; "},
		{"index beside each", rep(`<SegmentTemplate media="$Number$" index="$Number$.idx" duration="5"/>`), "[0 video 10s] 1 1.idx 2 2.idx; "},
		{"switching and others", rep(`<SegmentTemplate media="$Number$" bitstreamSwitching="sw" duration="10"><Initialization sourceURL="i" range="0-99"/><RepresentationIndex sourceURL="x"/></SegmentTemplate>`),
			"[0 video 10s] sw i@0+100 x 1; "},

		{"by time", rep(`<SegmentTemplate media="$Time$"><SegmentTimeline><S t="0" d="4"/><S d="3" r="1"/></SegmentTimeline></SegmentTemplate>`), "[0 video 10s] 0 4 7; "},
		{"by time, padded, from where it begins", rep(`<SegmentTemplate media="$Time%05d$-$Number$" timescale="10" startNumber="5"><SegmentTimeline><S t="900" d="40" r="2"/></SegmentTimeline></SegmentTemplate>`),
			"[0 video 12s] 00900-5 00940-6 00980-7; "},
		{"a gap", rep(`<SegmentTemplate media="$Time$"><SegmentTimeline><S d="2"/><S t="5" d="2"/></SegmentTimeline></SegmentTemplate>`), "[0 video 4s] 0 5; "},
		{"up to the end", rep(`<SegmentTemplate media="$Time$"><SegmentTimeline><S t="0" d="3" r="-1"/></SegmentTimeline></SegmentTemplate>`), "[0 video 12s] 0 3 6 9; "},
		{"up to the end, from an offset", rep(`<SegmentTemplate media="$Time$" presentationTimeOffset="100"><SegmentTimeline><S t="100" d="5" r="-1"/></SegmentTimeline></SegmentTemplate>`), "[0 video 10s] 100 105; "},
		{"up to the next", rep(`<SegmentTemplate media="$Time$"><SegmentTimeline><S t="0" d="2" r="-1"/><S t="7" d="3"/></SegmentTimeline></SegmentTemplate>`), "[0 video 11s] 0 2 4 6 7; "},
		{"the highest numbers", rep(`<SegmentTemplate media="$Time$" timescale="4294967295"><SegmentTimeline><S t="18446744073709551000" d="1"/></SegmentTimeline></SegmentTemplate>`), "[0 video 10s] 18446744073709551000; "},

		{"a list", rep(`<SegmentList duration="4"><Initialization sourceURL="i"/><SegmentURL media="a"/><SegmentURL media="b"/></SegmentList>`), "[0 video 8s] i a b; "},
		{"a list that outlasts the period", rep(`<SegmentList duration="6"><SegmentURL media="a"/><SegmentURL media="b"/></SegmentList>`), "[0 video 10s] a b; "},
		{"a list of ranges", rep(`<BaseURL>v.mp4</BaseURL><SegmentList timescale="1000" duration="5000"><Initialization range="0-99"/><SegmentURL mediaRange="100-199"/><SegmentURL mediaRange="200-4999"/></SegmentList>`),
			"[0 video 10s] v.mp4@200+4800; "},
		{"a list with indexes", rep(`<SegmentList><SegmentURL media="a" index="a.idx"/><SegmentURL media="b" mediaRange="0-9" indexRange="10-19" index="b.idx"/></SegmentList>`),
			"[0 video 10s] a a.idx b@0+10 b.idx@10+10; "},

		{"one file", rep(`<BaseURL>v.mp4</BaseURL>`), "[0 video 10s] v.mp4; "},
		{"one file with an index in it", rep(`<BaseURL>v.mp4</BaseURL><SegmentBase indexRange="800-900"><Initialization range="0-799"/></SegmentBase>`), "[0 video 10s] v.mp4@0+800; "},
		{"one file with an index beside it", rep(`<BaseURL>v.mp4</BaseURL><SegmentBase><RepresentationIndex sourceURL="v.idx"/></SegmentBase>`), "[0 video 10s] v.mp4 v.idx; "},

		{"base URLs of every level", `<MPD mediaPresentationDuration="PT4S"><BaseURL>a/</BaseURL><Period><BaseURL>b/</BaseURL><AdaptationSet><BaseURL>c/x</BaseURL><Representation id="1"><BaseURL> d/ </BaseURL>` +
			`<SegmentTemplate media="$Number$" duration="4"/></Representation></AdaptationSet></Period></MPD>`, "[0 other 4s] a/b/c/d/1; "},
		{"settings of every level", `<MPD><Period duration="PT4S"><SegmentTemplate timescale="2" media="$RepresentationID$-$Number$"/><AdaptationSet mimeType="audio/mp4"><SegmentTemplate duration="4" initialization="i"/>` +
			`<Representation id="a"/><Representation id="b"><SegmentTemplate startNumber="9"/></Representation></AdaptationSet></Period></MPD>`, "[0 audio 4s] i a-1 a-2; [0 audio 4s] i b-9 b-10; "},
		{"the lowest level decides", `<MPD><Period duration="PT4S"><SegmentTemplate duration="4" media="t$Number$"/><AdaptationSet mimeType="text/vtt"><Representation id="a"><BaseURL>s.vtt</BaseURL><SegmentBase/></Representation></AdaptationSet></Period></MPD>`,
			"[0 text 4s] s.vtt; "},
		{"periods", `<MPD mediaPresentationDuration="PT1M"><Period duration="PT6S"><AdaptationSet><Representation><SegmentTemplate media="a$Number$" duration="6"/></Representation></AdaptationSet></Period>` +
			`<Period><AdaptationSet><Representation><SegmentTemplate media="b$Number$" duration="2"/></Representation></AdaptationSet></Period>` +
			`<Period start="PT10S"><AdaptationSet><Representation><SegmentTemplate media="c$Number$" duration="50"/></Representation></AdaptationSet></Period></MPD>`,
			"[0 other 6s] a1; [1 other 4s] b1 b2; [2 other 50s] c1; "},
		{"prefixed names, comments, a byte order mark", "\xef\xbb\xbf<?xml version='1.0'?><!-- x --><d:MPD xmlns:d='urn:mpeg:dash:schema:mpd:2011'><d:Period duration='P0Y0M0DT0H0M4.0S'><d:AdaptationSet><d:Representation><d:SegmentTemplate media='&lt;&#65;$Number$' duration='4'/></d:Representation></d:AdaptationSet></d:Period></d:MPD>",
			"[0 other 4s] <A1; "},
		{"nothing", `<MPD/>`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := ParseMPD([]byte(tt.text))

			if got := m.told(); err != nil || got != tt.want {
				t.Errorf("ParseMPD = %s %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestParseMPDRefuses(t *testing.T) {
	timeline := func(s string) string {
		return rep(`<SegmentTemplate media="$Time$"><SegmentTimeline>` + s + `</SegmentTimeline></SegmentTemplate>`)
	}
	const inRep = "period 0: representation \"v\": "
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "EOF"},
		{"another document", "<html></html>", "expected element type <MPD> but have <html>"},
		{"cut", "<MPD><Period>", "XML syntax error on line 1: unexpected EOF"},
		{"two manifests", "<MPD/><MPD/>", "elements after the MPD"},
		{"a document type", `<!DOCTYPE MPD [<!ENTITY x "y">]><MPD/>`, "a document type: entities are not expanded"},
		{"entities", "<MPD>&x;</MPD>", "XML syntax error on line 1: invalid character entity &x;"},
		{"another encoding", `<?xml version="1.0" encoding="UTF-16"?><MPD/>`, `xml: encoding "UTF-16" declared but Decoder.CharsetReader is nil`},
		{"deep", strings.Repeat("<MPD>", 33), "more than 32 elements deep: too large"},
		{"xlink", `<MPD xmlns:xlink="http://www.w3.org/1999/xlink"><Period xlink:href="http://x/p.xml"/></MPD>`, "Period with xlink:href: it is in another document"},
		{"xlink of another prefix", `<MPD xmlns:q="http://www.w3.org/1999/xlink"><Period q:href="p.xml"/></MPD>`, "Period with xlink:href: it is in another document"},
		{"xlink undeclared", `<MPD><Period xlink:href="p.xml"/></MPD>`, "Period with xlink:href: it is in another document"},
		{"location", `<MPD><Location>http://x/</Location></MPD>`, "a Location: it names another manifest"},
		{"alternatives", `<MPD><BaseURL>a/</BaseURL><BaseURL>b/</BaseURL></MPD>`, "MPD: several BaseURLs"},
		{"alternatives below", rep(`<BaseURL>a</BaseURL><BaseURL>b</BaseURL>`), inRep + "several BaseURLs"},
		{"a long base", rep(`<BaseURL>` + strings.Repeat("a", 4097) + `</BaseURL>`), inRep + "BaseURL: too large"},
		{"no file", rep(""), inRep + "names no file"},
		{"a folder", rep("<BaseURL>a/</BaseURL>"), inRep + "names no file"},
		{"no media", rep("<SegmentTemplate/>"), inRep + "a SegmentTemplate without media"},
		{"no way to count", rep(`<SegmentTemplate media="a"/>`), inRep + "a SegmentTemplate with neither timeline nor duration"},
		{"no time scale", rep(`<SegmentTemplate media="a" timescale="0" duration="1"/>`), inRep + "a time scale of zero"},
		{"no segment", rep(`<SegmentTemplate media="a" duration="0"/>`), inRep + "segments of no duration"},
		{"no period", `<MPD><Period><AdaptationSet><Representation id="v"><SegmentTemplate media="a" duration="1"/></Representation></AdaptationSet></Period></MPD>`, inRep + "segments to count and a period of unknown length"},
		{"backwards", rep(`<SegmentTemplate media="a" startNumber="2" endNumber="1"/>`), inRep + "segments 2 to 1"},
		{"to a high number", rep(`<SegmentTemplate media="a" endNumber="500001"/>`), inRep + "segments 1 to 500001"},
		{"many short ones", rep(`<SegmentTemplate media="a" duration="1" timescale="4000000000"/>`), inRep + "names more than 500000 files: too large"},
		{"a negative number", rep(`<SegmentTemplate media="a" startNumber="-1" duration="1"/>`), `strconv.ParseUint: parsing "-1": invalid syntax`},
		{"an empty timeline", timeline(""), inRep + "an empty SegmentTimeline"},
		{"a timeline of nothing", timeline(`<S d="0"/>`), inRep + "timeline entry 0: d=0 r=0"},
		{"a strange repeat", timeline(`<S d="1" r="-2"/>`), inRep + "timeline entry 0: d=1 r=-2"},
		{"many in two representations", mpd(`<Representation><BaseURL>a</BaseURL></Representation><Representation id="v"><SegmentTemplate media="a$Number$" endNumber="500000"/></Representation>`),
			inRep + "names more than 500000 files: too large"},
		{"many in two entries", timeline(`<S d="1"/><S d="1" r="499999"/>`), inRep + "names more than 500000 files: too large"},
		{"many", timeline(`<S d="1" r="500000"/>`), inRep + "timeline entry 0: too large"},
		{"as many as there are", timeline(`<S d="1" r="9223372036854775807"/>`), inRep + "timeline entry 0: too large"},
		{"beyond time", timeline(`<S t="18446744073709551615" d="2"/>`), inRep + "timeline entry 0: too large"},
		{"for weeks", timeline(`<S d="3600001"/>`), inRep + "a duration of 3.600001e+06 s"},
		{"up to something untold", timeline(`<S d="1" r="-1"/><S d="1"/>`), inRep + "timeline entry 0: repeats up to an entry that does not tell its time"},
		{"an open template", rep(`<SegmentTemplate media="$Number" duration="1"/>`), inRep + `media template "$Number": an open $`},
		{"an unknown one", rep(`<SegmentTemplate media="$SubNumber$" duration="1"/>`), inRep + `media template "$SubNumber$": $SubNumber$ cannot be filled in`},
		{"a time without a timeline", rep(`<SegmentTemplate media="$Time$" endNumber="2"/>`), inRep + `media template "$Time$": $Time$ cannot be filled in`},
		{"a numbered initialization", rep(`<SegmentTemplate initialization="$Number$" media="a" duration="10"/>`), inRep + `initialization template "$Number$": $Number$ cannot be filled in`},
		{"a formatted name", rep(`<SegmentTemplate media="$RepresentationID%02d$" duration="1"/>`), inRep + `media template "$RepresentationID%02d$": $RepresentationID%02d$ cannot be filled in`},
		{"a wide format", rep(`<SegmentTemplate media="$Number%099d$" duration="1"/>`), inRep + `media template "$Number%099d$": format %099d`},
		{"a strange format", rep(`<SegmentTemplate media="$Number%s$" duration="1"/>`), inRep + `media template "$Number%s$": format %s`},
		{"a long name", rep(`<SegmentTemplate media="` + strings.Repeat("a", 4097) + `" duration="10"/>`), inRep + `media template "` + strings.Repeat("a", 100) + `": too large`},
		{"an empty list", rep(`<SegmentList/>`), inRep + "a SegmentList without segments"},
		{"a list without a scale", rep(`<SegmentList timescale="0"><SegmentURL media="a"/></SegmentList>`), inRep + "a time scale of zero"},
		{"a list for ever", rep(`<SegmentList duration="18446744073709551615"><SegmentURL media="a"/><SegmentURL media="b"/></SegmentList>`), inRep + "longer than 1000h0m0s: too large"},
		{"a broken range", rep(`<SegmentList><SegmentURL media="a" mediaRange="9-1"/></SegmentList>`), inRep + `SegmentURL: byte range "9-1"`},
		{"a broken range of an index", rep(`<SegmentList><SegmentURL media="a" indexRange="x"/></SegmentList>`), inRep + `SegmentURL index: byte range "x"`},
		{"a broken duration", `<MPD mediaPresentationDuration="10"/>`, `mediaPresentationDuration: a duration of "10"`},
		{"years", `<MPD mediaPresentationDuration="P1Y"/>`, `mediaPresentationDuration: a duration of "P1Y"`},
		{"less than nothing", `<MPD mediaPresentationDuration="-PT1S"/>`, `mediaPresentationDuration: a duration of "-PT1S"`},
		{"no unit", `<MPD mediaPresentationDuration="PT1"/>`, `mediaPresentationDuration: a duration of "PT1"`},
		{"too long", `<MPD mediaPresentationDuration="PT1000H1S"/>`, `mediaPresentationDuration: a duration of 3.600001e+06 s`},
		{"too long by periods", `<MPD><Period duration="PT999H"/><Period duration="PT999H"/></MPD>`, "longer than 1000h0m0s: too large"},
		{"a period that is no time", `<MPD><Period duration="x"/></MPD>`, `period 0: duration: a duration of "x"`},
		{"a start that is no time", `<MPD><Period start="x"/></MPD>`, `period 0: start: a duration of "x"`},
		{"a frame rate of nothing", mpd(`<Representation id="v" frameRate="1/0"><BaseURL>a</BaseURL></Representation>`), inRep + `frame rate "1/0"`},
		{"a frame rate of words", mpd(`<Representation id="v" frameRate="fast"><BaseURL>a</BaseURL></Representation>`), inRep + `frame rate "fast"`},
		{"a huge picture", mpd(`<Representation width="65536"/>`), `strconv.ParseUint: parsing "65536": value out of range`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := ParseMPD([]byte(tt.text))

			if got, want := fmt.Sprint(err), "parse MPD: "+tt.want; got != want || !reflect.DeepEqual(m, MPD{}) {
				t.Errorf("ParseMPD = %s %.300s\nwant %s", m.told(), got, want)
			}
			if _, err := RewriteMPD([]byte(tt.text), "x/"); err == nil {
				t.Error("RewriteMPD took it")
			}
		})
	}
}

// What one manifest may make us list is bounded however it is spread.
func TestParseMPDBounds(t *testing.T) {
	if _, err := ParseMPD(make([]byte, MaxManifest+1)); !errors.Is(err, ErrTooLarge) || err.Error() != "parse MPD: 16777217 bytes: too large" {
		t.Errorf("ParseMPD = %v", err)
	}
	const set = `<MPD mediaPresentationDuration="PT100000S"><Period><AdaptationSet><SegmentTemplate media="%s$Number$" duration="%d" timescale="1000"/>%s</AdaptationSet></Period></MPD>`
	for _, tt := range []struct {
		name            string
		media           string
		milliseconds    int // of a segment
		representations int
		want            string // the error after its place; "<nil>" for none
	}{
		{"as many as may be", "a", 1000, 5, "<nil>"},
		{"more of one", "a", 199, 1, "names more than 500000 files: too large"},
		{"long names", strings.Repeat("a", 700), 1000, 1, "names more than 500000 files, or with more than 67108864 bytes: too large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseMPD(fmt.Appendf(nil, set, tt.media, tt.milliseconds, strings.Repeat(`<Representation id="v"/>`, tt.representations)))
			if got := strings.TrimPrefix(fmt.Sprint(err), `parse MPD: period 0: representation "v": `); got != tt.want || err != nil && !errors.Is(err, ErrTooLarge) {
				t.Errorf("ParseMPD = %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestVariants(t *testing.T) {
	hd, sd, sound := Variant{Height: 1080}, Variant{Height: 480}, Variant{Bandwidth: 128_000}
	for _, tt := range []struct {
		name   string
		tracks []Track
		want   []Variant
	}{
		{"each once, over periods", []Track{{Kind: TrackVideo, Variant: hd}, {Kind: TrackVideo, Variant: sd}, {Kind: TrackAudio, Variant: sound}, {Period: 1, Kind: TrackVideo, Variant: hd}}, []Variant{hd, sd}},
		{"no trick play", []Track{{Kind: TrackVideo, Variant: hd}, {Kind: TrackVideo, Variant: sd, Trick: true}, {Kind: TrackImage, Variant: sd}}, []Variant{hd}},
		{"sound alone", []Track{{Kind: TrackAudio, Variant: sound}}, []Variant{sound}},
		{"nothing", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (MPD{Tracks: tt.tracks}).Variants(); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Variants = %+v, want %+v", got, tt.want)
			}
		})
	}
	m, err := ParseMPD([]byte(mpd(`<EssentialProperty schemeIdUri="http://dashif.org/guidelines/trickmode" value="1"/><Representation id="v"><BaseURL>a</BaseURL></Representation>`)))
	if err != nil || !m.Tracks[0].Trick {
		t.Errorf("ParseMPD of trick play = %+v, %v", m, err)
	}
	if m, err = ParseMPD([]byte(`<MPD type="dynamic"/>`)); err != nil || !m.Dynamic {
		t.Errorf("ParseMPD of a live manifest = %+v, %v", m, err)
	}
}
