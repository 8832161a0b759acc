package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"siaga/internal/auth"
	"siaga/internal/incident"
	"siaga/internal/registry"
	"siaga/internal/watch"
)

// walk is a site whose every route is asked by every role, for a thing of theirs and for one that is not.
type walk struct {
	*site
	n      int               // for fresh ids
	things map[string]string // by name
	routes map[string]string
}

// asked is how a route is asked.
type asked struct {
	id, query, body, kind, bearer string
	session                       string // second step of a path
}

func (w *walk) build() {
	w.routes, w.things = w.registered(), map[string]string{}
	ctx := context.Background()
	target := w.signNew("target", auth.Chair)
	w.things["person"], w.things["chair-signed-in"] = target.Person.ID, w.seqOf("auth.signed_in", target.Person.ID)
	_, err := w.registry.Register(ctx, registry.By{Actor: w.sign("technician").Person.ID, Reason: "uji"}, registry.Device{
		ID: "cam-own", Kind: "rtsp", Name: "MJN-GUD-02", Zone: "gudang", Enabled: true, Config: json.RawMessage(`{"url":"rtsp://127.0.0.1/y"}`),
	}, nil)
	must(w.t, err)
	w.things["door"] = strconv.FormatUint(w.add("door.opened", 1), 10)
	w.things["camera"] = strconv.FormatUint(w.add("camera.lost", 1), 10)
	w.things["device"] = w.seqOf("device.registered", "")
	watching := w.join(w.t, "chair", "")
	w.raise(watching, "siber", watch.Draft{Kind: "auth.locked", Zone: "ruang-server", Subject: "p-1", Body: []byte(`{"address":"10.9.9.9"}`)})
	w.raise(watching, "panik", watch.Draft{Kind: "radio.emergency", Device: "ht-1", Zone: "gerbang", Body: []byte(`{}`)})
	w.raise(watching, "selesai", watch.Draft{Kind: "radio.emergency", Device: "ht-2", Zone: "halaman", Body: []byte(`{}`)})
	for _, verb := range []incident.Verb{incident.Acknowledge, incident.Resolve} {
		_, err := w.desk.Do(ctx, incident.Act{Verb: verb, Incident: w.things["selesai"], Actor: "x", Cause: "c", Action: "a"})
		must(w.t, err)
	}
	_, err = w.journal.Checkpoint(ctx)
	must(w.t, err)
}

// raise makes an alert and remembers its incident by a name.
func (w *walk) raise(sc *screen, name string, d watch.Draft) {
	_, err := w.journal.Append(w.t.Context(), d)
	must(w.t, err)
	for {
		m, err := sc.read()
		must(w.t, err)
		var body struct{ Alert incident.Alert }
		if m.Kind == incident.KindRaised && json.Unmarshal(m.Body, &body) == nil && body.Alert.Zone == d.Zone {
			w.things[name], w.things[name+"-alert"] = body.Alert.Incident, body.Alert.ID
			return
		}
	}
}

// seqOf is the newest event of a kind about somebody.
func (w *walk) seqOf(kind, subject string) string {
	seq := uint64(0)
	for _, e := range w.events(kind) {
		if subject == "" || e.Subject == subject {
			seq = e.Seq
		}
	}
	return strconv.FormatUint(seq, 10)
}

func (w *walk) fresh(word string) string {
	w.n++
	return fmt.Sprintf("%s-%d", word, w.n)
}

// request builds the request of a row.
func (w *walk) request(row walkedRow, role string, own bool) *http.Request {
	a := w.asked(row.id, role, own)
	method, path, _ := strings.Cut(w.routes[row.routeOf()], " ")
	path = strings.NewReplacer("{id}", a.id, "{seq}", a.id, "{session}", a.session, "{key}", a.id).Replace(path) + a.query
	r := w.site.request("", method, path, a.body)
	if a.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+a.bearer)
	} else {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: w.token(role)})
	}
	if a.kind != "" {
		r.Header.Set("Content-Type", a.kind)
	}
	if row.id != "metrics" { // which is for this machine itself
		r.Header.Set("X-Forwarded-For", addressOf(role))
	}
	return r
}

func pick(own bool, yes, no string) string {
	if own {
		return yes
	}
	return no
}

func (w *walk) asked(id, role string, own bool) asked {
	if a, ok := w.askedOfPeople(id, role, own); ok {
		return a
	}
	if a, ok := w.askedOfEquipment(id); ok {
		return a
	}
	if a, ok := w.askedOfPlans(id); ok {
		return a
	}
	if a, ok := w.askedOfPictures(id, role, own); ok {
		return a
	}
	if a, ok := w.askedOfCases(id, role, own); ok {
		return a
	}
	return asked{id: "cam-1"}
}

