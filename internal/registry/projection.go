package registry

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Kinds of events that registry writes.
const (
	KindZoneAdded         = "zone.added"
	KindZoneChanged       = "zone.changed"
	KindZoneRemoved       = "zone.removed"
	KindZoneArmed         = "zone.armed"
	KindZoneDisarmed      = "zone.disarmed"
	KindZoneLocked        = "zone.locked"
	KindZoneUnlocked      = "zone.unlocked"
	KindPlanSet           = "zone.plan_set"
	KindPlanRemoved       = "zone.plan_removed"
	KindDeviceRegistered  = "device.registered"
	KindDeviceChanged     = "device.changed"
	KindDeviceRemoved     = "device.removed"
	KindDeviceEnabled     = "device.enabled"
	KindDeviceDisabled    = "device.disabled"
	KindDeviceReplaced    = "device.replaced"
	KindDevicePlaced      = "device.placed"
	KindCredentialIssued  = "device.credential_issued"
	KindCredentialRevoked = "device.credential_revoked"
)

// Projection is the part of the registry that events explain: zones, devices, streams. It belongs into
// journal.Options before the journal is opened.
func Projection() journal.Projection { return projection{} }

// projection is not a journal.Blanker: its events carry structure that footage and alerts stand on, so they cannot
// be erased. People's names do not belong into them.
type projection struct{}

func (projection) Name() string { return "registry" }
func (projection) Tables() []string {
	return []string{"zones", "devices", "streams", "plans", "device_descriptions"}
}

func (projection) Kinds() []string {
	return []string{
		KindZoneAdded, KindZoneChanged, KindZoneRemoved, KindZoneArmed, KindZoneDisarmed, KindZoneLocked, KindZoneUnlocked,
		KindDeviceRegistered, KindDeviceChanged, KindDeviceRemoved, KindDeviceEnabled, KindDeviceDisabled, KindDeviceReplaced,
		KindPlanSet, KindPlanRemoved, KindDevicePlaced, watch.KindDescribed,
	}
}

// body is the body of every event of the registry.
type body[T any] struct {
	Before *T     `json:"before,omitempty"`
	After  *T     `json:"after,omitempty"`
	Reason string `json:"reason,omitempty"`
	Second string `json:"second,omitempty"` // person id, where two people are needed
	// SecretsSet and SecretsRemoved name secrets, never show them.
	SecretsSet     []string `json:"secrets_set,omitempty"`
	SecretsRemoved []string `json:"secrets_removed,omitempty"`
}

// Apply writes what the event means. See journal.Projection.
func (projection) Apply(tx *sql.Tx, e watch.Event) error {
	at, seq := watch.Millis(e.At), int64(e.Seq)
	switch e.Kind {
	case KindZoneAdded, KindZoneChanged:
		z, err := after[Zone](e)
		if err != nil {
			return err
		}
		return writeZone(tx, z, at, seq)
	case KindZoneRemoved:
		if err := exec(tx, `DELETE FROM plans WHERE zone = ?`, e.Zone); err != nil {
			return err
		}
		return exec(tx, `DELETE FROM zones WHERE id = ?`, e.Zone)
	case KindZoneArmed, KindZoneDisarmed:
		return exec(tx, `UPDATE zones SET armed = ?, armed_by = ?, armed_at = ?, seq = ? WHERE id = ?`,
			e.Kind == KindZoneArmed, e.Actor, at, seq, e.Zone)
	case KindZoneLocked, KindZoneUnlocked:
		return exec(tx, `UPDATE zones SET locked = ?, locked_by = ?, locked_at = ?, seq = ? WHERE id = ?`,
			e.Kind == KindZoneLocked, e.Actor, at, seq, e.Zone)
	case KindDeviceRegistered, KindDeviceChanged, KindDeviceReplaced:
		d, err := after[Device](e)
		if err != nil {
			return err
		}
		if err := forgetDescription(tx, d, e); err != nil {
			return err
		}
		return writeDevice(tx, d, e)
	case KindDeviceRemoved:
		for _, rows := range []string{`DELETE FROM streams WHERE device = ?`, `DELETE FROM device_descriptions WHERE device = ?`} {
			if err := exec(tx, rows, e.Device); err != nil {
				return err
			}
		}
		return exec(tx, `DELETE FROM devices WHERE id = ?`, e.Device)
	case watch.KindDescribed:
		return writeDescription(tx, e)
	case KindDeviceEnabled, KindDeviceDisabled:
		return exec(tx, `UPDATE devices SET enabled = ?, changed = ?, seq = ? WHERE id = ?`,
			e.Kind == KindDeviceEnabled, at, seq, e.Device)
	case KindDevicePlaced:
		var b body[Plan]
		if err := json.Unmarshal(e.Body, &b); err != nil {
			return fmt.Errorf("body of %s: %w", e.Kind, err)
		}
		p := planColumns(b.After)
		return exec(tx, `UPDATE devices SET floor = ?, plan_x = ?, plan_y = ?, plan_heading = ?, plan_fov = ?, plan_range = ?,
			changed = ?, seq = ? WHERE id = ?`, p.floor, p.x, p.y, p.heading, p.fov, p.reach, at, seq, e.Device)
	case KindPlanSet:
		p, err := after[FloorPlan](e)
		if err != nil {
			return err
		}
		return writePlan(tx, p, at, seq)
	case KindPlanRemoved:
		return exec(tx, `DELETE FROM plans WHERE zone = ?`, e.Zone)
	}
	return nil
}

