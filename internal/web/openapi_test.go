package web

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write docs/ref/openapi.json anew")

const described = "../../docs/ref/openapi.json"

func TestOpenAPI_TheCommittedDescriptionIsCurrent(t *testing.T) {
	s := newSite(t)
	if *update {
		must(t, os.WriteFile(described, s.server.openapi, 0o644))
	}
	have, err := os.ReadFile(described)
	must(t, err)
	if !bytes.Equal(have, s.server.openapi) {
		t.Errorf("%s is not what the program says of itself; run `go test -tags sqlite_fts5 ./internal/web -run OpenAPI -update`", described)
	}
}
