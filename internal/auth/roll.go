package auth

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"

	"siaga/internal/watch"
)

// roll is everyone, as last read.
type roll struct {
	byID    map[string]Person
	byLogin map[string]string
	order   []string // ids by login
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (a *Auth) loadRoll(ctx context.Context, q queryer) (*roll, error) {
	r := &roll{byID: map[string]Person{}, byLogin: map[string]string{}}
	if err := r.loadPeople(ctx, q); err != nil {
		return nil, fmt.Errorf("auth: reading people: %w", err)
	}
	if err := a.loadFlags(ctx, q, r); err != nil {
		return nil, fmt.Errorf("auth: reading people: %w", err)
	}
	return r, nil
}

func (r *roll) loadPeople(ctx context.Context, q queryer) error {
	rows, err := q.QueryContext(ctx, `SELECT id, login, name, titles, agency, roles, active, created FROM people ORDER BY login, id`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	for rows.Next() {
		var p Person
		var roles string
		var created int64
		if err := rows.Scan(&p.ID, &p.Login, &p.Name, &p.Titles, &p.Agency, &roles, &p.Active, &created); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(roles), &p.Roles); err != nil {
			return fmt.Errorf("roles of %s: %w", p.ID, err)
		}
		p.Created = watch.FromMillis(created)
		r.byID[p.ID] = p
		r.order = append(r.order, p.ID)
		if p.Login != "" {
			r.byLogin[p.Login] = p.ID
		}
	}
	return rows.Err()
}

// loadFlags notes what sealed records say that everybody may know.
func (a *Auth) loadFlags(ctx context.Context, q queryer, r *roll) error {
	rows, err := q.QueryContext(ctx, `SELECT person, kind, box FROM person_secrets`)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	for rows.Next() {
		var id, kind string
		var box []byte
		if err := rows.Scan(&id, &kind, &box); err != nil {
			return err
		}
		p, ok := r.byID[id]
		if !ok {
			continue
		}
		if kind == secretPhone {
			p.HasPhone = true
		} else {
			var flags struct {
				MustChange bool `json:"must_change"`
				Confirmed  bool `json:"confirmed"`
			}
			plain, err := a.opt.Vault.Open(box, secretPlace(id, kind))
			if err == nil {
				err = json.Unmarshal(plain, &flags)
			}
			if err != nil {
				// One damaged record must not keep everybody out; its owner is told at the sign-in.
				slog.Error("auth: a sealed record cannot be read", "person", id, "kind", kind, "err", err)
			}
			p.MustChange = p.MustChange || flags.MustChange
			p.SecondFactor = p.SecondFactor || flags.Confirmed
		}
		r.byID[id] = p
	}
	return rows.Err()
}

// administrators counts those who can still let people in.
func (r *roll) administrators() int {
	n := 0
	for _, p := range r.byID {
		if p.Active && p.Login != "" && slices.Contains(p.Roles, Administrator) {
			n++
		}
	}
	return n
}
