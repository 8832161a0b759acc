package web

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func pictureOf(t testing.TB, w, h int) string {
	t.Helper()
	var b bytes.Buffer
	must(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))))
	return b.String()
}

func (s *site) putPicture(role, zone, data, kind string) (*http.Response, string) {
	s.t.Helper()
	r := s.request(role, put, prefix+"/plans/"+zone+"/picture", data)
	r.Header.Set("Content-Type", kind)
	return s.do(r)
}

func TestPlan_ThePictureIsOnlyEverAPicture(t *testing.T) {
	s := newSite(t)
	s.furnish()
	data := pictureOf(t, 160, 100)
	if res, text := s.putPicture("technician", "gudang", data, "image/png"); res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	var plans list[FloorPlan]
	s.call("guard", get, prefix+"/plans", "", http.StatusOK, &plans)
	if len(plans.Items) != 1 || plans.Items[0].Width != 160 {
		t.Fatalf("%+v", plans)
	}
	res, text := s.do(s.request("guard", get, plans.Items[0].Picture, ""))
	if res.StatusCode != http.StatusOK || text != data {
		t.Fatalf("%d, %d bytes", res.StatusCode, len(text))
	}
	for name, want := range map[string]string{"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox", "Cache-Control": "private"} {
		if !strings.Contains(res.Header.Get(name), want) {
			t.Errorf("%s: %q, want %q", name, res.Header.Get(name), want)
		}
	}
	again := s.request("guard", get, plans.Items[0].Picture, "")
	again.Header.Set("If-None-Match", res.Header.Get("ETag"))
	if res, text := s.do(again); res.StatusCode != http.StatusNotModified || text != "" {
		t.Errorf("asked again: %d, %d bytes", res.StatusCode, len(text))
	}
	for _, c := range []struct {
		role, data, kind string
		status           int
	}{
		{"guard", data, "image/png", http.StatusForbidden},
		{"technician", "<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", http.StatusUnprocessableEntity},
		{"technician", data, "image/svg+xml", http.StatusUnsupportedMediaType},
		{"technician", data + strings.Repeat("x", 9<<20), "image/png", http.StatusRequestEntityTooLarge},
	} {
		if res, text := s.putPicture(c.role, "gudang", c.data, c.kind); res.StatusCode != c.status {
			t.Errorf("%s as %s: %d, want %d\n%.200s", c.role, c.kind, res.StatusCode, c.status, text)
		}
	}
	s.problem("auditor", get, prefix+"/plans", "", http.StatusForbidden, "forbidden")
	s.problem("guard", get, prefix+"/plans/kantor/picture", "", http.StatusNotFound, "not_found")
}

func TestPlan_OfTwoTechniciansTheSecondLearnsWhoWasFirst(t *testing.T) {
	s := newSite(t)
	s.furnish()
	if res, text := s.putPicture("technician", "gudang", pictureOf(t, 160, 100), "image/png"); res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	var d Device
	s.call("technician", get, prefix+"/devices/cam-1", "", http.StatusOK, &d)
	mark := `{"marks":[{"device":"cam-1","revision":` + strconv.FormatUint(d.Revision, 10) + `,"at":{"x":0.5,"y":0.25,"heading":90,"fov":80,"range":0.2}}]}`
	var placed list[Device]
	s.call("technician", post, prefix+"/plans/gudang/place", mark, http.StatusOK, &placed)
	if p := placed.Items[0].Plan; p == nil || p.Floor != "gudang" || p.Heading != 90 {
		t.Errorf("%+v", p)
	}
	for path, body := range map[string]string{
		post + " /plans/gudang/place": mark,
		patch + " /devices/cam-1":     `{"alias":"Lain","reason":"uji","revision":` + strconv.FormatUint(d.Revision, 10) + `}`,
	} {
		method, where, _ := strings.Cut(path, " ")
		p := s.problem("technician", method, prefix+where, body, http.StatusConflict, "changed")
		if p.By == "" || p.ByName == "" || p.At.IsZero() {
			t.Errorf("%s: %+v", path, p)
		}
	}
	s.problem("guard", post, prefix+"/plans/gudang/place", mark, http.StatusForbidden, "forbidden")
}
