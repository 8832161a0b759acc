package incident_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"siaga/internal/incident"
	"siaga/internal/watch"
)

func TestGrouping_JoinsWhatBelongsTogether(t *testing.T) {
	lost := func(h *house, cam, zone string) {
		h.happens("camera.lost", cam, zone, `{"reason":"unreachable"}`)
		h.judge()
	}
	for _, c := range []struct {
		claim string
		play  func(*house)
		want  int
	}{
		{"same zone within a minute", func(h *house) {
			lost(h, "cam-1", "gate")
			h.pass(59 * time.Second)
			lost(h, "cam-2", "gate")
		}, 1},
		{"same zone after a minute", func(h *house) {
			lost(h, "cam-1", "gate")
			h.pass(61 * time.Second)
			lost(h, "cam-2", "gate")
		}, 2},
		{"another zone", func(h *house) {
			lost(h, "cam-1", "gate")
			lost(h, "cam-2", "office")
		}, 2},
		{"an open critical incident of the zone", func(h *house) {
			h.panics("ht-pos-2")
			h.judge()
			h.pass(10 * time.Minute)
			lost(h, "cam-5", "store-back")
		}, 1},
		{"an open critical incident of a zone around it", func(h *house) {
			h.happens("smoke.detected", "smoke-1", "store", `{}`)
			h.judge()
			h.pass(10 * time.Minute)
			lost(h, "cam-5", "store-back")
		}, 1},
		{"not a critical incident of a zone inside it", func(h *house) {
			h.panics("ht-pos-2")
			h.judge()
			h.pass(10 * time.Minute)
			lost(h, "cam-9", "store")
		}, 2},
		{"not a critical incident that is over", func(h *house) {
			h.panics("ht-pos-2")
			h.judge()
			h.resolve("2026-000001")
			lost(h, "cam-5", "store-back")
		}, 2},
		{"its own open incident, however late", func(h *house) {
			lost(h, "cam-1", "gate")
			h.happens("camera.online", "cam-1", "gate", `{}`)
			h.judge()
			h.pass(5 * time.Hour)
			lost(h, "cam-1", "gate")
		}, 1},
		{"nothing without a zone", func(h *house) {
			h.happens("worker.failed", "", "", `{"worker":"cam-1"}`)
			h.happens("clock.jumped", "", "", `{}`)
			h.judge()
		}, 2},
		{"an info alert opens none", func(h *house) {
			h.happens("gap.opened", "cam-1", "gate", `{"stream":"main","reason":"no_frames"}`)
			h.judge()
		}, 0},
	} {
		t.Run(c.claim, func(t *testing.T) {
			h := newHouse(t)
			c.play(h)
			if got := h.incidents(); len(got) != c.want {
				t.Errorf("%d incidents, want %d: %+v", len(got), c.want, got)
			}
			h.sound()
		})
	}
}

func TestGrouping_AnIncidentIsCalledAfterTheGravestOfItsAlerts(t *testing.T) {
	h := newHouse(t)
	h.happens("camera.lost", "cam-5", "store-back", `{"reason":"unreachable"}`)
	h.judge()
	h.pass(10 * time.Second)
	h.panics("ht-pos-2")
	h.judge()
	in := h.incidents()
	if len(in) != 1 || in[0].Priority != watch.Critical || in[0].AlertCount != 2 || len(in[0].Alerts) != 2 || len(in[0].Devices) != 2 {
		t.Fatalf("incidents %+v", in)
	}
	if in[0].Code != "ht.panik" || in[0].Title.ID != "Tombol panik" || in[0].Device != "ht-pos-2" {
		t.Errorf("it is called %q (%s of %s), want the panic's name", in[0].Title.ID, in[0].Code, in[0].Device)
	}
}

func TestTimers_ADoorHeldOpenIsClaimedWhenTheMinuteIsOver(t *testing.T) {
	h := newHouse(t)
	h.happens("door.opened", "door-1", "gate", `{}`)
	h.judge()
	h.pass(59 * time.Second)
	h.judge()
	if n := len(h.alerts()); n != 0 {
		t.Fatalf("%d alerts after 59 s", n)
	}
	h.pass(time.Second)
	h.desk = h.newDesk(h.j) // the program was restarted meanwhile
	h.judge()
	a := h.alerts()
	if len(a) != 1 || a[0].Rule != "door-held" || !a[0].RaisedAt.Equal(start.Add(time.Minute)) {
		t.Fatalf("alerts %+v", a)
	}
	h.happens("door.closed", "door-1", "gate", `{}`)
	h.judge()
	if a := h.alerts(); a[0].State != incident.Cleared || a[0].ClearedBy != incident.ByEvent {
		t.Errorf("closed door left %+v", a[0])
	}
	h.sound()
}

