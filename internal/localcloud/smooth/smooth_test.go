package smooth

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestParse(t *testing.T) {
	manifest := Request{Folder: "/v/", Name: "a.ism", Manifest: true}
	video := Request{Folder: "/v/", Name: "a.ism", Bitrate: 300, Track: "video", Time: 20000000}
	chosen := video
	chosen.Attributes = [][2]string{{"hardwareProfile", "10"}, {"x", ""}}
	named := video
	named.Track = "audio_de=x y"
	odd := manifest
	odd.Folder, odd.Name = "/v%20w/ü+/", "ä b+.ism"
	root := manifest
	root.Folder = "/"
	upper := video
	upper.Name = "A.ISM"
	for _, tt := range []struct {
		path string
		fold bool
		want Request // the zero value: not one
	}{
		{"/v/a.ism/Manifest", false, manifest},
		{"/v/a.ism/manifest", false, Request{}},
		{"/v/a.ism/manifest", true, manifest},
		{"/a.ism/Manifest", false, root},
		{"/v/a%2Eism/Manifest", false, manifest},
		{"/v%20w/ü+/%C3%A4%20b+.ism/Manifest", false, odd},
		{"/v/a.ism/QualityLevels(300)/Fragments(video=20000000)", false, video},
		{"/v/a.ism/QualityLevels%28300%29/Fragments%28video%3D20000000%29", false, video},
		{"/v/a.ism/QualityLevels(300,hardwareProfile=10,x=)/Fragments(video=20000000)", false, chosen},
		{"/v/a.ism/QualityLevels(300)/Fragments(audio_de=x%20y=20000000)", false, named},
		{"/v/A.ISM/qualitylevels(300)/FRAGMENTS(video=20000000)", true, upper},
		{"/v/A.ISM/QualityLevels(300)/Fragments(video=20000000)", false, Request{}},
		{"/v/a.ism", false, Request{}},
		{"/v/a.ism/", false, Request{}},
		{"/v/a.ism/Manifest/", false, Request{}},
		{"/v/a.ismc/Manifest", false, Request{}},
		{"/v/.ism/Manifest", false, Request{}},
		{"a.ism/Manifest", false, Request{}},
		{"Manifest", false, Request{}},
		{"/v/a%2Fb.ism/Manifest", false, Request{}},
		{"/v/a%zz.ism/Manifest", false, Request{}},
		{"/v/a.ism/Fragments(video=1)", false, Request{}},
		{"/v/a.ism/QualityLevels(300)/Manifest", false, Request{}},
		{"/v/a.ism/QualityLevels(300)/Fragments(video=)", false, Request{}},
		{"/v/a.ism/QualityLevels(300)/Fragments(=1)", false, Request{}},
		{"/v/a.ism/QualityLevels(300)/Fragments(video=-1)", false, Request{}},
		{"/v/a.ism/QualityLevels(300)/Fragments(video=18446744073709551616)", false, Request{}},
		{"/v/a.ism/QualityLevels(+3)/Fragments(video=1)", false, Request{}},
		{"/v/a.ism/QualityLevels(300,)/Fragments(video=1)", false, Request{}},
		{"/v/a.ism/QualityLevels(300/Fragments(video=1)", false, Request{}},
	} {
		got, ok := Parse(tt.path, tt.fold)
		if ok != (tt.want.Name != "") || ok && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Parse(%s, %v) = %+v, %v, want %+v", tt.path, tt.fold, got, ok, tt.want)
		}
	}
}

const smil = `<?xml version="1.0" encoding="utf-8"?>
<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><head><meta name="clientManifestRelativePath" content="a &amp; b.ismc"/></head>
<body><switch>
<video src="a_1.ismv" systemBitrate="300"><param name="trackID" value="1" valuetype="data"/></video>
<video src="a_2.ismv" systemBitrate="300"><param name="trackID" value="2"/><param name="hardwareProfile" value="10"/></video>
<audio src="a_de.isma" systemBitrate="64" systemLanguage="deu"><param name="trackID" value="1"/><param name="trackName" value="audio_de"/></audio>
<textstream src="a.ismt" systemBitrate="1"/>
</switch></body></smil>`

