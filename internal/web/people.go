package web

import (
	"context"
	"net/http"

	"siaga/internal/auth"
	"siaga/internal/watch"
)

// PersonID is the id of a person or session in a path.
type PersonID struct {
	ID string `path:"id" maxLength:"64" pattern:"^[0-9a-z-]{1,64}$"`
}

func (s *Server) listPeople(_ context.Context, in *struct{ Page }) (*reply[list[Person]], error) {
	var all []Person
	for _, p := range s.opt.Auth.People() {
		all = append(all, personOf(p))
	}
	return answered(pageOf(in.Page, all, func(p Person) string { return p.ID })), nil
}

// Named is what everybody may know of everybody: whose act it was.
type Named struct {
	ID   string    `json:"id"`
	Name string    `json:"name"`
	Role auth.Role `json:"role"`
}

func (s *Server) listNames(_ context.Context, in *struct{ Page }) (*reply[list[Named]], error) {
	var all []Named
	for _, p := range s.opt.Auth.People() {
		all = append(all, Named{ID: p.ID, Name: s.opt.Auth.Name(p.ID), Role: p.Main()})
	}
	return answered(pageOf(in.Page, all, func(n Named) string { return n.ID })), nil
}

// NewPerson is somebody to add.
type NewPerson struct {
	Login    string      `json:"login" maxLength:"64"`
	Name     string      `json:"name" maxLength:"200"`
	Titles   string      `json:"titles,omitempty" maxLength:"200"`
	Agency   string      `json:"agency,omitempty" maxLength:"200"`
	Role     auth.Role   `json:"role,omitempty" doc:"instead of roles"`
	Roles    []auth.Role `json:"roles,omitempty" maxItems:"8"`
	Password string      `json:"password,omitempty" maxLength:"512" doc:"absent: one is made and shown once"`
	Phone    string      `json:"phone,omitempty" maxLength:"32"`
	Reason   string      `json:"reason,omitempty" maxLength:"1000"`
}

// Added is a new person, with the password that was made.
type Added struct {
	Person
	Password string `json:"password,omitempty" doc:"shown this once"`
}

func (s *Server) addPerson(ctx context.Context, in *struct{ Body NewPerson }) (*reply[Added], error) {
	b, made := in.Body, ""
	if b.Password == "" {
		var err error
		if made, err = auth.NewPassword(); err != nil {
			return nil, err
		}
		b.Password = made
	}
	p, err := s.opt.Auth.AddPerson(ctx, authBy(ctx, b.Reason), auth.NewPerson{
		Login: b.Login, Name: b.Name, Titles: b.Titles, Agency: b.Agency, Roles: rolesOf(b.Role, b.Roles),
		Password: b.Password, Phone: b.Phone, MustChange: true,
	})
	if err != nil {
		return nil, err
	}
	return answered(Added{Person: personOf(p), Password: made}), nil
}

func rolesOf(one auth.Role, many []auth.Role) []auth.Role {
	if len(many) == 0 && one != "" {
		return []auth.Role{one}
	}
	return many
}

func authBy(ctx context.Context, reason string) auth.By {
	return auth.By{Actor: callerOf(ctx).ID, Reason: reason}
}

// PersonChange holds what is to change; what is absent stays.
type PersonChange struct {
	Login  *string     `json:"login,omitempty" maxLength:"64"`
	Name   *string     `json:"name,omitempty" maxLength:"200"`
	Titles *string     `json:"titles,omitempty" maxLength:"200"`
	Agency *string     `json:"agency,omitempty" maxLength:"200"`
	Role   auth.Role   `json:"role,omitempty"`
	Roles  []auth.Role `json:"roles,omitempty" maxItems:"8"`
	// Disabled shuts somebody out at once, which needs a reason, or lets them in again.
	Disabled *bool   `json:"disabled,omitempty" doc:"true shuts out and needs a reason"`
	Phone    *string `json:"phone,omitempty" maxLength:"32" doc:"empty removes it"`
	Reason   string  `json:"reason,omitempty" maxLength:"1000"`
}

