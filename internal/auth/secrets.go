package auth

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"siaga/internal/vault"
	"siaga/internal/watch"
)

// Kinds of a person's secrets.
const (
	secretPassword = "password"
	secretFactor   = "totp"
	secretPhone    = "phone"
)

// passwordRecord is what is sealed of a password.
type passwordRecord struct {
	Hash       string `json:"hash"` // PHC string
	MustChange bool   `json:"must_change"`
}

func secretPlace(person, kind string) vault.Place {
	return vault.Place{Table: "person_secrets", Column: "box", Row: person + "/" + kind}
}

type rowQueryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// openSecret opens a person's secret; nil if there is none.
func (a *Auth) openSecret(ctx context.Context, q rowQueryer, person, kind string) ([]byte, error) {
	var box []byte
	err := q.QueryRowContext(ctx, `SELECT box FROM person_secrets WHERE person = ? AND kind = ?`, person, kind).Scan(&box)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("auth: %s of %s: %w", kind, person, err)
	}
	plain, err := a.opt.Vault.Open(box, secretPlace(person, kind))
	if err != nil {
		return nil, fmt.Errorf("auth: %s of %s: %w", kind, person, err)
	}
	return plain, nil
}

// openRecord decodes a secret that is JSON; false if there is none.
func (a *Auth) openRecord(ctx context.Context, q rowQueryer, person, kind string, into any) (bool, error) {
	plain, err := a.openSecret(ctx, q, person, kind)
	if err != nil || plain == nil {
		return false, err
	}
	if err := json.Unmarshal(plain, into); err != nil {
		return false, fmt.Errorf("auth: %s of %s is damaged: %w", kind, person, err)
	}
	return true, nil
}

func (c *change) setSecret(person, kind string, plain []byte) error {
	box, err := c.a.opt.Vault.Seal(plain, secretPlace(person, kind))
	if err != nil {
		return err
	}
	return exec(c.tx, `INSERT INTO person_secrets (person, kind, box, changed) VALUES (?,?,?,?)
		ON CONFLICT (person, kind) DO UPDATE SET box = excluded.box, changed = excluded.changed`, person, kind, box, watch.Millis(c.now))
}

func (c *change) setRecord(person, kind string, v any) error {
	plain, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.setSecret(person, kind, plain)
}

func (c *change) dropSecret(person, kind string) error {
	return exec(c.tx, `DELETE FROM person_secrets WHERE person = ? AND kind = ?`, person, kind)
}

func (c *change) setPassword(person, hash string, mustChange bool) error {
	if err := c.setRecord(person, secretPassword, passwordRecord{Hash: hash, MustChange: mustChange}); err != nil {
		return err
	}
	return c.event(KindPersonPassword, person, struct {
		MustChange bool   `json:"must_change"`
		Reason     string `json:"reason,omitempty"`
	}{mustChange, c.by.Reason})
}

// ChangePassword sets a person's own new password; the old one proves who asks. All their other sessions end.
func (a *Auth) ChangePassword(ctx context.Context, s Session, old, fresh, address string) error {
	p, ok := a.Person(s.Person)
	if !ok || !p.Active {
		return noPerson(s.Person)
	}
	if err := a.prove(ctx, p, old, address); err != nil {
		return err
	}
	if old == fresh {
		return invalid("password", "it is the old one; choose another")
	}
	return a.replacePassword(ctx, By{Actor: p.ID}, p, fresh, false, s.ID)
}

// prove checks a password of somebody signed in, under the same delays as a sign-in.
func (a *Auth) prove(ctx context.Context, p Person, password, address string) error {
	if err := a.throttle.admit(p.Login, address); err != nil {
		return err
	}
	var rec passwordRecord
	if _, err := a.openRecord(ctx, a.opt.Journal.DB(), p.ID, secretPassword, &rec); err != nil {
		return err
	}
	ok, _, err := a.verify(ctx, rec.Hash, password)
	if err != nil {
		return err
	}
	if !ok {
		return a.failed(ctx, Attempt{Login: p.Login, Address: address}, p, "password")
	}
	a.throttle.succeeded(p.Login, address)
	return nil
}

