// Command demo brings a whole fleet up on this machine and puts a library
// through it: the processes of the Procfile, two of them workers, over Redis
// and the local cloud. It shows how far each video is, and in the end where
// each of them plays.
//
//	make demo                        a sample library, until Ctrl-C
//	ONCE=1 make demo                 ends by itself: 0 if all ended as it should
//	LIBRARY=/some/folder make demo   your own videos
//
// What it keeps between runs is in .run/demo; a video that is put into
// .run/demo/library joins the sample.
package main

import (
	"os"
	"runtime"

	"github.com/vodfleet/vodfleet/internal/run"
)

// The main thread starts the processes: they end when it does, and it is the
// one thread that lasts as long as the demo. See [ownGroup].
func init() { runtime.LockOSThread() }

func main() {
	os.Exit(run.Main("demo", Run))
}
