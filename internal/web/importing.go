package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"siaga/internal/registry"
)

// importTypes are the media types of documents that describe zones and devices.
const importTypes = jsonType + " application/yaml application/x-yaml text/yaml text/plain text/csv"

// ImportReport is what an import did, or in a dry run would do.
type ImportReport struct {
	Changes     []ImportChange  `json:"changes"`
	Problems    []ImportProblem `json:"problems"`
	Credentials []MQTT          `json:"credentials"` // shown once
}

// ImportChange is one zone or device of the document.
type ImportChange struct {
	Row    int      `json:"row"`
	What   string   `json:"what"` // zone, device
	ID     string   `json:"id"`
	Action string   `json:"action"` // added, changed, same
	Notes  []string `json:"notes"`
}

// ImportProblem is one reason why nothing would be imported.
type ImportProblem struct {
	Row     int    `json:"row"`
	ID      string `json:"id"`
	Field   string `json:"field"`
	Message string `json:"message"`
}

// importSite takes a document of zones and devices: all of it or nothing. A dry run only says what it would do.
func (s *Server) importSite(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	dry := q.Get("dry_run")
	if dry != "" && dry != "true" && dry != "false" {
		badField("query.dry_run", "%.20q is neither true nor false", dry).write(w)
		return
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		asProblem(err).write(w)
		return
	}
	o := registry.ImportOptions{DryRun: dry == "true"}
	if r.Header.Get("Content-Type") == "text/csv" {
		o.Format = "csv"
	}
	report, err := s.opt.Registry.Import(r.Context(), by(r.Context(), q.Get("reason")), text, o)
	if errors.Is(err, registry.ErrProblems) && !o.DryRun {
		importRefused(err, report).write(w)
		return
	}
	if err != nil && !errors.Is(err, registry.ErrProblems) {
		asProblem(err).logged(r).write(w)
		return
	}
	writeJSON(w, http.StatusOK, s.reportOf(report))
}

func importRefused(err error, report registry.ImportReport) *Problem {
	p := problem(http.StatusUnprocessableEntity, "bad_field", "%s", plain(err))
	for _, x := range report.Problems {
		p.Errors = append(p.Errors, FieldError{Location: fmt.Sprintf("line %d: %s %s", x.Row, x.ID, x.Field), Message: x.Message})
	}
	return p
}

func (s *Server) reportOf(r registry.ImportReport) ImportReport {
	out := ImportReport{Changes: []ImportChange{}, Problems: []ImportProblem{}, Credentials: []MQTT{}}
	for _, c := range r.Changes {
		out.Changes = append(out.Changes, ImportChange{Row: c.Row, What: c.What, ID: c.ID, Action: c.Action, Notes: orNone(c.Notes)})
	}
	for _, p := range r.Problems {
		out.Problems = append(out.Problems, ImportProblem{Row: p.Row, ID: p.ID, Field: p.Field, Message: p.Message})
	}
	for _, c := range r.Credentials {
		out.Credentials = append(out.Credentials, *s.issued(c))
	}
	return out
}

// exportSite is the document that importSite takes, without secrets.
func (s *Server) exportSite(w http.ResponseWriter, r *http.Request) {
	text, err := s.opt.Registry.Export()
	if err != nil {
		asProblem(err).logged(r).write(w)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Content-Disposition", `attachment; filename="site.yaml"`)
	_, _ = w.Write(text) // the client went away
}