func wide(s string, order binary.AppendByteOrder, mark bool) string {
	var b []byte
	if mark {
		b = order.AppendUint16(b, 0xfeff)
	}
	for _, u := range utf16.Encode([]rune(strings.Replace(s, "utf-8", "UTF-16", 1))) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

func TestParseServer(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"whole", smil, "a & b.ismc 4 <nil>"},
		{"with a byte order mark", "\xef\xbb\xbf" + smil, "a & b.ismc 4 <nil>"},
		{"UTF-16", wide(smil, binary.LittleEndian, true), "a & b.ismc 4 <nil>"},
		{"UTF-16, the other order", wide(smil, binary.BigEndian, true), "a & b.ismc 4 <nil>"},
		{"UTF-16 without its mark", wide(smil, binary.LittleEndian, false), "a & b.ismc 4 <nil>"},
		{"UTF-16 without its mark, the other order", wide(smil, binary.BigEndian, false), "a & b.ismc 4 <nil>"},
		{"UTF-16 beyond 16 bits", wide(strings.ReplaceAll(smil, "a_1", "𝄞"), binary.LittleEndian, true), "a & b.ismc 4 <nil>"},
		{"half a character", wide(smil, binary.LittleEndian, true) + "x", "server manifest: UTF-16 with half a character at its end"},
		{"half a pair", "\xff\xfe\x00\xd8\x00\x00", "server manifest: UTF-16 with half a pair"},
		{"half a pair at the end", "\xff\xfe\x00\xd8", "server manifest: UTF-16 with half a pair at its end"},
		{"another encoding", strings.Replace(smil, "utf-8", "latin1", 1), `server manifest: xml: opening charset "latin1": encoding "latin1", want utf-8 or utf-16`},
		{"no client manifest", strings.Replace(smil, "clientManifest", "x", 1), " 4 <nil>"},
		{"client manifest elsewhere", strings.Replace(smil, "a &amp; b", "../b", 1), `server manifest: client manifest "../b.ismc" is not in its folder`},
		{"file elsewhere", strings.Replace(smil, "a_1", "../x", 1), `server manifest: video with the file "../x.ismv", which is not in the manifest's folder`},
		{"file at the root", strings.Replace(smil, "a_1", "/x", 1), `server manifest: video with the file "/x.ismv", which is not in the manifest's folder`},
		{"no file", strings.Replace(smil, `src="a_1.ismv"`, "", 1), `server manifest: video with the file "", which is not in the manifest's folder`},
		{"no bitrate", strings.Replace(smil, `systemBitrate="64"`, "", 1), `server manifest: audio a_de.isma with systemBitrate "", want a number`},
		{"wrong track", strings.Replace(smil, `value="2"`, `value="0"`, 1), `server manifest: video a_2.ismv with trackID "0", want a number above 0`},
		{"entity", strings.Replace(strings.Replace(smil, "<smil", `<!DOCTYPE smil [<!ENTITY x "a">]><smil`, 1), "a_1", "&x;", 1), "server manifest: XML syntax error on line 4: invalid character entity &x;"},
		{"another root", "<SmoothStreamingMedia/>", "server manifest: root element SmoothStreamingMedia, want smil"},
		{"empty", "", "server manifest: no tracks"},
		{"cut short", smil[:len(smil)-30], "server manifest: XML syntax error on line 7: unexpected EOF"},
		{"too deep", "<smil>" + strings.Repeat("<a>", 40), "server manifest: elements more than 32 deep"},
		{"too many tracks", "<smil>" + strings.Repeat(`<video src="a" systemBitrate="1"/>`, 1001) + "</smil>", "server manifest: more than 1000 tracks"},
		{"too large", smil + strings.Repeat(" ", MaxServer), fmt.Sprintf("server manifest of %d bytes, want at most %d", MaxServer+len(smil), MaxServer)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := ParseServer([]byte(tt.text))
			got := fmt.Sprint(err)
			if err == nil {
				got = fmt.Sprint(s.Client, " ", len(s.Tracks), " ", err)
			}
			if got != tt.want {
				t.Errorf("ParseServer = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestFind(t *testing.T) {
	s, err := ParseServer([]byte(smil))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		bitrate    uint64
		track      string
		attributes [][2]string
		want       string // file, ID, language
	}{
		{300, "video", nil, "a_1.ismv 1 "},
		{300, "video", [][2]string{{"hardwareProfile", "10"}}, "a_1.ismv 1 "}, // it says nothing of it
		{300, "video", [][2]string{{"trackID", "2"}}, "a_2.ismv 2 "},
		{64, "audio_de", nil, "a_de.isma 1 deu"},
		{64, "audio", nil, ""},
		{1, "textstream", nil, "a.ismt 0 "},
		{301, "video", nil, ""},
	} {
		got := ""
		if x, ok := s.Find(Request{Bitrate: tt.bitrate, Track: tt.track, Attributes: tt.attributes}); ok {
			got = fmt.Sprint(x.File, " ", x.ID, " ", x.Language)
		}
		if got != tt.want {
			t.Errorf("%d %s %v: %q, want %q", tt.bitrate, tt.track, tt.attributes, got, tt.want)
		}
	}
}

func full(version byte, b ...any) []byte {
	out := []byte{version, 0, 0, 0}
	for _, v := range b {
		out, _ = binary.Append(out, binary.BigEndian, v)
	}
	return out
}

func mkbox(kind string, parts ...[]byte) []byte {
	payload := bytes.Join(parts, nil)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(payload))), kind...), payload...)
}

