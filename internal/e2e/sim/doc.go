// Package sim holds tests only: whole lives of assets, with the real handlers,
// ledger, governor, job board and reconciler, on a cloud, a queue and a Redis
// in memory and on a fake clock.
//
// In each history something goes wrong: a process dies after a call of a port,
// the call's answer is lost, the process is held up for minutes while others do
// its work, two runs meet, Redis is emptied. Then the faults stop, time goes on
// until nothing moves, and what is left is held against what the fleet
// promises: nothing lost, nothing paid for twice, nothing half visible, no room
// held for what has ended and nobody left in line.
//
// Each command to Redis is a call like those of the cloud. Leases, the epoch and
// the sweeps are the real ones, told turn by turn; queues of events lose, repeat
// and reorder in half of the random histories. A governed history costs five
// times an ungoverned one, so the short form has both.
//
// Whether the simulation would see a broken promise is tested too: fleets with
// one safeguard removed must fail in it.
//
//	go test ./internal/e2e/sim -table FILE         # what was tried and found
//	go test ./internal/e2e/sim -full -timeout 2h   # every point, every meeting (of governed runs a part)
//	go test ./internal/e2e/sim -run Random -seed 7 -histories 100000
package sim