func (w *walk) askedOfPeople(id, role string, own bool) (asked, bool) {
	me := w.sign(role).Person.ID
	ctx := context.Background()
	script := func(person string) (string, string) {
		token, v, err := w.auth.IssueToken(ctx, auth.By{}, person, "uji", time.Hour)
		must(w.t, err)
		return token, v.ID
	}
	secret := `{"password":"` + testPassword + `"}`
	switch id {
	case "enrol":
		return asked{body: `{"code":"A","name":"A","login":"aa","password":"` + testPassword + `"}`}, true
	case "sign-in":
		return asked{body: `{"name":"` + role + `","password":"` + testPassword + `"}`}, true
	case "sign-out":
		token, _ := script(me)
		return asked{bearer: token}, true
	case "change-own-password":
		return asked{body: `{"old":"` + testPassword + `","password":"` + testPassword + `"}`}, true
	case "begin-factor":
		return asked{body: secret}, true
	case "confirm-factor":
		return asked{body: `{"code":"000000"}`}, true
	case "issue-token":
		return asked{body: `{"label":"uji","days":1}`}, true
	case "end-own-session", "revoke-session":
		_, session := script(pick(own, me, w.things["person"]))
		return asked{id: session}, true
	case "add-person":
		return asked{body: `{"login":"` + w.fresh("p") + `","name":"Baru","role":"guard"}`}, true
	case "change-person":
		return asked{id: pick(own, me, w.things["person"]), body: `{"titles":"` + w.fresh("S") + `"}`}, true
	case "reset-password":
		return asked{id: w.things["person"], body: `{"reason":"lupa"}`}, true
	case "remove-factor":
		return asked{id: pick(own, me, w.things["person"]), query: "?reason=hilang"}, true
	}
	return asked{}, false
}

func (w *walk) askedOfEquipment(id string) (asked, bool) {
	me := registry.By{Actor: "p-technician", Reason: "uji"}
	zone := func() string {
		z := w.fresh("z")
		_, err := w.registry.AddZone(context.Background(), me, registry.Zone{ID: z, Name: z, Kind: registry.ZoneStore})
		must(w.t, err)
		return z
	}
	gateway := func() string {
		d := w.fresh("gw")
		_, err := w.registry.Register(context.Background(), me, registry.Device{ID: d, Kind: "mmdvm", Name: d, Zone: "gudang", Enabled: true, Config: json.RawMessage(`{"topic":"` + d + `"}`)}, nil)
		must(w.t, err)
		return d
	}
	why := `{"reason":"uji"}`
	switch id {
	case "get-zone":
		return asked{id: "gudang"}, true
	case "add-zone":
		return asked{body: `{"id":"` + w.fresh("z") + `","name":"` + w.fresh("Zona") + `","kind":"store"}`}, true
	case "change-zone":
		return asked{id: zone(), body: `{"special":true,"reason":"uji"}`}, true
	case "remove-zone":
		return asked{id: zone(), query: "?reason=uji"}, true
	case "arm-zone", "lock-zone":
		return asked{id: zone(), body: why}, true
	case "disarm-zone":
		z := zone()
		_, err := w.registry.ArmZone(context.Background(), me, z, true)
		must(w.t, err)
		return asked{id: z, body: why}, true
	case "unlock-zone":
		z := zone()
		_, err := w.registry.LockZone(context.Background(), me, z, true)
		must(w.t, err)
		return asked{id: z, body: `{"reason":"uji","second":"` + w.things["person"] + `"}`}, true
	case "add-device":
		d := w.fresh("cam")
		return asked{body: `{"id":"` + d + `","driver":"rtsp","name":"` + d + `","zone":"gudang","config":{"url":"rtsp://127.0.0.1/` + d + `"}}`}, true
	case "suggest-name":
		return asked{query: "?zone=gudang"}, true
	case "probe-device":
		return asked{body: `{"driver":"rtsp"}`}, true
	case "import-site":
		z := w.fresh("z")
		return asked{body: "zones:\n  - {id: " + z + ", name: " + z + ", kind: post}\n", kind: "application/yaml"}, true
	case "change-device":
		return asked{id: gateway(), body: `{"alias":"A","reason":"uji"}`}, true
	case "remove-device", "revoke-credential":
		return asked{id: gateway(), query: "?reason=uji"}, true
	case "enable-device":
		d := gateway()
		_, err := w.registry.Enable(context.Background(), me, d, false)
		must(w.t, err)
		return asked{id: d, body: why}, true
	case "disable-device", "replace-device", "issue-credential":
		return asked{id: gateway(), body: why}, true
	}
	return asked{}, false
}

