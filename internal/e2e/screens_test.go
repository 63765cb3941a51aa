package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/vodfleet/vodfleet/internal/e2e/clips"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/tasks"
)

// screens is the folder, from the repository's root, into which TestScreens
// writes the pictures of the documentation; empty for none.
var screens = os.Getenv("VODFLEET_SCREENS")

// screensProfile makes all that the page can play.
const screensProfile = "packages: [cmaf, hls, smooth, mp4]\n"

// screensStream is what the picture of the player shows.
const screensStream = "smooth-smooth"

// film is one asset on the page.
type film struct{ name, asset string }

// What operators and viewers see, in a real browser: the library page lists and
// plays, asynqmon shows the queues and a task's payload in words.
func TestScreens(t *testing.T) {
	f := fleet.Start(t, fleet.Options{Cloud: []string{"--smooth"}})
	library := clips.Library()
	if screens == "" { // enough to see that it works
		library = []clips.Spec{library[3], library[5], library[6]}
	}
	var all []film
	var ids []string
	for _, s := range library {
		id := f.Upload("films/"+s.Name, made(t, s))
		all, ids = append(all, film{s.Name, id}), append(ids, id)
	}
	address := freeAddress(t)
	profile := filepath.Join(t.TempDir(), "profile.yaml")
	if err := os.WriteFile(profile, []byte(screensProfile), 0o600); err != nil {
		t.Fatal(err)
	}
	f.Enqueuer("dashboard", "--listen", address)
	f.Enqueuer("watch", "--profile", profile)
	f.Enqueuer("library", "--every", "500ms")
	worker := f.Worker()
	f.Report()
	f.Await(4*time.Minute, fleet.Ended, ids...)

	if screens != "" { // a replacement, so that the last stage has its queue
		s := library[5]
		s.Identity++
		f.Upload("films/"+s.Name, made(t, s))
		f.Report()
		f.Await(2*time.Minute, func(r *ledger.Record) bool { return fleet.Ended(r) && r.Seq == 2 }, all[5].asset)
	}

	tab := browserTab(t)
	if screens != "" {
		drawText(t, tab, "demo.txt", "demo.png")
	}
	t.Run("library", func(t *testing.T) { seeLibrary(t, tab, f, all) })
	worker.Stop() // what is enqueued now stays to be seen
	f.Upload("films/premiere.mp4", []byte("nobody looks into it"))
	if out, code := f.Run("add", "s3://"+fleet.Library+"/films/premiere.mp4", "--reference", "order 66"); code != 0 {
		t.Fatalf("add exits %d: %s", code, out)
	}
	t.Run("asynqmon", func(t *testing.T) { seeQueues(t, tab, "http://"+address) })
}

// made makes a clip and returns its bytes.
func made(t *testing.T, s clips.Spec) []byte {
	t.Helper()
	file, err := clips.Make(t.Context(), t.TempDir(), s)
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// browserTab opens a page of a headless Chromium that ends with the test.
func browserTab(t *testing.T) context.Context {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
	}
	for _, name := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage", "mute-audio", "hide-scrollbars"} {
		options = append(options, chromedp.Flag(name, true))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	allocator, end := chromedp.NewExecAllocator(ctx, options...)
	tab, leave := chromedp.NewContext(allocator)
	t.Cleanup(func() { leave(); end(); cancel() })
	do(t, tab, chromedp.EmulateViewport(1280, 860))
	return tab
}

func do(t *testing.T, tab context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(tab, steps...); err != nil {
		t.Fatal(err)
	}
}

