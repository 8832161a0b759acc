package web

import (
	"context"
	"encoding/json"
	"time"

	"siaga/internal/registry"
	"siaga/internal/watch"
)

// Device is one piece of equipment, and how it is doing.
type Device struct {
	ID         string             `json:"id"`
	Driver     string             `json:"driver" doc:"the driver's kind; behind a gateway, what it is: radio, door"`
	Name       string             `json:"name"`
	Alias      string             `json:"alias" doc:"call sign for screens"`
	Zone       string             `json:"zone"`
	Parent     string             `json:"parent" doc:"the gateway it stands behind"`
	ChildKey   string             `json:"child_key"`
	Enabled    bool               `json:"enabled"`
	Config     json.RawMessage    `json:"config" doc:"without secrets"`
	HasSecrets []string           `json:"has_secrets" nullable:"false"`
	Streams    []registry.Stream  `json:"streams" nullable:"false"`
	Plan       *registry.Plan     `json:"plan"`
	Position   *registry.Position `json:"position"`
	State      watch.DeviceState  `json:"state"`
	Info       *DeviceInfo        `json:"info" doc:"what it told about itself; null if nothing"`
	CreatedAt  watch.Time         `json:"created_at"`
	Revision   uint64             `json:"revision" doc:"moves with every change"`
	// MQTT is shown once, when the secret is made.
	MQTT  *MQTT    `json:"mqtt,omitempty"`
	Notes []string `json:"notes,omitempty" doc:"what was done differently from what was asked"`
}

// DeviceInfo is what a device told about itself. What it did not tell is empty.
type DeviceInfo struct {
	Vendor   string     `json:"vendor"`
	Model    string     `json:"model"`
	Firmware string     `json:"firmware"`
	Serial   string     `json:"serial"`
	Software string     `json:"software" doc:"the name of a program that it runs, such as its RTSP server"`
	At       watch.Time `json:"at" doc:"when it last told something new"`
}

func infoOf(t registry.Told) *DeviceInfo {
	if t.At.IsZero() {
		return nil
	}
	return &DeviceInfo{
		Vendor: t.Vendor, Model: t.Model, Firmware: t.Firmware, Serial: t.Serial, Software: t.Software, At: watch.Time{Time: t.At},
	}
}

// MQTT is how a gateway signs in to the broker.
type MQTT struct {
	Server   string   `json:"server" doc:"the broker's address as the program knows it"`
	User     string   `json:"user"`
	Password string   `json:"password" doc:"shown this once"`
	Topics   []string `json:"topics" nullable:"false" doc:"filters it may publish on"`
}

func (s *Server) deviceOf(d registry.Device, states map[string]watch.DeviceState) Device {
	out := Device{
		ID: d.ID, Driver: d.Kind, Name: d.Name, Alias: d.Alias, Zone: d.Zone, Parent: d.Parent, ChildKey: d.ChildKey,
		Enabled: d.Enabled, Config: d.Config, HasSecrets: orNone(d.Secrets), Streams: orNone(d.Streams), Plan: d.Plan,
		Position: d.Position, State: states[d.ID], CreatedAt: watch.Time{Time: d.Created}, Revision: d.Revision,
	}
	if len(out.Config) == 0 {
		out.Config = json.RawMessage("{}")
	}
	if out.State.Device == "" {
		out.State = watch.DeviceState{Device: d.ID, Status: watch.StatusUnknown}
	}
	if !d.Enabled {
		out.State.Status = watch.StatusDisabled
	}
	out.State.Streams = orNone(out.State.Streams)
	return out
}

func (s *Server) states() map[string]watch.DeviceState {
	out := map[string]watch.DeviceState{}
	for _, st := range s.opt.Fleet.States() {
		out[st.Device] = st
	}
	return out
}

func (s *Server) listDevices(ctx context.Context, in *struct {
	Page
	Driver string `query:"driver" maxLength:"32"`
	Zone   string `query:"zone" maxLength:"63"`
	Status string `query:"status" enum:"online,offline,disabled,connecting,unknown"`
},
) (*reply[list[Device]], error) {
	states := s.states()
	told, err := s.opt.Registry.AllTold(ctx)
	if err != nil {
		return nil, err
	}
	var all []Device
	for _, d := range s.opt.Registry.Devices() {
		shown := s.deviceOf(d, states)
		shown.Info = infoOf(told[d.ID])
		if (in.Driver == "" || in.Driver == d.Kind) && (in.Zone == "" || in.Zone == d.Zone) && (in.Status == "" || in.Status == string(shown.State.Status)) {
			all = append(all, shown)
		}
	}
	return answered(pageOf(in.Page, all, func(d Device) string { return d.ID })), nil
}

