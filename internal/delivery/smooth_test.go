package delivery

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

const (
	oneSmooth = "packages: [smooth]\nrenditions: [{short_side: 720}, {short_side: 360}]\nthumbnails: off"
	server    = "smooth/video.ism"
	client    = "smooth/video.ismc"
	high      = "smooth/video_720p.ismv"
	low       = "smooth/video_360p.ismv"
	heard     = "smooth/video_audio.isma"
)

// wide is text in UTF-16 with a byte order mark.
func wide(text string, order binary.AppendByteOrder) string {
	b := order.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune(strings.Replace(text, `encoding="utf-8"`, `encoding="utf-16"`, 1))) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

func TestVerifySmooth(t *testing.T) {
	f := setUp(t, oneSmooth)
	for _, change := range []struct {
		name string
		make func()
	}{
		{"as it is", func() {}},
		{"little-endian UTF-16", func() {
			f.put(server, wide(f.read(server), binary.LittleEndian))
			f.put(client, wide(f.read(client), binary.LittleEndian))
		}},
	} {
		change.make()
		var out ledger.Outputs
		calls := f.calls(func() {
			var err error
			if out, err = f.Verify(f.Context(), f.prefix, f.spec); err != nil {
				t.Fatalf("%s: %v", change.name, err)
			}
		})
		want := []ledger.Package{{Name: "smooth", Smooth: server, Renditions: []ledger.Rendition{
			{Width: 1280, Height: 720, Bandwidth: 4_000_000, Codecs: "avc1.640020"},
			{Width: 640, Height: 360, Bandwidth: 1_000_000, Codecs: "avc1.640020"},
		}}}
		if !reflect.DeepEqual(out.Packages, want) || out.Duration != 30*time.Second || out.Files != 5 {
			t.Errorf("%s: Verify = %+v, want packages %+v", change.name, out, want)
		}
		// A list, two manifests, and one read of each of the small files.
		if wantCalls := map[string]int{"Store.List": 1, "Store.Get": 2, "Store.GetRange": 3}; !reflect.DeepEqual(calls, wantCalls) {
			t.Errorf("%s: calls %v, want %v", change.name, calls, wantCalls)
		}
	}
	got := f.URLs(f.verify(), true)
	if want := viewer + "/media/" + asset + "/1/smooth/video.ism/Manifest"; got.Smooth != want || got.HLS != "" {
		t.Errorf("URLs = %+v, want Smooth at %s", got, want)
	}
}

// Whatever the source and its packages, a build as it should be is verified.
func TestVerifySmoothOf(t *testing.T) {
	sound, silent, odd := film(), film(), film()
	sound.Tracks = sound.Tracks[1:]
	silent.Tracks = silent.Tracks[:1]
	odd.Duration = 29*time.Second + 123456789
	dubbed := film()
	dubbed.Tracks = append(dubbed.Tracks, cloud.Track{Kind: cloud.TrackAudio, Index: 3, Codec: "AAC", Language: "deu"})
	for _, tt := range []struct {
		name, profile string
		m             cloud.Media
	}{
		{"every package", "packages: [cmaf, hls, dash, smooth, mp4]", film()},
		{"sound", "packages: [cmaf, smooth]", sound},
		{"silent", "packages: [smooth, cmaf]", silent},
		{"long fragments", "packages: [smooth]\ngop: 3\nfragment: 6", odd},
		{"several languages", "packages: [smooth]\naudio: {languages: [deu]}", dubbed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := setUp(t, "{}")
			f.build(2, tt.profile, tt.m)
			out, err := f.Verify(f.Context(), f.prefix, f.spec)
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, p := range out.Packages {
				found = found || p.Smooth == server && len(p.Renditions) > 0
			}
			if !found {
				t.Errorf("packages %+v, want smooth with renditions", out.Packages)
			}
		})
	}
}

