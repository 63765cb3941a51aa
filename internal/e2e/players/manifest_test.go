package players

import (
	"fmt"
	"strings"
	"testing"
)

const master = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="main",DEFAULT=YES,URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=9,RESOLUTION=1280x720,CODECS="avc1.64001f,mp4a.40.2",AUDIO="a"
720.m3u8

#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=9,BANDWIDTH=700000,CODECS="avc1.64001e",RESOLUTION=640x360,AUDIO="a"
# a comment
360.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="i.m3u8"
`

const mpd = `<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:xlink="http://www.w3.org/1999/xlink"><BaseURL>b/</BaseURL><Period>
<AdaptationSet mimeType="video/mp4" width="640"><Representation id="v1" bandwidth="700000" height="360"/></AdaptationSet>
<AdaptationSet contentType="video"><Representation id="v2" bandwidth="2000000" width="1280" height="720"><BaseURL>x</BaseURL></Representation></AdaptationSet>
<AdaptationSet contentType="audio"><Representation id="a1" mimeType="audio/mp4"/></AdaptationSet>
</Period></MPD>
`

const ismc = `<?xml version="1.0" encoding="utf-8"?>
<SmoothStreamingMedia MajorVersion="2" MinorVersion="2" Duration="40000000">
<StreamIndex Type="audio" Name="audio" Url="QualityLevels({bitrate})/Fragments(audio={start time})"><QualityLevel Index="0" Bitrate="96000" FourCC="AACL"/><c t="0" d="20000000" r="2"/></StreamIndex>
<StreamIndex Type="video" Name="video" QualityLevels="2" Url="QualityLevels({bitrate})/Fragments(video={start time})">
<QualityLevel Index="0" Bitrate="2000000" MaxWidth="1280" MaxHeight="720"/>
<QualityLevel Index="1" Bitrate="700000" MaxWidth="640" MaxHeight="360"></QualityLevel>
<c t="0" d="20000000" r="2"/></StreamIndex></SmoothStreamingMedia>
`

func TestManifest(t *testing.T) {
	for _, tt := range []struct {
		name, text, id string
		all            string   // renditions
		without        []string // pieces that the cut loses, in order
	}{
		{"master, first", master, "0", "[0 1280x720@2000k 1 640x360@700k]", []string{
			"#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=9,BANDWIDTH=700000,CODECS=\"avc1.64001e\",RESOLUTION=640x360,AUDIO=\"a\"\n# a comment\n360.m3u8\n"}},
		{"master, second", master, "1", "[0 1280x720@2000k 1 640x360@700k]", []string{
			"#EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=9,RESOLUTION=1280x720,CODECS=\"avc1.64001f,mp4a.40.2\",AUDIO=\"a\"\n720.m3u8\n"}},
		{"mpd", mpd, "v2", "[v1 640x360@700k v2 1280x720@2000k]", []string{
			`<AdaptationSet mimeType="video/mp4" width="640"><Representation id="v1" bandwidth="700000" height="360"/></AdaptationSet>`}},
		{"smooth", ismc, "2000000", "[2000000 1280x720@2000k 700000 640x360@700k]", []string{
			`<QualityLevel Index="1" Bitrate="700000" MaxWidth="640" MaxHeight="360"></QualityLevel>`}},
	} {
		m, err := parse([]byte(tt.text))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var all []string
		for _, r := range m.renditions {
			all = append(all, r.ID, r.String())
		}
		if fmt.Sprint(all) != tt.all {
			t.Errorf("%s: renditions %v, want %s", tt.name, all, tt.all)
		}
		want := tt.text
		for _, piece := range tt.without {
			want = strings.Replace(want, piece, "", 1)
		}
		if got, err := m.only(tt.id); err != nil || string(got) != want {
			t.Errorf("%s: only(%s) = %s, %v, want %s", tt.name, tt.id, got, err, want)
		}
		if _, err := m.only("x"); fmt.Sprint(err) != `no rendition "x"` {
			t.Errorf("%s: only(x) fails with %v", tt.name, err)
		}
	}
}

func TestManifestRefuses(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "no video rendition"},
		{"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", "no video rendition"},
		{"<MPD><AdaptationSet contentType='video'>", "no video rendition"},
		{`<SmoothStreamingMedia><StreamIndex Type="audio"><QualityLevel Bitrate="1"/></StreamIndex></SmoothStreamingMedia>`, "no video rendition"},
		{"<QualityLevel/></StreamIndex>", "no video rendition"},
		{"<MPD", "read as XML: XML syntax error on line 1: unexpected EOF"},
		{"#EXTM3U\n" + strings.Repeat("#EXT-X-STREAM-INF:\nx\n", 201), "201 renditions, limit 200"},
	} {
		if _, err := parse([]byte(tt.text)); fmt.Sprint(err) != tt.want {
			t.Errorf("parse(%.40q) = %v, want %s", tt.text, err, tt.want)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(master))
	f.Add([]byte(mpd))
	f.Add([]byte(ismc))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parse(text)
		if err != nil {
			return
		}
		for _, r := range m.renditions {
			if got, err := m.only(r.ID); err != nil || len(got) > len(text) {
				t.Errorf("only(%q) = %d bytes of %d, %v", r.ID, len(got), len(text), err)
			}
		}
	})
}
