//go:build race

package stage_test

// sparse thins out the histories that are tried: the race detector slows them
// down tenfold, and the others find what it does not look for.
const sparse = 3
