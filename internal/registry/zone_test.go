package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"siaga/internal/watch"
)

func TestZones_RefuseWhatIsNoTree(t *testing.T) {
	s := furnished(t)
	ctx := context.Background()
	add := func(z Zone) error { _, err := s.AddZone(ctx, me, z); return err }
	change := func(z Zone) error { _, err := s.ChangeZone(ctx, me, z); return err }
	s.refused("twice", add(Zone{ID: "kantor", Name: "Lain", Kind: ZoneRoom}), ErrConflict, "id", "Kantor")
	s.refused("name twice", add(Zone{ID: "k2", Name: "KANTOR", Kind: ZoneRoom}), ErrConflict, "name", "kantor")
	s.refused("code twice", add(Zone{ID: "k2", Name: "Lain", Kind: ZoneRoom, Code: "KTR"}), ErrConflict, "code", "kantor")
	s.refused("bad code", add(Zone{ID: "k2", Name: "Lain", Kind: ZoneRoom, Code: "k"}), watch.ErrInvalid, "code", "capital")
	s.refused("bad kind", add(Zone{ID: "k2", Name: "Lain", Kind: "dapur"}), watch.ErrInvalid, "kind", "server_room")
	s.refused("bad id", add(Zone{ID: "Ruang 1", Name: "Lain", Kind: ZoneRoom}), watch.ErrInvalid, "id", "lower case")
	s.refused("no parent", add(Zone{ID: "k2", Name: "Lain", Kind: ZoneRoom, Parent: "none"}), watch.ErrInvalid, "parent", "none")
	s.refused("own parent", change(Zone{ID: "kantor", Name: "Kantor", Kind: ZoneOffice, Parent: "kantor"}), watch.ErrInvalid, "parent", "inside")
	s.refused("inside its child", change(Zone{ID: "kantor", Name: "Kantor", Kind: ZoneOffice, Parent: "server"}), watch.ErrInvalid, "parent", "inside")
	s.refused("zones in it", s.RemoveZone(ctx, me, "kantor"), ErrConflict, "id", "server")
	s.refused("devices in it", s.RemoveZone(ctx, me, "gudang"), ErrConflict, "id", "cam-1")
	s.refused("no reason", s.RemoveZone(ctx, By{Actor: "x"}, "server"), watch.ErrInvalid, "reason", "reason")
	s.refused("unknown", change(Zone{ID: "none", Name: "Lain", Kind: ZoneRoom}), ErrNotFound, "id", "none")
	if err := s.RemoveZone(ctx, me, "server"); err != nil {
		t.Error(err)
	}
	s.proved()
}

func TestArmAndLock_SayWhoAndWhenAndSurviveARename(t *testing.T) {
	s := furnished(t)
	ctx := context.Background()
	z, err := s.ArmZone(ctx, me, "gudang", true)
	if err != nil || !z.Armed.On || z.Armed.By != me.Actor || z.Armed.At.IsZero() {
		t.Fatalf("armed: %+v, %v", z, err)
	}
	if z, err = s.LockZone(ctx, me, "gudang", true); err != nil || !z.Locked.On {
		t.Fatalf("locked: %+v, %v", z, err)
	}
	z.Name = "Gudang Besar"
	if z, err = s.ChangeZone(ctx, me, z); err != nil || !z.Armed.On || !z.Locked.On || z.Name != "Gudang Besar" {
		t.Errorf("after the rename: %+v, %v", z, err)
	}
	_, err = s.ArmZone(ctx, By{Actor: "x"}, "gudang", false)
	s.refused("disarm without reason", err, watch.ErrInvalid, "reason", "disarming")
	for _, by := range []By{{Actor: "x", Reason: "sortir"}, {Actor: "x", Second: "x", Reason: "sortir"}} {
		_, err = s.LockZone(ctx, by, "gudang", false)
		s.refused("opened alone", err, watch.ErrInvalid, "second", "second person")
	}
	_, err = s.LockZone(ctx, By{Actor: "x", Second: "y"}, "gudang", false)
	s.refused("opened without purpose", err, watch.ErrInvalid, "reason", "reason")
	if z, err = s.LockZone(ctx, By{Actor: "x", Second: "y", Reason: "sortir"}, "gudang", false); err != nil || z.Locked.On || z.Locked.By != "x" {
		t.Errorf("opened by two: %+v, %v", z, err)
	}
	if e := s.events(KindZoneUnlocked); len(e) != 1 || !strings.Contains(string(e[0].Body), `"second":"y"`) || e[0].Zone != "gudang" {
		t.Errorf("event: %v", e)
	}
	head := s.j.Head()
	if _, err := s.LockZone(ctx, By{}, "gudang", false); err != nil || s.j.Head() != head {
		t.Errorf("what is so already was journaled: %v", err)
	}
	s.proved()
}

