package web

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"siaga/internal/watch"
)

func TestEvents_PagesFollowOneAnotherInBothOrders(t *testing.T) {
	s := newSite(t)
	s.sign("guard")
	s.add("door.opened", 7)
	s.add("radio.emergency", 3)
	for order, first := range map[string]uint64{"asc": 0, "desc": s.journal.Head() + 1} {
		last, next, n := first, "", 0
		for {
			var page list[Event]
			s.call("guard", get, prefix+"/events?kind=door.*&limit=2&order="+order+"&after="+next, "", http.StatusOK, &page)
			for _, e := range page.Items {
				if order == "asc" && e.Seq <= last || order == "desc" && e.Seq >= last || e.Kind != "door.opened" {
					t.Errorf("%s: event %d (%s) after %d", order, e.Seq, e.Kind, last)
				}
				last = e.Seq
				n++
			}
			if next = page.Next; next == "" {
				break
			}
		}
		if n != 7 {
			t.Errorf("%s: pages held %d events, want 7", order, n)
		}
	}
}

func TestEvents_HideWhatTheRoleMayNotSee(t *testing.T) {
	s := newSite(t)
	s.sign("technician")
	hidden := s.add("radio.emergency", 1)
	shown := s.add("camera.lost", 1)
	var page list[Event]
	s.call("technician", get, prefix+"/events?limit=500&kind=radio.*&kind=camera.*", "", http.StatusOK, &page)
	if len(page.Items) != 1 || page.Items[0].Seq != shown {
		t.Errorf("the technician sees %+v", page.Items)
	}
	s.problem("technician", get, prefix+"/events/"+strconv.FormatUint(hidden, 10), "", http.StatusNotFound, "not_found")
	s.call("technician", get, prefix+"/events/"+strconv.FormatUint(shown, 10), "", http.StatusOK, nil)
}

func TestEvents_BodiesThatBreakJSONDoNotBreakTheList(t *testing.T) {
	s := newSite(t)
	r, err := s.journal.Append(t.Context(), watch.Draft{Kind: "mqtt.garbled", Body: []byte("{\"raw\":\"\xff\xfe\"}")})
	must(t, err)
	must(t, r.Wait(t.Context()))
	var e Event
	s.call("auditor", get, prefix+"/events/"+strconv.FormatUint(r.Seq(), 10), "", http.StatusOK, &e)
	if !bytes.Contains(e.Body, []byte("raw")) {
		t.Errorf("body is %q", e.Body)
	}
}

func TestProofs_EveryEventCanBeProvedAndTheNoteRead(t *testing.T) {
	s := newSite(t)
	s.sign("auditor")
	s.problem("auditor", get, prefix+"/checkpoint", "", http.StatusNotFound, "not_found")
	s.add("door.opened", 20)
	note, err := s.journal.Checkpoint(t.Context())
	must(t, err)
	if _, body := s.do(s.request("auditor", get, prefix+"/checkpoint", "")); body != string(note) {
		t.Errorf("checkpoint is %q, want %q", body, note)
	}
	if _, body := s.do(s.request("auditor", get, prefix+"/checkpoint/key", "")); !strings.HasPrefix(body, "majene+") {
		t.Errorf("key is %q", body)
	}
	last := s.add("door.opened", 1) // newer than the checkpoint
	for _, seq := range []uint64{1, 7, last} {
		var p InclusionProof
		s.call("auditor", get, prefix+"/events/"+strconv.FormatUint(seq, 10)+"/proof", "", http.StatusOK, &p)
		leaf, err := base64.StdEncoding.DecodeString(p.Leaf)
		if err != nil || len(leaf) != 32 || p.Seq != seq || p.Size < seq || len(p.Hashes) == 0 {
			t.Errorf("proof of %d: %+v", seq, p)
		}
	}
	var c ConsistencyProof
	s.call("auditor", get, prefix+"/checkpoint/consistency?from=5", "", http.StatusOK, &c)
	if c.From != 5 || c.To < 20 || len(c.Hashes) == 0 {
		t.Errorf("consistency %+v", c)
	}
}

func TestDevices_LiveAndImportThroughTheAPI(t *testing.T) {
	s := newSite(t)
	s.furnish()
	var d Device
	s.call("technician", post, prefix+"/devices", `{"id":"gw-1","driver":"mmdvm","name":"Gerbang radio","zone":"gudang","config":{"topic":"mmdvm"}}`, http.StatusCreated, &d)
	if d.MQTT == nil || d.MQTT.User != "gw-1" || d.MQTT.Password == "" || len(d.MQTT.Topics) != 1 {
		t.Fatalf("no identity is shown: %+v", d.MQTT)
	}
	s.call("guard", get, prefix+"/devices/gw-1", "", http.StatusOK, &d)
	if res, body := s.do(s.request("guard", get, prefix+"/devices", "")); strings.Contains(body, "rahasia") || res.StatusCode != http.StatusOK {
		t.Errorf("a secret is shown: %s", body)
	}
	s.problem("technician", del, prefix+"/devices/gw-1", "", http.StatusUnprocessableEntity, "bad_field")
	s.problem("technician", patch, prefix+"/devices/gw-1", `{"alias":"Induk"}`, http.StatusUnprocessableEntity, "bad_field")
	s.call("technician", patch, prefix+"/devices/gw-1", `{"alias":"Induk","reason":"nama panggil"}`, http.StatusOK, &d)
	if d.Alias != "Induk" || d.Name != "Gerbang radio" {
		t.Errorf("after the change: %+v", d)
	}
	doc := "zones:\n  - {id: pos-1, name: Pos 1, kind: post}\n"
	r := s.request("technician", post, prefix+"/devices/import?dry_run=true", doc)
	r.Header.Set("Content-Type", "application/yaml; charset=utf-8")
	res, body := s.do(r)
	var report ImportReport
	must(t, decodeJSON(body, &report))
	if _, there := s.registry.Zone("pos-1"); res.StatusCode != http.StatusOK || len(report.Changes) != 1 || there {
		t.Errorf("dry run: %d %s (the zone is there: %v)", res.StatusCode, body, there)
	}
	r = s.request("technician", post, prefix+"/devices/import", "zones:\n  - {id: pos-1, name: Pos 1, kind: moon}\n")
	r.Header.Set("Content-Type", "application/yaml")
	if p := s.refused(r, http.StatusUnprocessableEntity, "bad_field"); len(p.Errors) == 0 {
		t.Errorf("the line at fault is not named: %+v", p)
	}
}
