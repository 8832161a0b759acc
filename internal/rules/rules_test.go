package rules

import (
	"os"
	"testing"
)

const shippedDir = "../../configs/rules"

// shipped loads the rules that come with the program.
func shipped(t testing.TB) *Set {
	t.Helper()
	set, warnings, err := Load(os.DirFS("../.."), "configs/rules")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		t.Errorf("shipped rule: %v", &w)
	}
	return set
}

func TestLoad_TheShippedRulesAreSound(t *testing.T) {
	if n := len(shipped(t).Rules()); n < 40 {
		t.Errorf("%d rules shipped, want at least 40", n)
	}
}
