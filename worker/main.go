// Command worker runs the fleet's tasks: as many of them, on as many machines,
// as you like. It keeps nothing of its own.
package main

import (
	"os"

	"github.com/vodfleet/vodfleet/internal/run"
)

func main() {
	os.Exit(run.Main("worker", Run))
}
