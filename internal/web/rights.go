package web

import (
	"net/http"
	"slices"
	"strings"

	"siaga/internal/auth"
	"siaga/internal/watch"
)

// What a route may need beside the rights of auth's table.
const (
	never    auth.Right = ""          // a route without a right is refused
	open     auth.Right = "open"      // nobody need be signed in
	session  auth.Right = "session"   // anyone with a session, whatever it is good for
	signedIn auth.Right = "signed_in" // anyone with a session who need not choose another password first
)

// caller is who asks; the zero caller is nobody.
type caller struct {
	auth.Person
	session auth.Session
	token   string // keeps the session in use while a socket is open; never shown
	script  bool   // came with a bearer token
}

// can reports whether the right is the caller's in one of the scopes, or in any if none are named.
func (c *caller) can(r auth.Right, scopes ...auth.Scope) bool {
	switch r {
	case open:
		return true
	case session:
		return c.ID != ""
	case signedIn:
		return c.ID != "" && !c.MustChange
	}
	have := auth.Scopes(c.Person, r)
	if len(scopes) == 0 {
		return len(have) > 0
	}
	return slices.ContainsFunc(have, func(s auth.Scope) bool { return slices.Contains(scopes, s) })
}

// classes are the caller's roles as the hub calls them.
func (c *caller) classes() []string {
	out := make([]string, len(c.Roles))
	for i, r := range c.Roles {
		out[i] = string(r)
	}
	return out
}

// sees is what of the journal the caller may read: what their roles see on the live channel, and their part of the log
// of sign-ins, rights and views.
func (s *Server) sees(c *caller) func(*watch.Event) bool {
	shown := seesAs(c.classes())
	squad := c.can(auth.RightAudit, auth.ScopeSquad)
	if !squad && !c.can(auth.RightAudit, auth.ScopeOwn) {
		return shown
	}
	mine := func(id string) bool {
		if id == "" || id == c.ID {
			return id != ""
		}
		p, _ := s.opt.Auth.Person(id)
		return squad && slices.Equal(p.Roles, []auth.Role{auth.Guard})
	}
	return func(e *watch.Event) bool {
		return shown(e) || audited(e) && (mine(e.Actor) || mine(e.Subject))
	}
}

// concerns reports whether alerts and incidents of a category are the caller's business.
func (c *caller) concerns(category string) bool { return categoriesOf(c.classes())(category) }

// admit finds out who asks, and whether the route is theirs.
func (s *Server) admit(rt route, r *http.Request) (*caller, *Problem) {
	who, err := s.identify(r)
	if err != nil {
		return nil, asProblem(err)
	}
	if rt.right != never && (who.can(rt.right, rt.scopes...) || rt.or != "" && who.can(rt.or)) {
		return who, nil
	}
	if who.ID == "" {
		return who, problem(http.StatusUnauthorized, "signed_out", "sign in first: POST %s/session", prefix)
	}
	return who, forbidden(who, rt.right)
}

func forbidden(who *caller, r auth.Right) *Problem {
	if who.MustChange {
		return problem(http.StatusForbidden, "must_change", "choose another password first: POST %s/session/password", prefix)
	}
	return problem(http.StatusForbidden, "forbidden", "this needs the right %s; %s does not have it so far", r, strings.Join(who.classes(), ", "))
}