// A template's outputs may carry sound beside the picture.
func TestVerifySmoothOfTemplate(t *testing.T) {
	f := setUp(t, oneSmooth)
	sound := &cloud.Audio{Bitrate: 96_000, SampleRate: 44_100}
	f.Transcoder.AddTemplate("house", cloud.JobSpec{Audio: 1, Groups: []cloud.OutputGroup{{
		Kind: cloud.GroupSmooth, Fragment: 4 * time.Second, Outputs: []cloud.Output{
			{NameModifier: "-hi", Video: &cloud.Video{Height: 720, MaxBitrate: 3_000_000, Quality: 7}, Audio: sound},
			{NameModifier: "-lo", Video: &cloud.Video{Height: 360, MaxBitrate: 900_000, Quality: 7}, Audio: sound},
		},
	}}})
	p, err := media.Parse([]byte("template: house"))
	if err != nil {
		t.Fatal(err)
	}
	tpl, err := f.Transcoder.Template(t.Context(), "house")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(film())
	if err != nil {
		t.Fatal(err)
	}
	f.prefix = media.BuildPrefix(output, asset, 9)
	if f.spec, err = p.TemplateSpec(tpl, plan, source, f.prefix); err != nil {
		t.Fatal(err)
	}
	f.transcode("template")
	f.put(server, wide(f.read(server), binary.BigEndian))
	f.put(client, wide(f.read(client), binary.BigEndian))

	out, err := f.Verify(t.Context(), f.prefix, f.spec)

	if err != nil || len(out.Packages) != 1 || out.Packages[0].Smooth != server || len(out.Packages[0].Renditions) != 2 || out.Duration != 30*time.Second {
		t.Errorf("Verify = %+v, %v", out, err)
	}
}

func TestVerifySmoothRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(f *fixture)
		want   []string // problems, each by a part of it
	}{
		{"no server manifest", func(f *fixture) { f.drop(server) }, []string{server + ": missing"}},
		{"no client manifest", func(f *fixture) { f.drop(client) }, []string{client + ": missing, named by " + server}},
		{"no file", func(f *fixture) { f.drop(low) }, []string{low + ": missing, named by " + server}},
		{"an empty file", func(f *fixture) { f.put(low, "") }, []string{low + ": empty, named by " + server}},
		{"a manifest of 100 MB", func(f *fixture) { f.put(client, strings.Repeat(" ", 100<<20)) }, []string{client + ": 104857600 bytes, limit 16777216"}},
		{"a server manifest of megabytes", func(f *fixture) { f.put(server, f.read(server)+strings.Repeat(" ", 2<<20)) },
			[]string{server + ": parse server manifest: ", "too large"}},
		{"entities", func(f *fixture) { f.edit(server, "<smil", "<!DOCTYPE smil [<!ENTITY a \"b\">]>\n<smil") },
			[]string{server + ": parse server manifest: a document type: entities are not expanded"}},
		{"entities in the client manifest", func(f *fixture) { f.edit(client, "<Smooth", "<!DOCTYPE a SYSTEM \"file:///etc/passwd\">\n<Smooth") },
			[]string{client + ": parse client manifest: a document type: entities are not expanded"}},
		{"no XML", func(f *fixture) { f.put(client, "moo") }, []string{client + ": parse client manifest: "}},
		{"a file out of the build", func(f *fixture) { f.edit(server, `src="video_360p.ismv"`, `src="../../2/smooth/video_360p.ismv"`) },
			[]string{server + `: file "../../2/smooth/video_360p.ismv": leaves the folder`}},
		{"a file elsewhere", func(f *fixture) { f.edit(server, `src="video_360p.ismv"`, `src="https://elsewhere/video_360p.ismv"`) },
			[]string{server + `: file "https://elsewhere/video_360p.ismv": absolute URI`}},
		{"a client manifest out of the build", func(f *fixture) { f.edit(server, `content="video.ismc"`, `content="/video.ismc"`) },
			[]string{server + `: file "/video.ismc": absolute path`}},
		{"fragments elsewhere", func(f *fixture) { f.edit(client, `Url="Quality`, `Url="https://elsewhere/Quality`) },
			[]string{client + ": parse client manifest: stream video: Url "}},
		{"a level without a track", func(f *fixture) { f.edit(server, `systemBitrate="1000000"`, `systemBitrate="1000001"`) },
			[]string{server + ": no video track named video of systemBitrate 1000000, which " + client + " has", client + ": no video stream named video with a quality level of 1000001"}},
		{"another name", func(f *fixture) { f.edit(server, `value="audio"`, `value="audio_eng"`) },
			[]string{server + ": no audio track named audio of systemBitrate 128000"}},
		{"another language", func(f *fixture) {
			f.edit(server, `src="video_audio.isma"`, `src="video_audio.isma" systemLanguage="eng"`)
			f.edit(client, `Name="audio"`, `Name="audio" Language="deu"`)
		}, []string{server + ": track audio is in language eng, and in " + client + " it is in deu"}},
		{"a track twice", func(f *fixture) { f.edit(server, `systemBitrate="1000000"`, `systemBitrate="4000000"`) },
			[]string{server + ": two video tracks named video of systemBitrate 4000000"}},
		{"a level twice", func(f *fixture) { f.edit(client, `Bitrate="1000000"`, `Bitrate="4000000"`) },
			[]string{client + ": stream video: two quality levels of 4000000"}},
		{"a level missing in both", func(f *fixture) {
			s, c := f.read(server), f.read(client)
			i := strings.Index(s, `      <video src="video_360p`)
			f.put(server, s[:i]+s[i+strings.Index(s[i:], "</video>\n")+len("</video>\n"):])
			i = strings.Index(c, `    <QualityLevel Index="1" Bitrate="1000000"`)
			c = c[:i] + c[i+strings.Index(c[i:], "\n")+1:]
			f.put(client, strings.Replace(c, `QualityLevels="2"`, `QualityLevels="1"`, 1))
		}, []string{client + ": names 2 renditions, and the job makes 3"}},
		{"another track", func(f *fixture) { f.edit(server, `name="trackID" value="1"`, `name="trackID" value="2"`) },
			[]string{high + ": no track 2, which " + server + " names"}},
		{"sound for a picture", func(f *fixture) { f.edit(server, `src="video_720p.ismv"`, `src="video_audio.isma"`) },
			[]string{heard + ": track 1 is of kind audio, and " + server + " has it as video"}},
		{"a codec nobody asked for", func(f *fixture) { f.edit(client, `FourCC="AACL"`, `FourCC="WMAP"`) },
			[]string{client + `: stream audio: codec "WMAP", want AACL`}},
		{"live", func(f *fixture) { f.edit(client, "MajorVersion", `IsLive="TRUE" MajorVersion`) }, []string{client + ": a live manifest"}},
		{"a chunk too many", func(f *fixture) {
			f.edit(client, `Chunks="15"`, `Chunks="16"`)
			f.edit(client, `    <c n="14" d="20000000"/>`, `    <c n="14" d="20000000"/><c n="15" d="1"/>`)
		}, []string{high + ": has 15 fragments of track 1, and " + client + " lists 16 chunks of stream video", low + ": has 15 fragments"}},
		{"a chunk shorter", func(f *fixture) { f.edit(client, `    <c n="3" d="20000000"/>`, `    <c n="3" d="19000000"/>`) },
			[]string{high + ": fragment 3 of track 1 lasts 20000000, and " + client + " has chunk 3 of stream video at 60000000 for 19000000"}},
		{"a chunk shorter before a gap", func(f *fixture) {
			f.edit(client, `    <c n="3" d="20000000"/>`, `    <c n="3" d="15000000"/>`)
			f.edit(client, `    <c n="4" d="20000000"/>`, `    <c n="4" t="80000000" d="20000000"/>`)
		}, []string{high + ": fragment 3 of track 1 lasts 20000000, and " + client + " has chunk 3 of stream video at 60000000 for 15000000"}},
		{"chunks later", func(f *fixture) { f.edit(client, `    <c n="0" d="20000000"/>`, `    <c n="0" t="1" d="20000000"/>`) },
			[]string{high + ": fragment 0 of track 1 begins at 0, and " + client + " has chunk 0 of stream video at 1 for 20000000"}},
		{"a duration of its own", func(f *fixture) { f.edit(client, `Duration="300000000"`, `Duration="600000000"`) },
			[]string{client + ": says that it lasts 1m0s, and its chunks end at 30s"}},
		{"a file cut off", func(f *fixture) { f.put(low, f.read(low)[:2000]) },
			[]string{low + ": cut off: ", "of the 15 fragments of stream video that " + client + " lists"}},
		{"a file cut off in its index", func(f *fixture) { b := f.read(low); f.put(low, b[:len(b)-1]) },
			[]string{low + ": cut off: its box \"mfra\" at "}},
		{"a file cut between fragments", func(f *fixture) { b := f.read(low); f.put(low, b[:strings.LastIndex(b, "moof")-4]) },
			[]string{low + ": has 14 fragments of track 1, and " + client + " lists 15 chunks of stream video"}},
		{"a last fragment that runs into the index", func(f *fixture) {
			b := []byte(f.read(low))
			b[bytes.LastIndex(b, []byte("mdat"))-1] += 8
			f.put(low, string(b))
		}, []string{low + ": its fragment at 2891 ends at 3057, and its index begins at 3049"}},
		{"a fragment in the middle at another time", func(f *fixture) { f.tfxd(low, 7, 0, 5) },
			[]string{low + ": fragment 7 of track 1 begins at 140000005, and " + client + " has chunk 7 of stream video at 140000000 for 20000000"}},
		{"a fragment in the middle of another duration", func(f *fixture) { f.tfxd(low, 7, 8, -19_999_999) },
			[]string{low + ": fragment 7 of track 1 lasts 1, and " + client + " has chunk 7"}},
		{"fragments overwritten", func(f *fixture) {
			b := []byte(f.read(low))
			clear(b[nth(b, "moof", 2)-4 : nth(b, "moof", 12)-4])
			f.put(low, string(b))
		}, []string{low + ": has 2 fragments of track 1, and " + client + " lists 15 chunks of stream video"}},
		{"media shorter than its fragment", func(f *fixture) {
			b := []byte(f.read(low))
			b[nth(b, "mdat", 7)-1] -= 8
			f.put(low, string(b))
		}, []string{low + ": at 1929: box \"mdat\" of 6 bytes; it has 7 of the 15 fragments of stream video"}},
		{"a file without media", func(f *fixture) { f.put(low, strings.Repeat("moo ", 100)) }, []string{low + ": cut off: its box"}},
		{"a file of another kind", func(f *fixture) { b := f.read(low); f.put(low, b[strings.Index(b, "moof")-4:]) },
			[]string{low + ": not a file of Smooth Streaming: box moof before moov"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := setUp(t, oneSmooth)
			tt.change(f)

			out, err := f.Verify(f.Context(), f.prefix, f.spec)

			e, ok := errors.AsType[*IncompleteError](err)
			if !ok || !reflect.DeepEqual(out, ledger.Outputs{}) {
				t.Fatalf("Verify = %+v, %v; want an IncompleteError", out, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(e.Error(), want) {
					t.Errorf("Verify = %v\nwant %s", e, want)
				}
			}
		})
	}
}

