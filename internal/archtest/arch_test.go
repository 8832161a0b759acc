package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// row is a room's rights. Names are paths below the module, with internal/ left out.
type row struct {
	imports    []string
	goroutines bool // the keyword go and .Go( are allowed
}

var (
	driver     = []string{"watch", "devices"}
	mqttDriver = []string{"watch", "devices", "devices/mqttlink"}
)

// law is the import law. A change here is a change of the design and needs a page in docs/design.
var law = map[string]row{
	"watch":              {},
	"seal":               {},
	"store":              {},
	"vault":              {},
	"dashboard":          {},
	"configs":            {},
	"config":             {imports: []string{"watch"}},
	"rules":              {imports: []string{"watch"}},
	"hub":                {imports: []string{"watch"}},
	"broker":             {imports: []string{"watch"}, goroutines: true},
	"devices":            {imports: []string{"watch"}},
	"devices/devicetest": {imports: []string{"watch", "devices"}, goroutines: true},
	"devices/mqttlink":   {imports: driver, goroutines: true},
	"fleet":              {imports: []string{"watch", "devices"}, goroutines: true},
	"sim":                {imports: []string{"watch", "devices"}, goroutines: true},
	"journal":            {imports: []string{"watch", "seal", "store"}},
	"record":             {imports: []string{"watch", "store", "journal"}, goroutines: true},
	"incident":           {imports: []string{"watch", "store", "journal"}},
	"auth":               {imports: []string{"watch", "store", "journal", "vault"}},
	"registry":           {imports: []string{"watch", "store", "journal", "vault"}},
	"ingest":             {imports: []string{"watch", "devices", "journal", "store"}},
	"view":               {imports: []string{"watch", "record"}, goroutines: true},
	"web":                {imports: []string{"watch", "auth", "hub", "registry", "incident", "journal", "record", "view", "evidence"}, goroutines: true},
	"archtest":           {},
	"faultdisk":          {goroutines: true}, // for tests: a disk that fails
	"bench/table":        {},                 // make bench: benchmark output to a page

	"devices/camera/rtsp":        {imports: driver, goroutines: true},
	"devices/drone/dji":          {imports: mqttDriver, goroutines: true},
	"devices/radio/mmdvm":        {imports: mqttDriver, goroutines: true},
	"devices/sensor/zigbee2mqtt": {imports: mqttDriver, goroutines: true},
	"devices/catalog": {imports: []string{
		"devices", "devices/camera/rtsp", "devices/drone/dji", "devices/radio/mmdvm", "devices/sensor/zigbee2mqtt",
	}},

	// app is the wiring: anything internal, the drivers' page and list, the dashboard.
	"app":       {imports: []string{"*"}, goroutines: true},
	"cmd/siaga": {imports: []string{"*"}},
}

// outsiders lists the rooms that may use a library that shapes code. Tests are free.
var outsiders = map[string][]string{
	"database/sql":                        {"store", "journal", "registry", "record", "incident", "auth", "federate"},
	"github.com/mattn/go-sqlite3":         {"store"},
	"github.com/bluenviron/gortsplib":     {"devices/camera/rtsp", "sim"},
	"github.com/bluenviron/mediacommon":   {"devices/camera/rtsp", "record", "view", "sim"},
	"github.com/pion":                     {"devices/camera/rtsp", "view", "sim"}, // pion/rtp comes with gortsplib
	"github.com/eclipse/paho.mqtt":        {"devices/mqttlink", "sim"},
	"github.com/nats-io":                  {"broker", "federate"},
	"cel.dev/cel-go":                      {"rules"},
	"github.com/gorilla/websocket":        {"web"},
	"os/signal":                           {"cmd/siaga"},
	"github.com/danielgtaylor/huma":       {"web"},
	"github.com/alexedwards/scs":          {"auth", "web"},
	"github.com/prometheus/client_golang": {"web"},
	"github.com/spf13/cobra":              {"cmd/siaga"},
}

// file is one non-test Go file of the module.
type file struct {
	path string // below the module root
	room string
	tree *ast.File
	set  *token.FileSet
}

const root = "../.."

func files(t *testing.T) []file {
	t.Helper()
	var out []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "dist") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		out = append(out, file{path: rel, room: roomOf(filepath.ToSlash(filepath.Dir(rel))), tree: tree, set: set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("only %d files were found below %s", len(out), root)
	}
	return out
}

func roomOf(dir string) string { return strings.TrimPrefix(dir, "internal/") }

func TestImportLaw(t *testing.T) {
	for _, f := range files(t) {
		r, ok := law[f.room]
		if !ok {
			t.Errorf("%s: the room %q has no row in the import law", f.path, f.room)
			continue
		}
		for _, spec := range f.tree.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if ours, ok := strings.CutPrefix(path, "siaga/"); ok {
				room := roomOf(ours)
				if !slices.Contains(r.imports, room) && !slices.Contains(r.imports, "*") {
					t.Errorf("%s: %q may not import %q", f.path, f.room, room)
				}
			}
			for outsider, rooms := range outsiders {
				if (path == outsider || strings.HasPrefix(path, outsider+"/") || strings.HasPrefix(path, outsider+".")) && !slices.Contains(rooms, f.room) {
					t.Errorf("%s: %q may not use %s; that is for %v", f.path, f.room, path, rooms)
				}
			}
		}
	}
}

func TestGoroutineLaw(t *testing.T) {
	for _, f := range files(t) {
		if law[f.room].goroutines {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: %q may not start a goroutine; expose Run(ctx) and let app start it", f.set.Position(n.Pos()), f.room)
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Go" {
					t.Errorf("%s: %q may not start a goroutine with .Go", f.set.Position(n.Pos()), f.room)
				}
			}
			return true
		})
	}
}

func TestNoInitAndNoDrawers(t *testing.T) {
	drawers := []string{"util", "utils", "common", "helpers", "helper", "manager", "types", "models", "defs", "misc"}
	for _, f := range files(t) {
		if slices.Contains(drawers, f.tree.Name.Name) {
			t.Errorf("%s: package %s says nothing; name it after what it holds", f.path, f.tree.Name.Name)
		}
		for _, d := range f.tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: init hides work from main; call it", f.set.Position(fn.Pos()))
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	docs := map[string]int{}
	for _, f := range files(t) {
		docs[f.room] += 0
		if f.tree.Doc != nil {
			docs[f.room]++
		}
	}
	for room, n := range docs {
		if n != 1 {
			t.Errorf("package %s has %d package comments, want exactly one", room, n)
		}
	}
}

// The hard stops of house style: 800 lines a file, 120 lines a function. `make size` prints the worst.
func TestSizes_HardStops(t *testing.T) {
	for _, f := range files(t) {
		if n := f.set.Position(f.tree.End()).Line; n > 800 {
			t.Errorf("%s has %d lines", f.path, n)
		}
		for _, d := range f.tree.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := f.set.Position(fn.End()).Line - f.set.Position(fn.Pos()).Line; n > 120 {
				t.Errorf("%s: %s has %d lines", f.set.Position(fn.Pos()), fn.Name.Name, n)
			}
		}
	}
}
