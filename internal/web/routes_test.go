package web

import (
	"net/http"
	"strings"
	"testing"
)

func TestRoutes_EveryOneHasARight(t *testing.T) {
	seen := map[string]bool{}
	for _, rt := range table() {
		name := rt.method + " " + rt.path
		if rt.right == never {
			t.Errorf("%s has no right", name)
		}
		if seen[name] || seen[rt.id] {
			t.Errorf("%s (%s) is there twice", name, rt.id)
		}
		seen[name], seen[rt.id] = true, true
		if rt.right == open && strings.HasPrefix(rt.path, prefix) && !openRoutes[name] {
			t.Errorf("%s is open to everyone and not on the list of what may be", name)
		}
	}
}

// openRoutes is what may be asked for without signing in.
var openRoutes = map[string]bool{
	"GET /api/v1/openapi.json": true, "GET /api/v1/setup": true, "POST /api/v1/setup": true, "POST /api/v1/session": true,
}

func TestRoutes_AnswerNobodyWith401(t *testing.T) {
	s := newSite(t)
	for _, rt := range table() {
		if rt.right == open {
			continue
		}
		path := strings.NewReplacer("{id}", "cam-1", "{seq}", "1", "{session}", "x").Replace(rt.path)
		s.problem("", rt.method, path, "", http.StatusUnauthorized, "signed_out")
	}
}

func TestRoutes_DescriptionNamesEveryRoute(t *testing.T) {
	s := newSite(t)
	var d struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	s.call("", get, prefix+"/openapi.json", "", http.StatusOK, &d)
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Errorf("version %q", d.OpenAPI)
	}
	n := 0
	for _, rt := range table() {
		if !strings.HasPrefix(rt.path, prefix) {
			continue
		}
		n++
		op, _ := d.Paths[rt.path][strings.ToLower(rt.method)].(map[string]any)
		if op == nil || op["x-right"] != string(rt.right) {
			t.Errorf("%s %s is not described with its right: %v", rt.method, rt.path, op["x-right"])
		}
	}
	described := 0
	for _, ops := range d.Paths {
		described += len(ops)
	}
	if described != n {
		t.Errorf("%d operations are described, the table has %d", described, n)
	}
}
