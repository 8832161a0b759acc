package dji

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"siaga/devices/mqttlink"
)

// answers is what a gateway may be told. Its secrets leave only in a reply to the gateway itself.
type answers struct {
	config             config
	appKey, appLicense string
}

// answer queues a reply in the form of the reference: the request's ids and method, and data.
func (o *out) answer(channel string, data map[string]any) {
	if o.s.config.Passive {
		return
	}
	e := o.e
	body := map[string]any{"tid": e.tid, "bid": e.bid, "timestamp": o.m.Received.UnixMilli(), "method": e.method, "data": data}
	prefix := "thing/product/"
	if channel == "status_reply" {
		prefix = "sys/product/"
	} else {
		body["gateway"] = o.s.config.GatewaySN
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return // cannot happen: text, numbers and booleans
	}
	o.d.Replies = append(o.d.Replies, mqttlink.Reply{Topic: prefix + o.s.config.GatewaySN + "/" + channel, Payload: raw})
}

// topology handles update_topo: the gateway is here, and these aircraft are behind it.
func (o *out) topology() {
	if o.e.method != "update_topo" || o.e.data == nil {
		o.d = garbled(o.m, "status is not update_topo")
		return
	}
	gw := o.s.units[o.s.config.GatewaySN]
	gw.model = modelKey(o.e.data)
	if domain, ok := o.e.data.Int("domain"); ok {
		known := gw.role
		switch domain {
		case 3:
			gw.role = dock
		case 2:
			gw.role = remote
		}
		if known == gateway && gw.role != gateway {
			gw.online = false // so that it is told
		}
	}
	gw.seen = o.m.Received
	o.arrive(gw, "topology")
	subs, _ := o.e.data.List("sub_devices")
	here := map[string]bool{}
	for _, v := range subs[:min(len(subs), maxAircraft)] {
		item, _ := v.(map[string]any)
		sn := short(item, "sn")
		if !serialForm.MatchString(sn) || sn == gw.sn {
			continue
		}
		here[sn] = true
		u := o.s.units[sn]
		if u == nil {
			if u = o.newAircraft(sn); u == nil {
				return
			}
		}
		u.model, u.seen = modelKey(item), o.m.Received
		o.arrive(u, "topology")
	}
	o.depart(here)
	for _, sn := range append(slices.Sorted(maps.Keys(here)), gw.sn) {
		o.describe(o.s.units[sn])
	}
	o.answer("status_reply", map[string]any{"result": 0})
}

// depart makes aircraft offline that a topology no longer names.
func (o *out) depart(here map[string]bool) {
	for _, sn := range slices.Sorted(maps.Keys(o.s.units)) {
		u := o.s.units[sn]
		if u.role != aircraft || !u.online || here[sn] {
			continue
		}
		body := map[string]any{"reason": "topology", "sn": sn, "was": u.last()}
		u.online, u.left = false, o.e.at
		u.forgetState()
		o.add(u, "drone.offline", body)
	}
}

func modelKey(o mqttlink.Object) string {
	d, ok := o.Int("domain")
	t, tok := o.Int("type")
	if !ok || !tok {
		return ""
	}
	s, _ := o.Int("sub_type")
	return fmt.Sprintf("%d-%d-%d", d, t, s)
}

// request answers what a dock must know to stay connected: its licence and where it belongs. Whatever
// asks for more (storage keys, flight files) gets no answer, since Siaga commands nothing.
func (o *out) request() {
	a := o.s.answers
	var reply map[string]any
	why := ""
	switch o.e.method {
	case "config":
		if a.config.AppID == "" {
			why = "no app_id is configured; the dock will not stay connected without one"
			break
		}
		reply = map[string]any{"app_id": a.config.AppID, "app_key": a.appKey, "app_license": a.appLicense, "ntp_server_host": a.config.NTPServer}
	case "airport_bind_status":
		reply = ok(map[string]any{"bind_status": o.bound("devices", func(sn string) map[string]any {
			return map[string]any{
				"sn": sn, "is_device_bind_organization": true, "organization_id": a.config.OrganizationID,
				"organization_name": a.config.OrganizationName, "device_callsign": sn,
			}
		})})
	case "airport_organization_get":
		reply = ok(map[string]any{"organization_name": a.config.OrganizationName})
	case "airport_organization_bind":
		reply = ok(map[string]any{"err_infos": o.bound("bind_devices", func(sn string) map[string]any {
			return map[string]any{"sn": sn, "err_code": 0}
		})})
	default:
		why = "Siaga does not offer this"
	}
	if reply != nil {
		o.answer("requests_reply", reply)
	}
	body := map[string]any{"method": o.e.method, "answered": reply != nil && !o.s.config.Passive}
	if why != "" {
		body["why"] = why
	}
	o.add(nil, "dock.request", body)
}

func ok(output map[string]any) map[string]any {
	return map[string]any{"result": 0, "output": output}
}

// bound makes one entry for every device that a request names.
func (o *out) bound(key string, entry func(sn string) map[string]any) []map[string]any {
	list, _ := o.e.data.List(key)
	entries := []map[string]any{}
	for _, v := range list[:min(len(list), maxAircraft)] {
		item, _ := v.(map[string]any)
		if sn := short(item, "sn"); serialForm.MatchString(sn) {
			entries = append(entries, entry(sn))
		}
	}
	return entries
}
