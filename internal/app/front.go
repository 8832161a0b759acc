package app

import (
	"encoding/json"
	"time"

	"siaga/devices/catalog"
	"siaga/internal/rules"
	"siaga/internal/watch"
	"siaga/internal/web"
)

// benches answers the front door's questions about devices and drivers.
type benches struct{ a *App }

// States are the states of all devices.
func (b benches) States() []watch.DeviceState { return b.a.States() }

// Drivers lists what this build speaks.
func (b benches) Drivers() []web.Driver {
	var out []web.Driver
	for _, e := range catalog.Drivers() {
		out = append(out, web.Driver{Kind: e.Kind, Title: e.Title, Schema: json.RawMessage(e.Schema)})
	}
	return out
}

// Hints are common stream paths.
func (b benches) Hints(vendor string) []web.PathHint {
	out := []web.PathHint{}
	for _, h := range catalog.Hints(vendor) {
		out = append(out, web.PathHint{Vendor: h.Vendor, Main: h.Main, Sub: h.Sub})
	}
	return out
}

// lawbook shows the rules in force.
type lawbook struct{ set *rules.Set }

// Rules lists them by id.
func (l lawbook) Rules() []web.Rule {
	out := []web.Rule{}
	for _, r := range l.set.Rules() {
		priority := string(r.Priority)
		if priority == "" {
			priority = "by circumstances"
		}
		out = append(out, web.Rule{
			ID: r.ID, Title: r.Title, Priority: priority, Category: r.Category, On: r.On, Source: r.Source, Domain: r.Code,
			Steps: web.Steps{ID: orNone(r.Card.StepsID), EN: orNone(r.Card.StepsEN)}, Call: orNone(r.Card.Call), Cameras: orNone(r.Card.Cameras),
		})
	}
	return out
}

// contacts are those that stand, for the screens.
func (a *App) contacts() []web.Contact {
	var out []web.Contact
	for _, c := range a.settings.now().Contacts {
		out = append(out, web.Contact{Who: c.Who, Name: c.Name, Phone: c.Phone, Radio: c.Radio})
	}
	return out
}

// attendance are the times of the check that somebody sits before a console, as they stand.
func (a *App) attendance() web.Attendance {
	c := a.settings.now().Console
	return web.Attendance{
		AskAfter:     time.Duration(c.AskAfterMin) * time.Minute,
		AnswerWithin: time.Duration(c.AnswerWithinS) * time.Second,
		AbsentAfter:  time.Duration(c.AbsentAfterS) * time.Second,
	}
}

// orNone is the list, never null in JSON.
func orNone(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// URL is where the dashboard is.
func (a *App) URL() string { return a.web.URL() }
