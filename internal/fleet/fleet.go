// Package fleet keeps every device running: one keeper each, which starts the driver, waits after a failure, starts it
// again for ever, and says when the device is gone and when it is back. Drivers never retry; fleet always does.
package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"siaga/devices"
	"siaga/internal/watch"
)

// Spec is one device to run. A changed Revision restarts it.
type Spec struct {
	ID       string
	Driver   string
	Revision string
	Settings devices.Settings
	// Fault says why the device cannot be started at all, its secrets cannot be opened for example; nil mostly.
	Fault error
}

// roster is the list of devices that ought to run.
type roster interface {
	Specs(ctx context.Context) ([]Spec, error)
	// Changed is closed when the list may differ from the one last read.
	Changed() <-chan struct{}
}

// Options are what fleet needs from other rooms.
type Options struct {
	Roster  roster
	Drivers map[string]devices.Driver
	Host    func(device string) devices.Host
	// Down is told why a device's run ended, each time; at is when.
	Down func(device string, cause error, at time.Time)
	// State is told whenever a device's state changes. It MUST NOT block.
	State func(watch.DeviceState)
	Now   func() time.Time
}

// Fleet runs devices.
type Fleet struct {
	opt Options
	now func() time.Time
	// starts counts how often a driver was started, over all devices.
	starts atomic.Uint64

	mu      sync.Mutex
	keepers map[string]*keeper
	// ended holds, per device, the end of its newest keeper: the next one waits for it, so that an old run and a new
	// one never speak at once.
	ended map[string]<-chan struct{}
	// children are the devices behind gateways, as far as they were heard.
	children map[string]watch.DeviceState
}

// New makes a fleet; Run starts it.
func New(o Options) *Fleet {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Fleet{opt: o, now: o.Now, keepers: map[string]*keeper{}, ended: map[string]<-chan struct{}{}, children: map[string]watch.DeviceState{}}
}

// Run keeps the roster's devices running until ctx ends and every driver has returned.
func (f *Fleet) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		changed := f.opt.Roster.Changed()
		if err := f.align(ctx, &wg); err != nil && ctx.Err() == nil {
			slog.Error("fleet: reading the device list; trying again in 5 s", "err", err)
			changed = after(ctx, 5*time.Second, &wg)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// after is a channel that closes after a while.
func after(ctx context.Context, d time.Duration, wg *sync.WaitGroup) <-chan struct{} {
	c := make(chan struct{})
	wg.Go(func() {
		pause(ctx, d)
		close(c)
	})
	return c
}

// align starts what is new, stops what is gone, and restarts what changed.
func (f *Fleet) align(ctx context.Context, wg *sync.WaitGroup) error {
	specs, err := f.opt.Roster.Specs(ctx)
	if err != nil {
		return err
	}
	want := make(map[string]Spec, len(specs))
	for _, s := range specs {
		want[s.ID] = s
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, k := range f.keepers {
		if s, ok := want[id]; ok && s.Revision == k.spec.Revision {
			delete(want, id)
			continue
		}
		k.stop()
		delete(f.keepers, id)
		if _, ok := want[id]; !ok {
			f.opt.State(watch.DeviceState{Device: id, Status: watch.StatusDisabled, Since: watch.Time{Time: f.now()}})
		}
	}
	for id, s := range want {
		kctx, stop := context.WithCancel(ctx)
		k := &keeper{fleet: f, spec: s, stop: stop, previous: f.ended[id], done: make(chan struct{})}
		k.state = watch.DeviceState{Device: id, Status: watch.StatusConnecting, Since: watch.Time{Time: f.now()}}
		f.keepers[id] = k
		f.ended[id] = k.done
		wg.Go(func() {
			defer close(k.done)
			k.run(kctx)
		})
	}
	return nil
}

// Heard notes that a gateway reported a kind of event of one of its children.
func (f *Fleet) Heard(child, kind string, at time.Time) {
	status, reason := watch.StatusOnline, watch.Reason("")
	if strings.HasSuffix(kind, ".offline") {
		status, reason = watch.StatusOffline, watch.ReasonUnreachable
	}
	f.mu.Lock()
	s, known := f.children[child]
	changed := !known || s.Status != status
	if changed {
		s = watch.DeviceState{Device: child, Status: status, Reason: reason, Since: watch.Time{Time: at}}
	}
	if status == watch.StatusOnline {
		s.LastSeen = watch.Time{Time: at}
	}
	f.children[child] = s
	f.mu.Unlock()
	if changed {
		f.opt.State(s)
	}
}

// States are the states of all running devices.
func (f *Fleet) States() []watch.DeviceState {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]watch.DeviceState, 0, len(f.keepers)+len(f.children))
	for _, k := range f.keepers {
		out = append(out, k.snapshot())
	}
	for _, s := range f.children {
		out = append(out, s)
	}
	return out
}

// Probe asks a driver whether a device with these settings would work. The error is a *watch.Fault, or says that the
// settings are wrong.
func (f *Fleet) Probe(ctx context.Context, driver string, s devices.Settings) (devices.Probe, error) {
	d, ok := f.opt.Drivers[driver]
	if !ok {
		return devices.Probe{}, fmt.Errorf("fleet: there is no driver %q: %w", driver, watch.ErrInvalid)
	}
	dev, err := d.New(s)
	if err != nil {
		return devices.Probe{}, fmt.Errorf("%w: %w", watch.ErrInvalid, err)
	}
	p, ok := dev.(devices.Prober)
	if !ok {
		return devices.Probe{}, fmt.Errorf("fleet: the driver %q cannot test a device; save it and look at its state: %w", driver, watch.ErrInvalid)
	}
	return p.Probe(ctx)
}

// pause waits, or returns early when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// wait is how long to leave a device alone after a failure. A camera that is gone is asked again within a second, for
// ever; one that refuses our password is left alone, so that it does not lock us out.
func wait(r watch.Reason) time.Duration {
	switch r {
	case watch.ReasonRefused:
		return jitter(30*time.Second, 40*time.Second)
	case watch.ReasonNotFound, watch.ReasonUnsupported, watch.ReasonInsecure, watch.ReasonProtocol, watch.ReasonSettings:
		return jitter(5*time.Second, 8*time.Second)
	case watch.ReasonWorkerFailed:
		return jitter(time.Second, 2*time.Second)
	}
	return jitter(300*time.Millisecond, time.Second)
}

func jitter(low, high time.Duration) time.Duration {
	return low + time.Duration(rand.Int64N(int64(high-low)))
}
