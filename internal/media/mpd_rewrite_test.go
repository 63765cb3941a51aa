package media

import (
	"reflect"
	"strings"
	"testing"
)

func TestRewriteMPD(t *testing.T) {
	const base = "../../media/A/7/cmaf/"
	const body = `<Period duration="PT4S"><AdaptationSet><Representation><SegmentTemplate media="$Number$" duration="4"/></Representation></AdaptationSet></Period>`
	for _, tt := range []struct{ name, in, base, want string }{
		{"no base", "<MPD>" + body + "</MPD>", base, "<MPD><BaseURL>" + base + "</BaseURL>" + body + "</MPD>"},
		{"indented", "<?xml version=\"1.0\"?>\r\n<MPD a=\"b\">\r\n  " + body + "\r\n</MPD>\r\n", base,
			"<?xml version=\"1.0\"?>\r\n<MPD a=\"b\">\r\n  <BaseURL>" + base + "</BaseURL>\r\n  " + body + "\r\n</MPD>\r\n"},
		{"a base of its own", "<MPD><BaseURL> a/b </BaseURL>" + body + "</MPD>", base, "<MPD><BaseURL>" + base + "a/b</BaseURL>" + body + "</MPD>"},
		{"an empty base", "<MPD><BaseURL></BaseURL>" + body + "</MPD>", base, "<MPD><BaseURL>" + base + "</BaseURL>" + body + "</MPD>"},
		{"a base in one tag", "<MPD><BaseURL/>" + body + "</MPD>", base, "<MPD><BaseURL>" + base + "</BaseURL>" + body + "</MPD>"},
		{"a base with attributes", "<MPD><BaseURL serviceLocation=\"x\">a/</BaseURL>" + body + "</MPD>", base, "<MPD><BaseURL serviceLocation=\"x\">" + base + "a/</BaseURL>" + body + "</MPD>"},
		{"a base in pieces", "<MPD><BaseURL>a<!-- x -->&amp;<![CDATA[b]]>/</BaseURL>" + body + "</MPD>", base, "<MPD><BaseURL>" + base + "a&amp;b/</BaseURL>" + body + "</MPD>"},
		{"a late base", "<MPD>" + body + "<BaseURL>a/</BaseURL></MPD>", base, "<MPD>" + body + "<BaseURL>" + base + "a/</BaseURL></MPD>"},
		{"the base of a period is below", strings.Replace("<MPD>"+body+"</MPD>", "<Adaptation", "<BaseURL>p/</BaseURL><Adaptation", 1), base,
			strings.Replace("<MPD><BaseURL>"+base+"</BaseURL>"+body+"</MPD>", "<Adaptation", "<BaseURL>p/</BaseURL><Adaptation", 1)},
		{"after the information", "<MPD>\n <ProgramInformation><Title>x</Title></ProgramInformation>\n " + body + "\n</MPD>", base,
			"<MPD>\n <ProgramInformation><Title>x</Title></ProgramInformation>\n <BaseURL>" + base + "</BaseURL>\n " + body + "\n</MPD>"},
		{"escaped", "<MPD>" + body + "</MPD>", "https://h/a&b<c/", "<MPD><BaseURL>https://h/a&amp;b&lt;c/</BaseURL>" + body + "</MPD>"},
		{"a mark first", "\xef\xbb\xbf<MPD>" + body + "</MPD>", base, "\xef\xbb\xbf<MPD><BaseURL>" + base + "</BaseURL>" + body + "</MPD>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := RewriteMPD([]byte(tt.in), tt.base)

			if got := string(out); (err == nil) != (tt.want != "") || got != tt.want {
				t.Errorf("RewriteMPD = %s, %v\nwant %s", got, err, tt.want)
			}
			if err == nil {
				compareManifests(t, []byte(tt.in), out, tt.base)
			}
		})
	}
	out, err := RewriteMPD(playlist(t, "cmaf.mpd"), base)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "rewritten-cmaf.mpd", out)
	compareManifests(t, playlist(t, "cmaf.mpd"), out, base)

	const prefixed = `<d:MPD xmlns:d="urn:mpeg:dash:schema:mpd:2011"><d:Period/></d:MPD>`
	if out, err = RewriteMPD([]byte(prefixed), "x/"); err != nil || string(out) != strings.Replace(prefixed, "<d:Period", "<d:BaseURL>x/</d:BaseURL><d:Period", 1) {
		t.Errorf("RewriteMPD = %s, %v", out, err)
	}
}

