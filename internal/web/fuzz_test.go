package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzHandlers_NeverFailInside sends anything to any route as any role: the answer is never our fault.
func FuzzHandlers_NeverFailInside(f *testing.F) {
	methods := []string{get, post, patch, del, http.MethodHead, http.MethodPut}
	kinds := []string{jsonType, sdpType, "application/yaml", "text/csv", "", "multipart/form-data; boundary=x"}
	roles := []string{"", "guard", "leader", "chair", "technician", "it-security", "auditor", "administrator"}
	index := func(list []string, v string) uint8 {
		for i, w := range list {
			if w == v {
				return uint8(i)
			}
		}
		return 0
	}
	for _, h := range hostile {
		path, query, _ := strings.Cut(h.path, "?")
		if len(path)+len(query)+len(h.body) < 4096 {
			f.Add(index(methods, h.method), path, query, index(kinds, h.kind), h.body, index(roles, h.role))
		}
	}
	for _, rt := range table() {
		path := strings.NewReplacer("{id}", "cam-1", "{seq}", "1", "{session}", "x").Replace(rt.path)
		f.Add(index(methods, rt.method), path, "limit=3&after=1&kind=zone.*&since=2026-11-22T00:00:00Z", index(kinds, rt.body),
			`{"id":"z1","name":"Z","kind":"office","reason":"uji","note":"n","driver":"rtsp","config":{"url":"rtsp://x"},"zone":"gudang"}`, index(roles, "technician"))
	}
	f.Add(uint8(1), prefix+"/devices/import", "dry_run=true", uint8(2), "zones:\n- id: a\n  name: A\n  kind: office\n", uint8(4))
	f.Add(uint8(0), prefix+"/cameras/cam-1/video.mp4", "from=2026-11-22T00:00:00Z&to=2026-11-22T00:00:09Z&purpose=pemeriksaan", uint8(0), "", uint8(3))

	quiet(f)
	s := newSite(f)
	s.furnish()
	cookies := map[string]string{}
	for _, r := range roles[1:] {
		cookies[r] = s.sign(r).Cookie
	}
	f.Fuzz(func(t *testing.T, method uint8, path, query string, kind uint8, body string, role uint8) {
		u, err := url.ParseRequestURI(path + "?" + query)
		if err != nil || !strings.HasPrefix(path, "/") {
			return // the HTTP library refuses it before any handler
		}
		if methods[int(method)%len(methods)] == del && u.Path == prefix+"/session" {
			return // what comes after is to be somebody's still
		}
		r := httptest.NewRequest(methods[int(method)%len(methods)], "/", strings.NewReader(body))
		r.URL, r.RequestURI = u, path+"?"+query
		if k := kinds[int(kind)%len(kinds)]; k != "" {
			r.Header.Set("Content-Type", k)
		}
		name := roles[int(role)%len(roles)]
		if name != "" {
			r.AddCookie(&http.Cookie{Name: cookieName, Value: cookies[name]})
		}
		w := s.local(r)
		if w.Code >= 500 || s.server.counts.panics.Load() > 0 {
			t.Fatalf("%s %s?%s as %q with %.300q: %d\n%s", r.Method, path, query, name, body, w.Code, w.Body)
		}
		if ct := w.Header().Get("Content-Type"); w.Code >= 400 && ct != problemType {
			t.Fatalf("%s %s?%s: %d as %s\n%s", r.Method, path, query, w.Code, ct, w.Body)
		}
	})
}

// quiet keeps refusals by the thousand out of the output.
func quiet(t testing.TB) {
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
}