// ResetPassword sets a password for somebody else, which they must change at their next sign-in; "" makes one. It
// returns the password, to be told once. All sessions of the person end.
func (a *Auth) ResetPassword(ctx context.Context, by By, person, fresh string) (string, error) {
	p, ok := a.Person(person)
	if !ok {
		return "", noPerson(person)
	}
	if fresh == "" {
		var err error
		if fresh, err = NewPassword(); err != nil {
			return "", err
		}
	}
	return fresh, a.replacePassword(ctx, by, p, fresh, true, "")
}

// SetPassword sets a password for somebody as it is to stay: for the program itself, and for a person who chose it before
// the administrator's eyes. All sessions of the person end.
func (a *Auth) SetPassword(ctx context.Context, by By, person, fresh string) error {
	p, ok := a.Person(person)
	if !ok {
		return noPerson(person)
	}
	return a.replacePassword(ctx, by, p, fresh, false, "")
}

func (a *Auth) replacePassword(ctx context.Context, by By, p Person, fresh string, mustChange bool, keep string) error {
	if err := CheckPassword(fresh, p.Login, p.Name); err != nil {
		return err
	}
	hash, err := a.hash(ctx, fresh)
	if err != nil {
		return err
	}
	err = a.commit(ctx, by, func(c *change) error {
		if _, ok := c.r.byID[p.ID]; !ok {
			return noPerson(p.ID)
		}
		return c.setPassword(p.ID, hash, mustChange)
	})
	if err != nil {
		return err
	}
	return a.endSessions(ctx, by, func(s Session) bool { return s.Person == p.ID && s.ID != keep }, "password changed")
}

// SetPhone stores a person's phone number sealed; "" removes it.
func (a *Auth) SetPhone(ctx context.Context, by By, person, phone string) error {
	if phone != "" {
		var err error
		if phone, err = CleanPhone(phone); err != nil {
			return err
		}
	}
	return a.commit(ctx, by, func(c *change) error {
		if _, ok := c.r.byID[person]; !ok {
			return noPerson(person)
		}
		if err := c.dropSecret(person, secretPhone); err != nil {
			return err
		}
		if phone != "" {
			if err := c.setSecret(person, secretPhone, []byte(phone)); err != nil {
				return err
			}
		}
		return c.event(KindPersonPhone, person, struct {
			Set bool `json:"set"`
		}{phone != ""})
	})
}

// Phone opens a person's phone number, in the form +62…; "" if there is none.
func (a *Auth) Phone(ctx context.Context, person string) (string, error) {
	plain, err := a.openSecret(ctx, a.opt.Journal.DB(), person, secretPhone)
	return string(plain), err
}

// CleanPhone brings an Indonesian phone number, as people write it, into the form +62…; numbers of other countries need
// their +.
func CleanPhone(s string) (string, error) {
	var digits strings.Builder
	for i, r := range strings.TrimSpace(s) {
		switch {
		case r >= '0' && r <= '9':
			digits.WriteRune(r)
		case r == '+' && i == 0, strings.ContainsRune(" -.()", r):
		default:
			return "", invalid("phone", "holds something that is no digit; write it as 0812-3456-7890, (0422) 21234 or +62 812 3456 7890")
		}
	}
	d := digits.String()
	switch {
	case strings.HasPrefix(strings.TrimSpace(s), "+"):
	case strings.HasPrefix(d, "62"):
	case strings.HasPrefix(d, "0"):
		d = "62" + d[1:]
	default:
		return "", invalid("phone", "begins with neither 0 nor +")
	}
	if len(d) < 8 || len(d) > 15 {
		return "", invalid("phone", "%d digits, want 8 to 15", len(d))
	}
	return "+" + d, nil
}