func writePlan(tx *sql.Tx, p FloorPlan, at, seq int64) error {
	anchors, err := encode(slices.Concat([]Anchor{}, p.Anchors))
	if err != nil {
		return err
	}
	return exec(tx, `INSERT OR REPLACE INTO plans (zone, sha256, type, width, height, bytes, anchors, changed, seq) VALUES (?,?,?,?,?,?,?,?,?)`,
		p.Zone, p.SHA256, p.Type, p.Width, p.Height, p.Bytes, string(anchors), at, seq)
}

func after[T any](e watch.Event) (T, error) {
	var b body[T]
	if err := json.Unmarshal(e.Body, &b); err != nil {
		return *new(T), fmt.Errorf("body of %s: %w", e.Kind, err)
	}
	if b.After == nil {
		return *new(T), fmt.Errorf("body of %s has no `after`: %w", e.Kind, watch.ErrInvalid)
	}
	return *b.After, nil
}

func writeZone(tx *sql.Tx, z Zone, at, seq int64) error {
	p := planColumns(z.Plan)
	lat, lon := positionColumns(z.Position)
	return exec(tx, `INSERT INTO zones (id, parent, name, code, kind, special, floor, plan_x, plan_y, lat, lon,
			armed, armed_by, armed_at, locked, locked_by, locked_at, created, changed, seq)
		VALUES (?,?,?,?,?,?,?,?,?,?,?, 0,'',0, 0,'',0, ?,?,?)
		ON CONFLICT (id) DO UPDATE SET parent = excluded.parent, name = excluded.name, code = excluded.code, kind = excluded.kind,
			special = excluded.special, floor = excluded.floor, plan_x = excluded.plan_x, plan_y = excluded.plan_y,
			lat = excluded.lat, lon = excluded.lon, changed = excluded.changed, seq = excluded.seq`,
		z.ID, z.Parent, z.Name, z.Code, z.Kind, z.Special, p.floor, p.x, p.y, lat, lon, at, at, seq)
}

func writeDevice(tx *sql.Tx, d Device, e watch.Event) error {
	p := planColumns(d.Plan)
	lat, lon := positionColumns(d.Position)
	at := watch.Millis(e.At)
	err := exec(tx, `INSERT INTO devices (id, kind, name, alias, zone, parent, child_key, config, enabled, floor, plan_x, plan_y,
			plan_heading, plan_fov, plan_range, lat, lon, created, created_by, installed, changed, seq)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name = excluded.name, alias = excluded.alias, zone = excluded.zone,
			parent = excluded.parent, child_key = excluded.child_key, config = excluded.config, enabled = excluded.enabled,
			floor = excluded.floor, plan_x = excluded.plan_x, plan_y = excluded.plan_y, plan_heading = excluded.plan_heading,
			plan_fov = excluded.plan_fov, plan_range = excluded.plan_range, lat = excluded.lat, lon = excluded.lon,
			installed = CASE WHEN ? THEN excluded.installed ELSE installed END, changed = excluded.changed, seq = excluded.seq`,
		d.ID, d.Kind, d.Name, d.Alias, d.Zone, d.Parent, d.ChildKey, string(d.Config), d.Enabled, p.floor, p.x, p.y, p.heading, p.fov, p.reach, lat, lon,
		at, e.Actor, at, at, int64(e.Seq), e.Kind == KindDeviceReplaced)
	if err != nil {
		return err
	}
	if err := exec(tx, `DELETE FROM streams WHERE device = ?`, d.ID); err != nil {
		return err
	}
	for _, s := range d.Streams {
		if err := exec(tx, `INSERT INTO streams (device, name, record, retention) VALUES (?,?,?,?)`, d.ID, s.Name, s.Record, s.Retention); err != nil {
			return err
		}
	}
	return nil
}

// onPlan holds the columns of a place on a plan.
type onPlan struct {
	floor               string
	x, y                any // NULL if not placed
	heading, fov, reach float64
}

func planColumns(p *Plan) onPlan {
	if p == nil {
		return onPlan{}
	}
	return onPlan{p.Floor, p.X, p.Y, p.Heading, p.FOV, p.Range}
}

func positionColumns(p *Position) (lat, lon any) {
	if p == nil {
		return nil, nil
	}
	return p.Lat, p.Lon
}

func exec(tx *sql.Tx, query string, args ...any) error {
	_, err := tx.Exec(query, args...)
	return err
}
