package registry

import (
	"fmt"
	"strings"
)

// SuggestName proposes a free device name for a zone, in the site's pattern PREFIX-ZONE-NN, and an id to go with it.
func (r *Registry) SuggestName(zone string) (name, id string) {
	name = r.live.Load().suggestName(r.opt.NamePrefix, zone)
	return name, strings.ToLower(name)
}

func (s *state) suggestName(prefix, zone string) string {
	taken := make(map[string]bool, 2*len(s.order))
	for _, id := range s.order {
		taken[id] = true
		taken[fold(s.devices[id].Name)] = true
	}
	stem := s.zones[zone].short()
	if prefix != "" {
		stem = prefix + "-" + stem
	}
	for n := 1; ; n++ {
		if name := fmt.Sprintf("%s-%02d", stem, n); !taken[strings.ToLower(name)] {
			return name
		}
	}
}

// short is the zone's code, or one made from its name: "Gudang Belakang" gives GUDBEL.
func (z Zone) short() string {
	if z.Code != "" {
		return z.Code
	}
	var b strings.Builder
	for _, word := range strings.Fields(z.Name) {
		n := 0
		for _, c := range strings.ToUpper(word) {
			if n < 3 && (c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
				b.WriteRune(c)
				n++
			}
		}
		if b.Len() >= 6 {
			break
		}
	}
	if b.Len() == 0 {
		return "X"
	}
	return b.String()
}
