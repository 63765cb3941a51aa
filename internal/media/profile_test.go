package media

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A stored profile is known by the digest of its canonical text, and every
// record names one: if this test fails, the fleet's assets no longer have the
// profile that they were made by.
func TestDefault(t *testing.T) {
	p := Default()

	if got, want := p.Digest(), "2ddecf0181bbf498c03294b53907bd2a"; got != want {
		t.Errorf("Digest = %s, want %s: a new setting must stay out of the text while it has its old value", got, want)
	}
	golden(t, "default.yaml", p.Canonical())
	want := Profile{
		Packages: []string{"cmaf"},
		Renditions: []Rung{
			{ShortSide: 1080, MaxBitrate: 6_000_000, Quality: 8}, {ShortSide: 720, MaxBitrate: 4_000_000, Quality: 8},
			{ShortSide: 480, MaxBitrate: 2_000_000, Quality: 7}, {ShortSide: 360, MaxBitrate: 1_000_000, Quality: 7},
		},
		Bitrate: 128_000, SampleRate: 48_000,
		Segment: 6 * time.Second, Fragment: 2 * time.Second, GOP: 2 * time.Second,
		Poster:     &Poster{At: 5 * time.Second, ShortSide: 720, Quality: 80},
		Sprite:     &Sprite{Every: time.Second, EveryAtMost: 10 * time.Second, Thumbnails: 100, Width: 160, Columns: 5, Rows: 5},
		AudioTrack: 1, Delivery: Stable,
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("Default = %+v\nwant %+v", p, want)
	}
	p.Renditions[0].MaxBitrate, p.Poster.Quality, p.Sprite.Rows = 1, 1, 1
	if again := Default(); !reflect.DeepEqual(again, want) {
		t.Errorf("Default after the first was changed = %+v\nwant %+v", again, want)
	}
}

func TestCanonicalOfTemplate(t *testing.T) {
	p, err := Parse([]byte("template: house style\naudio: {languages: [ger, ENG]}\npriority: -3\nacceleration: on\n"))

	const want = "template: \"house style\"\naudio: {languages: [deu, eng], track: 1}\ndelivery: stable\nqueue: \"\"\npriority: -3\nacceleration: on\n"
	if got := string(p.Canonical()); err != nil || got != want {
		t.Errorf("Canonical = %s, %v\nwant %s", got, err, want)
	}
}

func TestCanonicalRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProfile(t)

		back, err := Parse(p.Canonical())

		if err != nil || !reflect.DeepEqual(back, p) {
			t.Fatalf("Parse(Canonical) = %+v, %v\nwant %+v\n%s", back, err, p, p.Canonical())
		}
	})
}

// Two profiles have one digest if, and only if, they are the same.
func TestDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, q := drawProfile(t), drawProfile(t)
		// Mostly the same: one field of another profile decides.
		field := rapid.IntRange(0, reflect.TypeFor[Profile]().NumField()-1).Draw(t, "field")
		mixed := p
		mixed.Renditions = append([]Rung(nil), p.Renditions...)
		reflect.ValueOf(&mixed).Elem().Field(field).Set(reflect.ValueOf(q).Field(field))
		if (mixed.Template == "") != (p.Template == "") {
			return // not what Parse returns
		}
		if p.Template != "" && (len(mixed.Packages) > 0 || mixed.Bitrate+mixed.SampleRate > 0 || len(mixed.Renditions) > 0) ||
			p.Template != "" && (mixed.Segment+mixed.Fragment+mixed.GOP > 0 || mixed.SinglePass || mixed.Poster != nil || mixed.Sprite != nil) {
			return
		}

		if same, equal := p.Digest() == mixed.Digest(), alike(p, mixed); same != equal {
			t.Fatalf("equal digests: %t, equal profiles: %t\n%s\n%s", same, equal, p.Canonical(), mixed.Canonical())
		}
	})
}

// alike reports whether all that p and q hold, pointers followed, is equal.
func alike(p, q Profile) bool {
	if len(p.Renditions) == 0 && len(q.Renditions) == 0 {
		p.Renditions, q.Renditions = nil, nil
	}
	return reflect.DeepEqual(p, q)
}