func TestTimers_AWindowClearsWhatDoesNotComeAgain(t *testing.T) {
	h := newHouse(t)
	h.happens("radio.unregistered", "gw-1", "gate", `{"key":"99"}`)
	h.judge()
	h.pass(9 * time.Minute)
	h.happens("radio.unregistered", "gw-1", "gate", `{"key":"99"}`)
	h.judge()
	h.pass(9 * time.Minute)
	h.judge()
	if a := h.alerts(); len(a) != 1 || a[0].State != incident.Active || a[0].Count != 2 {
		t.Fatalf("within the window: %+v", a)
	}
	h.pass(time.Minute)
	h.judge()
	if a := h.alerts(); a[0].State != incident.Cleared || a[0].ClearedBy != incident.ByWindow {
		t.Errorf("after the window: %+v", a)
	}
}

func TestRepeats_AFloodIsCountedButNotJournaledOneByOne(t *testing.T) {
	h := newHouse(t)
	for range 500 {
		h.happens("broker.refused", "", "", `{"user":"gw-radio","topic":"x"}`)
		h.pass(2 * time.Millisecond)
	}
	h.judge()
	h.pass(2 * time.Second)
	h.judge()
	if a := h.alerts(); len(a) != 1 || a[0].Count != 500 {
		t.Errorf("alerts %+v", a)
	}
	if n := h.kinds()["alert.updated"]; n > 4 {
		t.Errorf("%d updates journaled for a second of flood, want at most 4", n)
	}
}

func TestPriority_AHigherOneWantsToBeAcceptedAnew(t *testing.T) {
	h := newHouse(t)
	fly := func(height string) {
		h.happens("drone.position", "drone-1", "air", `{"height_takeoff_m":`+height+`}`)
		h.judge()
		h.pass(2 * time.Second)
	}
	fly("112")
	h.must(incident.Act{Verb: incident.Acknowledge, Alert: h.alerts()[0].ID, Actor: "person-j"})
	fly("115")
	if a := h.alerts()[0]; a.AcknowledgedBy != "person-j" || a.Priority != watch.Caution {
		t.Errorf("after 115 m: %+v", a)
	}
	fly("121")
	if a := h.alerts()[0]; a.AcknowledgedBy != "" || a.Priority != watch.Important || h.incidents()[0].Priority != watch.Important {
		t.Errorf("after 121 m: %+v", a)
	}
	fly("100")
	fly("111")
	if a := h.alerts(); len(a) != 1 || a[0].State != incident.Active {
		t.Errorf("up again within the window opened anew: %+v", a)
	}
	if n := len(h.incidents()); n != 1 {
		t.Errorf("%d incidents, want 1", n)
	}
	h.sound()
}

func TestRun_JudgesWhatArrivesWhileItRunsAndDrainsAtTheEnd(t *testing.T) {
	h := newHouse(t)
	ctx, stop := context.WithCancel(t.Context())
	run := make(chan error, 1)
	go func() { run <- h.desk.Run(ctx) }()
	h.panics("ht-pos-1")
	errFound := errors.New("found")
	err := h.j.Follow(t.Context(), 0, func(_ context.Context, events []watch.Event) error {
		for _, e := range events {
			if e.Kind == incident.KindRaised {
				return errFound
			}
		}
		return nil
	})
	if !errors.Is(err, errFound) {
		t.Fatal(err)
	}
	last := h.happens("smoke.detected", "smoke-1", "office", `{}`)
	stop()
	if err := <-run; err != nil {
		t.Fatal(err)
	}
	if n := len(h.alerts()); n != 2 {
		t.Errorf("%d alerts after the end, want 2", n)
	}
	if cursor, err := h.j.Cursor(t.Context(), incident.Follower); err != nil || cursor < last {
		t.Errorf("cursor %d (%v), want at least %d", cursor, err, last)
	}
}
