package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"siaga/internal/auth"
	"siaga/internal/hub"
	"siaga/internal/journal"
	"siaga/internal/registry"
	"siaga/internal/watch"
)

// Problem is an error answer, RFC 9457. Code is a stable word that screens translate by; Detail names place, cause and
// remedy in English and MUST NOT hold a secret.
type Problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Code   string       `json:"code"`
	Errors []FieldError `json:"errors,omitempty"`

	// Who was first, and what the incident has become, for codes "taken", "changed" and "wrong_state".
	By     string      `json:"by,omitempty"`
	ByName string      `json:"by_name,omitempty"`
	At     watch.Time  `json:"at,omitzero"`
	State  watch.State `json:"state,omitempty"`
	// RetryAfterMS says when the same request may be sent again, for "rate_limited", "locked" and "bad_credentials".
	RetryAfterMS int64 `json:"retry_after_ms,omitempty"`

	allow string // the Allow header of a 405
	cause error  // logged, never shown
}

// FieldError says what is wrong with one part of a request.
type FieldError struct {
	Location string `json:"location"` // "body.config.url", "query.limit"
	Message  string `json:"message"`
	Value    any    `json:"value,omitempty"`
}

func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

func (p *Problem) Unwrap() error { return p.cause }

// GetStatus makes a Problem an answer of the API library.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is the media type of a problem.
func (p *Problem) ContentType(string) string { return problemType }

// GetHeaders are the headers that go with the problem.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.RetryAfterMS > 0 {
		h.Set("Retry-After", strconv.FormatInt((p.RetryAfterMS+999)/1000, 10))
	}
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="siaga"`)
	}
	return h
}

const problemType = "application/problem+json"

func problem(status int, code, detail string, args ...any) *Problem {
	if len(args) > 0 {
		detail = fmt.Sprintf(detail, args...)
	}
	return &Problem{
		Type: "urn:siaga:problem:" + code, Title: http.StatusText(status), Status: status, Detail: detail, Code: code,
	}
}

// badField is the refusal of one part of a request.
func badField(location, detail string, args ...any) *Problem {
	p := problem(http.StatusUnprocessableEntity, "bad_field", detail, args...)
	p.Errors = []FieldError{{Location: location, Message: p.Detail}}
	return p
}

func notFound(what, id string) *Problem {
	return problem(http.StatusNotFound, "not_found", "there is no %s %.64q", what, id)
}

// write sends the problem outside the API library.
func (p *Problem) write(w http.ResponseWriter) {
	for k, v := range p.GetHeaders() {
		w.Header()[k] = v
	}
	w.Header().Set(cacheControl, noStore)
	w.Header().Del("Content-Length")
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client has gone, and nothing else can be told to it
}

// writeJSON answers outside the API library.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone
}

// asProblem says what an error of any room means to a client. What nobody foresaw is logged and becomes a 500 that
// tells nothing.
func asProblem(err error) *Problem {
	var p *Problem
	var refusal *registry.Refusal
	var person *auth.Refusal
	var denied *auth.Denied
	var stale *registry.Stale
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &stale):
		p := problem(http.StatusConflict, "changed", "%s", stale.Error())
		p.By, p.At = stale.Actor, watch.Time{Time: stale.At}
		return p
	case errors.As(err, &refusal):
		return refused(refusal, refusal.Field, refusal.Why)
	case errors.As(err, &person):
		return refused(person, person.Field, person.Why)
	case errors.As(err, &denied):
		return fromDenied(denied)
	case errors.Is(err, watch.ErrInvalid):
		return problem(http.StatusUnprocessableEntity, "bad_field", "%s", plain(err))
	case errors.Is(err, journal.ErrClosed), errors.Is(err, hub.ErrStopped):
		return problem(http.StatusServiceUnavailable, "stopping", "the program is stopping; try again when it is back")
	case errors.Is(err, hub.ErrFull):
		return problem(http.StatusServiceUnavailable, "too_many", "as many screens are connected as the program takes; close one")
	case errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusGatewayTimeout, "timeout", "it took too long; try again")
	case errors.Is(err, context.Canceled):
		return problem(499, "gone", "the client went away")
	}
	p = problem(http.StatusInternalServerError, "internal", "something failed inside; the program's log says what")
	p.cause = err
	return p
}

// named puts a name to who came first.
func (s *Server) named(p *Problem) *Problem {
	if p.By != "" && p.ByName == "" {
		p.ByName = s.opt.Auth.Name(p.By)
	}
	return p
}

// refused is a room's refusal of one field.
func refused(err error, field, why string) *Problem {
	status, code := http.StatusUnprocessableEntity, "bad_field"
	switch {
	case errors.Is(err, registry.ErrNotFound), errors.Is(err, auth.ErrNotFound):
		status, code = http.StatusNotFound, "not_found"
	case errors.Is(err, registry.ErrConflict), errors.Is(err, auth.ErrConflict):
		status, code = http.StatusConflict, "conflict"
	}
	p := problem(status, code, "%s", err.Error())
	if field != "" {
		p.Errors = []FieldError{{Location: "body." + field, Message: why}}
	}
	return p
}

// fromDenied says no more of a sign-in that failed than auth does.
func fromDenied(d *auth.Denied) *Problem {
	status, detail := http.StatusUnauthorized, "name or password is not right"
	switch d.Code {
	case auth.DeniedCode:
		detail = "the one-time code is missing"
	case auth.DeniedLocked, auth.DeniedBusy:
		status, detail = http.StatusTooManyRequests, "too many attempts; wait"
	}
	p := problem(status, d.Code, "%s", detail)
	if d.RetryAfter > 0 {
		p.retryAfter(d.RetryAfter)
	}
	return p
}

// plain is an error's text without the trailing mark of its kind.
func plain(err error) string { return strings.TrimSuffix(err.Error(), ": "+watch.ErrInvalid.Error()) }

// logged notes a problem that is our fault.
func (p *Problem) logged(r *http.Request) *Problem {
	if p.Status >= 500 && p.cause != nil {
		slog.Error("request failed", "method", r.Method, "path", r.URL.Path, "status", p.Status, "err", p.cause)
	}
	return p
}

// fromLibrary turns the API library's own refusals (it checks bodies and parameters against their types) into problems.
func fromLibrary(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	code := map[int]string{
		http.StatusBadRequest: "bad_request", http.StatusUnprocessableEntity: "bad_field", http.StatusUnsupportedMediaType: "bad_type",
	}[m.Status]
	if code == "" {
		code = "internal"
	}
	p := problem(m.Status, code, "%s", m.Detail)
	for _, e := range m.Errors {
		p.Errors = append(p.Errors, FieldError{Location: e.Location, Message: e.Message, Value: shown(e)})
	}
	if len(p.Errors) > 0 {
		p.Detail = fmt.Sprintf("%s: %s", p.Errors[0].Location, p.Errors[0].Message)
	}
	return p, nil
}

// shown is what of a refused value is sent back: small plain values, and never of a field that may hold a secret.
func shown(e *huma.ErrorDetail) any {
	for _, word := range []string{"password", "secret", "code", "token"} {
		if strings.Contains(strings.ToLower(e.Location), word) {
			return nil
		}
	}
	switch v := e.Value.(type) {
	case string:
		if len(v) > 120 || e.Location == "body" {
			return nil
		}
		return v
	case bool, int, int64, uint64, float64:
		return v
	}
	return nil
}

// retryAfter fills a problem's waiting time.
func (p *Problem) retryAfter(d time.Duration) *Problem {
	p.RetryAfterMS = max(d.Milliseconds(), 1)
	return p
}
