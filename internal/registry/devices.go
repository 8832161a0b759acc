package registry

import (
	"context"
	"encoding/json"
	"fmt"

	"siaga/internal/watch"
)

// Outcome is what a change of a device led to.
type Outcome struct {
	Device     Device
	Told       *Told    // what it told about itself; nil if nothing
	Credential *Issued  // a new MQTT secret, to be shown once; nil if there is none
	Notes      []string // what was done differently from what was asked, in English
}

// Register adds a device. An MQTT gateway gets its identity at once. Of two people adding the same address together,
// one wins; the other gets ErrConflict with who and when.
func (r *Registry) Register(ctx context.Context, by By, d Device, secrets map[string]string) (Outcome, error) {
	c, err := r.commit(ctx, by, func(c *change) error { return c.register(d, secrets) })
	return r.outcome(ctx, d.ID, c, err)
}

// Change replaces a device's description and sets those secrets that are given; an empty value removes one, an absent
// one stays. It needs a reason. id, and the history under it, stay.
func (r *Registry) Change(ctx context.Context, by By, d Device, secrets map[string]string) (Outcome, error) {
	c, err := r.commit(ctx, by, func(c *change) error {
		if err := c.needReason("changing a device"); err != nil {
			return err
		}
		_, err := c.changeDevice(d, secrets)
		return err
	})
	return r.outcome(ctx, d.ID, c, err)
}

// Remove takes a device off the site with its secrets. Its events and footage stay. It needs a reason, and nothing may
// stand behind it.
func (r *Registry) Remove(ctx context.Context, by By, id string) error {
	_, err := r.commit(ctx, by, func(c *change) error { return c.remove(id) })
	return err
}

// Enable switches a device on, or off, which needs a reason. Asking for what is so already changes nothing.
func (r *Registry) Enable(ctx context.Context, by By, id string, on bool) (Outcome, error) {
	c, err := r.commit(ctx, by, func(c *change) error { return c.enable(id, on) })
	return r.outcome(ctx, id, c, err)
}

// Replacement is a new unit in an old one's place.
type Replacement struct {
	Kind     string // "" keeps the kind
	ChildKey string // "" keeps the key; only behind a gateway
	Config   json.RawMessage
	Secrets  map[string]string
}

// Replace puts a new unit into a device's place: id, name, zone and history stay, all secrets and the MQTT identity of
// the old unit end. It needs a reason.
func (r *Registry) Replace(ctx context.Context, by By, id string, with Replacement) (Outcome, error) {
	c, err := r.commit(ctx, by, func(c *change) error { return c.replace(id, with) })
	return r.outcome(ctx, id, c, err)
}

func (r *Registry) outcome(ctx context.Context, id string, c *change, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{Notes: c.notes}
	o.Device, _ = r.Device(id)
	told, ok, err := r.Told(context.WithoutCancel(ctx), id)
	if err != nil {
		return Outcome{}, fmt.Errorf("the change is stored, but: %w", err)
	}
	if ok {
		o.Told = &told
	}
	if len(c.issued) > 0 {
		o.Credential = &c.issued[0]
	}
	return o, nil
}

func (c *change) register(d Device, secrets map[string]string) error {
	if have, ok := c.st.devices[d.ID]; ok {
		return conflict("id", "there is a device %q already: %s, registered %s by %s",
			d.ID, have.Name, have.Created.Format("2006-01-02 15:04:05 UTC"), someone(have.CreatedBy))
	}
	d, secrets, err := c.prepare(d, secrets, nil)
	if err != nil {
		return err
	}
	set, _, err := c.storeSecrets(d.ID, secrets)
	if err != nil {
		return err
	}
	e, err := event(c, KindDeviceRegistered, d.ID, d.Zone, body[Device]{After: &d, SecretsSet: set})
	if err != nil {
		return err
	}
	d.Created, d.Installed, d.CreatedBy = e.At, e.At, c.by.Actor
	return c.settle(d, e, secrets)
}

// prepare takes secrets out of the config and checks the whole description.
func (c *change) prepare(d Device, secrets map[string]string, have []string) (Device, map[string]string, error) {
	config, secrets, notes, err := takeSecrets(d.Config, secrets)
	if err != nil {
		return d, nil, err
	}
	d.Config = config
	c.notes = append(c.notes, notes...)
	if err := checkSecrets(secrets); err != nil {
		return d, nil, err
	}
	if d.Parent != "" && len(secrets) > 0 {
		return d, nil, invalid("secrets", "equipment behind a gateway has no secrets of its own")
	}
	d, err = c.checkDevice(d, secretNames(have, secrets))
	return d, secrets, err
}

