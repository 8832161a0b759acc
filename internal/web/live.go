package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"siaga/internal/hub"
)

// live is the live channel: hello, then every event after the one the client has, for as long as both sides stay.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	from, p := startOf(r.URL)
	if p != nil {
		p.write(w)
		return
	}
	if wait := s.limits.wait(remoteIP(r), socketLimit); wait > 0 {
		problem(http.StatusTooManyRequests, "rate_limited", "too many live channels are opened from this address; wait").retryAfter(wait).write(w)
		return
	}
	if !sameOrigin(r) {
		problem(http.StatusForbidden, "cross_origin", "the live channel is for pages of this site").write(w)
		return
	}
	client, err := s.opt.Hub.Join(r.Context(), callerOf(r.Context()).classes(), from)
	if err != nil {
		asProblem(err).logged(r).write(w)
		return
	}
	defer client.Leave()
	s.runSocket(w, r, false, func(ctx context.Context, conn *socket) error {
		for {
			batch, err := client.Next(ctx)
			if err != nil {
				return err
			}
			for _, m := range batch {
				frame := m.Framed(func(data []byte) any { return textFrame(data) }).([]byte)
				if err := conn.add(frame); err != nil {
					return err
				}
			}
			if err := conn.flush(); err != nil {
				return err
			}
		}
	})
}

// startOf reads ?after=.
func startOf(u *url.URL) (hub.From, *Problem) {
	q := u.Query()
	if !q.Has("after") {
		return hub.From{}, nil
	}
	after, err := strconv.ParseUint(q.Get("after"), 10, 63)
	if err != nil {
		return hub.From{}, badField("query.after", "%.40q is not a sequence", q.Get("after"))
	}
	return hub.From{Resume: true, After: after}, nil
}