// tfxdID begins the boxes by which fragments tell their times.
const tfxdID = "\x6d\x1d\x9b\x05\x42\xd5\x44\xe6\x80\xe2\x14\x1d\xaf\xf7\x57\xb2"

// nth is where what is number n of the same begins in b, from 0 on.
func nth(b []byte, what string, n int) int {
	at := bytes.Index(b, []byte(what))
	for ; n > 0; n-- {
		at += 1 + bytes.Index(b[at+1:], []byte(what))
	}
	return at
}

// tfxd adds to a number of fragment n's own box: its time, or 8 bytes further
// its duration.
func (f *fixture) tfxd(path string, n, further int, add int64) {
	f.Helper()
	b := []byte(f.read(path))
	v := b[nth(b, tfxdID, n)+len(tfxdID)+4+further:]
	binary.BigEndian.PutUint64(v, binary.BigEndian.Uint64(v)+uint64(add))
	f.put(path, string(b))
}

// The fragments' own boxes are what counts: a build whose index is wrong or
// missing is verified by them.
func TestVerifySmoothByFragments(t *testing.T) {
	tfxd := []byte(tfxdID)
	for name, change := range map[string]func(b []byte) []byte{
		"no index": func(b []byte) []byte { return b[:bytes.LastIndex(b, []byte("mfra"))-4] },
		"another box at the end": func(b []byte) []byte {
			return append(b, 0, 0, 0, 16, 'f', 'r', 'e', 'e', 1, 2, 3, 4, 5, 6, 7, 8)
		},
		"a box before the index": func(b []byte) []byte {
			i := bytes.LastIndex(b, []byte("mfra")) - 4
			return slices.Insert(b, i, []byte("\x00\x00\x00\x0cfree1234")...)
		},
		"an index of other times":                func(b []byte) []byte { b[bytes.LastIndex(b, []byte("tfra"))+4+16+19+7]++; return b },
		"an index of one less":                   func(b []byte) []byte { b[bytes.LastIndex(b, []byte("tfra"))+4+15]--; return b },
		"an index that leads elsewhere":          func(b []byte) []byte { b[bytes.LastIndex(b, []byte("tfra"))+4+16+15]++; return b },
		"an index of another track":              func(b []byte) []byte { b[bytes.LastIndex(b, []byte("tfra"))+4+7]++; return b },
		"fragments that tell their time by tfdt": func(b []byte) []byte { return bytes.ReplaceAll(b, tfxd, make([]byte, 16)) },
		"fragments whose time the index alone tells": func(b []byte) []byte {
			return bytes.ReplaceAll(bytes.ReplaceAll(b, tfxd, make([]byte, 16)), []byte("tfdt"), []byte("free"))
		},
		"fragments whose time nothing but their durations tell": func(b []byte) []byte {
			b = bytes.ReplaceAll(bytes.ReplaceAll(b, tfxd, make([]byte, 16)), []byte("tfdt"), []byte("free"))
			return b[:bytes.LastIndex(b, []byte("mfra"))-4]
		},
		"a broken index": func(b []byte) []byte { b[bytes.LastIndex(b, []byte("tfra"))]++; return b },
	} {
		t.Run(name, func(t *testing.T) {
			f := setUp(t, oneSmooth)
			f.put(high, string(change([]byte(f.read(high)))))
			f.verify()
		})
	}
}

