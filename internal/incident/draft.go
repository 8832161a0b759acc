package incident

import (
	"slices"
	"strings"
)

// Draft is the report as the facts alone would fill it in, in Indonesian, for a person to correct and complete. Who did it
// and why are for people to say; the draft leaves them open.
func (d *Detail) Draft(n Names, c Clock) Report {
	t := teller{d: d, n: n, c: c}
	in := d.Incident
	var people []string
	for _, id := range []string{in.AcknowledgedBy, in.HandledBy, in.ResolvedBy} {
		if name := t.person(id); id != "" && !slices.Contains(people, name) {
			people = append(people, name)
		}
	}
	who := "Petugas yang menangani: " + strings.Join(people, ", ") + "."
	if len(people) == 0 {
		who = ""
	}
	var places, devices []string
	for _, z := range d.Zones {
		if name := clean(n.Zone(z)); name != "" {
			places = append(places, name)
		}
	}
	for _, id := range in.Devices {
		devices = append(devices, t.device(id))
	}
	with := ""
	if len(devices) > 0 {
		with = "Tercatat oleh perangkat: " + strings.Join(devices, ", ") + "."
	}
	return Report{
		Who: who, What: t.what(), Where: strings.Join(places, ", "), With: with,
		How: strings.Join([]string{t.how(), t.after(), t.answer()}, " "), When: c.Long(t.lead().RaisedAt.Time, false),
	}
}
