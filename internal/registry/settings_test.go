package registry

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"siaga/internal/watch"
)

// file stands for siaga.yaml: any JSON number will do for either key.
type file struct{}

func (file) InFile(key string) (json.RawMessage, bool) {
	return json.RawMessage("30"), slices.Contains([]string{"recording.keep_days", "console.absent_after_s"}, key)
}

func (file) Clean(key string, value json.RawMessage) (json.RawMessage, error) {
	var n int
	if json.Unmarshal(value, &n) != nil {
		return nil, invalid("value", "%s: not a number", key)
	}
	return json.Marshal(n)
}

func newSettingsSite(t *testing.T) (*site, *int) {
	s, settled := newSite(t, t.TempDir()), new(int)
	s.opt.Settings, s.opt.Settled = file{}, func() { *settled++ }
	return s, settled
}

func TestSettings_LiveFromEventsAndAreTakenBack(t *testing.T) {
	s, settled := newSettingsSite(t)
	const key = "recording.keep_days"
	if err := s.ChangeSetting(ctx, me, key, json.RawMessage(" 30 ")); err != nil || len(s.events(KindSettingChanged)) != 0 {
		t.Errorf("what is so already is no change: %v", err)
	}
	if err := s.ChangeSetting(ctx, me, key, json.RawMessage("14")); err != nil {
		t.Fatal(err)
	}
	have, ok := s.Setting(key)
	if !ok || string(have.Value) != "14" || have.By != me.Actor || have.At.IsZero() || have.Revision == 0 || *settled != 2 {
		t.Errorf("%+v, told %d times", have, *settled)
	}
	s.proved()
	back := me
	back.Seen = have.Revision
	if err := s.ResetSetting(ctx, back, key); err != nil {
		t.Fatal(err)
	}
	after, _ := s.Setting(key)
	if after.Value != nil || after.Revision <= have.Revision {
		t.Errorf("set back: %+v", after)
	}
	if e := s.events(KindSettingReset); len(e) != 1 || string(e[0].Body) != `{"key":"recording.keep_days","before":14,"after":30,"reason":"uji"}` {
		t.Errorf("%+v", e)
	}
	s.proved()
}

func TestSettings_RefuseWithoutAnEvent(t *testing.T) {
	s, _ := newSettingsSite(t)
	const key = "console.absent_after_s"
	s.refused("unknown", s.ChangeSetting(ctx, me, "http.listen", json.RawMessage("1")), ErrNotFound, "key", "http.listen")
	s.refused("no number", s.ChangeSetting(ctx, me, key, json.RawMessage(`"x"`)), watch.ErrInvalid, "value", "not a number")
	s.refused("no reason", s.ChangeSetting(ctx, By{Actor: me.Actor}, key, json.RawMessage("1")), watch.ErrInvalid, "reason", "needs a reason")
	s.refused("no reason", s.ResetSetting(ctx, By{Actor: me.Actor}, key), watch.ErrInvalid, "reason", "needs a reason")
	if n := len(s.events("setting.*")); n != 0 {
		t.Errorf("%d events", n)
	}
	if err := s.ChangeSetting(ctx, By{Actor: "0190-lain", Reason: "x"}, key, json.RawMessage("60")); err != nil {
		t.Fatal(err)
	}
	var stale *Stale
	if err := s.ChangeSetting(ctx, me, key, json.RawMessage("61")); !errors.As(err, &stale) || stale.Actor != "0190-lain" || stale.At.IsZero() {
		t.Errorf("who had not seen the first change: %v", err)
	}
}

// A person's number can be forgotten lawfully; the file decides then.
func TestSettings_AnErasedChangeLeavesTheKeyToTheFile(t *testing.T) {
	s, _ := newSettingsSite(t)
	if err := s.ChangeSetting(ctx, me, "recording.keep_days", json.RawMessage("1234567")); err != nil {
		t.Fatal(err)
	}
	have, _ := s.Setting("recording.keep_days")
	if err := s.j.Erase(ctx, have.Revision, "ketua", "sekretaris", "permintaan subjek data"); err != nil {
		t.Fatal(err)
	}
	if err := s.refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if have, _ := s.Setting("recording.keep_days"); have.Value != nil {
		t.Errorf("%s", have.Value)
	}
	s.proved()
}
