package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"siaga/devices"
	"siaga/internal/watch"
)

// keeper owns one device.
type keeper struct {
	fleet    *Fleet
	spec     Spec
	stop     context.CancelFunc
	done     chan struct{}
	previous <-chan struct{} // closed when an earlier keeper of the same device has ended

	mu    sync.Mutex
	state watch.DeviceState
	lost  bool // a lost event was journaled and no recovery yet
}

func (k *keeper) run(ctx context.Context) {
	if k.previous != nil {
		<-k.previous
	}
	driver, ok := k.fleet.opt.Drivers[k.spec.Driver]
	if !ok {
		k.spec.Fault = &watch.Fault{
			Reason: watch.ReasonSettings, Doing: "starting " + k.spec.ID, Hint: "choose another driver, or install a build that has it",
			Err: fmt.Errorf("this program has no driver %q", k.spec.Driver),
		}
	}
	if k.spec.Fault != nil {
		k.fleet.opt.Down(k.spec.ID, k.spec.Fault, k.fleet.now())
		k.fail(ctx, driver, k.spec.Fault)
		<-ctx.Done() // only a change of the device helps, and that makes another keeper
		return
	}
	for ctx.Err() == nil {
		err := k.once(ctx, driver)
		at := k.fleet.now()
		if ctx.Err() != nil {
			return
		}
		k.fleet.opt.Down(k.spec.ID, err, at)
		k.fail(ctx, driver, err)
		pause(ctx, wait(watch.ReasonOf(err)))
	}
}

// once makes the device and runs it. A panic of a driver is the driver's fault alone.
func (k *keeper) once(ctx context.Context, driver devices.Driver) (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("driver panicked", "device", k.spec.ID, "driver", k.spec.Driver, "panic", p, "stack", string(debug.Stack()))
			err = &watch.Fault{Reason: watch.ReasonWorkerFailed, Doing: "running the driver " + k.spec.Driver, Err: fmt.Errorf("panic: %v", p)}
			k.observe(ctx, "worker.failed", map[string]any{"driver": k.spec.Driver, "detail": fmt.Sprint(p)})
		}
	}()
	dev, err := driver.New(k.spec.Settings)
	if err != nil {
		return &watch.Fault{Reason: watch.ReasonSettings, Doing: "reading the settings of " + k.spec.ID, Hint: "correct the device's settings", Err: err}
	}
	host := &listener{Host: k.fleet.opt.Host(k.spec.ID), keeper: k, run: k.fleet.starts.Add(1) << runBits}
	if err = dev.Run(ctx, host); err == nil {
		err = errors.New("the driver ended without a reason")
	}
	return err
}

// fail records the failure: the state each time, one event when the device goes and when the reason changes.
func (k *keeper) fail(ctx context.Context, driver devices.Driver, err error) {
	reason := watch.ReasonOf(err)
	var f *watch.Fault
	hint := ""
	if errors.As(err, &f) {
		hint = f.Hint
	}
	k.mu.Lock()
	tell := !k.lost || k.state.Reason != reason
	if k.state.Status != watch.StatusOffline {
		k.state.Status, k.state.Since = watch.StatusOffline, watch.Time{Time: k.fleet.now()}
	}
	k.state.Reason, k.state.Detail, k.state.Hint = reason, err.Error(), hint
	k.lost = true
	s := k.state
	k.mu.Unlock()
	if !tell {
		return
	}
	k.fleet.opt.State(s)
	slog.Warn("device lost", "device", k.spec.ID, "reason", reason, "err", err)
	kind := "camera.lost"
	if driver.Topics != nil {
		kind = "gateway.lost"
	}
	k.observe(ctx, kind, map[string]any{"reason": reason, "detail": err.Error(), "hint": hint, "driver": k.spec.Driver})
}

// observe journals a fact about the device in its own name. Failing to is only logged: the journal says why itself.
func (k *keeper) observe(ctx context.Context, kind string, body map[string]any) {
	raw, err := json.Marshal(body)
	if err == nil {
		_, err = k.fleet.opt.Host(k.spec.ID).Observe(ctx, watch.Reading{Kind: kind, Body: raw, Received: k.fleet.now()})
	}
	if err != nil && ctx.Err() == nil {
		slog.Error("fleet: event not journaled", "kind", kind, "device", k.spec.ID, "err", err)
	}
}

func (k *keeper) heard(at time.Time) {
	k.mu.Lock()
	k.state.LastSeen = watch.Time{Time: at}
	back := k.state.Status != watch.StatusOnline
	if back {
		k.state.Status, k.state.Since = watch.StatusOnline, watch.Time{Time: at}
		k.state.Reason, k.state.Detail, k.state.Hint = "", "", ""
		k.lost = false
	}
	s := k.state
	k.mu.Unlock()
	if back {
		k.fleet.opt.State(s)
	}
}

func (k *keeper) snapshot() watch.DeviceState {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

// runBits hold the connections of one start of a driver, in a run's number.
const runBits = 32

// listener notes signs of life on their way to the host.
type listener struct {
	devices.Host
	keeper *keeper
	run    uint64        // added to the driver's own count: a started driver counts from 1 again
	frames atomic.Uint32 // of all streams
}

// Observe hands the reading on; a device that reports is there.
func (l *listener) Observe(ctx context.Context, r watch.Reading) (devices.Receipt, error) {
	if r.Child == "" {
		l.keeper.heard(l.keeper.fleet.now())
	}
	return l.Host.Observe(ctx, r)
}

// Linked notes that a gateway's session with the broker stands.
func (l *listener) Linked(ctx context.Context) {
	l.keeper.heard(l.keeper.fleet.now())
	l.keeper.observe(ctx, "gateway.connected", map[string]any{"driver": l.keeper.spec.Driver})
}

// Watched asks the host, if it knows; pictures of which nobody knows may be watched.
func (l *listener) Watched(stream string) bool {
	a, ok := l.Host.(devices.Audience)
	return !ok || a.Watched(stream)
}

// Media hands the unit on; a device that sends pictures is there.
func (l *listener) Media(au watch.AccessUnit) {
	// The clock is asked for once in a while, not for each of thousands of frames a second.
	if l.frames.Add(1)%16 == 1 && au.Format.Codec.Video() {
		l.keeper.heard(l.keeper.fleet.now())
	}
	au.Run += l.run
	l.Host.Media(au)
}
