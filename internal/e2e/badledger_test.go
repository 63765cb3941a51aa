package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/e2e/fleet"
	"github.com/vodfleet/vodfleet/internal/ledger"
)

// recordAt is where the record of an asset lies.
func recordAt(asset string) cloud.Location {
	return cloud.Location{Bucket: fleet.Ledger, Key: "fleet/ledger/" + asset[:2] + "/" + asset + ".json"}
}

// Records that are broken, of a newer version, or gone while their tasks wait
// are told by name, touched by nobody, and once they are put back their assets
// go on with the job that they had.
func TestBadRecords(t *testing.T) {
	t.Parallel()
	f := fleet.Start(t, fleet.Options{
		Cloud: []string{"--simulate", "--job-time", "5s", "--api-rate=-1", "--api-burst=-1"}, Env: byLists,
	})
	keys, assets := library(f, 4)
	worker := f.Worker()
	add(t, f, keys...)
	await(t, time.Minute, "every asset has a job that the ledger knows", func() bool {
		for _, asset := range assets {
			rec, err := f.Book.Get(t.Context(), asset)
			if err != nil || rec.Build(1) == nil || rec.Build(1).State != ledger.Transcoding {
				return false
			}
		}
		return true
	})
	before := map[string][]byte{}
	for _, asset := range assets[:3] {
		body, _, err := f.Store.Get(t.Context(), recordAt(asset), ledger.MaxRecord)
		if err != nil {
			t.Fatal(err)
		}
		before[asset] = body
	}
	put := func(asset string, body []byte) {
		t.Helper()
		if _, err := f.Store.Put(t.Context(), cloud.Put{Location: recordAt(asset), Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	var newer map[string]any
	if err := json.Unmarshal(before[assets[1]], &newer); err != nil {
		t.Fatal(err)
	}
	newer["schema"], newer["builds"] = ledger.Schema+1, "of another type by then"
	body, err := json.Marshal(newer)
	if err != nil {
		t.Fatal(err)
	}
	broken := []byte(`{"schema":1,"asset":`)
	put(assets[0], broken)
	put(assets[1], body)
	if err := f.Store.Delete(t.Context(), fleet.Ledger, recordAt(assets[2]).Key); err != nil {
		t.Fatal(err)
	}
	if rec := f.Await(time.Minute, fleet.Ended, assets[3])[0]; rec.Status() != "published" {
		t.Errorf("the one whose record is whole is %s", rec.Status())
	}
	time.Sleep(5 * time.Second) // the jobs of all have ended, and their tasks have come and gone
	for i, says := range []string{"corrupt record", "newer schema", ""} {
		out, code := f.Run("explain", assets[i])
		if !strings.Contains(out, says) || strings.Contains(out, "panic") {
			t.Errorf("explain %s exits %d: %s\nwant %q", keys[i], code, out, says)
		}
	}
	for i, want := range [][]byte{broken, body} {
		if got, _, err := f.Store.Get(t.Context(), recordAt(assets[i]), ledger.MaxRecord); err != nil || string(got) != string(want) {
			t.Errorf("the record of %s was touched: %.100q, %v", keys[i], got, err)
		}
	}
	log := worker.Log()
	if strings.Contains(log, "panic") || !strings.Contains(log, assets[0]) || !strings.Contains(log, "corrupt record") {
		t.Errorf("the worker does not tell of the corrupt record, or panicked:\n%s", log)
	}
	for _, asset := range assets[:3] {
		put(asset, before[asset])
	}
	// What waits for a newer worker waits a minute; what was given up is found
	// by the reconciler.
	await(t, 2*time.Minute, "every asset is published", func() bool {
		if out, code := f.Run("reconcile"); code != 0 {
			t.Logf("reconcile exits %d: %s", code, out)
		}
		for _, asset := range assets {
			if rec, err := f.Book.Get(t.Context(), asset); err != nil || rec.Status() != "published" {
				return false
			}
		}
		return true
	})
	onceEach(t, f, len(assets))
}
