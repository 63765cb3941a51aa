package pack

import "testing"

// The fragments of a made-up file tell their times however long it is.
func TestSampleFileOfHours(t *testing.T) {
	b, err := SampleFile([]Sample{{SampleRate: 48000, Seconds: 7200, Every: 2}}, true)
	if err != nil {
		t.Fatal(err)
	}
	found, _, err := chunks(Bytes(b))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(found[1]); n != 3600 {
		t.Fatalf("%d fragments, want 3600", n)
	}
	if want := (chunk{7198 * smoothTimescale, 2 * smoothTimescale}); found[1][3599] != want {
		t.Errorf("the last fragment is %v, want %v", found[1][3599], want)
	}
}
