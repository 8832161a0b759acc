package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goccy/go-yaml"

	"siaga/internal/config"
	"siaga/internal/record"
	"siaga/internal/registry"
	"siaga/internal/watch"
	"siaga/internal/web"
)

// changeable are the keys that may be changed while the program runs, and where they stand in a configuration. Each takes
// effect at once; settle sees to that.
func changeable(c *config.Config) map[string]any {
	return map[string]any{
		"site.stage":                &c.Site.Stage,
		"contacts":                  &c.Contacts,
		"console.absent_after_s":    &c.Console.AbsentAfterS,
		"recording.keep_days":       &c.Recording.KeepDays,
		"recording.keep_least_days": &c.Recording.KeepLeastDays,
		"recording.stream_gib":      &c.Recording.StreamGiB,
		"log.level":                 &c.Log.Level,
	}
}

// settings are the configuration as it stands: what siaga.yaml said at the start, and over it what people changed since.
type settings struct {
	file config.Config
	live atomic.Pointer[config.Config]
	mu   sync.Mutex // one settle at a time, so that an older state never replaces a newer one
}

func newSettings(file config.Config) *settings {
	s := &settings{file: file}
	s.live.Store(&file)
	return s
}

// now is the configuration as it stands.
func (s *settings) now() config.Config { return *s.live.Load() }

// InFile is what the file says of a key that may be changed.
func (s *settings) InFile(key string) (json.RawMessage, bool) {
	c := s.file
	at, ok := changeable(&c)[key]
	if !ok {
		return nil, false
	}
	text, err := json.Marshal(at)
	return text, err == nil
}

// Clean refuses what the file could not hold either, in the same words.
func (s *settings) Clean(key string, value json.RawMessage) (json.RawMessage, error) {
	c := s.file
	if err := overlay(&c, key, value); err != nil {
		return nil, err
	}
	return json.Marshal(changeable(&c)[key])
}

// overlay sets one key. A refusal leaves the configuration in no state to be used.
func overlay(c *config.Config, key string, value json.RawMessage) error {
	refuse := func(part, why string) error {
		return &registry.Refusal{Field: "value" + part, Why: why, Cause: watch.ErrInvalid}
	}
	if bytes.Equal(bytes.TrimSpace(value), []byte("null")) {
		return refuse("", "null is no value: to let siaga.yaml decide, set the key back")
	}
	if key == "contacts" {
		c.Contacts = nil // never write into the file's own list
	}
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.DisallowUnknownFields()
	if err := dec.Decode(changeable(c)[key]); err != nil {
		return refuse("", fmt.Sprintf("%s cannot be this: write it as siaga.yaml has it (%v)", key, err))
	}
	for _, f := range c.Faults() {
		if part, ok := strings.CutPrefix(f.Key, key); ok && (part == "" || part[0] == '[') {
			return refuse(part, f.Why)
		}
	}
	return nil
}

// settle makes what people changed take effect. A value that this program does not take any more is left to the file.
func (a *App) settle() {
	a.settings.mu.Lock()
	defer a.settings.mu.Unlock()
	c := a.cfg
	for key := range changeable(&c) {
		s, _ := a.registry.Setting(key)
		if s.Value == nil {
			continue
		}
		with := c
		if err := overlay(&with, key, s.Value); err != nil {
			slog.Error("a setting that was changed on the dashboard is not used: siaga.yaml decides", "key", key, "err", err)
			continue
		}
		c = with
	}
	a.settings.live.Store(&c)
	if a.recorder != nil { // at the start it is made with them
		a.recorder.SetRetention(retention(c.Recording))
	}
	if l := leveled(); l != nil {
		l.Set(levelOf(c.Log))
	}
}

// retention is how long video is kept.
func retention(c config.Recording) record.Retention {
	return record.Retention{Default: record.Policy{
		MaxAge:   time.Duration(c.KeepDays) * 24 * time.Hour,
		MinAge:   time.Duration(c.KeepLeastDays) * 24 * time.Hour,
		MaxBytes: int64(c.StreamGiB) << 30,
	}}
}

// leveled is the program's log, if its level can be set while it runs; nil if not.
func leveled() interface{ Set(slog.Level) } {
	l, _ := slog.Default().Handler().(interface{ Set(slog.Level) })
	return l
}

func levelOf(l config.Log) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		return slog.LevelInfo // config proved the word
	}
	return level
}

// list is every key as in siaga.yaml, with what the program runs with, where that comes from, and when a change takes
// effect. Files with secrets are named there, never their contents.
func (a *App) listSettings() []web.Setting {
	runs := a.settings.now()
	have, inFile, usual := flat(runs), flat(a.cfg), flat(config.Default())
	next := inFile
	if again, err := a.cfg.Again(); err == nil { // a file that cannot be read would stop the next start; `siaga doctor` says so
		next = flat(again)
	}
	var out []web.Setting
	for _, key := range slices.Sorted(maps.Keys(have)) {
		one := web.Setting{Key: key, Value: have[key], Source: "file", Applies: "restart", InFile: inFile[key]}
		if have[key] == usual[key] {
			one.Source = "default"
		}
		if _, one.Changeable = changeable(&runs)[key]; one.Changeable && (key != "log.level" || leveled() != nil) {
			one.Applies = "now"
		}
		s, _ := a.registry.Setting(key)
		one.By, one.Revision = s.By, s.Revision
		if s.Revision != 0 {
			one.At = watch.Time{Time: s.At}
		}
		if s.Value != nil {
			one.Source = "changed"
		} else if value := next[key]; value != inFile[key] {
			one.Pending = &value
		}
		out = append(out, one)
	}
	return out
}

// flat is a config as dotted keys.
func flat(cfg config.Config) map[string]string {
	out := map[string]string{}
	text, err := yaml.Marshal(cfg)
	var tree map[string]any
	if err != nil || yaml.Unmarshal(text, &tree) != nil {
		return out // a config that was read can be written
	}
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		branch, ok := v.(map[string]any)
		if !ok {
			out[strings.TrimPrefix(prefix, ".")] = plainValue(v)
			return
		}
		for key, below := range branch {
			walk(prefix+"."+key, below)
		}
	}
	walk("", tree)
	return out
}

func plainValue(v any) string {
	if _, ok := v.([]any); ok {
		text, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(text)
	}
	return fmt.Sprint(v)
}
