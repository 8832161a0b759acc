package registry

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"siaga/internal/vault"
	"siaga/internal/watch"
)

// Limits of a device's secrets.
const (
	maxSecrets = 16
	maxSecret  = 4096 // bytes of one value
)

var secretName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

func secretPlace(device, name string) vault.Place {
	return vault.Place{Table: "device_secrets", Column: "box", Row: device + "/" + name}
}

// Secrets opens all secrets of a device, by name. It is for the one who starts the device: they MUST NOT be shown,
// logged or sent to anyone but the device.
func (r *Registry) Secrets(ctx context.Context, device string) (map[string]string, error) {
	rows, err := r.opt.Journal.DB().QueryContext(ctx, `SELECT name, box FROM device_secrets WHERE device = ?`, device)
	if err != nil {
		return nil, fmt.Errorf("registry: secrets of %s: %w", device, err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	out := map[string]string{}
	for rows.Next() {
		var name string
		var box []byte
		if err := rows.Scan(&name, &box); err != nil {
			return nil, fmt.Errorf("registry: secrets of %s: %w", device, err)
		}
		plain, err := r.opt.Vault.Open(box, secretPlace(device, name))
		if err != nil {
			return nil, fmt.Errorf("registry: secret %s of %s: %w", name, device, err)
		}
		out[name] = string(plain)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("registry: secrets of %s: %w", device, err)
	}
	return out, nil
}

// secretNames are the names that will be set once the given values are stored over those there are.
func secretNames(have []string, given map[string]string) []string {
	names := map[string]bool{}
	for _, n := range have {
		names[n] = true
	}
	for n, v := range given {
		names[n] = v != ""
	}
	maps.DeleteFunc(names, func(_ string, set bool) bool { return !set })
	return slices.Sorted(maps.Keys(names))
}

func checkSecrets(secrets map[string]string) error {
	if len(secrets) > maxSecrets {
		return invalid("secrets", "%d of them, the limit is %d", len(secrets), maxSecrets)
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		if !secretName.MatchString(name) {
			return invalid("secrets", "%.40q: a name has lower case letters, digits, hyphens and underscores, at most 63", name)
		}
		if len(secrets[name]) > maxSecret {
			return invalid("secrets."+name, "%d bytes long, the limit is %d", len(secrets[name]), maxSecret)
		}
	}
	return nil
}

// storeSecrets writes those values that differ from what is stored; an empty value removes one. It returns the names
// of what it set and removed.
func (c *change) storeSecrets(device string, secrets map[string]string) (set, removed []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		value := []byte(secrets[name])
		have, err := c.openSecret(device, name)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case bytes.Equal(have, value): // nothing to do, or never there
		case len(value) == 0:
			removed = append(removed, name)
			if err := exec(c.tx, `DELETE FROM device_secrets WHERE device = ? AND name = ?`, device, name); err != nil {
				return nil, nil, err
			}
		default:
			set = append(set, name)
			box, err := c.r.opt.Vault.Seal(value, secretPlace(device, name))
			if err != nil {
				return nil, nil, err
			}
			err = exec(c.tx, `INSERT INTO device_secrets (device, name, box, changed) VALUES (?,?,?,?)
				ON CONFLICT (device, name) DO UPDATE SET box = excluded.box, changed = excluded.changed`,
				device, name, box, watch.Millis(c.now))
			if err != nil {
				return nil, nil, err
			}
		}
	}
	return set, removed, nil
}

// openSecret is the stored value, empty if there is none or its key is gone.
func (c *change) openSecret(device, name string) ([]byte, error) {
	var box []byte
	err := c.tx.QueryRow(`SELECT box FROM device_secrets WHERE device = ? AND name = ?`, device, name).Scan(&box)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	plain, err := c.r.opt.Vault.Open(box, secretPlace(device, name))
	if errors.Is(err, vault.ErrBox) {
		return nil, nil // it cannot be used any more either; a new value replaces it
	}
	return plain, err
}

// dropSecrets removes all secrets of a device and returns their names.
func (c *change) dropSecrets(device string) ([]string, error) {
	names := c.st.devices[device].Secrets
	return names, exec(c.tx, `DELETE FROM device_secrets WHERE device = ?`, device)
}
