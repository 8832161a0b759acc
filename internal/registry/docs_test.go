package registry

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fenced returns the first block of a language in a page.
func fenced(t *testing.T, page, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, "```"+language+"\n")
	block, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatalf("the page has no %s block", language)
	}
	return block
}

func TestReference_ItsExamplesAreTaken(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "ref", "registry.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	s := newSite(t, t.TempDir())
	if got := actions(s.load(fenced(t, page, "yaml"), ImportOptions{})); strings.Count(got, "added") != 5 {
		t.Errorf("the file: %s", got)
	}
	s.mustZone(Zone{ID: "gudang-belakang", Name: "Gudang Belakang", Kind: ZoneStore})
	if got := actions(s.load(fenced(t, page, "csv"), ImportOptions{Format: "csv"})); got != "added mjn-gdb-02" {
		t.Errorf("the table: %s", got)
	}
	for _, kind := range ZoneKinds() {
		if !strings.Contains(page, kind) {
			t.Errorf("zone kind %s is not in the reference", kind)
		}
	}
}
