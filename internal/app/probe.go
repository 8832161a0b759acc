package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"siaga/devices"
	"siaga/devices/catalog"
	"siaga/internal/registry"
	"siaga/internal/watch"
	"siaga/internal/web"
)

// pictureTime is how long a test may take to turn a key frame into a picture.
const pictureTime = 8 * time.Second

// Probe looks at a device. That it does not work is an answer, not an error.
func (b benches) Probe(ctx context.Context, q web.ProbeRequest) (web.ProbeResult, error) {
	s, driver, err := b.settings(ctx, q)
	if err != nil {
		return web.ProbeResult{}, err
	}
	p, err := b.a.fleet.Probe(ctx, driver, s)
	var worked web.PathHint
	if q.Paths && driver == "rtsp" && watch.ReasonOf(err) == watch.ReasonNotFound {
		p, worked, err = b.tryPaths(ctx, s, p, err)
	}
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
	if worked.Main != "" {
		out.Vendor, out.Config = worked.Vendor, withPaths(s.Config, worked)
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
		// A change being tried; a secret that is not given stays, as long as it goes to the machine it is for.
		if registry.NewMachine(d.Config, q.Config) != "" {
			clear(s.Secrets)
		}
		s.Config = q.Config
	}
	for k, v := range q.Secrets {
		s.Secrets[k] = v
	}
	return s, d.Kind, nil
}

// tryPaths looks for a camera's stream under the paths that brands commonly have, so that nobody has to know one. It
// goes on only while the camera says that there is no such path: a wrong password is never tried twice, or the
// camera would lock us out.
func (b benches) tryPaths(ctx context.Context, s devices.Settings, p devices.Probe, err error) (devices.Probe, web.PathHint, error) {
	first := err
	tried := map[string]bool{}
	for _, h := range catalog.Hints("") {
		if tried[h.Main] || ctx.Err() != nil {
			continue
		}
		tried[h.Main] = true
		hint := web.PathHint{Vendor: h.Vendor, Main: h.Main, Sub: h.Sub}
		s.Config = withPaths(s.Config, hint)
		found, err := b.a.fleet.Probe(ctx, "rtsp", s)
		switch {
		case err == nil:
			if !slices.ContainsFunc(found.Streams, func(x devices.ProbedStream) bool { return x.Name == "sub" }) {
				hint.Sub = "" // the brand has one, this camera has not
			}
			return found, hint, nil
		case watch.ReasonOf(err) != watch.ReasonNotFound:
			return p, web.PathHint{}, err
		}
	}
	return p, web.PathHint{}, first
}

// withPaths is a camera's config with other paths on the same machine.
func withPaths(config json.RawMessage, h web.PathHint) json.RawMessage {
	var object map[string]any
	if json.Unmarshal(config, &object) != nil {
		return config
	}
	address, _ := object["url"].(string)
	u, err := url.Parse(address)
	if err != nil {
		return config
	}
	at := func(path string) string { return u.Scheme + "://" + u.Host + "/" + strings.TrimPrefix(path, "/") }
	object["url"] = at(h.Main)
	delete(object, "sub_url")
	if h.Sub != "" {
		object["sub_url"] = at(h.Sub)
	}
	out, err := json.Marshal(object)
	if err != nil {
		return config
	}
	return out
}
