package registry

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"siaga/internal/watch"
)

// drawing is a picture of a size, with something on it so that two sizes never have the same bytes.
func drawing(w, h int) *image.Paletted {
	img := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.White, color.Black})
	for i := range min(w, h) {
		img.SetColorIndex(i, i, 1)
	}
	return img
}

func pngOf(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, drawing(w, h)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func newPlanSite(t *testing.T) *site {
	t.Helper()
	s := furnished(t)
	s.opt.Plans = filepath.Join(s.dir, "plans")
	return s
}

var ctx = context.Background()

func TestPicture_IsKeptUnderItsHashAndComesBackAsItWas(t *testing.T) {
	s := newPlanSite(t)
	data := pngOf(t, 200, 100)
	p, err := s.SetPicture(ctx, me, "kantor", data)
	if err != nil {
		t.Fatal(err)
	}
	if p.Width != 200 || p.Height != 100 || p.Type != "image/png" || p.Bytes != int64(len(data)) || p.Zone != "kantor" {
		t.Errorf("%+v", p)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "plans", p.SHA256+".png")); err != nil {
		t.Error(err)
	}
	_, back, err := s.Picture("kantor")
	if err != nil || !bytes.Equal(back, data) {
		t.Errorf("%d bytes, %v", len(back), err)
	}
	last := s.j.Head()
	if _, err := s.SetPicture(ctx, me, "kantor", data); err != nil {
		t.Fatal(err)
	}
	if s.j.Head() != last {
		t.Error("the same picture again made an event")
	}
}