// fragment is a moof with a tfxd, or without if version is above 1, and its mdat.
func fragment(track uint32, version byte, time uint64, media string) []byte {
	parts := [][]byte{mkbox("tfhd", full(0, track))}
	switch version {
	case 0:
		parts = append(parts, mkbox("uuid", []byte(tfxd), full(0, uint32(time), uint32(5))))
	case 1:
		parts = append(parts, mkbox("uuid", []byte(tfxd), full(1, time, uint64(5))))
	}
	return append(mkbox("moof", mkbox("mfhd", full(0, uint32(1))), mkbox("traf", parts...)), mkbox("mdat", []byte(media))...)
}

// crowd is a moof of many fragments that tell no time, and its mdat.
func crowd(n int) []byte {
	return append(mkbox("moof", bytes.Repeat(mkbox("traf", mkbox("tfhd", full(0, uint32(7)))), n)), mkbox("mdat")...)
}

func moov(track, scale uint32) []byte {
	return mkbox("moov", mkbox("trak",
		mkbox("tkhd", full(0, uint32(0), uint32(0), track)),
		mkbox("mdia", mkbox("mdhd", full(0, uint32(0), uint32(0), scale)))))
}

// mfra lists times and offsets of one track.
func mfra(track uint32, entries ...[2]uint64) []byte {
	b := full(1, track, uint32(0), uint32(len(entries)))
	for _, e := range entries {
		b = append(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, e[0]), e[1]), 1, 1, 1)
	}
	return mkbox("mfra", mkbox("tfra", b), mkbox("mfro", full(0, uint32(0))))
}

