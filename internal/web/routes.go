package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"siaga/internal/auth"
	"siaga/internal/watch"
)

// prefix is where the API lives.
const prefix = "/api/v1"

// route is one row of the table of all routes. A route without a right is a defect; open says that none is needed.
type route struct {
	method string
	path   string // whole
	right  auth.Right
	scopes []auth.Scope // in which the right is enough; none: in any
	or     auth.Right   // is enough too
	id     string       // operation id in the API description
	about  string
	tag    string
	body   string // media types taken, "" for none
	limit  int64  // of the body, 0 for maxBody
	status int    // of success, 0 for 200
	query  []string
	tells  bool   // its refusals are no news, or events of their own: they are not journaled as refused requests
	looks  bool   // changes nothing, whatever its method
	gives  string // media type of the answer of a route outside the API library
	serve  endpoint
}

// endpoint puts a route's handler behind its guard.
type endpoint func(*Server, *route)

// call makes an endpoint of a handler whose input and output types describe it.
func call[I, O any](handle func(*Server, context.Context, *I) (*O, error)) endpoint {
	return func(s *Server, rt *route) {
		if _, ok := reflect.TypeFor[I]().FieldByName("Body"); ok && rt.body == "" {
			rt.body = jsonType
		}
		op := rt.operation()
		huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
			out, err := handle(s, ctx, in)
			if err != nil {
				return nil, s.explain(rt, err)
			}
			return out, nil
		})
	}
}

// raw makes an endpoint of a plain handler, for media, sockets and text.
func raw(handle func(*Server, http.ResponseWriter, *http.Request)) endpoint {
	return func(s *Server, rt *route) {
		s.mux.Handle(rt.method+" "+rt.path, s.guard(*rt, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handle(s, w, r)
		})))
		if strings.HasPrefix(rt.path, prefix) {
			op := rt.operation()
			rt.describe(&op)
			s.api.OpenAPI().AddOperation(&op)
		}
	}
}

func (rt *route) operation() huma.Operation {
	op := huma.Operation{
		OperationID: rt.id, Method: rt.method, Path: rt.path, Summary: rt.about, Tags: []string{rt.tag},
		DefaultStatus: rt.status, MaxBodyBytes: -1, // the guard has read the body, within its limit
		BodyReadTimeout: -1, Responses: map[string]*huma.Response{},
		Extensions: map[string]any{"x-right": string(rt.right)},
	}
	if rt.right != open {
		op.Security = []map[string][]string{{"cookie": {}}, {"bearer": {}}}
	}
	return op
}

// changes reports whether the route may change something of the site.
func (rt *route) changes() bool { return rt.method != http.MethodGet && !rt.looks }

var pathParam = regexp.MustCompile(`\{([a-z_]+)\}`)

// describe says of a plain handler what the API library cannot see.
func (rt *route) describe(op *huma.Operation) {
	text := &huma.Schema{Type: "string"}
	for _, m := range pathParam.FindAllStringSubmatch(rt.path, -1) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: m[1], In: "path", Required: true, Schema: text})
	}
	for _, q := range rt.query {
		op.Parameters = append(op.Parameters, &huma.Param{Name: q, In: "query", Schema: text})
	}
	if rt.body != "" {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		for _, kind := range strings.Fields(rt.body) {
			op.RequestBody.Content[kind] = &huma.MediaType{Schema: text}
		}
	}
	status := rt.status
	if status == 0 {
		status = http.StatusOK
	}
	answer := &huma.Response{Description: http.StatusText(status)}
	if rt.gives != "" {
		answer.Content = map[string]*huma.MediaType{rt.gives: {Schema: text}}
	}
	op.Responses[fmt.Sprint(status)] = answer
	op.Responses["default"] = &huma.Response{Description: "Error", Content: map[string]*huma.MediaType{
		problemType: {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}},
	}}
}

