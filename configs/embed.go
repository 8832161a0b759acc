// Package configs carries files that the program needs where there is no checkout.
package configs

import (
	"embed"
	"io/fs"
)

// The live clips and their attribution; the originals beside them are for tests only.
//
//go:embed demo/footage/README.md demo/footage/room-live.mp4 demo/footage/forecourt-live.mp4
var footage embed.FS

//go:embed rules/*.yaml
var shipped embed.FS

//go:embed demo/site.yaml
var demoSite []byte

//go:embed demo/plan.png
var demoPlan []byte

// Footage holds the clips that the demo's cameras play: room-live.mp4 and forecourt-live.mp4.
func Footage() (fs.FS, error) { return fs.Sub(footage, "demo/footage") }

// Rules holds the shipped rules, one file a rule.
func Rules() (fs.FS, error) { return fs.Sub(shipped, "rules") }

// DemoSite is the demo's site in the form of `siaga device import`.
func DemoSite() []byte { return demoSite }

// DemoPlan is the picture of the demo's floor plan, PNG; demo/plan.svg is its drawing.
func DemoPlan() []byte { return demoPlan }
