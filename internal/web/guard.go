package web

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Limits of a request.
const (
	maxBody      = 1 << 20  // bytes
	maxImport    = 10 << 20 // bytes, of an import document
	maxURL       = 8 << 10  // bytes
	bodyTime     = 15 * time.Second
	answerTime   = 30 * time.Second
	maxHeader    = 64 << 10
	headerTime   = 5 * time.Second
	idleTime     = 2 * time.Minute
	jsonType     = "application/json"
	noStore      = "no-store"
	cacheControl = "Cache-Control"
)

// policy is the content security policy of every page: everything from ourselves, nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
	"img-src 'self' blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// outer is the outermost handler: what holds for every request, whatever its path.
func (s *Server) outer(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure := s.secure(r)
		r = s.fromProxy(r)
		s.headers(w.Header(), secure)
		v := &visit{}
		r = r.WithContext(context.WithValue(context.WithValue(r.Context(), visitKey{}, v), originKey{}, origin{address: r.RemoteAddr, agent: r.UserAgent(), secure: secure}))
		tracked := &answer{ResponseWriter: w}
		defer func() { s.noteRefusal(r, tracked.status, v) }()
		defer s.recovered(tracked, r)
		// For every request: on a connection that is kept, the time of the one before would still run.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime))
		if p := badAddress(r); p != nil {
			p.write(tracked)
			return
		}
		if wait := s.limits.wait(remoteIP(r), generalLimit); wait > 0 {
			problem(http.StatusTooManyRequests, "rate_limited", "too many requests from this address; slow down").retryAfter(wait).write(tracked)
			return
		}
		if !hasBearer(r) {
			if err := s.crossOrigin.Check(r); err != nil {
				problem(http.StatusForbidden, "cross_origin", "this request comes from a page of another site (%v)", err).write(tracked)
				return
			}
		}
		inner.ServeHTTP(tracked, r)
	})
}

func (s *Server) headers(h http.Header, secure bool) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// recovered turns a panic of a handler into a 500 that tells nothing, if nothing was sent yet.
func (s *Server) recovered(w *answer, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	s.counts.panics.Add(1)
	slog.Error("request handler panicked", "method", r.Method, "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
	if !w.begun {
		problem(http.StatusInternalServerError, "internal", "something failed inside; the program's log says what").write(w)
	}
}

// answer notes whether something was sent.
type answer struct {
	http.ResponseWriter
	begun  bool
	status int // 0 for 200, or a connection that was taken over
}

func (a *answer) WriteHeader(status int) {
	if !a.begun {
		a.status = status
	}
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// badAddress refuses paths that only a trick needs: dots, empty steps, backslashes, encoded slashes, control bytes.
func badAddress(r *http.Request) *Problem {
	if len(r.RequestURI) > maxURL || len(r.URL.RawQuery) > maxURL {
		return problem(http.StatusRequestURITooLong, "too_large", "the address is longer than %d bytes", maxURL)
	}
	if !strings.HasPrefix(r.URL.Path, "/") {
		return problem(http.StatusBadRequest, "bad_path", "the path does not begin with a slash")
	}
	for _, c := range r.URL.Path {
		if c < ' ' || c == 0x7f || c == '\\' || c == 0xFFFD {
			return problem(http.StatusBadRequest, "bad_path", "the path holds a character that no path of ours has")
		}
	}
	for step := range strings.SplitSeq(r.URL.Path[1:], "/") {
		if step == "." || step == ".." {
			return problem(http.StatusBadRequest, "bad_path", "the path holds the step %q", step)
		}
	}
	if raw := strings.ToLower(r.URL.EscapedPath()); strings.Contains(r.URL.Path, "//") || strings.Contains(raw, "%2f") || strings.Contains(raw, "%5c") {
		return problem(http.StatusBadRequest, "bad_path", "the path holds an empty step or a hidden slash")
	}
	return nil
}

// guard is what stands before the handler of one route: time limits, the right, the body.
func (s *Server) guard(rt route, inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(cacheControl, noStore)
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Now().Add(bodyTime))
		who, p := s.admit(rt, r)
		v := visitOf(r.Context())
		v.who, v.own = who, rt.tells
		if p == nil && s.opt.Site.Standby != nil && rt.changes() {
			p = problem(http.StatusServiceUnavailable, "read_only", "the site's database is damaged: what is left can be looked at, nothing can be changed; restore the last backup")
		}
		if p == nil {
			p = s.takeBody(rt, r)
		}
		if p != nil {
			p.logged(r).write(w)
			return
		}
		_ = control.SetReadDeadline(time.Time{})
		r.Header.Del("Accept") // there is one form of each answer; a browser that asks for another gets it all the same
		inner.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
	})
}

type callerKey struct{}

// callerOf is who asks. On an open route it may be nobody.
func callerOf(ctx context.Context) *caller {
	who, _ := ctx.Value(callerKey{}).(*caller)
	if who == nil {
		return &caller{}
	}
	return who
}

// origin is where a request comes from.
type origin struct {
	address, agent string
	secure         bool // the browser's connection is encrypted
}

type originKey struct{}

func originOf(ctx context.Context) origin {
	o, _ := ctx.Value(originKey{}).(origin)
	return o
}

// takeBody reads and checks the body, so that no handler meets one that is too large, cut short or of another type.
func (s *Server) takeBody(rt route, r *http.Request) *Problem {
	if rt.body == "" {
		_ = r.Body.Close()
		r.Body = http.NoBody
		return nil
	}
	limit := int64(maxBody)
	if rt.limit > 0 {
		limit = rt.limit
	}
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	_ = r.Body.Close()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return problem(http.StatusRequestTimeout, "timeout", "the body did not come within %v", bodyTime)
	case err != nil:
		return problem(http.StatusBadRequest, "bad_request", "the body was cut short")
	case int64(len(data)) > limit:
		return tooLarge(limit)
	}
	given, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if len(data) == 0 && rt.body == jsonType {
		data = []byte("{}") // what is missing in it is said field by field
		r.Header.Set("Content-Type", jsonType)
	} else if err != nil || !slices.Contains(strings.Fields(rt.body), given) {
		return problem(http.StatusUnsupportedMediaType, "bad_type", "Content-Type is %.60q, this call takes %s", r.Header.Get("Content-Type"), rt.body)
	} else {
		r.Header.Set("Content-Type", given) // without parameters: there is one character set
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return nil
}

func tooLarge(limit int64) *Problem {
	return problem(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than %s", size(limit))
}

func size(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

func hasBearer(r *http.Request) bool {
	_, ok := bearer(r)
	return ok
}

// bearer is the token of a script. A request with one is judged by it alone, its cookie counts for nothing.
func bearer(r *http.Request) (string, bool) {
	kind, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(kind, "Bearer")
}

func remoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// local reports whether a request comes from a program on this machine, and not through a proxy on it.
func local(r *http.Request) bool {
	ip := net.ParseIP(remoteIP(r))
	return ip != nil && ip.IsLoopback() && r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == ""
}

// Hijack hands the connection over to a websocket.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.begun = true
	return http.NewResponseController(a.ResponseWriter).Hijack()
}
