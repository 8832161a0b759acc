package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"strings"
	"sync"

	"github.com/google/uuid"

	"siaga/internal/journal"
)

// enrolment guards the first start: whoever reads the program's own output makes the first administrator.
type enrolment struct {
	mu    sync.Mutex
	code  string
	tries int
}

// maxTries is how often the code may be guessed before a restart makes another one.
const maxTries = 10

func newEnrolment() (*enrolment, error) {
	raw := make([]byte, 10)
	if _, err := rand.Read(raw); err != nil {
		return nil, fmt.Errorf("auth: random numbers: %w", err)
	}
	s := base32.StdEncoding.EncodeToString(raw)
	return &enrolment{code: s[:4] + "-" + s[4:8] + "-" + s[8:12] + "-" + s[12:]}, nil
}

// Enrolled reports whether there is an administrator who can sign in.
func (a *Auth) Enrolled() bool { return a.live.Load().administrators() > 0 }

// EnrolmentCode is the code that makes the first administrator, for the program to print; "" once there is one. It is
// made anew at each start and stands nowhere but in memory.
func (a *Auth) EnrolmentCode() string {
	if a.Enrolled() {
		return ""
	}
	return a.enrol.code
}

// Enrol makes the first administrator. It works once, with the printed code.
func (a *Auth) Enrol(ctx context.Context, code string, n NewPerson) (Person, error) {
	if a.Enrolled() {
		return Person{}, conflict("code", "there is an administrator already; ask them for an account")
	}
	if !a.enrol.matches(code) {
		return Person{}, invalid("code", "this is not the code that the program printed at its start; after %d mistakes it must be restarted", maxTries)
	}
	n.Roles, n.MustChange = []Role{Administrator}, false
	hash, err := a.prepare(ctx, &n)
	if err != nil {
		return Person{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Person{}, fmt.Errorf("auth: random numbers: %w", err)
	}
	err = a.commit(ctx, By{Actor: id.String(), Reason: "enrolment"}, func(c *change) error {
		if c.r.administrators() > 0 {
			return conflict("code", "somebody else was faster; ask them for an account")
		}
		return c.addPerson(id.String(), n, hash)
	})
	return a.answer(id.String(), err)
}

func (e *enrolment) matches(code string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tries >= maxTries {
		return false
	}
	plain := func(s string) string { return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(s)) }
	if subtle.ConstantTimeCompare([]byte(plain(code)), []byte(plain(e.code))) == 1 {
		return true
	}
	e.tries++
	return false
}

var _ journal.Blanker = projection{}
