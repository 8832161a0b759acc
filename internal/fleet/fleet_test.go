package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"siaga/devices"
	"siaga/internal/fleet"
	"siaga/internal/watch"
)

// yard is a fleet's surroundings, all in memory: the clock is synctest's.
type yard struct {
	mu      sync.Mutex
	specs   []fleet.Spec
	changed chan struct{}
	notes
	behave func(id string, run int, ctx context.Context, h devices.Host) error
}

// notes are what came of it.
type notes struct {
	events []watch.Reading
	media  []watch.AccessUnit
	downs  []error
	states []watch.DeviceState
	runs   map[string]int
}

// settled returns the notes once everybody waits for the clock.
func (y *yard) settled() notes {
	synctest.Wait()
	y.mu.Lock()
	defer y.mu.Unlock()
	n := y.notes
	n.runs = maps.Clone(n.runs)
	return n
}

func (y *yard) Specs(context.Context) ([]fleet.Spec, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	return append([]fleet.Spec(nil), y.specs...), nil
}

func (y *yard) Changed() <-chan struct{} {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.changed
}

func (y *yard) set(specs ...fleet.Spec) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.specs = specs
	close(y.changed)
	y.changed = make(chan struct{})
}

type received struct{}

func (received) Wait(context.Context) error { return nil }

type yardHost struct{ y *yard }

func (h yardHost) Observe(_ context.Context, r watch.Reading) (devices.Receipt, error) {
	h.y.mu.Lock()
	defer h.y.mu.Unlock()
	h.y.events = append(h.y.events, r)
	return received{}, nil
}

func (h yardHost) Media(au watch.AccessUnit) {
	h.y.mu.Lock()
	defer h.y.mu.Unlock()
	h.y.media = append(h.y.media, au)
}

// knowingHost knows for whom the pictures are.
type knowingHost struct{ yardHost }

func (knowingHost) Watched(stream string) bool { return stream == "sub" }

type device struct {
	y  *yard
	id string
}

func (d device) Run(ctx context.Context, h devices.Host) error {
	d.y.mu.Lock()
	d.y.runs[d.id]++
	n := d.y.runs[d.id]
	d.y.mu.Unlock()
	return d.y.behave(d.id, n, ctx, h)
}

