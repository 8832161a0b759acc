package dashboard

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFS_HasAFirstPageWithOrWithoutNode(t *testing.T) {
	page, err := fs.ReadFile(FS(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	built := strings.Contains(string(page), `id="app"`)
	if built == Placeholder() {
		t.Fatalf("Placeholder() = %v, but the first page is:\n%s", Placeholder(), page)
	}
}

func TestFS_SaysHowToBuildTheScreens(t *testing.T) {
	bare := screens{fstest.MapFS{placeholder: &fstest.MapFile{Data: []byte("make build")}}}
	page, err := fs.ReadFile(bare, "index.html")
	if err != nil || !strings.Contains(string(page), "make build") {
		t.Fatalf("page %q, error %v", page, err)
	}
	if _, err := fs.ReadFile(bare, "assets/x.js"); err == nil {
		t.Fatal("a file that is not there was served")
	}
}

func TestFS_PlaceholderIsTheOneTheBuildKeeps(t *testing.T) {
	committed, err := fs.ReadFile(built, "dist/"+placeholder)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(committed), "make build") {
		t.Fatalf("the placeholder does not say how to build the screens:\n%s", committed)
	}
}
