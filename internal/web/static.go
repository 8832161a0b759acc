package web

import (
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// screens serves the dashboard: files below assets carry a hash in their name and are kept for ever by browsers, the
// rest is asked for each time. A path without a file extension is a page of the dashboard and gets index.html.
func (s *Server) screens(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		p := problem(http.StatusMethodNotAllowed, "bad_method", "%s is not possible here", r.Method)
		p.allow = "GET, HEAD"
		p.write(w)
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	info, err := fs.Stat(s.opt.Dashboard, name)
	if err != nil || info.IsDir() {
		if path.Ext(name) != "" || strings.HasPrefix(name+"/", "assets/") {
			problem(http.StatusNotFound, "not_found", "there is no file %.100q", name).write(w)
			return
		}
		name = "index.html"
	}
	w.Header().Set(cacheControl, "no-cache")
	if strings.HasPrefix(name, "assets/") {
		w.Header().Set(cacheControl, "public, max-age=31536000, immutable")
	}
	if name == "index.html" {
		s.index(w, r)
		return
	}
	http.ServeFileFS(w, r, s.opt.Dashboard, name)
}

// index serves the page itself; http.ServeFileFS would redirect to another name.
func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	page, err := fs.ReadFile(s.opt.Dashboard, "index.html")
	if err != nil {
		asProblem(err).logged(r).write(w)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if r.Method == http.MethodGet {
		_, _ = w.Write(page) // the browser went away
	}
}