// TestZones_StayATreeUnderAnyChanges throws random additions, moves and removals at the registry and compares it with
// a plain model.
func TestZones_StayATreeUnderAnyChanges(t *testing.T) {
	s := newSite(t, t.TempDir())
	ctx := context.Background()
	id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
	rapid.Check(t, func(rt *rapid.T) {
		parent := map[string]string{} // the model
		for _, z := range slices.Backward(s.Zones()) {
			if err := s.RemoveZone(ctx, me, z.ID); err != nil {
				rt.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			s.step(rt, parent, id.Draw(rt, "zone"), rapid.OneOf(rapid.Just(""), id).Draw(rt, "parent"))
			s.same(rt, parent)
		}
	})
	s.proved()
}

// step tries one change and applies it to the model if the model allows it.
func (s *site) step(rt *rapid.T, parent map[string]string, zone, above string) {
	ctx := context.Background()
	_, have := parent[zone]
	_, aboveThere := parent[above]
	loop := false
	for up := above; up != ""; up = parent[up] {
		loop = loop || up == zone
	}
	placeable := (above == "" || aboveThere) && !loop
	z := Zone{ID: zone, Name: "Zona " + zone, Kind: ZoneRoom, Parent: above}
	var err error
	var want bool
	switch op := rapid.IntRange(0, 2).Draw(rt, "op"); op {
	case 0:
		_, err = s.AddZone(ctx, me, z)
		want = !have && placeable
	case 1:
		_, err = s.ChangeZone(ctx, me, z)
		want = have && placeable
	case 2:
		err = s.RemoveZone(ctx, me, zone)
		want = have
		for _, p := range parent {
			want = want && p != zone
		}
		if want {
			delete(parent, zone)
		}
	}
	if want != (err == nil) {
		rt.Fatalf("zone %s under %q: %v, but the model says %v", zone, above, err, want)
	}
	if _, stands := s.Zone(zone); err == nil && stands {
		parent[zone] = above
	}
}

// same compares the zones with the model.
func (s *site) same(rt *rapid.T, parent map[string]string) {
	zones := s.Zones()
	seen := map[string]bool{}
	for _, z := range zones {
		if p, ok := parent[z.ID]; !ok || p != z.Parent {
			rt.Fatalf("zone %s under %q, the model says %q", z.ID, z.Parent, p)
		}
		if z.Parent != "" && !seen[z.Parent] {
			rt.Fatalf("zone %s is listed before its parent", z.ID)
		}
		seen[z.ID] = true
		up := s.Ancestors(z.ID)
		for _, a := range up {
			if !s.Within(z.ID, a) || s.Within(a, z.ID) {
				rt.Fatalf("zone %s and its ancestor %s disagree on who is inside", z.ID, a)
			}
		}
	}
	if len(zones) != len(parent) {
		rt.Fatalf("%d zones, the model has %d", len(zones), len(parent))
	}
}

func TestZones_AreNotDeeperThanTheLimit(t *testing.T) {
	s := newSite(t, t.TempDir())
	above := ""
	for n := 1; n <= maxDepth; n++ {
		id := fmt.Sprintf("z%d", n)
		s.mustZone(Zone{ID: id, Name: id, Kind: ZoneRoom, Parent: above})
		above = id
	}
	_, err := s.AddZone(context.Background(), me, Zone{ID: "low", Name: "low", Kind: ZoneRoom, Parent: above})
	s.refused("too deep", err, watch.ErrInvalid, "parent", "deep")
	s.mustZone(Zone{ID: "root", Name: "root", Kind: ZoneRoom})
	_, err = s.ChangeZone(context.Background(), me, Zone{ID: "z1", Name: "z1", Kind: ZoneRoom, Parent: "root"})
	s.refused("pushed too deep", err, watch.ErrInvalid, "parent", "deep")
	if got := len(s.Ancestors(above)); got != maxDepth-1 {
		t.Errorf("%d ancestors", got)
	}
}

func TestSuggestName_FollowsThePatternAndIsFree(t *testing.T) {
	s := furnished(t)
	for zone, want := range map[string]string{"gudang": "MJN-GDG-02", "server": "MJN-RUASER-01", "kantor": "MJN-KTR-01", "none": "MJN-X-01"} {
		if name, id := s.SuggestName(zone); name != want || id != strings.ToLower(want) || !watch.ValidSlug(id) {
			t.Errorf("%s: %s, %s; want %s", zone, name, id, want)
		}
	}
}
