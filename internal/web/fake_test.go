package web

import (
	"context"
	"fmt"
	"sync"

	"siaga/internal/auth"
)

const testPassword = "kuda hitam di tepi pantai"

// grants are the people of a site, made when they are first needed.
type grants struct {
	mu     sync.Mutex
	byRole map[string]auth.Grant
}

// sign gives a person of the role, signed in.
func (s *site) sign(role string) auth.Grant {
	s.t.Helper()
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	if g, ok := s.people.byRole[role]; ok {
		return g
	}
	g := s.signNew(role, auth.Role(role))
	s.people.byRole[role] = g
	return g
}

// signNew adds a person and signs them in.
func (s *site) signNew(login string, roles ...auth.Role) auth.Grant {
	s.t.Helper()
	ctx := context.Background()
	_, err := s.auth.AddPerson(ctx, auth.By{}, auth.NewPerson{Login: login, Name: "Orang " + login, Roles: roles, Password: testPassword})
	must(s.t, err)
	g, err := s.auth.SignIn(ctx, auth.Attempt{Login: login, Password: testPassword, Address: fmt.Sprintf("192.0.2.%d", len(s.people.byRole)+1)})
	must(s.t, err)
	return g
}

// token is what a browser of the role sends; "ended" is one that opens nothing.
func (s *site) token(role string) string {
	if role == "" || role == "ended" {
		return role
	}
	return s.sign(role).Cookie
}
