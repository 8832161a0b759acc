package registry

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"siaga/internal/watch"
)

// state is everything the registry knows, in memory. One read from the database is never changed after it was
// published; a change works on its own copy, read inside its transaction.
type state struct {
	zones       map[string]Zone
	devices     map[string]Device
	credentials map[string]credential
	// children finds equipment behind a gateway by its key there.
	children map[childKey]string
	// order lists device ids, sorted, so that lists come out the same each time.
	order []string
}

type childKey struct{ gateway, key string }

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func load(ctx context.Context, q queryer) (*state, error) {
	s := &state{zones: map[string]Zone{}, devices: map[string]Device{}, credentials: map[string]credential{}, children: map[childKey]string{}}
	for _, part := range []func(context.Context, queryer) error{s.loadZones, s.loadDevices, s.loadStreams, s.loadSecrets, s.loadCredentials} {
		if err := part(ctx, q); err != nil {
			return nil, fmt.Errorf("registry: reading: %w", err)
		}
	}
	s.index()
	return s, nil
}

func (s *state) index() {
	s.order = slices.Sorted(maps.Keys(s.devices))
	s.children = make(map[childKey]string, len(s.devices))
	for _, id := range s.order {
		if d := s.devices[id]; d.Parent != "" {
			s.children[childKey{d.Parent, d.ChildKey}] = id
		}
	}
}

// each calls scan for every row of a query.
func each(ctx context.Context, q queryer, query string, scan func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// spot holds the nullable columns of a place.
type spot struct {
	floor          string
	x, y, lat, lon sql.NullFloat64
}

func (p spot) plan() *Plan {
	if !p.x.Valid || !p.y.Valid {
		return nil
	}
	return &Plan{Floor: p.floor, X: p.x.Float64, Y: p.y.Float64}
}

func (p spot) position() *Position {
	if !p.lat.Valid || !p.lon.Valid {
		return nil
	}
	return &Position{Lat: p.lat.Float64, Lon: p.lon.Float64}
}

func (s *state) loadZones(ctx context.Context, q queryer) error {
	return each(ctx, q, `SELECT id, parent, name, code, kind, special, floor, plan_x, plan_y, lat, lon,
		armed, armed_by, armed_at, locked, locked_by, locked_at, created, changed FROM zones`, func(rows *sql.Rows) error {
		var z Zone
		var p spot
		var armedAt, lockedAt, created, changed int64
		err := rows.Scan(&z.ID, &z.Parent, &z.Name, &z.Code, &z.Kind, &z.Special, &p.floor, &p.x, &p.y, &p.lat, &p.lon,
			&z.Armed.On, &z.Armed.By, &armedAt, &z.Locked.On, &z.Locked.By, &lockedAt, &created, &changed)
		z.Plan, z.Position = p.plan(), p.position()
		z.Armed.At, z.Locked.At = watch.FromMillis(armedAt), watch.FromMillis(lockedAt)
		z.Created, z.Changed = watch.FromMillis(created), watch.FromMillis(changed)
		s.zones[z.ID] = z
		return err
	})
}

func (s *state) loadDevices(ctx context.Context, q queryer) error {
	return each(ctx, q, `SELECT id, kind, name, alias, zone, parent, child_key, config, enabled, floor, plan_x, plan_y, lat, lon,
		created, created_by, installed, changed, seq FROM devices`, func(rows *sql.Rows) error {
		var d Device
		var p spot
		var config string
		var created, installed, changed int64
		err := rows.Scan(&d.ID, &d.Kind, &d.Name, &d.Alias, &d.Zone, &d.Parent, &d.ChildKey, &config, &d.Enabled, &p.floor, &p.x, &p.y,
			&p.lat, &p.lon, &created, &d.CreatedBy, &installed, &changed, &d.Revision)
		d.Config = json.RawMessage(config)
		d.Plan, d.Position = p.plan(), p.position()
		d.Created, d.Installed, d.Changed = watch.FromMillis(created), watch.FromMillis(installed), watch.FromMillis(changed)
		s.devices[d.ID] = d
		return err
	})
}

func (s *state) loadStreams(ctx context.Context, q queryer) error {
	return each(ctx, q, `SELECT device, name, record, retention FROM streams ORDER BY device, name`, func(rows *sql.Rows) error {
		var id string
		var st Stream
		if err := rows.Scan(&id, &st.Name, &st.Record, &st.Retention); err != nil {
			return err
		}
		if d, ok := s.devices[id]; ok {
			d.Streams = append(d.Streams, st)
			s.devices[id] = d
		}
		return nil
	})
}

func (s *state) loadSecrets(ctx context.Context, q queryer) error {
	return each(ctx, q, `SELECT device, name FROM device_secrets ORDER BY device, name`, func(rows *sql.Rows) error {
		var id, name string
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		if d, ok := s.devices[id]; ok {
			d.Secrets = append(d.Secrets, name)
			s.devices[id] = d
		}
		return nil
	})
}

func (s *state) loadCredentials(ctx context.Context, q queryer) error {
	return each(ctx, q, `SELECT device, salt, hash FROM mqtt_credentials`, func(rows *sql.Rows) error {
		var id string
		var c credential
		if err := rows.Scan(&id, &c.salt, &c.hash); err != nil {
			return err
		}
		if d, ok := s.devices[id]; ok {
			d.MQTT = true
			s.devices[id] = d
			s.credentials[id] = c
		}
		return nil
	})
}

// behind lists the devices behind a gateway, sorted by id.
func (s *state) behind(gateway string) []Device {
	var out []Device
	for _, id := range s.order {
		if d := s.devices[id]; d.Parent == gateway {
			out = append(out, d)
		}
	}
	return out
}

// path lists a zone and its ancestors, nearest first. It ends where the tree does, or after maxDepth steps in one
// that is broken.
func (s *state) path(zone string) []string {
	var out []string
	for id := zone; id != "" && len(out) < maxDepth; {
		z, ok := s.zones[id]
		if !ok {
			break
		}
		out = append(out, id)
		id = z.Parent
	}
	return out
}
