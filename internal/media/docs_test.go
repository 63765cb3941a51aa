package media

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// The page about profiles shows the default, and profiles that can be loaded.
func TestProfilesPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```yaml\n")[1:]
	if len(blocks) != 6 {
		t.Fatalf("%d profiles on the page, want 6", len(blocks))
	}
	for i, b := range blocks {
		text, _, _ := strings.Cut(b, "```")
		p, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("profile %d: %v\n%s", i, err, text)
		}
		if isDefault := reflect.DeepEqual(p, Default()); isDefault != (i == 0) {
			t.Errorf("profile %d is the default: %t\n%s", i, isDefault, text)
		}
		if i == 0 {
			for key := range strings.FieldsFuncSeq(string(Default().Canonical()), func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }) {
				if !strings.Contains(text, key) {
					t.Errorf("the page's default does not show %q", key)
				}
			}
		}
	}
}