func TestReadIndex(t *testing.T) {
	a, b := fragment(1, 1, 0, "aa"), fragment(1, 0, 20, "bbb")
	c := fragment(1, 2, 0, "c")
	large := append(append([]byte{0, 0, 0, 1}, "free"...), 0, 0, 0, 0, 0, 0, 0, 20, 1, 2, 3, 4)
	cut := func(parts ...[]byte) []byte { // without its last byte
		all := bytes.Join(parts, nil)
		return all[:len(all)-1]
	}
	n, m := int64(len(a)), int64(len(b))
	for _, tt := range []struct {
		name  string
		file  []byte
		track uint32
		time  uint64
		want  string // the fragment, or how many there are
	}{
		{"the first", bytes.Join([][]byte{a, b}, nil), 1, 0, fmt.Sprint(Fragment{1, 0, 5, 0, n})},
		{"the second, 32 bits", bytes.Join([][]byte{a, b}, nil), 1, 20, fmt.Sprint(Fragment{1, 20, 5, n, m})},
		{"in any order", bytes.Join([][]byte{b, a}, nil), 1, 0, fmt.Sprint(Fragment{1, 0, 5, m, n})},
		{"another time", bytes.Join([][]byte{a, b}, nil), 1, 19, "2"},
		{"another track", bytes.Join([][]byte{a, b}, nil), 2, 0, "2"},
		{"the only track", bytes.Join([][]byte{a, b}, nil), 0, 20, fmt.Sprint(Fragment{1, 20, 5, n, m})},
		{"the only track of two", bytes.Join([][]byte{a, fragment(2, 1, 0, "x")}, nil), 0, 0, "2"},
		{"two tracks", bytes.Join([][]byte{a, fragment(2, 1, 0, "x")}, nil), 2, 0, fmt.Sprint(Fragment{2, 0, 5, n, int64(len(fragment(2, 1, 0, "x")))})},
		{"a box of 64 bits before", bytes.Join([][]byte{large, a}, nil), 1, 0, fmt.Sprint(Fragment{1, 0, 5, 20, n})},
		{"the last cut short", cut(a, b), 1, 20, "1"},
		{"cut in a header", append(bytes.Clone(a), 0, 0, 0), 1, 0, fmt.Sprint(Fragment{1, 0, 5, 0, n})},
		{"no media after it", mkbox("moof", mkbox("traf", mkbox("tfhd", full(0, uint32(1))), mkbox("uuid", []byte(tfxd), full(0, uint32(0), uint32(5))))), 1, 0, "0"},
		{"by mfra", bytes.Join([][]byte{moov(1, 1000), c, mfra(1, [2]uint64{3000, uint64(len(moov(1, 1000)))})}, nil), 1, 30_000_000, fmt.Sprint(Fragment{1, 30_000_000, 0, int64(len(moov(1, 1000))), int64(len(c))})},
		{"by mfra without a time scale", bytes.Join([][]byte{c, mfra(1, [2]uint64{7, 0})}, nil), 1, 7, fmt.Sprint(Fragment{1, 7, 0, 0, int64(len(c))})},
		{"tfxd before mfra", bytes.Join([][]byte{a, mfra(1, [2]uint64{7, 0})}, nil), 1, 7, "1"},
		{"no time at all", c, 1, 0, "0"},
		{"tfxd cut short", bytes.Join([][]byte{mkbox("moof", mkbox("traf", mkbox("tfhd", full(0, uint32(1))), mkbox("uuid", []byte(tfxd), full(1, uint64(0))))), mkbox("mdat")}, nil), 1, 0, "0"},
		{"a box of no size", []byte{0, 0, 0, 3, 'f', 'r', 'e', 'e'}, 1, 0, `read box at 0: box "free" at 0 has 3 bytes`},
		{"a huge moof", append(binary.BigEndian.AppendUint32(nil, maxHeader+9), append([]byte("moof"), make([]byte, maxHeader+1)...)...), 1, 0, fmt.Sprintf("read moof at 0: %d bytes, want at most %d", maxHeader+9, maxHeader)},
		{"too many boxes", bytes.Repeat(mkbox("free"), maxBoxes+1), 1, 0, "more than 200000 boxes"},
		{"fragments of no track", bytes.Join([][]byte{fragment(0, 1, 0, "aa"), a}, nil), 0, 0, fmt.Sprint(Fragment{1, 0, 5, n, n})},
		{"tracks as many as may be", crowd(maxOpen), 1, 0, "0"},
		{"too many tracks", crowd(maxOpen + 1), 1, 0, "read moof at 0: more than 100 fragments"},
		{"too many fragments", bytes.Repeat(crowd(maxOpen), maxBoxes/maxOpen+1), 1, 0, fmt.Sprintf("read mdat at %d: more than 200000 fragments with it", maxBoxes/maxOpen*len(crowd(maxOpen))+len(crowd(maxOpen))-8)},
		{"empty", nil, 0, 0, "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x, err := ReadIndex(bytes.NewReader(tt.file), int64(len(tt.file)))
			got := fmt.Sprint(err)
			if err == nil {
				got = fmt.Sprint(x.Len())
				if f, ok := x.Find(tt.track, tt.time); ok {
					got = fmt.Sprint(f)
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// However many boxes a moof is full of, they take no more memory than it does.
func TestReadIndexOfEmptyBoxes(t *testing.T) {
	one := append(mkbox("moof", bytes.Repeat(mkbox("traf"), maxHeader/8)), mkbox("mdat")...)
	file := bytes.Repeat(one, 5)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	x, err := ReadIndex(bytes.NewReader(file), int64(len(file)))
	runtime.ReadMemStats(&after)
	if err != nil || x.Len() != 0 {
		t.Errorf("ReadIndex = %v, %v, want an empty one", x, err)
	}
	if took := int(after.TotalAlloc - before.TotalAlloc); took > 2*len(file) {
		t.Errorf("%d bytes for a file of %d", took, len(file))
	}
}

// folder is a folder in memory.
type folder struct {
	files map[string]string
	reads int
}

func (f *folder) Open(_ context.Context, name string) (*File, error) {
	text, ok := f.files[name]
	if !ok {
		return nil, fmt.Errorf("open %s: %w", name, ErrNotFound)
	}
	return &File{ReaderAt: counted{strings.NewReader(text), &f.reads}, Closer: io.NopCloser(nil), ID: name, Size: int64(len(text)), Version: fmt.Sprint(len(text)), Header: http.Header{}}, nil
}

type counted struct {
	io.ReaderAt
	n *int
}

func (c counted) ReadAt(b []byte, at int64) (int, error) {
	*c.n++
	return c.ReaderAt.ReadAt(b, at)
}

func TestResolve(t *testing.T) {
	a, b := fragment(1, 1, 0, "aa"), fragment(1, 1, 20, "bbb")
	f := &folder{files: map[string]string{
		"a.ism": smil, "a & b.ismc": "client", "a_1.ismv": string(a) + string(b),
		"bare.ism": `<smil><audio src="a_1.ismv" systemBitrate="9"/></smil>`, "bad.ism": "<smil", "huge.ism": strings.Repeat("x", MaxServer+1),
		"lost.ism": strings.Replace(smil, "a &amp; b", "lost", 1),
	}}
	var v Resolver
	for _, tt := range []struct{ path, want string }{
		{"/a.ism/Manifest", "client"},
		{"/a.ism/QualityLevels(300)/Fragments(video=20)", string(b)},
		{"/a.ism/QualityLevels(300)/Fragments(video=0)", string(a)},
		{"/bare.ism/QualityLevels(9)/Fragments(audio=20)", string(b)},
		{"/a.ism/QualityLevels(300)/Fragments(video=21)", "a_1.ismv has no fragment of track 1 at 21: not found"},
		{"/a.ism/QualityLevels(301)/Fragments(video=20)", "a.ism has no track video of 301 bits per second: not found"},
		{"/a.ism/QualityLevels(64)/Fragments(audio_de=0)", "track audio_de of a.ism: a_de.isma: not found"},
		{"/b.ism/Manifest", "open b.ism: not found"},
		{"/bare.ism/Manifest", "bare.ism names no client manifest: not found"},
		{"/lost.ism/Manifest", "client manifest of lost.ism: lost.ismc: not found"},
		{"/bad.ism/Manifest", "bad.ism: server manifest: XML syntax error on line 1: unexpected EOF"},
		{"/huge.ism/Manifest", fmt.Sprintf("huge.ism has %d bytes, want at most %d", MaxServer+1, MaxServer)},
	} {
		r, ok := Parse(tt.path, false)
		if !ok {
			t.Fatal(tt.path)
		}
		p, err := v.Resolve(t.Context(), f, r)
		got := fmt.Sprint(err)
		if err == nil {
			b, err := io.ReadAll(p.Reader())
			if got = string(b); err != nil {
				t.Error(err)
			}
		}
		if got != tt.want || strings.HasSuffix(tt.want, ": not found") != errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %q, want %q", tt.path, got, tt.want)
		}
	}
}

func TestIndexesAreKept(t *testing.T) {
	f := &folder{files: map[string]string{"v": string(fragment(1, 1, 0, "aa"))}}
	var c indexes
	for _, tt := range []struct {
		media string
		reads int
	}{{"aa", 3}, {"aa", 0}, {"aaa", 3}, {"aa", 0}} {
		f.files["v"], f.reads = string(fragment(1, 1, 0, tt.media)), 0
		file, err := f.Open(t.Context(), "v")
		if err != nil {
			t.Fatal(err)
		}
		if x, err := c.of(t.Context(), file); err != nil || x.Len() != 1 || f.reads != tt.reads {
			t.Errorf("media %s: %v, %v after %d reads, want %d", tt.media, x, err, f.reads, tt.reads)
		}
	}
	for i := range 4 {
		c.keep(&kept{fmt.Sprint(i), &Index{fragments: make([]Fragment, maxKept/2)}})
	}
	if c.used > maxKept || c.recent.Len() != 1 || len(c.byFile) != 1 || c.byFile["3"] == nil {
		t.Errorf("%d fragments in %d indexes, want at most %d in the last", c.used, c.recent.Len(), maxKept)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/v/a.ism/QualityLevels(300,x=1)/Fragments(video=20000000)", true)
	f.Add("/v/a%2Eism/manifest", false)
	f.Fuzz(func(t *testing.T, path string, fold bool) {
		r, ok := Parse(path, fold)
		if ok && (!strings.HasPrefix(path, r.Folder) || !strings.HasSuffix(r.Folder, "/") || len(r.Name) <= len(Extension) || r.Manifest == (r.Track != "")) {
			t.Errorf("Parse(%q) = %+v", path, r)
		}
	})
}

func FuzzParseServer(f *testing.F) {
	f.Add([]byte(smil))
	f.Add([]byte(wide(smil, binary.BigEndian, true)))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseServer(b)
		if err != nil {
			return
		}
		for _, x := range s.Tracks {
			if x.File == "" || strings.HasPrefix(x.File, "/") || strings.Contains(x.File, "..") && strings.Contains("/"+x.File+"/", "/../") {
				t.Errorf("file %q", x.File)
			}
		}
	})
}

func FuzzReadIndex(f *testing.F) {
	f.Add(bytes.Join([][]byte{moov(1, 1000), fragment(1, 1, 0, "aa"), fragment(1, 2, 0, "b"), mfra(1, [2]uint64{3000, 5})}, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := ReadIndex(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, g := range x.fragments {
			if g.Offset < 0 || g.Size <= 0 || g.Offset+g.Size > int64(len(b)) {
				t.Errorf("fragment %+v of a file of %d bytes", g, len(b))
			}
			if _, ok := x.Find(g.Track, g.Time); !ok && g.Track != 0 {
				t.Errorf("fragment %+v is not found", g)
			}
		}
	})
}
