package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"siaga/devices"
	"siaga/devices/catalog"
	"siaga/internal/config"
	"siaga/internal/rules"
	"siaga/internal/watch"
	"siaga/internal/web"
)

// benches answers the front door's questions about devices and drivers.
type benches struct{ a *App }

// States are the states of all devices.
func (b benches) States() []watch.DeviceState { return b.a.States() }

// pictureTime is how long a test may take to turn a key frame into a picture.
const pictureTime = 3 * time.Second

// Probe looks at a device. That it does not work is an answer, not an error.
func (b benches) Probe(ctx context.Context, q web.ProbeRequest) (web.ProbeResult, error) {
	s, driver, err := b.settings(ctx, q)
	if err != nil {
		return web.ProbeResult{}, err
	}
	p, err := b.a.fleet.Probe(ctx, driver, s)
	out := web.ProbeResult{OK: err == nil, Streams: []web.ProbedStream{}, Notes: p.Notes, Device: p.Device}
	if errors.Is(err, watch.ErrInvalid) {
		return out, err
	}
	if err != nil {
		out.Reason, out.Detail = watch.ReasonOf(err), err.Error()
		var f *watch.Fault
		if errors.As(err, &f) {
			out.Hint = f.Hint
		}
		return out, nil
	}
	for _, x := range p.Streams {
		out.Streams = append(out.Streams, web.ProbedStream{Name: x.Name, Codec: x.Codec, Width: x.Width, Height: x.Height, FPS: x.FPS, Audio: x.Audio})
	}
	if p.Picture != nil {
		limited, cancel := context.WithTimeout(ctx, pictureTime)
		defer cancel()
		if out.Picture, err = b.a.view.JPEG(limited, *p.Picture); err != nil {
			out.Notes = append(out.Notes, fmt.Sprintf("the stream works, but no picture could be made of it: %v", err))
		}
	}
	return out, nil
}

// settings are those of a registered device, or of the description in the request.
func (b benches) settings(ctx context.Context, q web.ProbeRequest) (devices.Settings, string, error) {
	if q.Device == "" {
		return devices.Settings{ID: "probe", Config: q.Config, Secrets: q.Secrets}, q.Driver, nil
	}
	d, ok := b.a.registry.Device(q.Device)
	if !ok {
		return devices.Settings{}, "", fmt.Errorf("there is no device %.64q: %w", q.Device, watch.ErrInvalid)
	}
	secrets, err := b.a.registry.Secrets(ctx, d.ID)
	if err != nil {
		return devices.Settings{}, "", err
	}
	s := devices.Settings{ID: d.ID, Config: d.Config, Secrets: secrets}
	if len(q.Config) > 0 {
		s.Config = q.Config // a change being tried; a secret that is not given stays
	}
	for k, v := range q.Secrets {
		s.Secrets[k] = v
	}
	return s, d.Kind, nil
}

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

// contacts are the configured ones, for the screens.
func contacts(cfg config.Config) []web.Contact {
	var out []web.Contact
	for _, c := range cfg.Contacts {
		out = append(out, web.Contact{Who: c.Who, Name: c.Name, Phone: c.Phone, Radio: c.Radio})
	}
	return out
}

// attendance are the configured times of the check that somebody sits before a console.
func attendance(c config.Console) web.Attendance {
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