// settle brings the working copy up to date and sees to the MQTT identity.
func (c *change) settle(d Device, e watch.Event, secrets map[string]string) error {
	d.Secrets = secretNames(c.st.devices[d.ID].Secrets, secrets)
	d.Changed, d.Revision = e.At, e.Seq
	speaks, err := c.speaksMQTT(d)
	if err != nil {
		return invalid("config", "%s", err)
	}
	_, has := c.st.credentials[d.ID]
	d.MQTT = speaks
	c.st.put(d)
	switch {
	case speaks && !has:
		return c.issue(d)
	case !speaks && has:
		return c.revoke(d)
	case has:
		c.kicked = append(c.kicked, d.ID) // its rights may have changed
	}
	return nil
}

// changeDevice reports whether anything changed.
func (c *change) changeDevice(d Device, secrets map[string]string) (bool, error) {
	before, ok := c.st.devices[d.ID]
	if !ok {
		return false, notFound("device", d.ID)
	}
	if err := c.unchanged(before.Revision); err != nil {
		return false, err
	}
	d, secrets, err := c.prepare(d, secrets, before.Secrets)
	if err != nil {
		return false, err
	}
	if err := keepSecretsHome(before, d.Config, secrets); err != nil {
		return false, err
	}
	on := d.Enabled
	d.Enabled = before.Enabled // switching on and off is an event of its own
	set, removed, err := c.storeSecrets(d.ID, secrets)
	if err != nil {
		return false, err
	}
	if sameDevice(before, d) && len(set)+len(removed) == 0 {
		return on != before.Enabled, c.enable(d.ID, on)
	}
	e, err := event(c, KindDeviceChanged, d.ID, d.Zone, body[Device]{Before: &before, After: &d, SecretsSet: set, SecretsRemoved: removed})
	if err != nil {
		return false, err
	}
	d.Created, d.Installed, d.CreatedBy = before.Created, before.Installed, before.CreatedBy
	if err := c.settle(d, e, secrets); err != nil {
		return false, err
	}
	return true, c.enable(d.ID, on)
}

func (c *change) enable(id string, on bool) error {
	d, ok := c.st.devices[id]
	if !ok {
		return notFound("device", id)
	}
	if d.Enabled == on {
		return nil
	}
	kind := KindDeviceEnabled
	if !on {
		kind = KindDeviceDisabled
		if err := c.needReason("switching a device off"); err != nil {
			return err
		}
	}
	if d.MQTT {
		c.kicked = append(c.kicked, id)
	}
	e, err := event(c, kind, id, d.Zone, body[Device]{})
	if err != nil {
		return err
	}
	d.Enabled, d.Changed, d.Revision = on, e.At, e.Seq
	c.st.put(d)
	return nil
}

func (c *change) remove(id string) error {
	before, ok := c.st.devices[id]
	if !ok {
		return notFound("device", id)
	}
	if err := c.unchanged(before.Revision); err != nil {
		return err
	}
	if err := c.needReason("removing a device"); err != nil {
		return err
	}
	if behind := c.st.behind(id); len(behind) > 0 {
		return conflict("id", "%d devices stand behind %q, the first is %q (%s); remove them first", len(behind), id, behind[0].ID, behind[0].Name)
	}
	names, err := c.dropSecrets(id)
	if err != nil {
		return err
	}
	if err := c.revoke(before); err != nil {
		return err
	}
	if _, err := event(c, KindDeviceRemoved, id, before.Zone, body[Device]{Before: &before, SecretsRemoved: names}); err != nil {
		return err
	}
	c.st.drop(id)
	return nil
}

func (c *change) replace(id string, with Replacement) error {
	before, ok := c.st.devices[id]
	if !ok {
		return notFound("device", id)
	}
	if err := c.unchanged(before.Revision); err != nil {
		return err
	}
	if err := c.needReason("replacing a device"); err != nil {
		return err
	}
	d := before
	d.Config = with.Config
	if with.Kind != "" {
		d.Kind = with.Kind
	}
	if with.ChildKey != "" {
		d.ChildKey = with.ChildKey
	}
	gone, err := c.dropSecrets(id)
	if err != nil {
		return err
	}
	d, secrets, err := c.prepare(d, with.Secrets, nil)
	if err != nil {
		return err
	}
	set, _, err := c.storeSecrets(id, secrets)
	if err != nil {
		return err
	}
	if err := c.revoke(before); err != nil {
		return err
	}
	e, err := event(c, KindDeviceReplaced, id, d.Zone, body[Device]{Before: &before, After: &d, SecretsSet: set, SecretsRemoved: gone})
	if err != nil {
		return err
	}
	d.Installed = e.At
	before.Secrets = nil
	c.st.put(before)
	return c.settle(d, e, secrets)
}
