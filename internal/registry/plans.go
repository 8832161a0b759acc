package registry

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"
)

// FloorPlan is the picture of a zone that devices stand on. Plan.Floor names its zone.
type FloorPlan struct {
	Zone    string   `json:"zone"`
	SHA256  string   `json:"sha256"` // of the picture, hexadecimal
	Type    string   `json:"type"`   // image/png or image/jpeg
	Width   int      `json:"width"`  // pixels
	Height  int      `json:"height"` // pixels
	Bytes   int64    `json:"bytes"`
	Anchors []Anchor `json:"anchors,omitempty"` // none, or two

	Changed  time.Time `json:"-"`
	Revision uint64    `json:"-"` // sequence of the event that last changed it
}

// Anchor ties a point of a plan to a place on earth. Two of them give scale and direction of the whole plan.
type Anchor struct {
	X   float64 `json:"x"` // 0 to 1, from the left
	Y   float64 `json:"y"` // 0 to 1, from the top
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// Placement puts a device on a plan, or takes it off.
type Placement struct {
	Device string
	At     *Plan  // nil takes it off; Floor is not looked at
	Seen   uint64 // the device's revision that the person looked at, 0 for any
}

// maxPlacements bounds one change of a plan.
const maxPlacements = 10_000

// FloorPlans lists the plans, sorted by zone.
func (r *Registry) FloorPlans() []FloorPlan {
	plans := r.live.Load().plans
	out := make([]FloorPlan, 0, len(plans))
	for _, zone := range slices.Sorted(maps.Keys(plans)) {
		out = append(out, plans[zone].clone())
	}
	return out
}

// FloorPlan is the plan of a zone.
func (r *Registry) FloorPlan(zone string) (FloorPlan, bool) {
	p, ok := r.live.Load().plans[zone]
	return p.clone(), ok
}

func (p FloorPlan) clone() FloorPlan {
	p.Anchors = slices.Clone(p.Anchors)
	return p
}

// Picture is the picture of a zone's plan, proven to be the one that its event names.
func (r *Registry) Picture(zone string) (FloorPlan, []byte, error) {
	p, ok := r.FloorPlan(zone)
	if !ok {
		return p, nil, notFound("floor plan", zone)
	}
	data, err := loadPicture(r.opt.Plans, p)
	return p, data, err
}

// SetPicture gives a zone a floor plan, or another one. The anchors stay if the new picture has the size of the old.
func (r *Registry) SetPicture(ctx context.Context, by By, zone string, data []byte) (FloorPlan, error) {
	// One at a time: a decoded picture may take 128 MiB.
	r.decoding.Lock()
	pic, err := readPicture(data)
	r.decoding.Unlock()
	if err != nil {
		return FloorPlan{}, err
	}
	if _, ok := r.Zone(zone); !ok {
		return FloorPlan{}, notFound("zone", zone)
	}
	if err := keepPicture(r.opt.Plans, pic); err != nil {
		return FloorPlan{}, err
	}
	return r.changePlan(ctx, by, zone, func(before *FloorPlan) (FloorPlan, error) {
		p := FloorPlan{Zone: zone, SHA256: pic.hash, Type: pic.kind, Width: pic.width, Height: pic.height, Bytes: int64(len(data))}
		if before != nil && before.Width == p.Width && before.Height == p.Height {
			p.Anchors = before.Anchors
		}
		return p, nil
	})
}

// AnchorPlan says where on earth a plan lies: by two points of it, or by none.
func (r *Registry) AnchorPlan(ctx context.Context, by By, zone string, anchors []Anchor) (FloorPlan, error) {
	if err := checkAnchors(anchors); err != nil {
		return FloorPlan{}, err
	}
	return r.changePlan(ctx, by, zone, func(before *FloorPlan) (FloorPlan, error) {
		if before == nil {
			return FloorPlan{}, notFound("floor plan", zone)
		}
		p := *before
		p.Anchors = slices.Clone(anchors)
		return p, nil
	})
}

func (r *Registry) changePlan(ctx context.Context, by By, zone string, to func(before *FloorPlan) (FloorPlan, error)) (FloorPlan, error) {
	_, err := r.commit(ctx, by, func(c *change) error {
		if _, ok := c.st.zones[zone]; !ok {
			return notFound("zone", zone)
		}
		var before *FloorPlan
		if p, ok := c.st.plans[zone]; ok {
			before = &p
			if err := c.unchanged(p.Revision); err != nil {
				return err
			}
		}
		after, err := to(before)
		if err != nil || before != nil && samePlan(*before, after) {
			return err
		}
		_, err = event(c, KindPlanSet, "", zone, body[FloorPlan]{Before: before, After: &after})
		return err
	})
	if err != nil {
		return FloorPlan{}, err
	}
	p, _ := r.FloorPlan(zone)
	return p, nil
}

// RemovePlan takes a zone's floor plan away. Devices keep their places on it, for the day it comes back. It needs a
// reason.
func (r *Registry) RemovePlan(ctx context.Context, by By, zone string) error {
	_, err := r.commit(ctx, by, func(c *change) error {
		before, ok := c.st.plans[zone]
		if !ok {
			return notFound("floor plan", zone)
		}
		if err := c.needReason("removing a floor plan"); err != nil {
			return err
		}
		_, err := event(c, KindPlanRemoved, "", zone, body[FloorPlan]{Before: &before})
		return err
	})
	return err
}

// Place puts devices onto a zone's plan or takes them off: all of them or none. What stands there already changes
// nothing.
func (r *Registry) Place(ctx context.Context, by By, zone string, list []Placement) ([]Device, error) {
	if len(list) > maxPlacements {
		return nil, invalid("marks", "%d of them, the limit is %d", len(list), maxPlacements)
	}
	_, err := r.commit(ctx, by, func(c *change) error {
		if _, ok := c.st.plans[zone]; !ok {
			return notFound("floor plan", zone)
		}
		for _, p := range list {
			if err := c.place(zone, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]Device, 0, len(list))
	for _, p := range list {
		d, _ := r.Device(p.Device)
		out = append(out, d)
	}
	return out, nil
}

func (c *change) place(zone string, p Placement) error {
	d, ok := c.st.devices[p.Device]
	if !ok {
		return notFound("device", p.Device)
	}
	c.by.Seen = p.Seen
	if err := c.unchanged(d.Revision); err != nil {
		return err
	}
	at := p.At
	if at != nil {
		spot := *at
		spot.Floor = zone
		at = &spot
	}
	if samePlace(d.Plan, at) {
		return nil
	}
	if err := checkPlace(at, nil); err != nil {
		return err
	}
	e, err := event(c, KindDevicePlaced, d.ID, d.Zone, body[Plan]{Before: d.Plan, After: at})
	if err != nil {
		return err
	}
	d.Plan, d.Changed, d.Revision = at, e.At, e.Seq
	c.st.put(d)
	return nil
}

// What two anchors may be apart.
const (
	leastApart = 0.02 // of the plan's side
	leastWay   = 1e-5 // degrees, about a metre
	mostWay    = 0.5  // degrees; a site is no province
)

func checkAnchors(list []Anchor) error {
	if len(list) != 0 && len(list) != 2 {
		return invalid("anchors", "%d of them; two points place a plan, none leaves it unplaced", len(list))
	}
	for _, a := range list {
		if !between(a.X, 0, 1) || !between(a.Y, 0, 1) || !between(a.Lat, -85, 85) || !between(a.Lon, -180, 180) {
			return invalid("anchors", "want x and y from 0 to 1, lat from -85 to 85 and lon from -180 to 180")
		}
	}
	if len(list) == 0 {
		return nil
	}
	a, b := list[0], list[1]
	if math.Hypot(a.X-b.X, a.Y-b.Y) < leastApart {
		return invalid("anchors", "the two points lie nearly on each other on the plan; choose two far apart")
	}
	way := math.Hypot(a.Lat-b.Lat, a.Lon-b.Lon)
	if way < leastWay || way > mostWay {
		return invalid("anchors", "the two places on earth must be between a metre and some 50 km apart; check their coordinates")
	}
	return nil
}

func samePlan(a, b FloorPlan) bool {
	return a.SHA256 == b.SHA256 && a.Type == b.Type && a.Width == b.Width && a.Height == b.Height && slices.Equal(a.Anchors, b.Anchors)
}

// VerifyPlans reads every picture below folder that the database names and says what is not as its event said.
func VerifyPlans(ctx context.Context, q queryer, folder string) (files int, findings []string, err error) {
	s := &state{plans: map[string]FloorPlan{}}
	if err := s.loadPlans(ctx, q); err != nil {
		return 0, nil, err
	}
	for _, zone := range slices.Sorted(maps.Keys(s.plans)) {
		files++
		if bad := verifyPicture(folder, s.plans[zone]); bad != "" {
			findings = append(findings, bad)
		}
	}
	return files, findings, nil
}
