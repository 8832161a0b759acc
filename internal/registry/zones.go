package registry

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"siaga/internal/watch"
)

// maxDepth is how deep the zone tree may be.
const maxDepth = 12

var zoneCode = regexp.MustCompile(`^[A-Z0-9]{2,8}$`)

// AddZone adds a part of the site. Its parent MUST exist.
func (r *Registry) AddZone(ctx context.Context, by By, z Zone) (Zone, error) {
	_, err := r.commit(ctx, by, func(c *change) error { return c.addZone(z) })
	return r.answerZone(z.ID, err)
}

// ChangeZone replaces a zone's description. Whether it is armed or locked up is not part of it.
func (r *Registry) ChangeZone(ctx context.Context, by By, z Zone) (Zone, error) {
	_, err := r.commit(ctx, by, func(c *change) error {
		_, err := c.changeZone(z)
		return err
	})
	return r.answerZone(z.ID, err)
}

// RemoveZone removes an empty zone: without zones or devices in it.
func (r *Registry) RemoveZone(ctx context.Context, by By, id string) error {
	_, err := r.commit(ctx, by, func(c *change) error { return c.removeZone(id) })
	return err
}

// ArmZone arms a zone, so that presence in it is an alert, or disarms it, which needs a reason. Asking for what is so
// already changes nothing.
func (r *Registry) ArmZone(ctx context.Context, by By, id string, on bool) (Zone, error) {
	_, err := r.commit(ctx, by, func(c *change) error {
		z, ok := c.st.zones[id]
		if !ok {
			return notFound("zone", id)
		}
		if z.Armed.On == on {
			return nil
		}
		kind := KindZoneArmed
		if !on {
			kind = KindZoneDisarmed
			if err := c.needReason("disarming a zone"); err != nil {
				return err
			}
		}
		_, err := event(c, kind, "", id, body[Zone]{})
		return err
	})
	return r.answerZone(id, err)
}

// LockZone locks a zone up, so that any motion inside is critical, or opens it again. Opening needs two different
// people and a purpose (By.Second, By.Reason). Asking for what is so already changes nothing.
func (r *Registry) LockZone(ctx context.Context, by By, id string, on bool) (Zone, error) {
	_, err := r.commit(ctx, by, func(c *change) error {
		z, ok := c.st.zones[id]
		if !ok {
			return notFound("zone", id)
		}
		if z.Locked.On == on {
			return nil
		}
		kind := KindZoneLocked
		if !on {
			kind = KindZoneUnlocked
			if by.Second == "" || by.Second == by.Actor {
				return invalid("second", "opening a zone that is locked up needs a second person")
			}
			if err := c.needReason("opening a zone that is locked up"); err != nil {
				return err
			}
		}
		_, err := event(c, kind, "", id, body[Zone]{})
		return err
	})
	return r.answerZone(id, err)
}

func (r *Registry) answerZone(id string, err error) (Zone, error) {
	if err != nil {
		return Zone{}, err
	}
	z, _ := r.Zone(id)
	return z, nil
}

func (c *change) addZone(z Zone) error {
	if have, ok := c.st.zones[z.ID]; ok {
		return conflict("id", "there is a zone %q already, named %q", z.ID, have.Name)
	}
	z, err := c.checkZone(z)
	if err != nil {
		return err
	}
	if _, err := event(c, KindZoneAdded, "", z.ID, body[Zone]{After: &z}); err != nil {
		return err
	}
	c.st.zones[z.ID] = z
	return nil
}

// changeZone reports whether anything changed.
func (c *change) changeZone(z Zone) (bool, error) {
	before, ok := c.st.zones[z.ID]
	if !ok {
		return false, notFound("zone", z.ID)
	}
	if err := c.unchanged(before.Revision); err != nil {
		return false, err
	}
	z, err := c.checkZone(z)
	if err != nil || sameZone(before, z) {
		return false, err
	}
	if _, err := event(c, KindZoneChanged, "", z.ID, body[Zone]{Before: &before, After: &z}); err != nil {
		return false, err
	}
	z.Armed, z.Locked, z.Created = before.Armed, before.Locked, before.Created
	c.st.zones[z.ID] = z
	return true, nil
}

