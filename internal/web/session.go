package web

import (
	"context"
	"net/http"
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
	return nil, problem(http.StatusForbidden, "forbidden", "this needs the right %s, which the role %s does not have", rt.right, who.role)
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
	return err == nil && now.id == who.id && now.role == who.role
}

func sessionRoutes() []route { return nil }