// Of a large file eight parts are read, whatever its length.
func TestVerifySmoothReadsLittle(t *testing.T) {
	f := setUp(t, oneSmooth)
	m := film()
	m.Duration = 10 * time.Hour
	f.build(2, oneSmooth+"\ngop: 1\nfragment: 1", m)
	if n := len(f.read(high)); n < 5<<20 {
		t.Fatalf("a file of %d bytes is no test", n)
	}

	// An index may be shifted as a whole.
	b := []byte(f.read(heard))
	for at, n := bytes.LastIndex(b, []byte("tfra"))+4+16, 0; n < 36_000; at, n = at+19, n+1 {
		binary.BigEndian.PutUint64(b[at:], binary.BigEndian.Uint64(b[at:])+213_333)
	}
	f.put(heard, string(b))

	calls := f.calls(func() { f.verify() })

	// The first fragment is in the head, the last of these small ones in the tail.
	if want := map[string]int{"Store.List": 1, "Store.Get": 2, "Store.GetRange": 3 * (2 + some - 2)}; !reflect.DeepEqual(calls, want) {
		t.Errorf("calls %v, want %v", calls, want)
	}
}

// Of fragments of megabytes none is read: head, tail and the last one's boxes.
func TestVerifySmoothOfLargeFragments(t *testing.T) {
	f := setUp(t, oneSmooth)
	b := []byte(f.read(high))
	last, index := bytes.LastIndex(b, []byte("mdat"))-4, bytes.LastIndex(b, []byte("mfra"))-4
	large := append(binary.BigEndian.AppendUint32(nil, 8+5<<20), "mdat"...)
	large = append(large, make([]byte, 5<<20)...)
	f.put(high, string(b[:last])+string(large)+string(b[index:]))

	calls := f.calls(func() { f.verify() })

	if got := calls["Store.GetRange"]; got != 2+1+1 { // its other fragments are small, and in its head
		t.Errorf("%d ranged reads, want 2 of the large file and 1 of each of the others", got)
	}
	f.put(high, string(b[:last])+string(large[:3<<20]))
	if _, err := f.Verify(t.Context(), f.prefix, f.spec); !strings.Contains(fmt.Sprint(err), high+`: cut off: its box "mdat" at `) {
		t.Errorf("Verify of one cut off in its last fragment = %v", err)
	}
}

