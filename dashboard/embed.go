// Package dashboard carries the built screens inside the program.
//
// `npm run build` fills dist. Without it the program still builds, and carries one page that says how to build
// the screens.
package dashboard

import (
	"embed"
	"errors"
	"io/fs"
)

//go:embed all:dist
var built embed.FS

// placeholder is the page that stands in for index.html until the screens are built.
const placeholder = "placeholder.html"

// FS returns the screens: index.html at its root, scripts and styles below assets. Names below assets carry a
// hash of their content and never change their bytes, so they may be cached for ever; index.html MUST NOT be.
// When the screens were not built, index.html is a page that says to run `make build`.
func FS() fs.FS {
	dist, err := fs.Sub(built, "dist")
	if err != nil { // "dist" is a constant valid path, so fs.Sub cannot refuse it
		return built
	}
	return screens{dist}
}

// Placeholder reports whether the program carries only the page that says to run `make build`.
func Placeholder() bool {
	_, err := fs.Stat(built, "dist/index.html")
	return errors.Is(err, fs.ErrNotExist)
}

// screens is dist, with the placeholder under the name index.html when there is no other.
type screens struct{ dist fs.FS }

func (s screens) Open(name string) (fs.File, error) {
	f, err := s.dist.Open(name)
	if name == "index.html" && errors.Is(err, fs.ErrNotExist) {
		return s.dist.Open(placeholder)
	}
	return f, err
}