// changePerson changes one thing after the other; each is an event of its own. What was done before a refusal stays.
func (s *Server) changePerson(ctx context.Context, in *struct {
	PersonID
	Body PersonChange
},
) (*reply[Person], error) {
	p, ok := s.opt.Auth.Person(in.ID)
	if !ok {
		return nil, notFound("person", in.ID)
	}
	b, who := in.Body, authBy(ctx, in.Body.Reason)
	login, name, titles, agency := p.Login, p.Name, p.Titles, p.Agency
	set(&login, b.Login)
	set(&name, b.Name)
	set(&titles, b.Titles)
	set(&agency, b.Agency)
	var steps []func() error
	if b.Login != nil || b.Name != nil || b.Titles != nil || b.Agency != nil {
		steps = append(steps, func() error {
			_, err := s.opt.Auth.ChangePerson(ctx, who, in.ID, login, name, titles, agency)
			return err
		})
	}
	if roles := rolesOf(b.Role, b.Roles); roles != nil {
		steps = append(steps, func() error { _, err := s.opt.Auth.SetRoles(ctx, who, in.ID, roles); return err })
	}
	if b.Phone != nil {
		steps = append(steps, func() error { return s.opt.Auth.SetPhone(ctx, who, in.ID, *b.Phone) })
	}
	if b.Disabled != nil {
		steps = append(steps, func() error { _, err := s.opt.Auth.EnablePerson(ctx, who, in.ID, !*b.Disabled); return err })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	s.endEnded()
	p, _ = s.opt.Auth.Person(in.ID)
	return answered(personOf(p)), nil
}

// Password is a password that is shown once.
type Password struct {
	Password string `json:"password"`
}

func (s *Server) resetPassword(ctx context.Context, in *struct {
	PersonID
	Body struct {
		Password string `json:"password,omitempty" maxLength:"512" doc:"absent: one is made"`
		Reason   string `json:"reason,omitempty" maxLength:"1000"`
	}
},
) (*reply[Password], error) {
	fresh, err := s.opt.Auth.ResetPassword(ctx, authBy(ctx, in.Body.Reason), in.ID, in.Body.Password)
	if err != nil {
		return nil, err
	}
	s.endEnded()
	return answered(Password{fresh}), nil
}

func (s *Server) removeFactor(ctx context.Context, in *struct {
	PersonID
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"1000"`
},
) (*struct{}, error) {
	return nil, s.opt.Auth.RemoveSecondFactor(ctx, authBy(ctx, in.Reason), in.ID)
}

// OpenSession is a session as lists show it.
type OpenSession struct {
	ID        string     `json:"id"`
	Person    string     `json:"person"`
	Script    bool       `json:"script" doc:"a token for scripts"`
	Label     string     `json:"label"`
	Address   string     `json:"address"`
	Agent     string     `json:"agent"`
	CreatedAt watch.Time `json:"created_at"`
	ExpiresAt watch.Time `json:"expires_at"`
	Current   bool       `json:"current" doc:"the one that asks"`
}

func openSessions(list []auth.Session) []OpenSession {
	var all []OpenSession
	for _, v := range list {
		all = append(all, OpenSession{
			ID: v.ID, Person: v.Person, Script: v.Script, Label: v.Label, Address: v.Address, Agent: v.Agent,
			CreatedAt: watch.Time{Time: v.Created}, ExpiresAt: watch.Time{Time: v.Expires},
		})
	}
	return all
}

func (s *Server) listSessions(_ context.Context, in *struct {
	Page
	Person string `query:"person" maxLength:"64"`
},
) (*reply[list[OpenSession]], error) {
	all := openSessions(s.opt.Auth.Sessions(in.Person))
	return answered(pageOf(in.Page, all, func(v OpenSession) string { return v.ID })), nil
}

func (s *Server) revokeSession(ctx context.Context, in *struct {
	PersonID
	Reason string `query:"reason" maxLength:"1000"`
},
) (*struct{}, error) {
	err := s.opt.Auth.Revoke(ctx, authBy(ctx, in.Reason), in.ID)
	if err == nil {
		s.endEnded()
	}
	return nil, err
}

func peopleRoutes() []route {
	const tag = "people"
	people := prefix + "/people"
	return []route{
		{method: get, path: people, right: auth.RightPeople, id: "list-people", about: "Everybody with an account", tag: tag, serve: call((*Server).listPeople)},
		{method: get, path: people + "/names", right: signedIn, id: "list-names", about: "Names to person ids", tag: tag, serve: call((*Server).listNames)},
		{method: post, path: people, right: auth.RightPeople, id: "add-person", about: "Add somebody", tag: tag, status: http.StatusCreated, serve: call((*Server).addPerson)},
		{method: patch, path: people + "/{id}", right: auth.RightPeople, id: "change-person", about: "Change somebody: description, roles, shut out and let in", tag: tag, serve: call((*Server).changePerson)},
		{method: post, path: people + "/{id}/password", right: auth.RightPeople, id: "reset-password", about: "Set a password for somebody; it must be changed at the next sign-in", tag: tag, serve: call((*Server).resetPassword)},
		{method: del, path: people + "/{id}/factor", right: auth.RightPeople, id: "remove-factor", about: "Stop asking somebody for one-time codes", tag: tag, status: http.StatusNoContent, serve: call((*Server).removeFactor)},
		{method: get, path: prefix + "/sessions", right: auth.RightPeople, id: "list-sessions", about: "Who is signed in where", tag: tag, serve: call((*Server).listSessions)},
		{method: del, path: prefix + "/sessions/{id}", right: auth.RightPeople, id: "revoke-session", about: "End a session", tag: tag, status: http.StatusNoContent, serve: call((*Server).revokeSession)},
	}
}
