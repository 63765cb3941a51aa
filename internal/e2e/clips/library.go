package clips

import "time"

// Library is the sample library: six videos that differ in what matters, and
// one file that is none.
func Library() []Spec {
	return []Spec{
		{Name: "harbour.mp4", Identity: 101, Title: "Harbour, 1080p", Width: 1920, Height: 1080, Rate: Ratio{30, 1}, Length: 8 * time.Second},
		{Name: "archive-1987.mp4", Identity: 202, Title: "Archive, 4:3 in wide pixels", Width: 720, Height: 576, Pixel: Ratio{16, 15}, Length: 8 * time.Second},
		{Name: "phone.mov", Identity: 303, Title: "Phone, upright", Width: 720, Height: 1280, Rate: Ratio{30, 1}, Length: 6 * time.Second},
		{Name: "silent-film.mp4", Identity: 404, Title: "Silent film", Width: 1280, Height: 720, Length: 6 * time.Second, Silent: true},
		{Name: "cinema.mkv", Identity: 505, Title: "Cinema, 23.976", Width: 1280, Height: 544, Rate: Ratio{24000, 1001}, Length: 10 * time.Second},
		{Name: "Žluťoučký kůň – 日本 50% & more.mp4", Identity: 606, Title: "A name with everything in it", Width: 960, Height: 540, Length: 6 * time.Second},
		{Name: "letter.mp4", Kind: Text},
	}
}

// Disappointing is a library of sources that are odd or broken: those of kind
// [Whole] and [AudioOnly] are legal all the same.
func Disappointing() []Spec {
	return []Spec{
		{Name: "empty.mp4", Kind: Empty},
		{Name: "truncated.mp4", Kind: Truncated, Identity: 711, Width: 640, Height: 360, Length: 6 * time.Second},
		{Name: "podcast.m4a", Kind: AudioOnly, Identity: 712, Length: 8 * time.Second},
		{Name: "SHOUTING.MP4", Identity: 713, Width: 640, Height: 360, Length: 6 * time.Second},
		{Name: "no-extension", Identity: 714, Width: 640, Height: 360, Length: 6 * time.Second},
		{Name: "odd.mkv", Identity: 715, Width: 641, Height: 361, Length: 6 * time.Second},
		{Name: "tiny.mp4", Identity: 716, Width: 160, Height: 90, Length: 6 * time.Second},
		{Name: "one-second.mp4", Identity: 717, Width: 640, Height: 360, Length: time.Second},
		{Name: "fast.mp4", Identity: 718, Width: 1280, Height: 720, Rate: Ratio{60000, 1001}, Length: 6 * time.Second},
	}
}
