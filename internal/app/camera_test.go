package app

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"siaga/devices"
	"siaga/internal/record"
	"siaga/internal/registry"
	"siaga/internal/sim"
	"siaga/internal/watch"
)

// loss is one way to lose a camera, and how it comes back.
type loss struct {
	id     string
	breaks func(*testing.T, *sim.CameraServer, string)
	reason watch.Reason
	heals  func(*testing.T, *site, *sim.CameraServer, string)
}

func losses(stopOther func(), other *sim.CameraServer) []loss {
	return []loss{
		{"sandi", func(t *testing.T, c *sim.CameraServer, id string) {
			must(t, c.RefusePassword(id, true))
			must(t, c.Disconnect(id))
		}, watch.ReasonRefused, func(t *testing.T, s *site, _ *sim.CameraServer, id string) {
			s.changeCamera(t, id, "", cameraPassword+" changed meanwhile")
		}},
		{"alamat", func(t *testing.T, c *sim.CameraServer, id string) {
			must(t, c.Hide(id, true))
			must(t, c.Disconnect(id))
		}, watch.ReasonNotFound, func(t *testing.T, _ *site, c *sim.CameraServer, id string) { must(t, c.Hide(id, false)) }},
		{"bisu", func(t *testing.T, c *sim.CameraServer, id string) {
			must(t, c.Silence(id, true))
		}, watch.ReasonNoFrames, func(t *testing.T, _ *site, c *sim.CameraServer, id string) { must(t, c.Silence(id, false)) }},
		{"putus", func(t *testing.T, c *sim.CameraServer, id string) {
			must(t, c.Disconnect(id))
		}, watch.ReasonReset, func(*testing.T, *site, *sim.CameraServer, string) {}}, // it comes back by itself
		{"mati", func(*testing.T, *sim.CameraServer, string) {
			stopOther()
		}, watch.ReasonUnreachable, func(t *testing.T, s *site, c *sim.CameraServer, id string) { s.changeCamera(t, id, c.URL(id), "") }},
	}
}

// changeCamera is the technician's correction; what is empty stays.
func (s *site) changeCamera(t *testing.T, id, url, password string) {
	t.Helper()
	d, ok := s.registry.Device(id)
	if !ok {
		t.Fatalf("there is no device %s", id)
	}
	var secrets map[string]string
	if url != "" {
		d.Config = json.RawMessage(fmt.Sprintf(`{"url": %q, "username": %q}`, url, cameraUser))
	}
	if password != "" {
		secrets = map[string]string{"password": password}
	}
	if _, err := s.registry.Change(t.Context(), registry.By{Reason: "test"}, d, secrets); err != nil {
		t.Fatal(err)
	}
}

// A camera that is only recorded is looked at less often than one that somebody watches.
func TestCamera_IsKnownToBeWatchedWhileSomebodyWatches(t *testing.T) {
	t.Parallel()
	cameras, _ := startCameras(t, "pos")
	s := startSite(t, testConfig(t))
	s.addCamera(t, "pos", cameras, cameraPassword)
	s.recording(t, "pos")
	audience := s.host("pos").(devices.Audience)
	if audience.Watched("main") {
		t.Error("watched before anybody came")
	}
	viewer, err := s.view.Subscribe("pos", "main")
	must(t, err)
	if !audience.Watched("main") || audience.Watched("sub") {
		t.Error("one watches the main stream, and the site does not know")
	}
	viewer.Close()
	if audience.Watched("main") {
		t.Error("still watched after the last one left")
	}
}

// However a camera is lost, the guard is told why, the missing video has that reason, and when the camera is back the
// recording goes on where the gap ends.
func TestCamera_LostIsToldWithItsReasonAndRecordingGoesOn(t *testing.T) {
	t.Parallel()
	cameras, _ := startCameras(t, "sandi", "alamat", "bisu", "putus", "mati")
	other, stopOther := startCameras(t, "mati")
	s := startSite(t, testConfig(t))
	guard := s.openConsole(t)
	for _, l := range losses(stopOther, other) {
		server := cameras
		if l.id == "mati" {
			server = other
		}
		s.addCamera(t, l.id, server, cameraPassword)
	}
	t.Run("ways", func(t *testing.T) { // waits for them all before the site stops
		for _, l := range losses(stopOther, other) {
			t.Run(string(l.reason), func(t *testing.T) {
				t.Parallel()
				s.lose(t, guard, cameras, l)
			})
		}
	})
}

func (s *site) lose(t *testing.T, guard *console, cameras *sim.CameraServer, l loss) {
	s.recording(t, l.id)
	broken := time.Now()
	l.breaks(t, cameras, l.id)
	raised := guard.await(t, "alert for "+l.id, func(a arrival) bool {
		return a.Kind == "alert.raised" && a.Body.Alert.Device == l.id && a.Body.Alert.Rule == "camera-lost"
	})
	lost := s.awaitEvent(t, l.id, "camera.lost", l.reason)
	var told struct{ Detail, Hint string }
	if err := json.Unmarshal(lost.Body, &told); err != nil || told.Detail == "" || told.Hint == "" {
		t.Errorf("camera.lost says neither what happened nor what to do: %s, %v", lost.Body, err)
	}
	s.awaitEvent(t, l.id, "gap.opened", l.reason)
	healed := time.Now()
	l.heals(t, s, cameras, l.id)
	guard.await(t, "end of the alert for "+l.id, func(a arrival) bool {
		return a.Kind == "alert.cleared" && a.Body.Alert.ID == raised.Body.Alert.ID
	})
	gap, next := s.resumed(t, l, broken)
	t.Logf("alert on the socket after %v (limit of the design 10 s), picture again %v after it was there; the gap is %v long",
		raised.at.Sub(broken).Round(time.Millisecond), max(0, next.Start.Sub(healed)).Round(time.Millisecond), gap.End.Sub(gap.Start))
}

