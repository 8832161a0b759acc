package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"siaga/internal/config"
	"siaga/internal/registry"
	"siaga/internal/watch"
	"siaga/internal/web"
)

// set changes a setting as the administrator would who has just looked at it.
func (s *site) set(t *testing.T, key, value string) {
	t.Helper()
	have, _ := s.registry.Setting(key)
	must(t, s.registry.ChangeSetting(t.Context(), registry.By{Actor: "p-admin", Reason: "uji", Seen: have.Revision}, key, json.RawMessage(value)))
}

func (s *site) listed(key string) web.Setting {
	all := s.listSettings()
	return all[slices.IndexFunc(all, func(one web.Setting) bool { return one.Key == key })]
}

func TestSettings_OutliveARestartAndGoBackToTheFile(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Contacts = []config.Contact{{Who: "leader", Name: "Danru", Phone: "0811"}}
	s := startSite(t, cfg)
	s.set(t, "contacts", `[{"who":"leader","name":"Danru","phone":"0822","radio":""}]`)
	s.set(t, "site.stage", `"pungut_hitung"`)
	s.set(t, "console.absent_after_s", "90")
	if got := s.contacts(); len(got) != 1 || got[0].Phone != "0822" {
		t.Errorf("the cards show %+v", got)
	}
	if a := s.attendance(); a.AbsentAfter != 90*time.Second {
		t.Errorf("the check waits %v", a.AbsentAfter)
	}
	must(t, s.stop())
	intact(t, cfg)

	s = startSite(t, cfg)
	if got := s.contacts(); len(got) != 1 || got[0].Phone != "0822" {
		t.Errorf("after a restart the cards show %+v", got)
	}
	one := s.listed("site.stage")
	if one.Value != "pungut_hitung" || one.Source != "changed" || one.Applies != "now" || one.InFile != "rutin" || one.By != "p-admin" {
		t.Errorf("%+v", one)
	}
	have, _ := s.registry.Setting("contacts")
	must(t, s.registry.ResetSetting(t.Context(), registry.By{Actor: "p-admin", Reason: "salah", Seen: have.Revision}, "contacts"))
	if got := s.contacts(); len(got) != 1 || got[0].Phone != "0811" {
		t.Errorf("set back, the cards show %+v", got)
	}
	must(t, s.stop())
	intact(t, cfg)
}

// Each refusal is the file's own, and says which part of the value is wrong.
func TestSettings_TakeNothingThatTheFileWouldNotTake(t *testing.T) {
	t.Parallel()
	s := newSettings(testConfig(t))
	for _, bad := range []struct{ key, value, field, says string }{
		{"recording.keep_days", "0", "value", "use 1 to 3650"},
		{"recording.keep_days", `"tiga"`, "value", "recording.keep_days"},
		{"recording.keep_days", "null", "value", "set the key back"},
		{"recording.stream_gib", "-1", "value", "use 0 to"},
		{"recording.keep_least_days", "3651", "value", "use 0 to 3650"},
		{"console.absent_after_s", "3601", "value", "use 0 to 3600"},
		{"log.level", `"loud"`, "value", "use debug, info, warn or error"},
		{"site.stage", `"pesta"`, "value", "rutin"},
		{"contacts", `[{"who":"leader","name":"A","phone":"1"},{"who":"tetangga","name":"B","phone":"2"}]`, "value[1].who", "use one of"},
		{"contacts", `[{"who":"leader","name":"A"}]`, "value[0]", "a phone or a radio"},
		{"contacts", `[{"who":"leader","name":"A","fax":"1"}]`, "value", "fax"},
	} {
		_, err := s.Clean(bad.key, json.RawMessage(bad.value))
		r, ok := err.(*registry.Refusal)
		if !ok || r.Field != bad.field || !strings.Contains(r.Why, bad.says) {
			t.Errorf("%s = %s: %v", bad.key, bad.value, err)
		}
	}
	if _, ok := s.InFile("http.listen"); ok {
		t.Error("a door may be moved while the program runs")
	}
}

// What is kept while the disk fills is the recorder's own test (TestRetention with a disk that is full): here it is told.
func TestSettings_RetentionSaysAllThatIsWritten(t *testing.T) {
	t.Parallel()
	p := retention(config.Recording{KeepDays: 30, KeepLeastDays: 7, StreamGiB: 2}).Default
	if p.MaxAge != 30*24*time.Hour || p.MinAge != 7*24*time.Hour || p.MaxBytes != 2<<30 {
		t.Errorf("%+v", p)
	}
}

// The recorder deletes by the new rule without a restart, and by the old one before.
func TestSettings_RetentionAtOnce(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Recording.KeepDays, cfg.Recording.KeepLeastDays = 3650, 0
	s := startSite(t, cfg)
	must(t, s.recorder.StreamExpected("arsip", "main", time.Time{}))
	s.awaitEvent(t, "arsip", "recording.expected", "")
	s.closed(t, "tua", 40*24*time.Hour, 1<<20)
	s.closed(t, "satu", 3*time.Hour, 700<<20)
	s.closed(t, "dua", 2*time.Hour, 700<<20)
	gone := func(why, path string) func() bool {
		return func() bool {
			return slices.ContainsFunc(s.events(t, "arsip", "segment.expired"), func(e watch.Event) bool {
				return strings.Contains(string(e.Body), `"why":"`+why+`"`) && strings.Contains(string(e.Body), path)
			})
		}
	}
	s.set(t, "recording.keep_days", "365")
	s.set(t, "recording.keep_days", "30")
	s.await(t, "file gone by age", gone("age", "tua"))
	if gone("bytes", "satu")() {
		t.Error("a file went by size without a limit")
	}
	s.set(t, "recording.stream_gib", "1")
	s.await(t, "file gone by size", gone("bytes", "satu"))
	if gone("bytes", "dua")() {
		t.Error("more went than the limit asks for")
	}
}

// closed journals a file of a camera that is not there, so long ago.
func (s *site) closed(t *testing.T, name string, ago time.Duration, bytes int64) {
	t.Helper()
	start := time.Now().Add(-ago).UTC()
	body := fmt.Sprintf(`{"stream":"main","path":"segments/arsip.main/%s.mp4","start":%q,"end":%q,"bytes":%d,"sha256":"%064d","timescale":90000,"tracks":[],"wall":"arrival"}`,
		name, watch.FormatTime(start), watch.FormatTime(start.Add(time.Minute)), bytes, 0)
	r, err := s.journal.Append(t.Context(), watch.Draft{Kind: "segment.closed", Device: "arsip", Body: []byte(body)})
	must(t, err)
	must(t, r.Wait(t.Context()))
}

// adjustable is a program log whose level can be set, as cmd/siaga makes it.
type adjustable struct {
	slog.Handler
	*slog.LevelVar
}

type written struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *written) has(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.b.String(), text)
}

// Not parallel: the program has one log.
func TestSettings_LogLevelAtOnce(t *testing.T) {
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	var log written
	level := new(slog.LevelVar)
	slog.SetDefault(slog.New(adjustable{slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}), level}))
	s := startSite(t, testConfig(t))
	slog.Debug("sebelum")
	s.set(t, "log.level", `"debug"`)
	slog.Debug("sesudah")
	if log.has("sebelum") || !log.has("sesudah") {
		t.Error("the level did not change at once")
	}
	if one := s.listed("log.level"); one.Applies != "now" || one.Value != "debug" {
		t.Errorf("%+v", one)
	}
}
