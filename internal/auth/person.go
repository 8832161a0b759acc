package auth

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Person is somebody with an account. Login and Name are empty once they were lawfully erased.
type Person struct {
	ID      string
	Login   string // sign-in name
	Name    string // one field, as the person writes it
	Titles  string // rank and titles
	Agency  string // KPU, Polri, Satpol PP …
	Roles   []Role
	Active  bool
	Created time.Time

	HasPhone     bool
	SecondFactor bool // asked for a one-time code
	MustChange   bool // must choose another password; has no rights before
}

// Main is the role to show where there is room for one: the first in the order of Roles.
func (p Person) Main() Role {
	for _, r := range Roles() {
		if slices.Contains(p.Roles, r) {
			return r
		}
	}
	return ""
}

// NewPerson is what is told of a person to add.
type NewPerson struct {
	Login, Name, Titles, Agency string
	Roles                       []Role
	Password                    string
	Phone                       string // "" for none; stored sealed
	// MustChange makes the person choose another password at the first sign-in.
	MustChange bool
}

var loginForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,31}$`)

// Person returns a person by id.
func (a *Auth) Person(id string) (Person, bool) {
	p, ok := a.live.Load().byID[id]
	p.Roles = slices.Clone(p.Roles)
	return p, ok
}

// People lists everybody by login.
func (a *Auth) People() []Person {
	r := a.live.Load()
	out := make([]Person, 0, len(r.order))
	for _, id := range r.order {
		p := r.byID[id]
		p.Roles = slices.Clone(p.Roles)
		out = append(out, p)
	}
	return out
}

// Name is how screens call a person: the name, or the id when there is none.
func (a *Auth) Name(id string) string {
	if p := a.live.Load().byID[id]; p.Name != "" {
		return p.Name
	}
	return id
}

// AddPerson adds somebody with a password.
func (a *Auth) AddPerson(ctx context.Context, by By, n NewPerson) (Person, error) {
	hash, err := a.prepare(ctx, &n)
	if err != nil {
		return Person{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Person{}, fmt.Errorf("auth: random numbers: %w", err)
	}
	err = a.commit(ctx, by, func(c *change) error { return c.addPerson(id.String(), n, hash) })
	if err != nil {
		return Person{}, err
	}
	p, _ := a.Person(id.String())
	return p, nil
}

// prepare checks what needs no database and hashes the password, outside the transaction.
func (a *Auth) prepare(ctx context.Context, n *NewPerson) (string, error) {
	d, err := cleanDescription(description{n.Login, n.Name, n.Titles, n.Agency})
	if err != nil {
		return "", err
	}
	n.Login, n.Name, n.Titles, n.Agency = d.Login, d.Name, d.Titles, d.Agency
	if n.Roles, err = cleanRoles(n.Roles); err != nil {
		return "", err
	}
	if n.Phone != "" {
		if n.Phone, err = CleanPhone(n.Phone); err != nil {
			return "", err
		}
	}
	if err := CheckPassword(n.Password, n.Login, n.Name); err != nil {
		return "", err
	}
	return a.hash(ctx, n.Password)
}

func (a *Auth) hash(ctx context.Context, password string) (string, error) {
	if err := a.desk.enter(ctx); err != nil {
		return "", err
	}
	defer a.desk.leave()
	return hashPassword(password, a.cost)
}

func (c *change) addPerson(id string, n NewPerson, hash string) error {
	d := description{n.Login, n.Name, n.Titles, n.Agency}
	if err := c.checkLogin(id, d.Login); err != nil {
		return err
	}
	if err := c.event(KindPersonAdded, id, d); err != nil {
		return err
	}
	if err := c.event(KindPersonRoleChanged, id, roleChange{Roles: n.Roles, Before: []Role{}, Reason: c.by.Reason}); err != nil {
		return err
	}
	if n.Phone != "" {
		if err := c.setSecret(id, secretPhone, []byte(n.Phone)); err != nil {
			return err
		}
	}
	return c.setPassword(id, hash, n.MustChange)
}

func (c *change) checkLogin(id, login string) error {
	if other, ok := c.r.byLogin[login]; ok && other != id {
		return conflict("login", "%q is taken; choose another, as %q", login, login+"2")
	}
	return nil
}

// ChangePerson replaces who a person is. Roles and password are changed by their own functions.
func (a *Auth) ChangePerson(ctx context.Context, by By, id string, login, name, titles, agency string) (Person, error) {
	d, err := cleanDescription(description{login, name, titles, agency})
	if err != nil {
		return Person{}, err
	}
	err = a.commit(ctx, by, func(c *change) error {
		p, ok := c.r.byID[id]
		if !ok {
			return noPerson(id)
		}
		if (description{p.Login, p.Name, p.Titles, p.Agency}) == d {
			return nil
		}
		if err := c.checkLogin(id, d.Login); err != nil {
			return err
		}
		return c.event(KindPersonChanged, id, d)
	})
	return a.answer(id, err)
}

// SetRoles replaces a person's roles; they count from the next request on. Nobody changes their own, and the last
// administrator stays one.
func (a *Auth) SetRoles(ctx context.Context, by By, id string, roles []Role) (Person, error) {
	roles, err := cleanRoles(roles)
	if err != nil {
		return Person{}, err
	}
	err = a.commit(ctx, by, func(c *change) error {
		p, ok := c.r.byID[id]
		if !ok {
			return noPerson(id)
		}
		if slices.Equal(p.Roles, roles) {
			return nil
		}
		if by.Actor == id {
			return conflict("roles", "nobody changes their own roles; ask another administrator")
		}
		if !slices.Contains(roles, Administrator) {
			if err := c.keepAdministrator(p); err != nil {
				return err
			}
		}
		return c.event(KindPersonRoleChanged, id, roleChange{Roles: roles, Before: p.Roles, Reason: by.Reason})
	})
	return a.answer(id, err)
}

// EnablePerson lets somebody sign in again, or shuts them out at once, which ends all their sessions and needs a reason.
// The last administrator stays.
func (a *Auth) EnablePerson(ctx context.Context, by By, id string, on bool) (Person, error) {
	err := a.commit(ctx, by, func(c *change) error {
		p, ok := c.r.byID[id]
		switch {
		case !ok:
			return noPerson(id)
		case p.Active == on:
			return nil
		case on:
			return c.event(KindPersonEnabled, id, reason{by.Reason})
		case by.Reason == "":
			return invalid("reason", "shutting somebody out needs a reason")
		case by.Actor == id:
			return conflict("id", "nobody shuts themselves out; ask another administrator")
		}
		if err := c.keepAdministrator(p); err != nil {
			return err
		}
		return c.event(KindPersonDisabled, id, reason{by.Reason})
	})
	if err == nil && !on {
		err = a.endSessions(ctx, by, func(s Session) bool { return s.Person == id }, "disabled")
	}
	return a.answer(id, err)
}

func (c *change) keepAdministrator(p Person) error {
	if p.Active && slices.Contains(p.Roles, Administrator) && c.r.administrators() <= 1 {
		return conflict("roles", "this is the last administrator; make another one first")
	}
	return nil
}

func (a *Auth) answer(id string, err error) (Person, error) {
	if err != nil {
		return Person{}, err
	}
	p, _ := a.Person(id)
	return p, nil
}

func cleanDescription(d description) (description, error) {
	d.Login = strings.ToLower(strings.TrimSpace(d.Login))
	if !loginForm.MatchString(d.Login) {
		return d, invalid("login", "want 2 to 32 lower case letters, digits, dots, hyphens or underscores, beginning with a letter or digit")
	}
	for _, f := range [...]struct {
		name  string
		v     *string
		least int
	}{{"name", &d.Name, 1}, {"titles", &d.Titles, 0}, {"agency", &d.Agency, 0}} {
		*f.v = strings.Join(strings.Fields(*f.v), " ")
		if n := utf8.RuneCountInString(*f.v); n < f.least || n > 100 {
			return d, invalid(f.name, "%d characters long, want %d to 100", n, f.least)
		}
		if !utf8.ValidString(*f.v) || strings.ContainsFunc(*f.v, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
			return d, invalid(f.name, "holds a control character")
		}
	}
	return d, nil
}

// cleanRoles sorts roles into the order of Roles and refuses unknown ones.
func cleanRoles(roles []Role) ([]Role, error) {
	out := []Role{}
	for _, r := range Roles() {
		if slices.Contains(roles, r) {
			out = append(out, r)
		}
	}
	for _, r := range roles {
		if !slices.Contains(out, r) {
			return nil, invalid("roles", "%.40q is not one of %v", r, Roles())
		}
	}
	if len(out) == 0 {
		return nil, invalid("roles", "at least one of %v", Roles())
	}
	return out, nil
}