func (s *Server) getDevice(ctx context.Context, in *Slug) (*reply[Device], error) {
	d, ok := s.opt.Registry.Device(in.ID)
	if !ok {
		return nil, notFound("device", in.ID)
	}
	told, _, err := s.opt.Registry.Told(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	shown := s.deviceOf(d, s.states())
	shown.Info = infoOf(told)
	return answered(shown), nil
}

// NewDevice is a device as a technician describes it.
type NewDevice struct {
	ID       string             `json:"id" maxLength:"63"`
	Driver   string             `json:"driver" maxLength:"32"`
	Name     string             `json:"name" maxLength:"200"`
	Alias    string             `json:"alias,omitempty" maxLength:"100"`
	Zone     string             `json:"zone" maxLength:"63"`
	Parent   string             `json:"parent,omitempty" maxLength:"63"`
	ChildKey string             `json:"child_key,omitempty" maxLength:"128"`
	Config   json.RawMessage    `json:"config,omitempty"`
	Secrets  map[string]string  `json:"secrets,omitempty" doc:"write-only"`
	Streams  []registry.Stream  `json:"streams,omitempty" maxItems:"8"`
	Plan     *registry.Plan     `json:"plan,omitempty"`
	Position *registry.Position `json:"position,omitempty"`
	Enabled  *bool              `json:"enabled,omitempty" doc:"absent: true"`
	Reason   string             `json:"reason,omitempty" maxLength:"1000"`
}

func (s *Server) addDevice(ctx context.Context, in *struct{ Body NewDevice }) (*reply[Device], error) {
	b := in.Body
	d := registry.Device{
		ID: b.ID, Kind: b.Driver, Name: b.Name, Alias: b.Alias, Zone: b.Zone, Parent: b.Parent, ChildKey: b.ChildKey,
		Config: b.Config, Streams: b.Streams, Plan: b.Plan, Position: b.Position, Enabled: b.Enabled == nil || *b.Enabled,
	}
	return s.outcome(s.opt.Registry.Register(ctx, by(ctx, b.Reason), d, b.Secrets))
}

// outcome answers with a changed device, and with what is shown once.
func (s *Server) outcome(o registry.Outcome, err error) (*reply[Device], error) {
	if err != nil {
		return nil, err
	}
	d := s.deviceOf(o.Device, s.states())
	d.Notes = o.Notes
	if o.Told != nil {
		d.Info = infoOf(*o.Told)
	}
	if o.Credential != nil {
		d.MQTT = s.issued(*o.Credential)
	}
	return answered(d), nil
}

// DeviceChange holds what is to change; what is absent stays.
type DeviceChange struct {
	Name     *string            `json:"name,omitempty" maxLength:"200"`
	Alias    *string            `json:"alias,omitempty" maxLength:"100"`
	Zone     *string            `json:"zone,omitempty" maxLength:"63"`
	Parent   *string            `json:"parent,omitempty" maxLength:"63"`
	ChildKey *string            `json:"child_key,omitempty" maxLength:"128"`
	Config   json.RawMessage    `json:"config,omitempty"`
	Secrets  map[string]string  `json:"secrets,omitempty" doc:"write-only; an empty value removes one"`
	Streams  *[]registry.Stream `json:"streams,omitempty" maxItems:"8"`
	Plan     *registry.Plan     `json:"plan,omitempty"`
	Position *registry.Position `json:"position,omitempty"`
	Enabled  *bool              `json:"enabled,omitempty"`
	Reason   string             `json:"reason,omitempty" maxLength:"1000"`
	Revision uint64             `json:"revision,omitempty" doc:"what the caller looked at; refused with 409 changed if it has moved"`
}

func (s *Server) changeDevice(ctx context.Context, in *struct {
	Slug
	Body DeviceChange
},
) (*reply[Device], error) {
	d, ok := s.opt.Registry.Device(in.ID)
	if !ok {
		return nil, notFound("device", in.ID)
	}
	b := in.Body
	set(&d.Name, b.Name)
	set(&d.Alias, b.Alias)
	set(&d.Zone, b.Zone)
	set(&d.Parent, b.Parent)
	set(&d.ChildKey, b.ChildKey)
	set(&d.Streams, b.Streams)
	set(&d.Enabled, b.Enabled)
	if b.Config != nil {
		d.Config = b.Config
	}
	if b.Plan != nil {
		d.Plan = b.Plan
	}
	if b.Position != nil {
		d.Position = b.Position
	}
	who := by(ctx, b.Reason)
	who.Seen = b.Revision
	return s.outcome(s.opt.Registry.Change(ctx, who, d, b.Secrets))
}

func (s *Server) removeDevice(ctx context.Context, in *struct {
	Slug
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"1000"`
},
) (*struct{}, error) {
	if err := s.opt.Registry.Remove(ctx, by(ctx, in.Reason), in.ID); err != nil {
		return nil, err
	}
	s.opt.Hub.Forget(in.ID)
	return nil, nil
}

// deviceSwitch makes the handler of enabling and disabling.
func deviceSwitch(on bool) endpoint {
	return call(func(s *Server, ctx context.Context, in *struct {
		Slug
		Body Because
	},
	) (*reply[Device], error) {
		return s.outcome(s.opt.Registry.Enable(ctx, by(ctx, in.Body.Reason), in.ID, on))
	})
}

// NewUnit is a new unit in an old one's place.
type NewUnit struct {
	Driver   string            `json:"driver,omitempty" maxLength:"32"`
	ChildKey string            `json:"child_key,omitempty" maxLength:"128"`
	Config   json.RawMessage   `json:"config,omitempty"`
	Secrets  map[string]string `json:"secrets,omitempty" doc:"write-only"`
	Reason   string            `json:"reason" minLength:"1" maxLength:"1000"`
	Revision uint64            `json:"revision,omitempty" doc:"what the caller looked at; refused with 409 changed if it has moved"`
}

func (s *Server) replaceDevice(ctx context.Context, in *struct {
	Slug
	Body NewUnit
},
) (*reply[Device], error) {
	b := in.Body
	with := registry.Replacement{Kind: b.Driver, ChildKey: b.ChildKey, Config: b.Config, Secrets: b.Secrets}
	if with.Config == nil {
		d, ok := s.opt.Registry.Device(in.ID)
		if !ok {
			return nil, notFound("device", in.ID)
		}
		with.Config = d.Config
	}
	who := by(ctx, b.Reason)
	who.Seen = b.Revision
	return s.outcome(s.opt.Registry.Replace(ctx, who, in.ID, with))
}

func (s *Server) issueCredential(ctx context.Context, in *struct {
	Slug
	Body Because
},
) (*reply[MQTT], error) {
	c, err := s.opt.Registry.IssueCredential(ctx, by(ctx, in.Body.Reason), in.ID)
	if err != nil {
		return nil, err
	}
	return answered(*s.issued(c)), nil
}

func (s *Server) revokeCredential(ctx context.Context, in *struct {
	Slug
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"1000"`
},
) (*struct{}, error) {
	return nil, s.opt.Registry.RevokeCredential(ctx, by(ctx, in.Reason), in.ID)
}

func (s *Server) issued(c registry.Issued) *MQTT {
	topics, _, _ := s.opt.Registry.Topics(c.User)
	return &MQTT{Server: s.opt.Broker, User: c.User, Password: c.Password, Topics: orNone(topics)}
}

// probeTime bounds a look at a device.
const probeTime = 12 * time.Second

func (s *Server) probeDevice(ctx context.Context, in *struct{ Body ProbeRequest }) (*reply[ProbeResult], error) {
	q := in.Body
	if q.Device != "" {
		if _, ok := s.opt.Registry.Device(q.Device); !ok {
			return nil, notFound("device", q.Device)
		}
	} else if q.Driver == "" {
		return nil, badField("body.driver", "name a driver, or a registered device")
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	out, err := s.opt.Fleet.Probe(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(out.Picture) > 0 {
		d, _ := s.opt.Registry.Device(q.Device)
		if err := s.noteView(ctx, callerOf(ctx), playback{device: d, what: viewedProbe}); err != nil {
			return nil, err
		}
	}
	out.Streams, out.Notes = orNone(out.Streams), orNone(out.Notes)
	if out.Device == nil {
		out.Device = map[string]string{}
	}
	return answered(out), nil
}

func (s *Server) pathHints(_ context.Context, in *struct {
	Vendor string `query:"vendor" maxLength:"64"`
},
) (*reply[list[PathHint]], error) {
	return answered(list[PathHint]{Items: orNone(s.opt.Drivers.Hints(in.Vendor))}), nil
}

func (s *Server) listDrivers(context.Context, *struct{}) (*reply[list[Driver]], error) {
	return answered(list[Driver]{Items: orNone(s.opt.Drivers.Drivers())}), nil
}

func (s *Server) listRules(context.Context, *struct{}) (*reply[list[Rule]], error) {
	return answered(list[Rule]{Items: orNone(s.opt.Rules.Rules())}), nil
}

// SuggestedName is a name that fits the site's way of naming devices.
type SuggestedName struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

func (s *Server) suggestName(_ context.Context, in *struct {
	Zone string `query:"zone" required:"true" maxLength:"63"`
},
) (*reply[SuggestedName], error) {
	if _, ok := s.opt.Registry.Zone(in.Zone); !ok {
		return nil, notFound("zone", in.Zone)
	}
	name, id := s.opt.Registry.SuggestName(in.Zone)
	return answered(SuggestedName{Name: name, ID: id}), nil
}
