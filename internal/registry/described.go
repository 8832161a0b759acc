package registry

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"siaga/internal/watch"
)

// Told is what a device told about itself, and when it last told something new.
type Told struct {
	watch.Description
	At time.Time
}

const toldColumns = `vendor, model, firmware, serial, software, at FROM device_descriptions`

func (t *Told) into() []any {
	return []any{&t.Vendor, &t.Model, &t.Firmware, &t.Serial, &t.Software}
}

// Told returns what a device told about itself; ok is false if that is nothing.
func (r *Registry) Told(ctx context.Context, device string) (told Told, ok bool, err error) {
	var at int64
	row := r.opt.Journal.DB().QueryRowContext(ctx, `SELECT `+toldColumns+` WHERE device = ?`, device)
	err = row.Scan(append(told.into(), &at)...)
	if errors.Is(err, sql.ErrNoRows) {
		return Told{}, false, nil
	}
	if err != nil {
		return Told{}, false, fmt.Errorf("registry: what %s told about itself: %w", device, err)
	}
	told.At = watch.FromMillis(at)
	return told, true, nil
}

// AllTold is what every device that said anything told about itself, by device.
func (r *Registry) AllTold(ctx context.Context) (map[string]Told, error) {
	out := map[string]Told{}
	err := each(ctx, r.opt.Journal.DB(), `SELECT device, `+toldColumns, func(rows *sql.Rows) error {
		var device string
		var told Told
		var at int64
		if err := rows.Scan(append(append([]any{&device}, told.into()...), &at)...); err != nil {
			return err
		}
		told.At = watch.FromMillis(at)
		out[device] = told
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("registry: what devices told about themselves: %w", err)
	}
	return out, nil
}

// writeDescription keeps what a device told. One that was removed meanwhile gets no row.
func writeDescription(tx *sql.Tx, e watch.Event) error {
	var d watch.Description
	if err := json.Unmarshal(e.Body, &d); err != nil {
		return fmt.Errorf("body of %s: %w", e.Kind, err)
	}
	return exec(tx, `INSERT OR REPLACE INTO device_descriptions (device, vendor, model, firmware, serial, software, at, seq)
		SELECT id, ?, ?, ?, ?, ?, ?, ? FROM devices WHERE id = ?`,
		d.Vendor, d.Model, d.Firmware, d.Serial, d.Software, watch.Millis(e.At), int64(e.Seq), e.Device)
}

// forgetDescription drops what a device told where it may be another unit from now on: a new one in its place, another
// address, another key behind the gateway. Call it before the device's row is written.
func forgetDescription(tx *sql.Tx, d Device, e watch.Event) error {
	return exec(tx, `DELETE FROM device_descriptions WHERE device = ? AND (? OR EXISTS (
			SELECT 1 FROM devices WHERE id = ? AND (kind <> ? OR parent <> ? OR child_key <> ? OR config <> ?)))`,
		d.ID, e.Kind == KindDeviceReplaced, d.ID, d.Kind, d.Parent, d.ChildKey, string(d.Config))
}
