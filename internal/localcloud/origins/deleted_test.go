package origins

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/folder"
)

// What is deleted stays at mirrors for as long as they are late, and is read by
// several at a time; what has not come through by then never does.
func TestDeleted(t *testing.T) {
	c := stand(t)
	dir := string(c.Objects.(folder.Store))
	now := time.Now().Add(time.Hour)
	c.Lag, c.Now = time.Minute, func() time.Time { return now }
	c.Deleted = &Deleted{Objects: c.Objects, Now: c.Now, Lag: c.Lag}
	remove := func(key string) {
		t.Helper()
		c.Deleted.Keep(t.Context(), c.Bucket, key)
		if err := os.Remove(filepath.Join(dir, c.Bucket, filepath.FromSlash(key))); err != nil {
			t.Fatal(err)
		}
	}
	mirror, iis := Mirror(c), IIS(c)
	young := filepath.Join(dir, c.Bucket, "young.txt")
	if err := os.WriteFile(young, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(young, now, now); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"v/x+y.jpg", "v/a b.ism", "v/a b.ismc", "v/a b_1.ismv", "young.txt"} {
		remove(key)
	}
	c.Deleted.Keep(t.Context(), c.Bucket, "nothing")
	for _, tt := range []struct {
		pass time.Duration
		want int
	}{{0, http.StatusOK}, {59 * time.Second, http.StatusOK}, {time.Second, http.StatusNotFound}} {
		now = now.Add(tt.pass)
		for path, h := range map[string]http.Handler{
			"/v/x+y.jpg": mirror, "/v/a%20b_1.ismv": mirror,
			"/v/a%20b.ism/Manifest": iis, "/v/a%20b.ism/QualityLevels(9)/Fragments(video=0)": iis,
		} {
			if got := ask(h, "GET "+path).Code; got != tt.want {
				t.Errorf("after %v more: %s is %d, want %d", tt.pass, path, got, tt.want)
			}
		}
		if got := ask(mirror, "GET /young.txt").Code; got != http.StatusNotFound {
			t.Errorf("after %v more: what had not come through is %d", tt.pass, got)
		}
		if tt.want == http.StatusOK {
			a, b := ask(mirror, "GET /v/x+y.jpg", "Range: bytes=4-"), ask(mirror, "GET /v/x+y.jpg")
			if a.Body.String() != "567890" || b.Body.String() != "1234567890" {
				t.Errorf("it is %q and %q", a.Body, b.Body)
			}
		}
	}
	remove("crossdomain.xml")
	if n := len(c.Deleted.kept); n != 1 {
		t.Errorf("%d are kept, want what was deleted last alone", n)
	}
	c.Deleted = &Deleted{Objects: c.Objects, Now: c.Now}
	remove("v/empty.jpg")
	if got := ask(Mirror(c), "GET /v/empty.jpg").Code; got != http.StatusNotFound {
		t.Errorf("it is %d at once", got)
	}
}
