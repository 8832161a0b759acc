package registry

import (
	"maps"
	"slices"
	"strings"
)

// Zone returns a zone by id.
func (r *Registry) Zone(id string) (Zone, bool) {
	z, ok := r.live.Load().zones[id]
	return z, ok
}

// Zones lists all zones, parents before children, siblings by name.
func (r *Registry) Zones() []Zone { return r.live.Load().sortedZones() }

func (s *state) sortedZones() []Zone {
	below := map[string][]Zone{}
	for _, z := range s.zones {
		parent := z.Parent
		if _, ok := s.zones[parent]; !ok {
			parent = ""
		}
		below[parent] = append(below[parent], z)
	}
	out := make([]Zone, 0, len(s.zones))
	var walk func(parent string)
	walk = func(parent string) {
		list := below[parent]
		slices.SortFunc(list, func(a, b Zone) int { return strings.Compare(a.Name+"\x00"+a.ID, b.Name+"\x00"+b.ID) })
		for _, z := range list {
			out = append(out, z)
			walk(z.ID)
		}
	}
	walk("")
	return out
}

// Ancestors lists the zones around a zone, nearest first, without itself.
func (r *Registry) Ancestors(zone string) []string {
	path := r.live.Load().path(zone)
	if len(path) < 2 {
		return nil
	}
	return path[1:]
}

// Within reports whether zone is the zone around or lies inside it.
func (r *Registry) Within(zone, around string) bool {
	return slices.Contains(r.live.Load().path(zone), around)
}

// Device returns a device by id.
func (r *Registry) Device(id string) (Device, bool) {
	d, ok := r.live.Load().devices[id]
	return d.clone(), ok
}

// Devices lists all devices, sorted by id.
func (r *Registry) Devices() []Device {
	s := r.live.Load()
	out := make([]Device, 0, len(s.order))
	for _, id := range s.order {
		out = append(out, s.devices[id].clone())
	}
	return out
}

// Children lists the devices behind a gateway, sorted by id.
func (r *Registry) Children(gateway string) []Device {
	out := r.live.Load().behind(gateway)
	for i, d := range out {
		out[i] = d.clone()
	}
	return out
}

// Child finds the device behind a gateway by the gateway's own key for it. It allocates nothing: ingest asks for
// every reading.
func (r *Registry) Child(gateway, key string) (device, zone string, ok bool) {
	s := r.live.Load()
	id, ok := s.children[childKey{gateway, key}]
	if !ok {
		return "", "", false
	}
	return id, s.devices[id].Zone, true
}

// ZoneOf is the zone of a device, "" for an unknown one. It allocates nothing.
func (r *Registry) ZoneOf(device string) string { return r.live.Load().devices[device].Zone }

// Counts says how many devices of each kind there are.
func (r *Registry) Counts() map[string]int {
	n := map[string]int{}
	for d := range maps.Values(r.live.Load().devices) {
		n[d.Kind]++
	}
	return n
}

// clone keeps what is published safe from callers who write into what they were given.
func (d Device) clone() Device {
	d.Config = slices.Clone(d.Config)
	d.Streams = slices.Clone(d.Streams)
	d.Secrets = slices.Clone(d.Secrets)
	if d.Plan != nil {
		p := *d.Plan
		d.Plan = &p
	}
	if d.Position != nil {
		p := *d.Position
		d.Position = &p
	}
	return d
}