func TestPicture_RefusesWhatIsNoPictureOrTooLarge(t *testing.T) {
	s := newPlanSite(t)
	var animated, photo bytes.Buffer
	if err := gif.Encode(&animated, drawing(100, 100), nil); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&photo, drawing(100, 100), nil); err != nil {
		t.Fatal(err)
	}
	good := pngOf(t, 100, 100)
	for _, c := range []struct {
		name, says string
		data       []byte
	}{
		{"nothing", "bytes long", nil},
		{"a page", "neither PNG nor JPEG", []byte("<!doctype html><script>alert(1)</script>")},
		{"SVG", "neither PNG nor JPEG", []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`)},
		{"GIF", "neither PNG nor JPEG", animated.Bytes()},
		{"only the beginning of a PNG", "damaged", good[:len(good)-20]},
		{"only the beginning of a JPEG", "damaged", photo.Bytes()[:photo.Len()-40]},
		{"a header alone", "cannot be read", good[:16]},
		{"an icon", "100 × 20 pixels", pngOf(t, 100, 20)},
		{"a strip", "8200 × 64 pixels", pngOf(t, 8200, 64)},
		{"too many pixels", "5000 × 5000 pixels", pngOf(t, 5000, 5000)},
		{"too many bytes", "8 MiB", append(bytes.Clone(good), make([]byte, MaxPicture)...)},
	} {
		_, err := s.SetPicture(ctx, me, "kantor", c.data)
		if !errors.Is(err, watch.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
	if len(s.FloorPlans()) != 0 {
		t.Error("something was taken")
	}
	if p, err := s.SetPicture(ctx, me, "kantor", photo.Bytes()); err != nil || p.Type != "image/jpeg" {
		t.Errorf("a JPEG: %+v, %v", p, err)
	}
	if _, err := s.SetPicture(ctx, me, "nowhere", good); !errors.Is(err, ErrNotFound) {
		t.Errorf("a zone that is not there: %v", err)
	}
}

func TestPicture_ChangedOrGoneOnDiskIsNeverShownAndIsFound(t *testing.T) {
	s := newPlanSite(t)
	p, err := s.SetPicture(ctx, me, "kantor", pngOf(t, 200, 100))
	if err != nil {
		t.Fatal(err)
	}
	verify := func() (int, string) {
		t.Helper()
		n, findings, err := VerifyPlans(ctx, s.j.DB(), s.opt.Plans)
		if err != nil {
			t.Fatal(err)
		}
		return n, strings.Join(findings, "\n")
	}
	if n, bad := verify(); n != 1 || bad != "" {
		t.Errorf("whole: %d files, %q", n, bad)
	}
	file := filepath.Join(s.opt.Plans, p.SHA256+".png")
	if err := os.WriteFile(file, pngOf(t, 200, 101), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, data, err := s.Picture("kantor"); err == nil || data != nil {
		t.Error("a picture changed on disk was shown")
	}
	if _, bad := verify(); !strings.Contains(bad, "changed on disk") {
		t.Errorf("changed: %q", bad)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Picture("kantor"); !errors.Is(err, ErrNotFound) {
		t.Errorf("gone: %v", err)
	}
	if _, bad := verify(); !strings.Contains(bad, "gone") {
		t.Errorf("gone: %q", bad)
	}
}

func TestPlan_AnchorsStayWithAPictureOfTheSameSize(t *testing.T) {
	s := newPlanSite(t)
	two := []Anchor{{X: 0.1, Y: 0.9, Lat: -3.54, Lon: 118.97}, {X: 0.9, Y: 0.1, Lat: -3.539, Lon: 118.972}}
	if _, err := s.AnchorPlan(ctx, me, "kantor", two); !errors.Is(err, ErrNotFound) {
		t.Errorf("anchors without a plan: %v", err)
	}
	set := func(data []byte) FloorPlan {
		t.Helper()
		p, err := s.SetPicture(ctx, me, "kantor", data)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	set(pngOf(t, 200, 100))
	if p, err := s.AnchorPlan(ctx, me, "kantor", two); err != nil || len(p.Anchors) != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	var other bytes.Buffer
	if err := jpeg.Encode(&other, drawing(200, 100), nil); err != nil {
		t.Fatal(err)
	}
	if p := set(other.Bytes()); len(p.Anchors) != 2 {
		t.Error("another picture of the same size lost its anchors")
	}
	if p := set(pngOf(t, 300, 100)); len(p.Anchors) != 0 {
		t.Error("a picture of another size kept the anchors of the old")
	}
	s.proved()
	for name, bad := range map[string][]Anchor{
		"one":            two[:1],
		"on each other":  {two[0], {X: 0.11, Y: 0.9, Lat: -3.539, Lon: 118.972}},
		"the same place": {two[0], {X: 0.9, Y: 0.1, Lat: two[0].Lat, Lon: two[0].Lon}},
		"another island": {two[0], {X: 0.9, Y: 0.1, Lat: -7, Lon: 112}},
		"off the plan":   {two[0], {X: 1.9, Y: 0.1, Lat: -3.539, Lon: 118.972}},
	} {
		if _, err := s.AnchorPlan(ctx, me, "kantor", bad); !errors.Is(err, watch.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlace_PutsAllOrNoneAndKeepsWhoCameFirst(t *testing.T) {
	s := newPlanSite(t)
	if _, err := s.SetPicture(ctx, me, "kantor", pngOf(t, 200, 100)); err != nil {
		t.Fatal(err)
	}
	one, _ := s.Device("cam-1")
	two := s.mustRegister(camera("cam-2", "MJN-GDG-02", "rtsp://10.0.0.2/main"), nil).Device
	at := &Plan{X: 0.25, Y: 0.5, Heading: 90, FOV: 80, Range: 0.2}
	if _, err := s.Place(ctx, me, "kantor", []Placement{{Device: "cam-1", At: at}, {Device: "cam-9", At: at}}); !errors.Is(err, ErrNotFound) {
		t.Fatalf("%v", err)
	}
	if d, _ := s.Device("cam-1"); d.Plan != nil {
		t.Error("one of two was placed although the other could not be")
	}
	placed, err := s.Place(ctx, me, "kantor", []Placement{{Device: "cam-1", At: at, Seen: one.Revision}, {Device: "cam-2", At: at, Seen: two.Revision}})
	if err != nil {
		t.Fatal(err)
	}
	if got := *placed[0].Plan; got != (Plan{Floor: "kantor", X: 0.25, Y: 0.5, Heading: 90, FOV: 80, Range: 0.2}) {
		t.Errorf("%+v", got)
	}
	_, err = s.Place(ctx, By{Actor: "0190-lain"}, "kantor", []Placement{{Device: "cam-1", At: &Plan{X: 0.9, Y: 0.9}, Seen: one.Revision}})
	var stale *Stale
	if !errors.As(err, &stale) || stale.Actor != me.Actor || stale.At.IsZero() {
		t.Errorf("the second of two people: %v", err)
	}
	for name, bad := range map[string]Plan{"x": {X: 1.1}, "heading": {Heading: 361}, "fov": {FOV: -1}, "range": {Range: 2}} {
		if _, err := s.Place(ctx, me, "kantor", []Placement{{Device: "cam-1", At: &bad}}); !errors.Is(err, watch.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if off, err := s.Place(ctx, me, "kantor", []Placement{{Device: "cam-1"}}); err != nil || off[0].Plan != nil {
		t.Errorf("taken off: %+v, %v", off, err)
	}
	s.proved()
}

func TestChange_OfWhatMovedOnIsRefusedWithWhoAndWhen(t *testing.T) {
	s := newPlanSite(t)
	d, _ := s.Device("cam-1")
	z, _ := s.Zone("kantor")
	seenDevice, seenZone := d.Revision, z.Revision
	d.Alias, z.Name = "Depan", "Kantor Baru"
	other := By{Actor: "0190-lain", Reason: "uji"}
	if _, err := s.Change(ctx, other, d, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ChangeZone(ctx, other, z); err != nil {
		t.Fatal(err)
	}
	late := me
	d.Alias, z.Name = "Belakang", "Kantor Lama"
	var stale *Stale
	late.Seen = seenDevice
	if _, err := s.Change(ctx, late, d, nil); !errors.As(err, &stale) || stale.Actor != other.Actor || !errors.Is(err, ErrConflict) {
		t.Errorf("device: %v", err)
	}
	late.Seen = seenZone
	if _, err := s.ChangeZone(ctx, late, z); !errors.As(err, &stale) || stale.Actor != other.Actor {
		t.Errorf("zone: %v", err)
	}
	late.Seen = 0
	if _, err := s.Change(ctx, late, d, nil); err != nil {
		t.Errorf("who does not say what they saw is not held up: %v", err)
	}
}

func FuzzReadPicture(f *testing.F) {
	f.Add(pngOf(f, 64, 64))
	var b bytes.Buffer
	if err := jpeg.Encode(&b, drawing(64, 64), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := readPicture(data)
		if err == nil && (p.hash == "" || min(p.width, p.height) < minSide || p.width*p.height > maxPixels) {
			t.Errorf("%+v", p)
		}
	})
}
