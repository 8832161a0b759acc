package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// cookieName carries the session of a browser.
const cookieName = "siaga_session"

// accounts is who may come in.
type accounts interface {
	Find(ctx context.Context, token string) (*caller, error)
}

// admit finds out who asks and whether the route's right is theirs.
func (s *Server) admit(rt route, r *http.Request) (*caller, *Problem) {
	who, err := s.identify(r)
	if err != nil {
		return nil, asProblem(err)
	}
	if rt.right == never {
		return nil, problem(http.StatusForbidden, "forbidden", "nobody may do this")
	}
	if who.can(rt.right) {
		return who, nil
	}
	if who.id == "" {
		return nil, problem(http.StatusUnauthorized, "signed_out", "sign in first: POST %s/session", prefix)
	}
	return nil, problem(http.StatusForbidden, "forbidden", "this needs the right %s, which the role %s does not have", rt.right, strings.Join(who.classes, ", "))
}

// identify is who holds the token of a request; nobody without one.
func (s *Server) identify(r *http.Request) (*caller, error) {
	token, ok := bearer(r)
	if !ok {
		c, err := r.Cookie(cookieName)
		if err != nil {
			return &caller{}, nil
		}
		token = c.Value
	}
	return s.opt.Accounts.Find(r.Context(), token)
}

// stillValid asks again for a session that holds a socket open.
func (s *Server) stillValid(ctx context.Context, who *caller) bool {
	now, err := s.opt.Accounts.Find(ctx, who.session)
	return err == nil && now.id == who.id && slices.Equal(now.classes, who.classes)
}

func sessionRoutes() []route { return nil }

// nameOf is a person's name for screens; "" if there is no such person.
func (s *Server) nameOf(_ context.Context, id string) string { return id }
