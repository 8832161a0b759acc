package web

import (
	"cmp"
	"context"
	"strings"
	"time"

	"siaga/internal/auth"
	"siaga/internal/incident"
	"siaga/internal/watch"
)

// CaseQuery is what incidents are searched and counted by.
type CaseQuery struct {
	State    []string  `query:"state,explode" maxItems:"10" doc:"a state, or open; may repeat"`
	Priority []string  `query:"priority,explode" maxItems:"4" enum:"info,caution,important,critical"`
	Category string    `query:"category" maxLength:"64" doc:"of the incident or one of its alerts"`
	Zone     []string  `query:"zone,explode" maxItems:"20" doc:"a zone and those that lie in it; may repeat"`
	Device   string    `query:"device" maxLength:"63" doc:"of one of its alerts"`
	Person   string    `query:"person" maxLength:"64" doc:"who acted on it"`
	Text     string    `query:"text" maxLength:"200" doc:"words in titles, notes, causes and reports, names of places and devices, or the number"`
	Since    time.Time `query:"since" doc:"opened at, inclusive"`
	Until    time.Time `query:"until" doc:"opened at, exclusive"`
}

type incidentQuery struct {
	CaseQuery
	After string `query:"after" maxLength:"32"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

// filter is the query as the incident room takes it, narrowed to what concerns the caller.
func (q *CaseQuery) filter(ctx context.Context, s *Server) incident.Filter {
	f := incident.Filter{
		Category: q.Category, Zones: s.zonesWithin(q.Zone), Device: q.Device, Person: q.Person, Text: q.Text, Since: q.Since, Until: q.Until,
	}
	for _, st := range q.State {
		if st == "open" {
			f.Open = true
		} else {
			f.States = append(f.States, watch.State(st))
		}
	}
	for _, p := range q.Priority {
		f.Priorities = append(f.Priorities, watch.Priority(p))
	}
	if !callerOf(ctx).concerns("") {
		f.Category = cyber
	}
	f.TextZones, f.TextDevices = s.called(q.Text)
	return f
}

// called are the zones and devices whose names hold a text.
func (s *Server) called(text string) (zones, devices []string) {
	text = strings.ToLower(strings.TrimSpace(text))
	if len([]rune(text)) < 2 {
		return nil, nil
	}
	var within []string
	for _, z := range s.opt.Registry.Zones() {
		if strings.Contains(strings.ToLower(z.Name), text) {
			within = append(within, z.ID)
		}
	}
	for _, d := range s.opt.Registry.Devices() {
		if strings.Contains(strings.ToLower(d.Name+"\n"+d.Alias), text) {
			devices = append(devices, d.ID)
		}
	}
	return s.zonesWithin(within), devices
}

func (s *Server) listIncidents(ctx context.Context, in *incidentQuery) (*reply[list[incident.Incident]], error) {
	f := in.filter(ctx, s)
	f.After, f.Limit = in.After, in.Limit
	cases, err := s.opt.Desk.Incidents(ctx, f)
	if err != nil {
		return nil, err
	}
	out := list[incident.Incident]{Items: orNone(cases)}
	if len(cases) == in.Limit {
		out.Next = cases[len(cases)-1].Number
	}
	return answered(out), nil
}

func (s *Server) summariseIncidents(ctx context.Context, in *CaseQuery) (*reply[incident.Summary], error) {
	if !in.Since.IsZero() && !in.Until.IsZero() && !in.Since.Before(in.Until) {
		return nil, badField("query.since", "it is not before until")
	}
	sum, err := s.opt.Desk.Summary(ctx, in.filter(ctx, s))
	if err != nil {
		return nil, err
	}
	return answered(sum), nil
}

// IncidentDetail is an incident with all that belongs to it.
type IncidentDetail struct {
	incident.Incident
	Acts       []IncidentAct     `json:"acts" nullable:"false"`
	Names      map[string]string `json:"names" nullable:"false" doc:"what the devices in it are called, for whoever may not list devices"`
	Timeline   []Event           `json:"timeline" nullable:"false" doc:"what happened meanwhile in its zones, at its devices, over radio and in the air"`
	Zones      []string          `json:"zones" nullable:"false"`
	From       watch.Time        `json:"from" doc:"span of the timeline"`
	To         watch.Time        `json:"to"`
	Story      incident.Story    `json:"story" doc:"what happened, in five sentences made of facts"`
	Report     *IncidentReport   `json:"report" doc:"the written report (Lapdi) as it stands; null if nobody wrote one"`
	Draft      incident.Report   `json:"draft" doc:"the report as the facts alone would fill it in"`
	References []IncidentPointer `json:"references" nullable:"false" doc:"numbers under which other offices keep the case"`
}

// IncidentAct is what a person did to an incident.
type IncidentAct struct {
	incident.ActRecord
	ByName string `json:"by_name"`
}

// IncidentReport is the written report with who wrote it last.
type IncidentReport struct {
	incident.Written
	ByName string `json:"by_name"`
}

// IncidentPointer is another office's number with who noted it.
type IncidentPointer struct {
	incident.Kept
	ByName string `json:"by_name"`
}

func (s *Server) getIncident(ctx context.Context, in *CaseID) (*reply[IncidentDetail], error) {
	d, err := s.opt.Desk.Detail(ctx, in.ID)
	if err == nil && !callerOf(ctx).concerns(d.Incident.Category) {
		err = notFound("incident", in.ID)
	}
	if err != nil {
		return nil, caseError(err)
	}
	return answered(s.describe(ctx, d)), nil
}

// describe is the detail as the caller may see it.
func (s *Server) describe(ctx context.Context, d incident.Detail) IncidentDetail {
	names, clock := siteNames{s}, s.siteClock()
	out := IncidentDetail{
		Incident: d.Incident, Acts: []IncidentAct{}, Names: map[string]string{}, Timeline: []Event{}, Zones: orNone(d.Zones),
		From: watch.Time{Time: d.From}, To: watch.Time{Time: d.To},
		Story: d.Tell(names, clock), Draft: d.Draft(names, clock), References: []IncidentPointer{},
	}
	out.Alerts, out.Devices = orNone(out.Alerts), orNone(out.Devices)
	audits := callerOf(ctx).can(auth.RightAudit, auth.ScopeFull)
	for _, a := range d.Acts {
		if a.Kind == kindViewed && !audits {
			continue
		}
		out.Acts = append(out.Acts, IncidentAct{a, s.opt.Auth.Name(a.By)})
	}
	if r := d.Report(); r != nil {
		out.Report = &IncidentReport{*r, s.opt.Auth.Name(r.By)}
	}
	for _, k := range d.References() {
		out.References = append(out.References, IncidentPointer{k, s.opt.Auth.Name(k.By)})
	}
	for _, id := range out.Devices {
		s.name(out.Names, id)
	}
	sees := s.sees(callerOf(ctx))
	for i := range d.Timeline {
		if sees(&d.Timeline[i]) {
			out.Timeline = append(out.Timeline, eventOf(d.Timeline[i]))
			s.name(out.Names, d.Timeline[i].Device)
		}
	}
	return out
}

// name notes what a device is called, if it still exists.
func (s *Server) name(names map[string]string, id string) {
	if d, ok := s.opt.Registry.Device(id); ok {
		names[id] = d.Name
	}
}

// siteClock writes times as the site's people read them.
func (s *Server) siteClock() incident.Clock {
	where, err := time.LoadLocation(s.opt.Site.Timezone)
	if err != nil {
		return incident.Clock{} // the config refuses it; tests may have none
	}
	return incident.Clock{Location: where, Zone: s.opt.Site.ZoneName}
}

// siteNames are the names that the story may use: those that the site itself gave.
type siteNames struct{ s *Server }

// Zone is a zone's name.
func (n siteNames) Zone(id string) string {
	z, ok := n.s.opt.Registry.Zone(id)
	if !ok {
		return id
	}
	return z.Name
}

// Device is a device's call sign and name, or the name alone.
func (n siteNames) Device(id string) string {
	d, ok := n.s.opt.Registry.Device(id)
	switch {
	case !ok:
		return id
	case d.Alias != "" && d.Alias != d.Name:
		return d.Alias + " (" + d.Name + ")"
	}
	return cmp.Or(d.Name, id)
}

// Person is a person's name, "" once it was erased.
func (n siteNames) Person(id string) string { return n.s.opt.Auth.Name(id) }

// WrittenReport is a report to be kept.
type WrittenReport struct {
	incident.Report
	Base uint64 `json:"base,omitempty" maximum:"9223372036854775807" doc:"seq of the report that was read before writing, 0 if there was none"`
}

func (s *Server) reportIncident(ctx context.Context, in *struct {
	CaseID
	Body WrittenReport
},
) (*reply[IncidentDetail], error) {
	return s.write(ctx, incident.Act{Verb: incident.WriteReport, Incident: in.ID, Report: &in.Body.Report, Base: in.Body.Base})
}

func (s *Server) referIncident(ctx context.Context, in *struct {
	CaseID
	Body incident.Reference
},
) (*reply[IncidentDetail], error) {
	return s.write(ctx, incident.Act{Verb: incident.Refer, Incident: in.ID, Reference: &in.Body})
}

// write does an act that writes about an incident and answers with the whole of it.
func (s *Server) write(ctx context.Context, a incident.Act) (*reply[IncidentDetail], error) {
	who := callerOf(ctx)
	a.Actor = who.ID
	if err := s.mayAct(ctx, who, a); err != nil {
		return nil, err
	}
	if _, err := s.opt.Desk.Do(ctx, a); err != nil {
		return nil, s.actError(err)
	}
	d, err := s.opt.Desk.Detail(ctx, a.Incident)
	if err != nil {
		return nil, caseError(err)
	}
	return answered(s.describe(ctx, d)), nil
}