// explain turns a handler's error into a problem, and logs what is our fault.
func (s *Server) explain(rt *route, err error) error {
	return s.named(asProblem(err)).logged(&http.Request{Method: rt.method, URL: &url.URL{Path: rt.path}})
}

// guardedMux puts each route of the API library behind its guard. A route that is not in the table cannot be added.
type guardedMux struct {
	s       *Server
	pending *route
}

func (g *guardedMux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	g.s.mux.Handle(pattern, g.s.guard(*g.pending, http.HandlerFunc(h)))
}

func (g *guardedMux) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.s.mux.ServeHTTP(w, r) }

// buildRoutes registers the whole table and writes the API description from it.
func (s *Server) buildRoutes() error {
	registry := huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		if t == reflect.TypeFor[huma.ErrorModel]() {
			return "Problem"
		}
		return huma.DefaultSchemaNamer(t, hint)
	})
	registry.RegisterTypeAlias(reflect.TypeFor[watch.Time](), reflect.TypeFor[apiTime]())
	g := &guardedMux{s: s}
	s.api = humago.New(g, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Siaga", Version: "1", Description: "docs/ref/api.md says what types cannot: order, rights, promises."},
			Components: &huma.Components{Schemas: registry, SecuritySchemes: map[string]*huma.SecurityScheme{
				"cookie": {Type: "apiKey", In: "cookie", Name: cookieName},
				"bearer": {Type: "http", Scheme: "bearer"},
			}},
		},
		Formats:                      map[string]huma.Format{jsonType: huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                jsonType,
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{fromLibrary},
	})
	for _, rt := range table() {
		g.pending = &rt
		rt.serve(s, &rt)
	}
	describeProblem(registry)
	text, err := json.MarshalIndent(s.api.OpenAPI(), "", "  ")
	if err != nil {
		return fmt.Errorf("web: writing the API description: %w", err)
	}
	s.openapi = append(text, '\n')
	return nil
}

// describeProblem gives the library's error type the form of ours.
func describeProblem(registry huma.Registry) {
	ours := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	ours.RegisterTypeAlias(reflect.TypeFor[watch.Time](), reflect.TypeFor[apiTime]())
	registry.Map()["Problem"] = huma.SchemaFromType(ours, reflect.TypeFor[Problem]())
	registry.Map()["FieldError"] = huma.SchemaFromType(ours, reflect.TypeFor[FieldError]())
	delete(registry.Map(), "ErrorDetail")
}

// apiTime stands for watch.Time in the API description.
type apiTime struct{}

// Schema says what watch.Time writes.
func (apiTime) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", Format: "date-time", Nullable: true, Description: "RFC 3339 UTC with milliseconds"}
}

// dispatch finds the route. What is below the API's prefix and has none is a problem, not a page.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) {
	s.counts.requests.Add(1)
	if _, pattern := s.mux.Handler(r); pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	if allowed := s.methods(r); len(allowed) > 0 {
		p := problem(http.StatusMethodNotAllowed, "bad_method", "%.20s is not possible here; %s is", r.Method, strings.Join(allowed, ", "))
		p.allow = strings.Join(allowed, ", ")
		p.write(w)
		return
	}
	if r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/") {
		problem(http.StatusNotFound, "not_found", "there is nothing at %.200q", r.URL.Path).write(w)
		return
	}
	s.screens(w, r)
}

// methods are those that a path has routes for.
func (s *Server) methods(r *http.Request) []string {
	var out []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		other := &http.Request{Method: m, URL: r.URL, Host: r.Host}
		if _, pattern := s.mux.Handler(other); pattern != "" {
			out = append(out, m)
		}
	}
	if slices.Contains(out, http.MethodGet) {
		out = append(out, http.MethodHead)
	}
	return out
}

// description is the API in OpenAPI 3.1, written from the table.
func (s *Server) description(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/openapi+json")
	_, _ = w.Write(s.openapi) // the client went away
}
