//go:build !race

package stage_test

const sparse = 1
