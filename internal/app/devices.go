package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"siaga/devices"
	"siaga/devices/catalog"
	"siaga/internal/fleet"
	"siaga/internal/registry"
	"siaga/internal/watch"
)

// catalogue answers the registry's questions about drivers.
type catalogue map[string]devices.Driver

func newCatalogue() catalogue {
	c := catalogue{}
	for _, e := range catalog.Drivers() {
		c[e.Kind] = e.Driver
	}
	return c
}

// Check makes the device once, without I/O, to see whether its settings would do.
func (c catalogue) Check(kind string, config json.RawMessage, secrets []string) error {
	d, ok := c[kind]
	if !ok {
		return fmt.Errorf("there is no driver %q; there are %s", kind, strings.Join(c.kinds(), ", "))
	}
	s := devices.Settings{ID: "check", Config: config, Secrets: map[string]string{}}
	for _, n := range secrets {
		s.Secrets[n] = "set"
	}
	if d.Topics != nil {
		if _, err := d.Topics(config); err != nil {
			return err
		}
		s.Link = &devices.Link{URL: "tcp://127.0.0.1:1883", ClientID: "check"}
	}
	_, err := d.New(s)
	return err
}

// Topics are a gateway's MQTT rights.
func (c catalogue) Topics(kind string, config json.RawMessage) (publish, subscribe []string, err error) {
	d, ok := c[kind]
	if !ok || d.Topics == nil {
		return nil, nil, nil
	}
	t, err := d.Topics(config)
	return t.Publish, t.Subscribe, err
}

// Gateway reports whether equipment stands behind devices of this kind: those that speak for others over MQTT.
func (c catalogue) Gateway(kind string) bool { return c[kind].Topics != nil }

func (c catalogue) kinds() []string {
	out := make([]string, 0, len(c))
	for k := range c {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// roster tells fleet which devices ought to run.
type roster struct {
	registry *registry.Registry
	drivers  catalogue
	link     func(device string) *devices.Link // nil while the site stands by: nobody listens to gateways
}

func (r roster) Changed() <-chan struct{} { return r.registry.Changed() }

// Specs lists every enabled device that connects itself.
func (r roster) Specs(ctx context.Context) ([]fleet.Spec, error) {
	var out []fleet.Spec
	for _, d := range r.registry.Devices() {
		if !d.Enabled || d.Parent != "" || r.link == nil && r.drivers.Gateway(d.Kind) {
			continue
		}
		s := fleet.Spec{
			ID: d.ID, Driver: d.Kind, Settings: devices.Settings{ID: d.ID, Config: d.Config},
		}
		// Secrets that cannot be opened stop this device, not the others.
		var err error
		if s.Settings.Secrets, err = r.registry.Secrets(ctx, d.ID); err != nil {
			s.Fault = &watch.Fault{
				Reason: watch.ReasonSettings, Doing: "starting " + d.ID, Hint: "enter the device's password again", Err: err,
			}
		}
		s.Revision = revision(d, s.Settings.Secrets)
		if r.drivers.Gateway(d.Kind) {
			s.Settings.Link = r.link(d.ID)
		}
		out = append(out, s)
	}
	return out, nil
}

// revision moves with what the driver is given, and with the unit that stands there. Another name, zone or place on a
// plan does not restart a device: that would cost a gap in its recording.
func revision(d registry.Device, secrets map[string]string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d %s", d.Kind, d.Installed.UnixMilli(), d.Config)
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		fmt.Fprintf(h, " %q %q", name, secrets[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// places answers ingest: where devices are, and who stands behind which gateway.
type places struct{ *registry.Registry }

// Zone is the zone of a device.
func (p places) Zone(device string) string { return p.ZoneOf(device) }

// Described is what a device is known to have told about itself.
func (p places) Described(ctx context.Context, device string) (watch.Description, error) {
	told, _, err := p.Told(ctx, device)
	return told.Description, err
}