// play runs a fleet in a bubble and gives the test the controls.
func play(t *testing.T, behave func(id string, run int, ctx context.Context, h devices.Host) error, test func(*yard)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		y := &yard{changed: make(chan struct{}), notes: notes{runs: map[string]int{}}, behave: behave}
		f := fleet.New(fleet.Options{
			Roster: y,
			Drivers: map[string]devices.Driver{"fake": {
				Kind: "fake", New: func(s devices.Settings) (devices.Device, error) { return device{y, s.ID}, nil },
			}},
			Host: func(id string) devices.Host {
				if id == "known" {
					return knowingHost{yardHost{y}}
				}
				return yardHost{y}
			},
			Down:  func(_ string, err error, _ time.Time) { y.mu.Lock(); y.downs = append(y.downs, err); y.mu.Unlock() },
			State: func(s watch.DeviceState) { y.mu.Lock(); y.states = append(y.states, s); y.mu.Unlock() },
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Run(ctx) }()
		test(y)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func spec(id string) fleet.Spec {
	return fleet.Spec{ID: id, Driver: "fake", Revision: "1", Settings: devices.Settings{ID: id, Config: json.RawMessage(`{}`)}}
}

// A driver that took a watched stream for one that nobody watches would show it late.
func TestFleet_TellsADriverForWhomThePicturesAre(t *testing.T) {
	said := make(chan string, 4)
	ask := func(id string, _ int, ctx context.Context, h devices.Host) error {
		for _, stream := range []string{"main", "sub"} {
			said <- fmt.Sprint(id, " ", stream, " ", h.(devices.Audience).Watched(stream))
		}
		<-ctx.Done()
		return ctx.Err()
	}
	play(t, ask, func(y *yard) {
		y.set(spec("known"), spec("unknown"))
		y.settled()
		var got []string
		for range 4 {
			got = append(got, <-said)
		}
		slices.Sort(got)
		if want := []string{"known main false", "known sub true", "unknown main true", "unknown sub true"}; !slices.Equal(got, want) {
			t.Errorf("the drivers heard %q, want %q", got, want)
		}
	})
}

func TestFleet_AsksAGoneCameraAgainWithinASecondAndSaysItOnce(t *testing.T) {
	gone := func(string, int, context.Context, devices.Host) error {
		return &watch.Fault{Reason: watch.ReasonUnreachable, Doing: "connecting", Err: errors.New("refused")}
	}
	play(t, gone, func(y *yard) {
		y.set(spec("cam-1"))
		time.Sleep(30 * time.Second) // the bubble's clock, not the wall's
		n := y.settled()
		if n.runs["cam-1"] < 30 {
			t.Errorf("asked %d times in 30 s", n.runs["cam-1"])
		}
		if len(n.events) != 1 || n.events[0].Kind != "camera.lost" {
			t.Errorf("events %v, want one camera.lost", n.events)
		}
	})
}

func TestFleet_LeavesARefusingCameraAlone(t *testing.T) {
	refused := func(string, int, context.Context, devices.Host) error {
		return &watch.Fault{Reason: watch.ReasonRefused, Doing: "signing in"}
	}
	play(t, refused, func(y *yard) {
		y.set(spec("cam-1"))
		time.Sleep(29 * time.Second)
		n := y.settled()
		if n.runs["cam-1"] != 1 {
			t.Errorf("asked %d times in 29 s, a camera may lock us out", n.runs["cam-1"])
		}
		time.Sleep(12 * time.Second)
		n = y.settled()
		if n.runs["cam-1"] != 2 {
			t.Errorf("asked %d times in 41 s, want a second try", n.runs["cam-1"])
		}
	})
}

func TestFleet_APanicRestartsOnlyItsOwnDevice(t *testing.T) {
	behave := func(id string, run int, ctx context.Context, _ devices.Host) error {
		if id == "cam-bad" && run == 1 {
			panic("bad frame")
		}
		<-ctx.Done()
		return ctx.Err()
	}
	play(t, behave, func(y *yard) {
		y.set(spec("cam-good"), spec("cam-bad"))
		time.Sleep(3 * time.Second)
		n := y.settled()
		if n.runs["cam-good"] != 1 || n.runs["cam-bad"] != 2 {
			t.Errorf("runs %v, want the good one undisturbed and the bad one back within 3 s", n.runs)
		}
		if len(n.events) == 0 || n.events[0].Kind != "worker.failed" {
			t.Errorf("events %v, want worker.failed first", n.events)
		}
	})
}

func TestFleet_ARestartNeverOverlapsTheOldRun(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	behave := func(_ string, _ int, ctx context.Context, _ devices.Host) error {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		<-ctx.Done()
		time.Sleep(500 * time.Millisecond) // a driver that takes its time to hang up
		mu.Lock()
		running--
		mu.Unlock()
		return ctx.Err()
	}
	play(t, behave, func(y *yard) {
		s := spec("cam-1")
		y.set(s)
		time.Sleep(time.Second)
		s.Revision = "2"
		y.set(s)
		time.Sleep(2 * time.Second)
		n := y.settled()
		mu.Lock()
		at := most
		mu.Unlock()
		if at != 1 || n.runs["cam-1"] != 2 {
			t.Errorf("%d runs at once, %d runs in all", at, n.runs["cam-1"])
		}
		y.set()
		time.Sleep(time.Second)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if running != 0 {
			t.Error("a removed device still runs")
		}
	})
}

func TestFleet_ADeviceThatSpeaksIsOnline(t *testing.T) {
	behave := func(_ string, run int, ctx context.Context, h devices.Host) error {
		if run == 1 {
			return &watch.Fault{Reason: watch.ReasonReset}
		}
		if _, err := h.Observe(ctx, watch.Reading{Kind: "camera.online", Body: json.RawMessage(`{}`)}); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}
	play(t, behave, func(y *yard) {
		y.set(spec("cam-1"))
		time.Sleep(5 * time.Second)
		n := y.settled()
		last := n.states[len(n.states)-1]
		if last.Status != watch.StatusOnline || last.Reason != "" {
			t.Errorf("state %+v", last)
		}
	})
}

// Timestamps compare within a run only, so a driver that is started again must not seem to go on with the old one.
func TestFleet_NoTwoStartsOfADeviceShareARun(t *testing.T) {
	behave := func(_ string, _ int, ctx context.Context, h devices.Host) error {
		for run := range uint64(2) { // as every driver counts its connections
			h.Media(watch.AccessUnit{Run: run + 1, Format: &watch.Format{Codec: watch.H264}})
		}
		return &watch.Fault{Reason: watch.ReasonReset}
	}
	play(t, behave, func(y *yard) {
		y.set(spec("cam-1"))
		time.Sleep(3 * time.Second)
		edited := spec("cam-1")
		edited.Revision = "2"
		y.set(edited)
		time.Sleep(3 * time.Second)
		n := y.settled()
		seen := map[uint64]bool{}
		for _, au := range n.media {
			seen[au.Run] = true
		}
		if len(seen) < 6 || len(seen) != len(n.media) {
			t.Errorf("%d units of as many connections came with %d runs", len(n.media), len(seen))
		}
	})
}
