package sim

import (
	"context"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/stage"
	"github.com/vodfleet/vodfleet/tasks"
)

// uploadTo has somebody put bytes at a source.
func (w *world) uploadTo(at cloud.Location, body string) {
	o := w.mem.Store.Seed(cloud.Put{Location: at, Body: []byte(body)})
	w.sky.note(at, tasks.SourceVersion(o.ETag, o.Size))
}

func (w *world) upload(body string) { w.uploadTo(source, body) }

// removeFrom has somebody delete a source.
func (w *world) removeFrom(at cloud.Location) {
	_ = w.mem.Store.Delete(w.t.Context(), at.Bucket, at.Key)
	w.sky.note(at, "")
}

func (w *world) remove() { w.removeFrom(source) }

// askFor has a backend enqueue the ingestion of a source as it is now.
func (w *world) askFor(at cloud.Location) {
	t := tasks.Ingest{Bucket: at.Bucket, Key: at.Key, Profile: profile.Digest(), SourceVersion: w.sky.now(at)}
	w.queue.add(t, t.ID(), 0)
}

func (w *world) ask() { w.askFor(source) }

// become puts bytes at the source and brings them to viewers.
func (w *world) become(body string) {
	w.upload(body)
	w.ask()
	w.drain()
}

// overtake is what comes between.
func (w *world) overtake() {
	w.upload("overtaking")
	w.ask()
}

// order has an operator run a command, in a process that may die like any other.
func (w *world) order(name string, f func(r *run) error) {
	w.start(name, nil, w.t.Context(), func(r *run, _ context.Context) error { return f(r) })
}

// book is the ledger as one run reaches it.
func (r *run) book() *ledger.Store { return ledger.New(store{r, r.w.mem.Store}, shelf) }

// redrive has an operator take up the source's asset, and waits for the end.
func (w *world) redrive() {
	w.order("redrive", func(r *run) error {
		_, err := stage.Redrive(w.t.Context(), r.book(), client{r}, tasks.AssetID(source.Bucket, source.Key))
		return err
	})
	w.drain()
}

// rollback has an operator go back to the build before, and waits for the end.
func (w *world) rollback() {
	w.order("rollback", func(r *run) error {
		_, err := stage.Rollback(w.t.Context(), r.book(), client{r}, tasks.AssetID(source.Bucket, source.Key))
		return err
	})
	w.drain()
}

// takeDown has an operator remove the source's asset, and waits for the end. The
// order is given twice: the first may have died.
func (w *world) takeDown() {
	for range 2 {
		w.order("remove", func(r *run) error {
			_, err := stage.Remove(w.t.Context(), r.book(), client{r}, tasks.AssetID(source.Bucket, source.Key), source, "rights")
			return err
		})
		w.drain()
	}
}

// restore has an operator take the source's asset back, and waits for the end.
// The order is given twice: the first may have died.
func (w *world) restore() {
	for range 2 {
		w.order("restore", func(r *run) error {
			_, err := stage.Restore(w.t.Context(), r.book(), client{r}, tasks.AssetID(source.Bucket, source.Key))
			return err
		})
		w.drain()
	}
}

// cancelSome has somebody cancel an asset's running job behind the fleet's back.
func (w *world) cancelSome(asset string) {
	for _, j := range w.mem.Transcoder.Jobs() {
		if j.Metadata["asset"] == asset && !j.State.Ended() {
			_ = w.mem.Transcoder.Cancel(w.t.Context(), j.ID)
			return
		}
	}
}