// until waits until a JavaScript expression is true on the page.
func until(t *testing.T, tab context.Context, expression string) {
	t.Helper()
	var err error
	for range 150 {
		var done bool
		if done, err = chromedp.Run(tab, chromedp.Evaluate[bool]("Boolean("+expression+")")); err == nil && done {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	page, _ := chromedp.Run(tab, chromedp.Evaluate[string]("document.body.innerText")) // to tell why
	t.Fatalf("the page never comes to %s: %v\n%s", expression, err, page)
}

func eval(t *testing.T, tab context.Context, expression string) {
	t.Helper()
	if _, err := chromedp.Run(tab, chromedp.Evaluate[bool]("("+expression+", true)")); err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
}

func capture(t *testing.T, tab context.Context) image.Image {
	t.Helper()
	body, err := chromedp.Run(tab, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// save writes pictures one below the other, if pictures are wanted.
func save(t *testing.T, name string, pictures ...image.Image) {
	t.Helper()
	if screens == "" {
		return
	}
	const gap = 16
	size := image.Point{Y: -gap}
	for _, m := range pictures {
		size.X, size.Y = max(size.X, m.Bounds().Dx()), size.Y+m.Bounds().Dy()+gap
	}
	whole := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(whole, whole.Bounds(), image.NewUniform(color.Gray{0x80}), image.Point{}, draw.Src)
	y := 0
	for _, m := range pictures {
		draw.Draw(whole, m.Bounds().Add(image.Point{Y: y}), m, m.Bounds().Min, draw.Src)
		y += m.Bounds().Dy() + gap
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, whole); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("..", "..", screens, name), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// wide are characters that take two columns of a terminal, whatever the font.
var wide = regexp.MustCompile(`[\x{2E80}-\x{9FFF}\x{AC00}-\x{D7AF}\x{F900}-\x{FAFF}\x{FF00}-\x{FF60}]`)

// drawText makes a picture of a terminal's text that lies beside the pictures.
func drawText(t *testing.T, tab context.Context, from, to string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", screens, from))
	if err != nil {
		t.Fatal(err)
	}
	page := `<meta charset=utf-8><body style="margin:0;background:#12151b"><pre style="display:inline-block;margin:0;padding:24px 28px;color:#e6e9ef;font:13px/1.18 'DejaVu Sans Mono',monospace;width:152ch;white-space:pre-wrap">` +
		wide.ReplaceAllString(html.EscapeString(string(text)), `<span style="display:inline-block;width:2ch">$0</span>`) + "</pre>"
	do(t, tab, chromedp.Navigate("data:text/html;base64,"+base64.StdEncoding.EncodeToString([]byte(page))))
	body, err := chromedp.Run(tab, chromedp.Screenshot("pre"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	save(t, to, m)
}

func seeLibrary(t *testing.T, tab context.Context, f *fleet.Fleet, all []film) {
	do(t, tab, chromedp.Navigate(f.Cloud.Edge+"/library/index.html"))
	until(t, tab, fmt.Sprintf("document.querySelectorAll('.published .open:enabled').length === %d", len(all)-1))
	until(t, tab, "[...document.querySelectorAll('.published img')].every((i) => i.complete && i.naturalWidth > 0)")
	for _, c := range all {
		until(t, tab, fmt.Sprintf("[...document.querySelectorAll('.title')].some((e) => e.textContent === %q)", c.name))
	}
	until(t, tab, "document.querySelector('.failed .reason').textContent.includes('not a video')")
	grid := capture(t, tab)

	shown := all[0]
	eval(t, tab, fmt.Sprintf("location.hash = %q, document.querySelector('#video').muted = document.querySelector('#video').loop = true", shown.asset))
	until(t, tab, "document.querySelectorAll('#streams tr').length > 0")
	var pictures []image.Image
	for _, stream := range []struct{ id, engine string }{{"hls-cmaf", "hls.js"}, {"dash-cmaf", "dash.js"}, {"smooth-smooth", "dash.js"}, {"file-mp4-0", "the browser"}} {
		eval(t, tab, fmt.Sprintf("document.querySelector('[data-stream=%q] .start').click()", stream.id))
		until(t, tab, fmt.Sprintf("document.querySelector('#player').open && document.querySelector('#player').dataset.stream === %q && document.querySelector('#player').dataset.engine.startsWith(%q)", stream.id, stream.engine))
		until(t, tab, "document.querySelector('#video').currentTime > 1.5 && document.querySelector('#video').videoWidth > 0 && !document.querySelector('#video').seeking")
		until(t, tab, "document.querySelector('#failed').hidden")
		if stream.id == screensStream { // a thumbnail above the scrub bar
			eval(t, tab, `(() => { const s = document.querySelector('#seek'), b = s.getBoundingClientRect();
				s.dispatchEvent(new PointerEvent('pointermove', { clientX: b.left + b.width * .6, clientY: b.top + 4 })); })()`)
			until(t, tab, "!document.querySelector('#preview').hidden && document.querySelector('#preview img').naturalWidth > 0")
			pictures = append(pictures, capture(t, tab))
		}
	}
	save(t, "library.png", append([]image.Image{grid}, pictures...)...)
	until(t, tab, "document.querySelectorAll('.copy').length === document.querySelectorAll('#streams tr').length + 3")
	until(t, tab, "performance.getEntriesByType('resource').every((e) => new URL(e.name).origin === location.origin)")
}

func seeQueues(t *testing.T, tab context.Context, address string) {
	do(t, tab, chromedp.EmulateViewport(1280, 1140), chromedp.Navigate(address+"/"))
	for _, queue := range []string{"ingest", "bulk-ingest", "bulk-transcode-submit", "transcode-poll", "publish"} {
		until(t, tab, fmt.Sprintf("[...document.querySelectorAll('table a')].some((a) => a.textContent === %q)", queue))
	}
	time.Sleep(2 * time.Second) // its charts come in slowly
	queues := capture(t, tab)
	do(t, tab, chromedp.EmulateViewport(1280, 820), chromedp.Navigate(address+"/queues/ingest?status=pending"))
	const row = `[...document.querySelectorAll('tbody tr')].find((r) => r.innerText.includes('ingest:'))`
	until(t, tab, row)
	eval(t, tab, row+".click()")
	until(t, tab, "location.pathname.includes('/tasks/')")
	for _, words := range []string{`s3://library/"films/premiere.mp4"`, "order 66", tasks.AssetID(fleet.Library, "films/premiere.mp4")} {
		until(t, tab, fmt.Sprintf("document.body.innerText.includes(%q)", words))
	}
	save(t, "asynqmon.png", queues, capture(t, tab))
}
