package registry

import (
	"context"
	"encoding/json"
	"testing"

	"siaga/internal/watch"
)

// tells journals what a device told, as ingest does.
func (s *site) tells(device string, d watch.Description) {
	s.t.Helper()
	r, err := s.j.Append(context.Background(), watch.Draft{Kind: watch.KindDescribed, Device: device, Body: d.Reading("").Body})
	if err == nil {
		err = r.Wait(context.Background())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) told(device string) watch.Description {
	s.t.Helper()
	told, ok, err := s.Told(context.Background(), device)
	if err != nil || ok == told.At.IsZero() {
		s.t.Fatalf("%v since %v: %v", ok, told.At, err)
	}
	all, err := s.AllTold(context.Background())
	if err != nil || all[device] != told {
		s.t.Fatalf("the list says %+v, the device %+v: %v", all[device], told, err)
	}
	return told.Description
}

func TestTold_FollowsTheEventsAndGoesWithTheDevice(t *testing.T) {
	ctx := context.Background()
	s := furnished(t)
	if got := s.told("cam-1"); got != (watch.Description{}) {
		t.Errorf("before it told anything: %+v", got)
	}
	first := watch.Description{Vendor: "Zavio", Model: "B8220", Firmware: "M2.1", Serial: "77", Software: "Rtsp Server/3.0"}
	s.tells("cam-1", first)
	s.tells("ht-1", watch.Description{Firmware: "D01"})
	if got := s.told("cam-1"); got != first {
		t.Errorf("told %+v", got)
	}
	later := watch.Description{Vendor: "Zavio", Firmware: "M2.2"}
	s.tells("cam-1", later)
	if got := s.told("cam-1"); got != later {
		t.Errorf("told later %+v", got)
	}
	s.proved()

	d, _ := s.Device("cam-1")
	d.Name = "MJN-GDG-09"
	o, err := s.Change(ctx, me, d, nil)
	if err != nil || o.Told == nil || o.Told.Description != later {
		t.Errorf("a new name answers %+v, %v", o.Told, err)
	}
	if err := s.Remove(ctx, me, "cam-1"); err != nil {
		t.Fatal(err)
	}
	s.tells("cam-1", later) // was under way when it was removed
	if got := s.told("cam-1"); got != (watch.Description{}) {
		t.Errorf("a removed device still tells %+v", got)
	}
	if got := s.told("ht-1"); got.Firmware != "D01" {
		t.Errorf("another device tells %+v", got)
	}
	s.proved()
}

func TestTold_OfOneUnitIsNotSaidOfAnother(t *testing.T) {
	ctx := context.Background()
	s := furnished(t)
	about := watch.Description{Firmware: "1"}
	for name, change := range map[string]func() error{
		"replaced": func() error {
			_, err := s.Replace(ctx, me, "cam-1", Replacement{Config: json.RawMessage(`{"url":"rtsp://10.0.0.1/main"}`)})
			return err
		},
		"another address": func() error {
			d, _ := s.Device("cam-1")
			d.Config = json.RawMessage(`{"url":"rtsp://10.0.0.77/main"}`)
			_, err := s.Change(ctx, me, d, map[string]string{"password": "s3mangka-merah", "app_key": "kunci-aplikasi"})
			return err
		},
	} {
		s.tells("cam-1", about)
		if err := change(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := s.told("cam-1"); got != (watch.Description{}) {
			t.Errorf("%s, and still tells %+v", name, got)
		}
	}
	s.tells("ht-1", about)
	d, _ := s.Device("ht-1")
	d.ChildKey = "5100299"
	if _, err := s.Change(ctx, me, d, nil); err != nil {
		t.Fatal(err)
	}
	if got := s.told("ht-1"); got != (watch.Description{}) {
		t.Errorf("another radio, and still tells %+v", got)
	}
	s.proved()
}
