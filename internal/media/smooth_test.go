package media

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

const aServer = `<?xml version="1.0" encoding="utf-8"?>
<smil xmlns="http://www.w3.org/2001/SMIL20/Language">
  <head><meta name="formats" content="mp4"/><meta name="clientManifestRelativePath" content="a &amp; b.ismc"/></head>
  <body>
    <switch>
      <video src="a &amp; b_720p.ismv" systemBitrate="4000000"><param name="trackID" value="2" valuetype="data"/></video>
      <audio src="sound/ton%20ä.isma" systemBitrate="128000" systemLanguage="deu">
        <param name="trackName" value="ton &lt;1&gt;" valuetype="data"/>
      </audio>
      <textstream src="text.ismt" systemBitrate="1000"/>
    </switch>
  </body>
</smil>
`

var aServerRead = SmoothServer{Client: "a & b.ismc", Tracks: []SmoothTrack{
	{Kind: TrackVideo, File: "a & b_720p.ismv", Bitrate: 4_000_000, Name: "video", ID: 2},
	{Kind: TrackAudio, File: "sound/ton%20ä.isma", Bitrate: 128_000, Language: "deu", Name: "ton <1>"},
	{Kind: TrackText, File: "text.ismt", Bitrate: 1000, Name: "text"},
}}

const aClient = `<SmoothStreamingMedia MajorVersion="2" MinorVersion="2" TimeScale="10000000" Duration="100000000">
  <StreamIndex Type="video" Name="video" Chunks="5" QualityLevels="2" Url="QualityLevels({bitrate})/Fragments(video={start time})">
    <QualityLevel Index="0" Bitrate="4000000" FourCC="H264" MaxWidth="1280" MaxHeight="720" CodecPrivateData="000000016764001FACD9405005BB0000000168EFBCB0"/>
    <QualityLevel Index="1" Bitrate="1000000" FourCC="H264" MaxWidth="640" MaxHeight="360"/>
    <c d="20000000" r="5"/>
  </StreamIndex>
  <StreamIndex Type="audio" Name="ton &lt;1&gt;" Language="deu" TimeScale="48000" Url="QualityLevels({bitrate},{CustomAttributes})/Fragments(ton%20%3C1%3E={start_time})">
    <QualityLevel Bitrate="128000" FourCC="AACL" CodecPrivateData="1190"><CustomAttributes><Attribute Name="a" Value="b"/></CustomAttributes></QualityLevel>
    <c t="1024"/><c t="97024"/><c n="2" t="193024" d="95000"><f i="0"/></c>
  </StreamIndex>
</SmoothStreamingMedia>`

var aClientRead = SmoothClient{Duration: 10 * time.Second, Streams: []SmoothStream{
	{
		Kind: TrackVideo, Name: "video", Scale: 10_000_000,
		Levels: []SmoothLevel{
			{Bitrate: 4_000_000, FourCC: "H264", Width: 1280, Height: 720, Private: []byte("\x00\x00\x00\x01\x67\x64\x00\x1f\xac\xd9\x40\x50\x05\xbb\x00\x00\x00\x01\x68\xef\xbc\xb0")},
			{Bitrate: 1_000_000, FourCC: "H264", Width: 640, Height: 360, Private: []byte{}},
		},
		Chunks: []Chunk{{0, 20_000_000}, {20_000_000, 20_000_000}, {40_000_000, 20_000_000}, {60_000_000, 20_000_000}, {80_000_000, 20_000_000}},
	},
	{
		Kind: TrackAudio, Name: "ton <1>", Language: "deu", Scale: 48_000,
		Levels: []SmoothLevel{{Bitrate: 128_000, FourCC: "AACL", Private: []byte{0x11, 0x90}}},
		Chunks: []Chunk{{1024, 96_000}, {97_024, 96_000}, {193_024, 95_000}},
	},
}}