// compareManifests judges that out is in, found below base.
func compareManifests(t *testing.T, in, out []byte, base string) {
	t.Helper()
	want, err := ParseMPD(in)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Tracks {
		for j := range want.Tracks[i].Files {
			if f := &want.Tracks[i].Files[j]; !absolute(f.URI) {
				f.URI = base + f.URI
			}
		}
	}
	if got, err := ParseMPD(out); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the rewritten manifest is %s %v\nwant %s\n%q", got.told(), err, want.told(), out)
	}
}

// absolute reports whether a base does not matter to a URI.
func absolute(uri string) bool { return joinURI("x/", uri) == uri }

func TestRewriteMPDRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"elsewhere", "<MPD><BaseURL>https://x/</BaseURL></MPD>", `rewrite MPD: BaseURL "https://x/": absolute URI`},
		{"the root", "<MPD><BaseURL>/x/</BaseURL></MPD>", `rewrite MPD: BaseURL "/x/": absolute path`},
		{"a query", "<MPD><BaseURL>x/?a</BaseURL></MPD>", `rewrite MPD: BaseURL "x/?a": query string`},
		{"an element in it", "<MPD><BaseURL>x<a/></BaseURL></MPD>", "rewrite MPD: an element in a BaseURL"},
		{"no content", "<MPD/>", "rewrite MPD: an MPD without content"},
		{"alternatives", "<MPD><BaseURL>x/</BaseURL><BaseURL>y/</BaseURL></MPD>", "parse MPD: MPD: several BaseURLs"},
		{"no manifest", "x", "parse MPD: EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if out, err := RewriteMPD([]byte(tt.text), "x/"); err == nil || err.Error() != tt.want || out != nil {
				t.Errorf("RewriteMPD = %q, %v\nwant %s", out, err, tt.want)
			}
		})
	}
}

func seedManifests(f *testing.F) {
	f.Add(playlist(f, "cmaf.mpd"))
	for _, s := range []string{
		rep(`<SegmentTemplate media="$Time%05d$" presentationTimeOffset="9"><SegmentTimeline><S t="9" d="3" r="-1"/><S t="7" d="3"/></SegmentTimeline></SegmentTemplate>`),
		rep(`<BaseURL>v.mp4</BaseURL><SegmentList timescale="1000" duration="5000"><Initialization range="0-99"/><SegmentURL mediaRange="100-199"/></SegmentList>`),
		rep(`<BaseURL>v.mp4</BaseURL><SegmentBase indexRange="800-900"><Initialization range="0-799"/></SegmentBase>`),
		"<MPD>\n<BaseURL/><Period start='PT1S'/><Period duration='P0DT1M'/></MPD>",
		"<d:MPD xmlns:d='x'><d:ProgramInformation/> <d:BaseURL>a<![CDATA[b]]></d:BaseURL></d:MPD>",
	} {
		f.Add([]byte(s))
	}
}

func FuzzParseMPD(f *testing.F) {
	seedManifests(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseMPD(text)
		if err != nil {
			if !reflect.DeepEqual(m, MPD{}) {
				t.Errorf("ParseMPD = %+v, %v", m, err)
			}
			return
		}
		n := 0
		for _, track := range m.Tracks {
			n += len(track.Files)
			if track.Duration < 0 || track.Duration > maxDuration || len(track.Files) == 0 {
				t.Errorf("ParseMPD has %+v", track)
			}
			for _, r := range track.Files {
				if r.By == "" || r.Range.Offset < 0 || r.Range.Length < 0 || r.Range.End() < 0 {
					t.Errorf("ParseMPD refers to %+v", r)
				}
			}
		}
		if n > maxFiles || m.Duration < 0 || m.Duration > maxDuration {
			t.Errorf("ParseMPD = %d files, %v", n, m.Duration)
		}
	})
}

func FuzzRewriteMPD(f *testing.F) {
	seedManifests(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		const base = "https://viewer.example/b/"
		if out, err := RewriteMPD(text, base); err == nil {
			compareManifests(t, text, out, base)
		}
	})
}