// What is wrong at a few places of a long film is noticed where much of it is.
func TestVerifySmoothIsSpread(t *testing.T) {
	f := setUp(t, oneSmooth)
	m := film()
	m.Duration = time.Hour
	f.build(2, oneSmooth, m)
	b := []byte(f.read(low))
	clear(b[nth(b, "moof", 700)-4 : nth(b, "moof", 1000)-4]) // of 1800

	f.put(low, string(b))

	if _, err := f.Verify(t.Context(), f.prefix, f.spec); !strings.Contains(fmt.Sprint(err), low+": has 700 fragments of track 1, and "+client+" lists 1800 chunks") {
		t.Errorf("Verify = %v, want the fragments that are left", err)
	}
}

func TestSpread(t *testing.T) {
	for _, tt := range []struct {
		n    int
		want []int
	}{
		{1, []int{0}},
		{2, []int{0, 1}},
		{4, []int{0, 3, 2, 1}},
		{few + 1, []int{0, 16, 13, 11, 9, 6, 4, 2}},
		{1801, []int{0, 1800, 1542, 1285, 1028, 771, 514, 257}},
	} {
		if got := spread(tt.n); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("spread(%d) = %v, want %v", tt.n, got, tt.want)
		}
	}
}

// The store's errors are the store's, and no problems of the build.
func TestVerifySmoothErrors(t *testing.T) {
	f := setUp(t, oneSmooth)
	for _, tt := range []struct {
		op, suffix string
		kind       error
	}{
		{"Store.Get", "video.ism", cloud.ErrDenied}, {"Store.Get", "video.ismc", cloud.ErrThrottled}, {"Store.GetRange", "_360p.ismv", cloud.ErrUnavailable},
	} {
		f.SetHooks(hooksOf(tt.op, tt.suffix, 1, tt.kind, false))
		if _, err := f.Verify(f.Context(), f.prefix, f.spec); !errors.Is(err, tt.kind) {
			t.Errorf("Verify with %s of %s failing = %v, want %v", tt.op, tt.suffix, err, tt.kind)
		}
	}
	f.SetHooks(hooksOf("Store.GetRange", "_360p.ismv", 1, cloud.ErrNotFound, false))
	if _, err := f.Verify(f.Context(), f.prefix, f.spec); !strings.Contains(fmt.Sprint(err), "is incomplete: "+low) {
		t.Errorf("Verify of a file that went away = %v, want it named", err)
	}
}