func (w *walk) askedOfPlans(id string) (asked, bool) {
	me, z := registry.By{Actor: "p-technician", Reason: "uji"}, ""
	switch id {
	case "plan-picture", "set-plan-picture", "anchor-plan", "remove-plan", "place-devices":
		z = w.fresh("z")
		_, err := w.registry.AddZone(context.Background(), me, registry.Zone{ID: z, Name: z, Kind: registry.ZoneStore})
		must(w.t, err)
		_, err = w.registry.SetPicture(context.Background(), me, z, []byte(pictureOf(w.t, 100, 80)))
		must(w.t, err)
	}
	switch id {
	case "set-plan-picture":
		return asked{id: z, body: pictureOf(w.t, 120, 80), kind: "image/png"}, true
	case "anchor-plan":
		return asked{id: z, body: `{"anchors":[{"x":0.1,"y":0.1,"lat":-3.54,"lon":118.98},{"x":0.9,"y":0.9,"lat":-3.55,"lon":118.99}],"reason":"uji"}`}, true
	case "remove-plan":
		return asked{id: z, query: "?reason=uji"}, true
	case "place-devices":
		return asked{id: z, body: `{"marks":[{"device":"cam-1","at":{"x":0.5,"y":0.5}}],"reason":"uji"}`}, true
	case "change-setting":
		before, _ := w.registry.Setting(settingKey)
		return asked{id: settingKey, body: fmt.Sprintf(`{"value":%d,"reason":"uji","revision":%d}`, 100+before.Revision, before.Revision)}, true
	case "reset-setting":
		before, _ := w.registry.Setting(settingKey)
		return asked{id: settingKey, query: fmt.Sprintf("?reason=uji&revision=%d", before.Revision)}, true
	case "console-presence":
		return asked{body: `{"console":"uji-0001","idle_ms":0}`}, true
	case "mute-console":
		return asked{body: `{"console":"uji-0001","seconds":0}`}, true
	}
	return asked{id: z}, z != ""
}

func (w *walk) askedOfPictures(id, role string, own bool) (asked, bool) {
	camera := pick(own, "cam-own", "cam-1")
	now := time.Now().UTC()
	at := "at=" + watch.FormatTime(now.Add(-20*time.Second))
	span := "from=" + watch.FormatTime(now.Add(-30*time.Second)) + "&to=" + watch.FormatTime(now)
	switch id {
	case "whep":
		return asked{id: camera, body: "v=0", kind: sdpType}, true
	case "whep-hangup":
		call := w.fresh("call")
		owner := w.sign(pick(own, role, pick(role == "guard", "leader", "guard")))
		w.server.calls.add(call, &caller{Person: owner.Person, session: owner.Session})
		return asked{id: "cam-own", session: call}, true
	case "live-mp4", "snapshot":
		return asked{id: camera}, true
	case "snapshot/at-purpose":
		return asked{id: camera, query: "?purpose=pemeriksaan&" + at}, true
	case "snapshot/at-incident":
		return asked{id: camera, query: "?incident=" + w.things["panik"] + "&" + at}, true
	case "video/incident":
		return asked{id: camera, query: "?incident=" + w.things[pick(own, "siber", "panik")] + "&" + span}, true
	case "video/closed":
		return asked{id: camera, query: "?incident=" + w.things["selesai"] + "&" + span}, true
	case "video/purpose":
		return asked{id: camera, query: "?purpose=pemeriksaan&" + span}, true
	}
	return asked{}, false
}

// askedOfCases: to IT security an incident of its own category is its own; to everybody else both are.
func (w *walk) askedOfCases(id, role string, own bool) (asked, bool) {
	which := pick(own, "siber", "panik")
	switch id {
	case "get-alert", "acknowledge-alert":
		return asked{id: w.things[which+"-alert"]}, true
	case "note-incident":
		return asked{id: w.things[which], body: `{"note":"uji"}`}, true
	case "refer-incident":
		return asked{id: w.things[which], body: `{"office":"police","number":"LP/1"}`}, true
	case "report-incident": // who may is let in, though somebody else wrote meanwhile
		return asked{id: w.things[which], body: `{"who":"","what":"uji","where":"","with":"","why":"","how":"","when":""}`}, true
	case "get-event/site":
		return asked{id: w.things["door"]}, true
	case "get-event/equipment":
		return asked{id: w.things["camera"]}, true
	case "get-event/audit":
		mine := role
		if role == "leader" {
			mine = "guard" // the squad
		}
		return asked{id: pick(own, w.seqOf("auth.signed_in", w.sign(mine).Person.ID), w.things["chair-signed-in"])}, true
	case "prove-event":
		return asked{id: w.things[pick(own, "device", "door")]}, true
	case "prove-consistency":
		return asked{query: "?from=1"}, true
	}
	if strings.HasSuffix(id, "-incident") {
		return asked{id: w.things[which]}, true // what is missing in the body is said after the right was looked at
	}
	return asked{}, false
}
