package media

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
)

// anIsmv is a file with two tracks of three fragments each, and an index.
func anIsmv(t testing.TB) []byte {
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	put := func(box interface{ Encode(io.Writer) error }) { must(box.Encode(&b)) }
	init := mp4.CreateEmptyInit()
	init.AddEmptyTrack(10_000_000, "video", "und")
	init.AddEmptyTrack(48_000, "audio", "und")
	init.Moov.Mvex.Trexs[1].DefaultSampleDuration = 1024
	put(init)
	index := []*mp4.TfraBox{{Version: 1, TrackID: 1}, {TrackID: 2, LengthSizeOfTrafNum: 3}}
	for n := range uint64(3) {
		for id := uint32(1); id < 3; id++ {
			f, err := mp4.CreateFragment(uint32(n)*2+id, id)
			must(err)
			start, d := n*20_000_000, uint32(20_000_000)
			if id == 2 {
				start, d = n*1024*90, 1024
			}
			f.AddFullSample(mp4.FullSample{Sample: mp4.Sample{Dur: d, Size: 1}, DecodeTime: start, Data: []byte{1}})
			if id == 1 {
				x := mp4.NewTfxdBox(start+5, uint64(d)) // other than tfdt, which does not count then
				x.Tfxd.Version = 1
				must(f.Moof.Traf.AddChild(x))
			}
			index[id-1].Entries = append(index[id-1].Entries, mp4.TfraEntry{Time: start, MoofOffset: uint64(b.Len()), TrafNumber: 1, TrunNumber: 1, SampleNumber: 1})
			put(f)
		}
	}
	mfra, mfro := new(mp4.MfraBox), new(mp4.MfroBox)
	must(mfra.AddChild(index[0]))
	must(mfra.AddChild(index[1]))
	must(mfra.AddChild(mfro))
	mfro.ParentSize = uint32(mfra.Size())
	put(mfra)
	return b.Bytes()
}

// fileOf reads a whole file as package delivery reads parts of one.
func fileOf(b []byte) (tracks []FileTrack, frags []FileFragment, moofs []int64, err error) {
	for at := int64(0); at < int64(len(b)); {
		x, err := ReadBox(b[at:])
		if err != nil {
			return tracks, frags, moofs, err
		}
		if x.Size == 0 {
			x.Size = int64(len(b)) - at
		}
		if x.Size > int64(len(b))-at {
			return tracks, frags, moofs, ErrCutShort
		}
		payload := b[at+x.Head : at+x.Size]
		switch x.Kind {
		case "moov":
			if tracks, err = ReadTracks(payload); err != nil {
				return tracks, frags, moofs, err
			}
		case "moof":
			more, err := ReadFragments(payload, tracks)
			if err != nil {
				return tracks, frags, moofs, err
			}
			frags, moofs = append(frags, more...), append(moofs, at)
		}
		at += x.Size
	}
	return tracks, frags, moofs, nil
}

func TestReadFile(t *testing.T) {
	b := anIsmv(t)

	tracks, frags, moofs, err := fileOf(b)

	if want := []FileTrack{{1, TrackVideo, 10_000_000, 0}, {2, TrackAudio, 48_000, 1024}}; err != nil || !reflect.DeepEqual(tracks, want) {
		t.Errorf("tracks %+v, %v, want %+v", tracks, err, want)
	}
	want := []FileFragment{
		{1, 5, 20_000_000, true, true}, {2, 0, 1024, true, true}, {1, 20_000_005, 20_000_000, true, true}, {2, 92_160, 1024, true, true},
		{1, 40_000_005, 20_000_000, true, true}, {2, 184_320, 1024, true, true},
	}
	if !reflect.DeepEqual(frags, want) {
		t.Errorf("fragments %+v, want %+v", frags, want)
	}
	size, ok := IndexSize(b)
	if !ok || size >= int64(len(b)) {
		t.Fatalf("IndexSize = %d, %t", size, ok)
	}
	index, err := ReadIndex(b[int64(len(b))-size:])
	wantIndex := map[uint32][]IndexEntry{
		1: {{0, moofs[0]}, {20_000_000, moofs[2]}, {40_000_000, moofs[4]}}, 2: {{0, moofs[1]}, {92_160, moofs[3]}, {184_320, moofs[5]}},
	}
	if err != nil || !reflect.DeepEqual(index, wantIndex) {
		t.Errorf("ReadIndex = %v, %v, want %v", index, err, wantIndex)
	}
}

func TestReadBoxes(t *testing.T) {
	for _, tt := range []struct {
		name, b string
		want    Box
		cut     bool
		err     string
	}{
		{"small", "\x00\x00\x00\x09mdat.", Box{"mdat", 8, 9}, false, "<nil>"},
		{"to the end", "\x00\x00\x00\x00mdat", Box{"mdat", 8, 0}, false, "<nil>"},
		{"large", "\x00\x00\x00\x01mdat\x00\x00\x01\x00\x00\x00\x00\x00", Box{"mdat", 16, 1 << 40}, false, "<nil>"},
		{"nothing", "", Box{}, true, "cut short"},
		{"half a head", "\x00\x00\x00\x09mda", Box{}, true, "cut short"},
		{"half a large head", "\x00\x00\x00\x01mdat\x00", Box{}, true, "cut short"},
		{"too small", "\x00\x00\x00\x07mdat", Box{}, false, `box "mdat" of 7 bytes`},
		{"too small for its head", "\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x0f", Box{}, false, `box "mdat" of 15 bytes`},
		{"beyond all", "\x00\x00\x00\x01mdat\xff\x00\x00\x00\x00\x00\x00\x00", Box{}, false, `box "mdat" of 18374686479671623680 bytes: too large`},
	} {
		got, err := ReadBox([]byte(tt.b))
		text := "<nil>"
		if err != nil {
			text = err.Error()
		}
		if got != tt.want || text != tt.err || errors.Is(err, ErrCutShort) != tt.cut {
			t.Errorf("%s: ReadBox = %+v, %v, want %+v, %s", tt.name, got, err, tt.want, tt.err)
		}
	}
	b := anIsmv(t)
	size, _ := IndexSize(b)
	mfra := b[int64(len(b))-size:]
	for name, broken := range map[string][]byte{
		"nothing": nil, "one byte less": mfra[:len(mfra)-1], "another box": b[:20],
		"more entries than there are": bytes.Replace(mfra, []byte("\x00\x00\x00\x03"), []byte("\xff\xff\xff\xff"), 1),
	} {
		if got, err := ReadIndex(broken); err == nil {
			t.Errorf("ReadIndex of %s = %v, want an error", name, got)
		}
	}
	for name, broken := range map[string][]byte{"nothing": nil, "no box": make([]byte, 16), "one byte less": b[:len(b)-1]} {
		if n, ok := IndexSize(broken); ok {
			t.Errorf("IndexSize of %s = %d", name, n)
		}
	}
}

func FuzzReadFile(f *testing.F) {
	b := anIsmv(f)
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		tracks, frags, moofs, _ := fileOf(b)
		if len(tracks) > maxFileTracks || len(frags) > maxFileTracks*len(moofs) {
			t.Errorf("%d tracks, %d fragments in %d boxes", len(tracks), len(frags), len(moofs))
		}
		size, ok := IndexSize(b)
		if !ok || size > int64(len(b)) {
			return
		}
		index, err := ReadIndex(b[int64(len(b))-size:])
		n := 0
		for _, list := range index {
			n += len(list)
		}
		if err != nil && n > 0 || n > len(b) {
			t.Errorf("%d entries in %d bytes, %v", n, len(b), err)
		}
	})
}
