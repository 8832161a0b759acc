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
	plans       map[string]FloorPlan // by zone
	settings    map[string]Setting   // by key
	// children finds equipment behind a gateway by its key there, and kids counts it.
	children map[childKey]string
	kids     map[string]int
	// order lists device ids, sorted, so that lists come out the same each time.
	order []string
	// names and addresses find who has a folded name or a camera's address. Only changes need them, so they are built
	// when first asked for; an import of a province asks 600 times in one transaction.
	names, addresses map[string]string
}

type childKey struct{ gateway, key string }

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func load(ctx context.Context, q queryer) (*state, error) {
	s := &state{
		zones: map[string]Zone{}, devices: map[string]Device{}, credentials: map[string]credential{}, plans: map[string]FloorPlan{},
		settings: map[string]Setting{},
		children: map[childKey]string{}, kids: map[string]int{},
	}
	for _, part := range []func(context.Context, queryer) error{s.loadZones, s.loadDevices, s.loadStreams, s.loadSecrets, s.loadCredentials, s.loadPlans, s.loadSettings} {
		if err := part(ctx, q); err != nil {
			return nil, fmt.Errorf("registry: reading: %w", err)
		}
	}
	s.order = slices.Sorted(maps.Keys(s.devices))
	for _, id := range s.order {
		s.enlist(s.devices[id])
	}
	return s, nil
}

// enlist and delist keep the indices; order is kept by put and drop.
func (s *state) enlist(d Device) {
	if d.Parent != "" {
		s.children[childKey{d.Parent, d.ChildKey}] = d.ID
		s.kids[d.Parent]++
	}
	if s.names != nil {
		s.names[fold(d.Name)] = d.ID
	}
	if s.addresses != nil {
		for _, a := range addresses(d.Config) {
			s.addresses[a] = d.ID
		}
	}
}

func (s *state) delist(d Device) {
	if d.Parent != "" {
		delete(s.children, childKey{d.Parent, d.ChildKey})
		s.kids[d.Parent]--
	}
	if s.names != nil {
		delete(s.names, fold(d.Name))
	}
	if s.addresses != nil {
		for _, a := range addresses(d.Config) {
			delete(s.addresses, a)
		}
	}
}

// put brings a device into a working copy.
func (s *state) put(d Device) {
	if old, ok := s.devices[d.ID]; ok {
		s.delist(old)
	} else {
		i, _ := slices.BinarySearch(s.order, d.ID)
		s.order = slices.Insert(s.order, i, d.ID)
	}
	s.devices[d.ID] = d
	s.enlist(d)
}

// drop takes a device out of a working copy.
func (s *state) drop(id string) {
	s.delist(s.devices[id])
	delete(s.devices, id)
	if i, ok := slices.BinarySearch(s.order, id); ok {
		s.order = slices.Delete(s.order, i, i+1)
	}
}

// named is the device that has a name, however it is written; "" if it is free.
func (s *state) named(name string) string {
	if s.names == nil {
		s.names = make(map[string]string, len(s.devices))
		for id, d := range s.devices {
			s.names[fold(d.Name)] = id
		}
	}
	return s.names[fold(name)]
}

// addressed is the device that has a camera's address; "" if none has.
func (s *state) addressed(address string) string {
	if s.addresses == nil {
		s.addresses = make(map[string]string, len(s.devices))
		for id, d := range s.devices {
			for _, a := range addresses(d.Config) {
				s.addresses[a] = id
			}
		}
	}
	return s.addresses[address]
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

	heading, fov, reach float64
}

func (p spot) plan() *Plan {
	if !p.x.Valid || !p.y.Valid {
		return nil
	}
	return &Plan{Floor: p.floor, X: p.x.Float64, Y: p.y.Float64, Heading: p.heading, FOV: p.fov, Range: p.reach}
}

func (p spot) position() *Position {
	if !p.lat.Valid || !p.lon.Valid {
		return nil
	}
	return &Position{Lat: p.lat.Float64, Lon: p.lon.Float64}
}

func (s *state) loadZones(ctx context.Context, q queryer) error {
	return each(ctx, q, `SELECT id, parent, name, code, kind, special, floor, plan_x, plan_y, lat, lon,
		armed, armed_by, armed_at, locked, locked_by, locked_at, created, changed, seq FROM zones`, func(rows *sql.Rows) error {
		var z Zone
		var p spot
		var armedAt, lockedAt, created, changed int64
		err := rows.Scan(&z.ID, &z.Parent, &z.Name, &z.Code, &z.Kind, &z.Special, &p.floor, &p.x, &p.y, &p.lat, &p.lon,
			&z.Armed.On, &z.Armed.By, &armedAt, &z.Locked.On, &z.Locked.By, &lockedAt, &created, &changed, &z.Revision)
		z.Plan, z.Position = p.plan(), p.position()
		z.Armed.At, z.Locked.At = watch.FromMillis(armedAt), watch.FromMillis(lockedAt)
		z.Created, z.Changed = watch.FromMillis(created), watch.FromMillis(changed)
		s.zones[z.ID] = z
		return err
	})
}

func (s *state) loadDevices(ctx context.Context, q queryer) error {
	return each(ctx, q, `SELECT id, kind, name, alias, zone, parent, child_key, config, enabled, floor, plan_x, plan_y,
		plan_heading, plan_fov, plan_range, lat, lon, created, created_by, installed, changed, seq FROM devices`, func(rows *sql.Rows) error {
		var d Device
		var p spot
		var config string
		var created, installed, changed int64
		err := rows.Scan(&d.ID, &d.Kind, &d.Name, &d.Alias, &d.Zone, &d.Parent, &d.ChildKey, &config, &d.Enabled, &p.floor, &p.x, &p.y,
			&p.heading, &p.fov, &p.reach, &p.lat, &p.lon, &created, &d.CreatedBy, &installed, &changed, &d.Revision)
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

func (s *state) loadPlans(ctx context.Context, q queryer) error {
	return each(ctx, q, `SELECT zone, sha256, type, width, height, bytes, anchors, changed, seq FROM plans`, func(rows *sql.Rows) error {
		var p FloorPlan
		var anchors string
		var changed int64
		if err := rows.Scan(&p.Zone, &p.SHA256, &p.Type, &p.Width, &p.Height, &p.Bytes, &anchors, &changed, &p.Revision); err != nil {
			return err
		}
		p.Changed = watch.FromMillis(changed)
		if err := json.Unmarshal([]byte(anchors), &p.Anchors); err != nil {
			return fmt.Errorf("anchors of plan %s: %w", p.Zone, err)
		}
		s.plans[p.Zone] = p
		return nil
	})
}

// behind lists the devices behind a gateway, sorted by id.
func (s *state) behind(gateway string) []Device {
	if s.kids[gateway] == 0 {
		return nil
	}
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