// resumed waits for the first segment that began after the fault, and returns it with the gap before it.
func (s *site) resumed(t *testing.T, l loss, broken time.Time) (record.Gap, record.Segment) {
	t.Helper()
	var gap record.Gap
	var next record.Segment
	s.await(t, "segment of "+l.id+" after it came back", func() bool {
		gaps, err := s.recorder.Gaps(t.Context(), l.id, "main", time.Time{}, time.Time{})
		must(t, err)
		segments, err := s.recorder.Segments(t.Context(), l.id, "main", time.Time{}, time.Time{})
		must(t, err)
		for _, g := range gaps {
			if g.Reason == l.reason && !g.End.IsZero() {
				gap = g
			}
		}
		for _, x := range segments {
			if !x.Open && x.Start.After(broken) && !gap.End.IsZero() {
				next = x
				return true
			}
		}
		return false
	})
	if d := next.Start.Sub(gap.End).Abs(); d > 100*time.Millisecond {
		t.Errorf("the gap ends at %v, the next segment begins at %v", gap.End, next.Start)
	}
	return gap, next
}

// A small stream that breaks while the main one goes on is told at once: its gap has the driver's reason, not that of
// frames that somebody waited for, and the main stream has none.
func TestSubStream_LostIsItsOwnGapAtOnce(t *testing.T) {
	t.Parallel()
	cameras, _ := startCameras(t, "utama", "kecil")
	s := startSite(t, testConfig(t))
	guard := s.openConsole(t)
	s.addCamera(t, "utama", cameras, cameraPassword)
	d, _ := s.registry.Device("utama")
	d.Config = json.RawMessage(fmt.Sprintf(`{"url": %q, "sub_url": %q, "username": %q}`, cameras.URL("utama"), cameras.URL("kecil"), cameraUser))
	d.Streams = []registry.Stream{{Name: "main", Record: true}, {Name: "sub", Record: true}}
	if _, err := s.registry.Change(t.Context(), registry.By{Reason: "test"}, d, nil); err != nil {
		t.Fatal(err)
	}
	s.awaitEvent(t, "utama", "camera.sub_online", "")
	s.await(t, "both streams recorded", func() bool {
		return s.firstGapsClosed(t, "utama", "main") && s.firstGapsClosed(t, "utama", "sub")
	})
	mainGaps := len(s.gaps(t, "utama", "main"))
	must(t, cameras.Disconnect("kecil"))
	lost := s.awaitEvent(t, "utama", "camera.sub_lost", watch.ReasonReset)
	gap := s.awaitEvent(t, "utama", "gap.opened", watch.ReasonReset)
	t.Logf("the gap is known %v after the loss", gap.At.Sub(lost.At))
	guard.await(t, "alert for the small stream", func(a arrival) bool {
		return a.Kind == "alert.raised" && a.Body.Alert.CauseSeq == lost.Seq
	})
	s.awaitEvent(t, "utama", "gap.closed", watch.ReasonReset)
	for _, g := range s.gaps(t, "utama", "sub") {
		if g.Reason == watch.ReasonNoFrames {
			t.Errorf("the recorder waited for frames that nobody sends: %+v", g)
		}
	}
	if n := len(s.gaps(t, "utama", "main")); n != mainGaps {
		t.Errorf("the main stream got a gap too: %+v", s.gaps(t, "utama", "main"))
	}
}

// A replaced camera is another camera at the same place: nothing of the old picture's clock is taken for the new one's.
func TestCamera_ReplacedIsShownLikeANewOne(t *testing.T) {
	t.Parallel()
	cameras, _ := startCameras(t, "lama", "baru")
	s := startSite(t, testConfig(t))
	s.addCamera(t, "lama", cameras, cameraPassword)
	s.recording(t, "lama")
	before, err := s.view.State("lama", "main")
	must(t, err)
	s.changeCamera(t, "lama", cameras.URL("baru"), "")
	s.await(t, "the replacement recorded", func() bool { return len(s.events(t, "lama", "segment.closed")) > 1 })
	after, err := s.view.State("lama", "main")
	must(t, err)
	if after.Run == before.Run || after.NoWebRTC != "" {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
}

func (s *site) gaps(t *testing.T, device, stream string) []record.Gap {
	t.Helper()
	gaps, err := s.recorder.Gaps(t.Context(), device, stream, time.Time{}, time.Time{})
	must(t, err)
	return gaps
}

// firstGapsClosed reports that a stream is recorded: it has gaps, none of which is open.
func (s *site) firstGapsClosed(t *testing.T, device, stream string) bool {
	t.Helper()
	gaps := s.gaps(t, device, stream)
	for _, g := range gaps {
		if g.End.IsZero() {
			return false
		}
	}
	return len(gaps) > 0
}
