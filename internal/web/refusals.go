package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"siaga/internal/watch"
)

// kindRefused is the event that says who was refused what.
const kindRefused = "auth.refused"

// Refusals of one kind within refusalSpan are two events: the first at once, and a count of the others when the span is
// over. All kinds together make no more events than the limit; what is beyond it is counted in one event as well.
const (
	refusalSpan  = 10 * time.Minute
	refusalEvery = 10 * time.Second
	refusalBurst = 100
	maxRefusals  = 2_000 // kinds remembered at a time
	refusalTime  = time.Second
)

// visit is what becomes known of a request on its way in.
type visit struct {
	who *caller
	own bool // the route journals its refusals itself
}

type visitKey struct{}

func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	if v == nil {
		return &visit{}
	}
	return v
}

// refusal is a kind of refusal. Of somebody signed in the address does not matter.
type refusal struct {
	Actor   string `json:"-"`
	Route   string `json:"route"` // as in the table of routes; empty for what came beyond the limit
	Status  int    `json:"status"`
	Address string `json:"address,omitempty"`
}

// refusalBody is the body of the event.
type refusalBody struct {
	refusal
	Path  string     `json:"path,omitempty"` // of the first
	Count int        `json:"count"`
	Since watch.Time `json:"since,omitzero"` // of a count
}

type refusals struct {
	mu    sync.Mutex
	seen  map[refusal]*refusedSpan
	limit *rate.Limiter
}

type refusedSpan struct {
	since time.Time
	more  int
}

func newRefusals() *refusals {
	return &refusals{seen: map[refusal]*refusedSpan{}, limit: rate.NewLimiter(rate.Every(refusalEvery), refusalBurst)}
}

// note counts a refusal and reports whether it is the first of its kind, which is journaled at once.
func (f *refusals) note(k refusal, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if have, ok := f.seen[k]; ok {
		have.more++
		return false
	}
	if len(f.seen) < maxRefusals && f.limit.AllowN(now, 1) {
		f.seen[k] = &refusedSpan{since: now}
		return true
	}
	rest := refusal{Status: k.Status}
	if have, ok := f.seen[rest]; ok {
		have.more++
	} else {
		f.seen[rest] = &refusedSpan{since: now, more: 1}
	}
	return false
}

// over takes out the spans that have ended, all of them when everything ends, and gives what they counted.
func (f *refusals) over(now time.Time, all bool) []refusalBody {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []refusalBody
	for k, s := range f.seen {
		if !all && now.Sub(s.since) < refusalSpan {
			continue
		}
		delete(f.seen, k)
		if s.more > 0 {
			out = append(out, refusalBody{refusal: k, Count: s.more, Since: watch.Time{Time: s.since}})
		}
	}
	return out
}

// noteRefusal journals that a request was refused for want of a session or right, thinned.
func (s *Server) noteRefusal(r *http.Request, status int, v *visit) {
	if v.own || status != http.StatusUnauthorized && status != http.StatusForbidden {
		return
	}
	_, pattern := s.mux.Handler(r)
	k := refusal{Route: pattern, Status: status}
	if v.who != nil && v.who.ID != "" {
		k.Actor = v.who.ID
	} else {
		k.Address = remoteIP(r)
	}
	if s.refusals.note(k, s.now()) {
		s.journalRefusal(refusalBody{refusal: k, Path: cut(r.URL.Path, 200), Count: 1})
	}
}

// endRefusals journals the counts of spans that are over.
func (s *Server) endRefusals(all bool) {
	for _, b := range s.refusals.over(s.now(), all) {
		s.journalRefusal(b)
	}
}

// journalRefusal does not wait until it is durable: a refusal is an answer, and stands without its event.
func (s *Server) journalRefusal(b refusalBody) {
	body, err := json.Marshal(b)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), refusalTime)
		defer cancel()
		_, err = s.opt.Journal.Append(ctx, watch.Draft{Kind: kindRefused, Actor: b.Actor, Body: body})
	}
	if err != nil {
		slog.Warn("a refused request was not journaled", "route", b.Route, "status", b.Status, "err", err)
	}
}

// cut shortens a text to whole characters within n bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
