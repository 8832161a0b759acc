package web

import (
	"encoding/json"
	"net/http"
	"testing"

	"siaga/internal/watch"
)

func TestDevices_SayWhatTheyToldAboutThemselves(t *testing.T) {
	s := newSite(t)
	s.furnish()
	var d struct{ Info *DeviceInfo }
	s.call("technician", get, prefix+"/devices/cam-1", "", http.StatusOK, &d)
	if d.Info != nil {
		t.Fatalf("before it told anything: %+v", d.Info)
	}
	tell := func(about watch.Description) {
		r, err := s.journal.Append(t.Context(), watch.Draft{Kind: watch.KindDescribed, Device: "cam-1", Body: about.Reading("").Body})
		must(t, err)
		must(t, r.Wait(t.Context()))
	}
	tell(watch.Description{Vendor: "Zavio", Firmware: "M2.1"})
	tell(watch.Description{Vendor: "Zavio", Firmware: "M2.2"})
	for _, c := range []struct{ method, path, body string }{
		{get, "/devices/cam-1", ""},
		{patch, "/devices/cam-1", `{"alias":"Gerbang","reason":"nama panggil"}`},
	} {
		s.call("technician", c.method, prefix+c.path, c.body, http.StatusOK, &d)
		if d.Info == nil || d.Info.Vendor != "Zavio" || d.Info.Firmware != "M2.2" || d.Info.Model != "" || d.Info.At.IsZero() {
			t.Errorf("%s %s answers %+v", c.method, c.path, d.Info)
		}
	}
	var all struct {
		Items []struct {
			ID   string
			Info json.RawMessage
		}
	}
	s.call("technician", get, prefix+"/devices", "", http.StatusOK, &all)
	for _, one := range all.Items {
		if told := string(one.Info) != "null"; told != (one.ID == "cam-1") {
			t.Errorf("%s in the list: %s", one.ID, one.Info)
		}
	}
}