// encodings of a document, by name.
func encodings(text string) map[string]string {
	wide := func(order binary.AppendByteOrder, mark bool) string {
		var b []byte
		if mark {
			b = order.AppendUint16(b, 0xfeff)
		}
		for _, u := range utf16.Encode([]rune(strings.Replace(text, "utf-8", "UTF-16", 1))) {
			b = order.AppendUint16(b, u)
		}
		return string(b)
	}
	return map[string]string{
		"UTF-8": text, "UTF-8 with a mark": "\ufeff" + text, "UTF-16LE": wide(binary.LittleEndian, true), "UTF-16BE": wide(binary.BigEndian, true),
		"UTF-16LE without a mark": wide(binary.LittleEndian, false), "UTF-16BE without a mark": wide(binary.BigEndian, false),
	}
}

func TestParseSmooth(t *testing.T) {
	for name, text := range encodings(aServer) {
		if got, err := ParseSmoothServer([]byte(text)); err != nil || !reflect.DeepEqual(got, aServerRead) {
			t.Errorf("server manifest in %s = %+v, %v\nwant %+v", name, got, err, aServerRead)
		}
	}
	for name, text := range encodings(aClient) {
		if got, err := ParseSmoothClient([]byte(text)); err != nil || !reflect.DeepEqual(got, aClientRead) {
			t.Errorf("client manifest in %s = %+v, %v\nwant %+v", name, got, err, aClientRead)
		}
	}
	video, sound := aClientRead.Streams[0], aClientRead.Streams[1]
	if got := []time.Duration{video.Length(), video.End(), sound.Length(), sound.End(), SmoothStream{}.Length()}; !reflect.DeepEqual(got, []time.Duration{
		10 * time.Second, 10 * time.Second, 5_979_166_667, 6_000_500_000, 0,
	}) {
		t.Errorf("lengths and ends %v", got)
	}
	for _, tt := range []struct {
		level SmoothLevel
		want  Variant
	}{
		{video.Levels[0], Variant{Width: 1280, Height: 720, Bandwidth: 4_000_000, Codecs: "avc1.64001f"}},
		{video.Levels[1], Variant{Width: 640, Height: 360, Bandwidth: 1_000_000}},
		{sound.Levels[0], Variant{Bandwidth: 128_000, Codecs: "mp4a.40.2"}},
		{SmoothLevel{Bitrate: 1, FourCC: "aacl"}, Variant{Bandwidth: 1, Codecs: "mp4a.40.2"}},
		{SmoothLevel{Bitrate: 1, FourCC: "WVC1", Private: []byte{1, 2}}, Variant{Bandwidth: 1}},
	} {
		if got := tt.level.Variant(); got != tt.want {
			t.Errorf("Variant = %+v, want %+v", got, tt.want)
		}
	}
}