func (c *change) removeZone(id string) error {
	before, ok := c.st.zones[id]
	if !ok {
		return notFound("zone", id)
	}
	if err := c.unchanged(before.Revision); err != nil {
		return err
	}
	if err := c.needReason("removing a zone"); err != nil {
		return err
	}
	for _, z := range c.st.sortedZones() {
		if z.Parent == id {
			return conflict("id", "zone %q still holds zone %q (%s); move or remove that first", id, z.ID, z.Name)
		}
	}
	for _, d := range c.st.order {
		if c.st.devices[d].Zone == id {
			return conflict("id", "zone %q still holds device %q (%s); move or remove that first", id, d, c.st.devices[d].Name)
		}
	}
	if _, err := event(c, KindZoneRemoved, "", id, body[Zone]{Before: &before}); err != nil {
		return err
	}
	delete(c.st.zones, id)
	return nil
}

// checkZone refuses a description that cannot be, and returns it as it is to be stored.
func (c *change) checkZone(z Zone) (Zone, error) {
	if !watch.ValidSlug(z.ID) {
		return z, badSlug("id", z.ID)
	}
	var err error
	if z.Name, err = cleanText("name", z.Name, 1); err != nil {
		return z, err
	}
	if z.Code != "" && !zoneCode.MatchString(z.Code) {
		return z, invalid("code", "%.20q: want 2 to 8 capital letters or digits, as GDB", z.Code)
	}
	if !slices.Contains(ZoneKinds(), z.Kind) {
		return z, invalid("kind", "%.40q is not one of %s", z.Kind, strings.Join(ZoneKinds(), ", "))
	}
	for _, other := range c.st.sortedZones() {
		if other.ID == z.ID {
			continue
		}
		if fold(other.Name) == fold(z.Name) {
			return z, conflict("name", "zone %q has the name %q already", other.ID, other.Name)
		}
		if z.Code != "" && other.Code == z.Code {
			return z, conflict("code", "zone %q has the code %s already", other.ID, other.Code)
		}
	}
	if err := c.checkParentZone(z); err != nil {
		return z, err
	}
	if z.Plan != nil && (z.Plan.Heading != 0 || z.Plan.FOV != 0 || z.Plan.Range != 0) {
		return z, invalid("plan", "a zone looks nowhere: heading, fov and range are for devices")
	}
	return z, checkPlace(z.Plan, z.Position)
}

// checkParentZone keeps the zones a tree: every parent exists, no zone is inside itself, and it is not too deep.
func (c *change) checkParentZone(z Zone) error {
	if z.Parent == "" {
		return nil
	}
	if _, ok := c.st.zones[z.Parent]; !ok {
		return invalid("parent", "there is no zone %.64q; add it first", z.Parent)
	}
	path := c.st.path(z.Parent)
	if z.Parent == z.ID || slices.Contains(path, z.ID) {
		return invalid("parent", "zone %q lies inside %q, so it cannot hold it", z.Parent, z.ID)
	}
	if len(path)+1+c.st.height(z.ID) > maxDepth {
		return invalid("parent", "the zones would be more than %d deep", maxDepth)
	}
	return nil
}

// height is how many levels of zones lie below a zone.
func (s *state) height(id string) int {
	deepest := 0
	for other := range s.zones {
		if i := slices.Index(s.path(other), id); i > deepest {
			deepest = i
		}
	}
	return deepest
}

func sameZone(a, b Zone) bool {
	return a.ID == b.ID && a.Parent == b.Parent && a.Name == b.Name && a.Code == b.Code && a.Kind == b.Kind &&
		a.Special == b.Special && samePlace(a.Plan, b.Plan) && samePlace(a.Position, b.Position)
}

func samePlace[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
