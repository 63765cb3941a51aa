// Package show lets tests show tables of what they found also when they pass:
// go test hides the log of a package in which all is well. Who runs them prints
// the files.
package show

import (
	"os"
	"path/filepath"
	"testing"
)

// Folder is the environment variable that names the folder, which has to be
// there, for tables; without it they are in tests' logs alone.
const Folder = "VODFLEET_TEST_TABLES"

// Table logs a table, and writes it to NAME.txt in the folder of tables.
func Table(t testing.TB, name, text string) {
	t.Helper()
	t.Logf("%s:\n%s", name, text)
	folder := os.Getenv(Folder)
	if folder == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name+".txt"), []byte(name+"\n\n"+text+"\n"), 0o644); err != nil {
		t.Errorf("table: %v", err)
	}
}
