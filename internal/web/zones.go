package web

import (
	"context"

	"siaga/internal/registry"
	"siaga/internal/watch"
)

// Zone is a part of the site.
type Zone struct {
	ID       string             `json:"id"`
	Parent   string             `json:"parent" doc:"empty for a root"`
	Name     string             `json:"name"`
	Code     string             `json:"code" doc:"short form in device names"`
	Kind     string             `json:"kind"`
	Special  bool               `json:"special"`
	Plan     *registry.Plan     `json:"plan"`
	Position *registry.Position `json:"position"`
	Armed    *Mark              `json:"armed"`
	Locked   *Mark              `json:"locked"`
	Revision uint64             `json:"revision" doc:"moves with every change"`
}

// Mark says who threw a switch of a zone, and when.
type Mark struct {
	By     string     `json:"by"`
	ByName string     `json:"by_name"`
	At     watch.Time `json:"at"`
}

func (s *Server) zoneOf(z registry.Zone) Zone {
	return Zone{
		ID: z.ID, Parent: z.Parent, Name: z.Name, Code: z.Code, Kind: z.Kind, Special: z.Special,
		Plan: z.Plan, Position: z.Position, Armed: s.markOf(z.Armed), Locked: s.markOf(z.Locked), Revision: z.Revision,
	}
}

func (s *Server) markOf(m registry.Mark) *Mark {
	if !m.On {
		return nil
	}
	return &Mark{By: m.By, ByName: s.opt.Auth.Name(m.By), At: watch.Time{Time: m.At}}
}

// Slug is the id of a zone or device in a path.
type Slug struct {
	ID string `path:"id" maxLength:"63" pattern:"^[a-z0-9][a-z0-9-]{0,62}$"`
}

func (s *Server) listZones(_ context.Context, in *struct{ Page }) (*reply[list[Zone]], error) {
	var all []Zone
	for _, z := range s.opt.Registry.Zones() {
		all = append(all, s.zoneOf(z))
	}
	return answered(pageOf(in.Page, all, func(z Zone) string { return z.ID })), nil
}

func (s *Server) getZone(_ context.Context, in *Slug) (*reply[Zone], error) {
	z, ok := s.opt.Registry.Zone(in.ID)
	if !ok {
		return nil, notFound("zone", in.ID)
	}
	return answered(s.zoneOf(z)), nil
}

// NewZone is a zone as people describe it.
type NewZone struct {
	ID       string             `json:"id" maxLength:"63"`
	Parent   string             `json:"parent,omitempty" maxLength:"63"`
	Name     string             `json:"name" maxLength:"200"`
	Code     string             `json:"code,omitempty" maxLength:"8"`
	Kind     string             `json:"kind" maxLength:"32"`
	Special  bool               `json:"special,omitempty"`
	Plan     *registry.Plan     `json:"plan,omitempty"`
	Position *registry.Position `json:"position,omitempty"`
	Reason   string             `json:"reason,omitempty" maxLength:"1000"`
}

func (s *Server) addZone(ctx context.Context, in *struct{ Body NewZone }) (*reply[Zone], error) {
	b := in.Body
	z, err := s.opt.Registry.AddZone(ctx, by(ctx, b.Reason), registry.Zone{
		ID: b.ID, Parent: b.Parent, Name: b.Name, Code: b.Code, Kind: b.Kind, Special: b.Special, Plan: b.Plan, Position: b.Position,
	})
	if err != nil {
		return nil, err
	}
	return answered(s.zoneOf(z)), nil
}

// ZoneChange holds what is to change; what is absent stays.
type ZoneChange struct {
	Parent   *string            `json:"parent,omitempty" maxLength:"63"`
	Name     *string            `json:"name,omitempty" maxLength:"200"`
	Code     *string            `json:"code,omitempty" maxLength:"8"`
	Kind     *string            `json:"kind,omitempty" maxLength:"32"`
	Special  *bool              `json:"special,omitempty"`
	Plan     *registry.Plan     `json:"plan,omitempty"`
	Position *registry.Position `json:"position,omitempty"`
	Reason   string             `json:"reason,omitempty" maxLength:"1000"`
	Revision uint64             `json:"revision,omitempty" doc:"what the caller looked at; refused with 409 changed if it has moved"`
}

func (s *Server) changeZone(ctx context.Context, in *struct {
	Slug
	Body ZoneChange
},
) (*reply[Zone], error) {
	z, ok := s.opt.Registry.Zone(in.ID)
	if !ok {
		return nil, notFound("zone", in.ID)
	}
	b := in.Body
	set(&z.Parent, b.Parent)
	set(&z.Name, b.Name)
	set(&z.Code, b.Code)
	set(&z.Kind, b.Kind)
	set(&z.Special, b.Special)
	if b.Plan != nil {
		z.Plan = b.Plan
	}
	if b.Position != nil {
		z.Position = b.Position
	}
	who := by(ctx, b.Reason)
	who.Seen = b.Revision
	z, err := s.opt.Registry.ChangeZone(ctx, who, z)
	if err != nil {
		return nil, err
	}
	return answered(s.zoneOf(z)), nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (s *Server) removeZone(ctx context.Context, in *struct {
	Slug
	Reason string `query:"reason" maxLength:"1000"`
},
) (*struct{}, error) {
	return nil, s.opt.Registry.RemoveZone(ctx, by(ctx, in.Reason), in.ID)
}

// Because is a request that only needs a reason.
type Because struct {
	Reason string `json:"reason,omitempty" maxLength:"1000"`
	Second string `json:"second,omitempty" maxLength:"64" doc:"person id of the second person, where two are needed"`
}

// zoneSwitch makes the handler of arming, disarming, locking up and opening.
func zoneSwitch(throw func(*registry.Registry, context.Context, registry.By, string, bool) (registry.Zone, error), on bool) endpoint {
	return call(func(s *Server, ctx context.Context, in *struct {
		Slug
		Body Because
	},
	) (*reply[Zone], error) {
		who := by(ctx, in.Body.Reason)
		who.Second = in.Body.Second
		z, err := throw(s.opt.Registry, ctx, who, in.ID, on)
		if err != nil {
			return nil, err
		}
		return answered(s.zoneOf(z)), nil
	})
}

// by says who acts, for the event.
func by(ctx context.Context, reason string) registry.By {
	return registry.By{Actor: callerOf(ctx).ID, Reason: reason}
}
