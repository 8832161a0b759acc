package registry

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Kinds of events about the program's configuration. The subject is the key.
const (
	KindSettingChanged = "setting.changed"
	KindSettingReset   = "setting.reset"
)

// settings is what the registry must know of the configuration; app answers from siaga.yaml.
type settings interface {
	// InFile is what the file says of a key, as JSON; false: the key may not be changed while the program runs.
	InFile(key string) (json.RawMessage, bool)
	// Clean refuses, with a *Refusal, a value that the file could not hold either, and returns it in the one form that
	// equal values have.
	Clean(key string, value json.RawMessage) (json.RawMessage, error)
}

// Setting is a key of the configuration that somebody changed while the program ran.
type Setting struct {
	Key      string
	Value    json.RawMessage // nil: set back to what the file says
	By       string          // person id
	At       time.Time
	Revision uint64 // moves with every change
}

// Setting returns what was made of a key; false if nobody ever changed it.
func (r *Registry) Setting(key string) (Setting, bool) {
	s, ok := r.live.Load().settings[key]
	return s, ok
}

// ChangeSetting overrides what the file says of a key. By.Seen MUST be the revision that the person looked at, 0 for a
// key that nobody changed yet; By.Reason is needed. Asking for what is so already changes nothing.
func (r *Registry) ChangeSetting(ctx context.Context, by By, key string, value json.RawMessage) error {
	return r.setSetting(ctx, by, key, func(Setting, json.RawMessage) (string, json.RawMessage, error) {
		clean, err := r.opt.Settings.Clean(key, value)
		return KindSettingChanged, clean, err
	})
}

// ResetSetting lets the file decide about a key again. By.Seen and By.Reason are as in ChangeSetting.
func (r *Registry) ResetSetting(ctx context.Context, by By, key string) error {
	return r.setSetting(ctx, by, key, func(have Setting, inFile json.RawMessage) (string, json.RawMessage, error) {
		if have.Value == nil {
			return "", nil, nil
		}
		return KindSettingReset, inFile, nil
	})
}

// inForce is the value of a key.
func inForce(s Setting, inFile json.RawMessage) json.RawMessage {
	if s.Value != nil {
		return s.Value
	}
	return inFile
}

// setSetting journals what decide makes of a setting, unless that is no kind or what is so already.
func (r *Registry) setSetting(ctx context.Context, by By, key string, decide func(have Setting, inFile json.RawMessage) (string, json.RawMessage, error)) error {
	var inFile json.RawMessage
	known := false
	if r.opt.Settings != nil {
		inFile, known = r.opt.Settings.InFile(key)
	}
	if !known {
		return &Refusal{Field: "key", Why: fmt.Sprintf("there is no setting %.64q that may be changed while the program runs", key), Cause: ErrNotFound}
	}
	_, err := r.commit(ctx, by, func(c *change) error {
		if err := c.needReason("changing a setting"); err != nil {
			return err
		}
		have := c.st.settings[key]
		if have.Revision != by.Seen && have.Revision != 0 {
			return &Stale{seq: have.Revision}
		}
		kind, value, err := decide(have, inFile)
		before := inForce(have, inFile)
		if err != nil || kind == "" || kind == KindSettingChanged && bytes.Equal(value, before) {
			return err
		}
		body, err := encode(settingBody{Key: key, Before: before, After: value, Reason: by.Reason})
		if err != nil {
			return fmt.Errorf("registry: body of %s: %w", kind, err)
		}
		_, err = c.add(watch.Draft{Kind: kind, Subject: key, Actor: by.Actor, Body: body})
		return err
	})
	if err == nil && r.opt.Settled != nil {
		r.opt.Settled()
	}
	return err
}

type settingBody struct {
	Key    string          `json:"key"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
	Reason string          `json:"reason"`
}

// SettingsProjection is the table of settings. It belongs into journal.Options before the journal is opened.
func SettingsProjection() journal.Projection { return settingsProjection{} }

type settingsProjection struct{}

func (settingsProjection) Name() string     { return "settings" }
func (settingsProjection) Tables() []string { return []string{"settings"} }
func (settingsProjection) Kinds() []string  { return []string{KindSettingChanged, KindSettingReset} }

// Apply writes what the event means. A change whose body was erased leaves the key to the file. See journal.Projection.
func (settingsProjection) Apply(tx *sql.Tx, e watch.Event) error {
	var value any
	if e.Kind == KindSettingChanged && !e.Erased {
		var b settingBody
		if err := json.Unmarshal(e.Body, &b); err != nil {
			return fmt.Errorf("body of %s: %w", e.Kind, err)
		}
		value = string(b.After)
	}
	return exec(tx, `INSERT OR REPLACE INTO settings (key, value, actor, at, seq) VALUES (?,?,?,?,?)`,
		e.Subject, value, e.Actor, watch.Millis(e.At), int64(e.Seq))
}

// Blank forgets a value, such as a person's number, if no later event set another. See journal.Blanker.
func (settingsProjection) Blank(tx *sql.Tx, e watch.Event) error {
	return exec(tx, `UPDATE settings SET value = NULL WHERE key = ? AND seq = ?`, e.Subject, int64(e.Seq))
}

func (s *state) loadSettings(ctx context.Context, q queryer) error {
	return each(ctx, q, `SELECT key, value, actor, at, seq FROM settings`, func(rows *sql.Rows) error {
		var one Setting
		var value sql.NullString
		var at int64
		err := rows.Scan(&one.Key, &value, &one.By, &at, &one.Revision)
		if value.Valid {
			one.Value = json.RawMessage(value.String)
		}
		one.At = watch.FromMillis(at)
		s.settings[one.Key] = one
		return err
	})
}