func TestParseSmoothServerRefuses(t *testing.T) {
	one := func(track string) string {
		return `<smil><head><meta name="clientManifestRelativePath" content="a.ismc"/></head><body><switch>` + track + `</switch></body></smil>`
	}
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "no smil element"},
		{"no XML", "moo", "no smil element"},
		{"another document", "<SmoothStreamingMedia/>", `root element "SmoothStreamingMedia": want smil`},
		{"no tracks", one(""), "no tracks"},
		{"no client manifest", `<smil><video src="a" systemBitrate="1"/></smil>`, "names no client manifest (clientManifestRelativePath)"},
		{"no bitrate", one(`<video src="a"/>`), `video a: systemBitrate "": want a number of bits a second`},
		{"a bitrate beyond 32 bits", one(`<video src="a" systemBitrate="4294967296"/>`), "video a: systemBitrate 4294967296: want a number of bits a second"},
		{"track 0", one(`<audio src="a" systemBitrate="1"><param name="trackID" value="0"/></audio>`), "audio a: trackID 0: want a number above 0"},
		{"a track in a track", one(`<audio src="a" systemBitrate="1"><video src="b" systemBitrate="1"/></audio>`), "video within another track"},
		{"an entity", `<!DOCTYPE smil [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + one(`<video src="&x;" systemBitrate="1"/>`), "a document type: entities are not expanded"},
		{"an entity that is not declared", one(`<video src="&x;" systemBitrate="1"/>`), "XML syntax error on line 1: invalid character entity &x;"},
		{"deep", strings.Repeat("<smil>", 100), "more than 32 elements deep: too large"},
		{"two documents", one(`<video src="a" systemBitrate="1"/>`) + "<smil/>", "elements after smil"},
		{"large", one(strings.Repeat(" ", MaxServer)), "1048690 bytes: too large"},
		{"many tracks", one(strings.Repeat(`<video src="a" systemBitrate="1"/>`, 1001)), "more than 1000 tracks: too large"},
		{"half a character", "\xff\xfe<", "UTF-16 with half a character at its end"},
		{"half a pair", "\xff\xfe\x00\xd8", "UTF-16 with half a pair of surrogates"},
		{"a broken pair", "\xff\xfe\x00\xd8<\x00", "UTF-16 with half a pair of surrogates"},
		{"not UTF-8", "<smil>\xff</smil>", "neither UTF-8 nor UTF-16"},
		{"another encoding", `<?xml version="1.0" encoding="shift_jis"?><smil/>`, `xml: opening charset "shift_jis": encoding "shift_jis": want utf-8 or utf-16`},
		{"cut off", aServer[:300], "XML syntax error on line 6: unexpected EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ParseSmoothServer([]byte(tt.text)); fmt.Sprint(err) != "parse server manifest: "+tt.want || !reflect.DeepEqual(got, SmoothServer{}) {
				t.Errorf("ParseSmoothServer = %+v, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

// stream is a client manifest with one stream of video and its chunks.
func stream(attributes, chunks string) string {
	return `<SmoothStreamingMedia MajorVersion="2" Duration="0"><StreamIndex Type="video" Url="QualityLevels({bitrate})/Fragments(video={start time})"` + attributes +
		`><QualityLevel Bitrate="1"/>` + chunks + `</StreamIndex></SmoothStreamingMedia>`
}

func TestParseSmoothChunks(t *testing.T) {
	for _, tt := range []struct {
		name, chunks string
		want         []Chunk
	}{
		{"none", "", nil},
		{"durations", `<c d="2"/><c d="3"/>`, []Chunk{{0, 2}, {2, 3}}},
		{"times", `<c t="5"/><c t="7"/><c t="10" d="1"/>`, []Chunk{{5, 2}, {7, 3}, {10, 1}}},
		{"both, with a gap", `<c t="5" d="2"/><c t="9" d="1"/>`, []Chunk{{5, 2}, {9, 1}}},
		{"a duration after a time", `<c t="5" d="2"/><c d="1"/>`, []Chunk{{5, 2}, {7, 1}}},
		{"the first without a time begins at zero", `<c d="4"/><c t="4" d="1"/>`, []Chunk{{0, 4}, {4, 1}}},
		{"repeats", `<c t="1" d="2" r="3"/><c d="1" r="1"/>`, []Chunk{{1, 2}, {3, 2}, {5, 2}, {7, 1}}},
		{"repeats, then a time", `<c d="2" r="2"/><c t="9" d="2" r="2"/>`, []Chunk{{0, 2}, {2, 2}, {9, 2}, {11, 2}}},
		{"elements of others", `<x><c d="1"/></x><c d="2"><c d="9"/></c>`, []Chunk{{0, 2}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := ParseSmoothClient([]byte(stream("", tt.chunks)))
			if err != nil || len(m.Streams) != 1 || !reflect.DeepEqual(m.Streams[0].Chunks, tt.want) {
				t.Errorf("ParseSmoothClient = %+v, %v\nwant chunks %v", m, err, tt.want)
			}
		})
	}
}

func TestParseSmoothClientRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "no SmoothStreamingMedia element"},
		{"no streams", `<SmoothStreamingMedia MajorVersion="2" Duration="0"/>`, "no streams"},
		{"another version", `<SmoothStreamingMedia MajorVersion="3" Duration="0"/>`, "MajorVersion 3: want 2"},
		{"no duration", `<SmoothStreamingMedia MajorVersion="2"/>`, `a Duration of "": want units of 1/10000000 s, 1000h0m0s at most`},
		{"a duration of years", `<SmoothStreamingMedia MajorVersion="2" Duration="18446744073709551615"/>`, "a Duration of 18446744073709551615: want units of 1/10000000 s, 1000h0m0s at most"},
		{"no time", `<SmoothStreamingMedia MajorVersion="2" Duration="0" TimeScale="0"/>`, "TimeScale 0: want 1 to 1000000000 units a second"},
		{"a type", `<SmoothStreamingMedia MajorVersion="2" Duration="0"><StreamIndex Type="smell"/></SmoothStreamingMedia>`, "stream of type smell: want video, audio or text"},
		{"another URL", strings.Replace(stream("", ""), "QualityLevels(", "//host/QualityLevels(", 1), `stream video: Url "//host/QualityLevels({bitrate})/Fragments(video={start time})": want QualityLevels({bitrate})/Fragments(video={start time})`},
		{"a URL that climbs", strings.Replace(stream("", ""), "QualityLevels(", "../QualityLevels(", 1), `stream video: Url "../QualityLevels({bitrate})/Fragments(video={start time})": want QualityLevels({bitrate})/Fragments(video={start time})`},
		{"a URL of another stream", stream(` Name="picture"`, ""), "stream picture: its Url asks for another one, video"},
		{"no levels", strings.Replace(stream("", ""), `<QualityLevel Bitrate="1"/>`, "", 1), "stream video: no quality levels"},
		{"levels that are not there", stream(` QualityLevels="2"`, ""), "stream video: lists 1 quality levels and says that it has 2"},
		{"chunks that are not there", stream(` Chunks="3"`, `<c d="1" r="2"/>`), "stream video: lists 2 chunks and says that it has 3"},
		{"a chunk of nothing", stream("", `<c n="0"/>`), "stream video: chunk 0: neither a time nor a duration"},
		{"a chunk of no length", stream("", `<c d="0"/>`), "stream video: chunk 0: a duration of 0"},
		{"a chunk before the last", stream("", `<c t="5" d="1"/><c t="5" d="1"/>`), "stream video: chunk 1: begins at 5, and the one before it at 5"},
		{"a chunk after one of no length", stream("", `<c t="5"/><c d="1"/>`), "stream video: chunk 1: no time, and the chunk before it has no duration"},
		{"a last chunk of no length", stream("", `<c t="5"/>`), "stream video: the last chunk has no duration"},
		{"repeated never", stream("", `<c d="1" r="0"/>`), "stream video: chunk 0: r 0: it counts the chunk itself"},
		{"repeated without a length", stream("", `<c t="1" r="2"/>`), "stream video: chunk 0: r 2 without a duration"},
		{"repeated for ever", stream("", `<c d="1" r="18446744073709551615"/>`), "stream video: chunk 0: more than 500000 chunks: too large"},
		{"many", stream("", `<c d="1" r="300000"/><c d="1" r="300000"/>`), "stream video: chunk 300000: more than 500000 chunks: too large"},
		{"for years", stream("", `<c t="1" d="18446744073709551615"/>`), "stream video: chunk 0: ends after 1000h0m0s: too large"},
		{"years later", stream("", `<c t="18446744073709551615"/><c d="1"/>`), "stream video: chunk 0: ends after 1000h0m0s: too large"},
		{"no number", stream("", `<c d="-1"/>`), "stream video: chunk 0: d -1: want a number"},
		{"a bitrate", strings.Replace(stream("", ""), `Bitrate="1"`, `Bitrate="x"`, 1), "stream video: quality level 0: a Bitrate of x: want a number of bits a second"},
		{"a width", strings.Replace(stream("", ""), `Bitrate="1"`, `Bitrate="1" MaxWidth="65536"`, 1), "stream video: quality level 0: MaxWidth 65536: want a number of pixels"},
		{"private data", strings.Replace(stream("", ""), `Bitrate="1"`, `Bitrate="1" CodecPrivateData="0g"`, 1), "stream video: quality level 0: CodecPrivateData 0g: want hexadecimal digits"},
		{"many levels", strings.Replace(stream("", ""), "<QualityLevel ", strings.Repeat(`<QualityLevel Bitrate="2"/>`, 1000)+"<QualityLevel ", 1), "more than 1000 quality levels: too large"},
		{"large", strings.Repeat(" ", MaxManifest+1), "16777217 bytes: too large"},
		{"entities", "<!DOCTYPE a>" + aClient, "a document type: entities are not expanded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := ParseSmoothClient([]byte(tt.text)); fmt.Sprint(err) != "parse client manifest: "+tt.want || !reflect.DeepEqual(got, SmoothClient{}) {
				t.Errorf("ParseSmoothClient = %+v, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestResolveFile(t *testing.T) {
	for _, tt := range []struct{ manifest, file, want, why string }{
		{"smooth/video.ism", "video_1.ismv", "smooth/video_1.ismv", ""},
		{"smooth/video.ism", "a/b c%20&ü.ismv", "smooth/a/b c%20&ü.ismv", ""},
		{"video.ism", "a", "a", ""},
		{"smooth/video.ism", "%2e%2e/a", "smooth/%2e%2e/a", ""}, // a file of that name
		{"smooth/video.ism", "a:b", "", "absolute URI"},
		{"smooth/video.ism", "C:/a", "", "absolute URI"},
		{"smooth/video.ism", "..", "", "leaves the folder"},
		{"smooth/video.ism", "a/../b", "", "leaves the folder"},
		{"smooth/video.ism", "./a", "", "not a plain path"},
		{"smooth/video.ism", "a//b", "", "not a plain path"},
		{"smooth/video.ism", "a/", "", "not a plain path"},
		{"smooth/video.ism", "/a", "", "absolute path"},
		{"smooth/video.ism", "//host/a", "", "absolute path"},
		{"smooth/video.ism", `..\a`, "", "backslash"},
		{"smooth/video.ism", "", "", "empty"},
		{"smooth/video.ism", "a\nb", "", "control character"},
		{"smooth/video.ism", strings.Repeat("a", 5000), "", "longer than 4096 bytes"},
	} {
		got, err := ResolveFile(tt.manifest, tt.file)
		if got != tt.want || (err != nil) != (tt.why != "") || err != nil && !strings.HasSuffix(err.Error(), tt.why) {
			t.Errorf("ResolveFile(%s, %.40q) = %q, %v; want %q, %s", tt.manifest, tt.file, got, err, tt.want, tt.why)
		}
	}
}

func FuzzParseSmoothServer(f *testing.F) {
	for _, text := range encodings(aServer) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseSmoothServer(text)
		if err != nil {
			return
		}
		if m.Client == "" || len(m.Tracks) == 0 || len(m.Tracks) > maxServerTrack {
			t.Errorf("ParseSmoothServer = %+v", m)
		}
		for _, track := range m.Tracks {
			path, err := ResolveFile("smooth/video.ism", track.File)
			if err == nil && (!strings.HasPrefix(path, "smooth/") || strings.Contains("/"+path+"/", "/../")) {
				t.Errorf("%q leads to %q", track.File, path)
			}
		}
	})
}

func FuzzParseSmoothClient(f *testing.F) {
	for _, text := range encodings(aClient) {
		f.Add([]byte(text))
	}
	f.Add([]byte(stream("", `<c t="1" d="2" r="3"/><c t="9"/><c t="11" d="1"/>`)))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseSmoothClient(text)
		if err != nil {
			return
		}
		chunks := 0
		for _, s := range m.Streams {
			chunks += len(s.Chunks)
			for i, c := range s.Chunks {
				if c.Duration == 0 || c.Start+c.Duration < c.Start || i > 0 && c.Start <= s.Chunks[i-1].Start {
					t.Errorf("chunk %d of stream %q is %v, after %v", i, s.Name, c, s.Chunks[max(i-1, 0)])
				}
			}
			if d := s.Length(); d < 0 || s.End() > maxDuration || d > s.End() {
				t.Errorf("stream %q lasts %v, to %v", s.Name, d, s.End())
			}
			for _, l := range s.Levels {
				l.Variant()
			}
		}
		if chunks > maxFiles || m.Duration < 0 || m.Duration > maxDuration {
			t.Errorf("%d chunks in %v", chunks, m.Duration)
		}
	})
}
