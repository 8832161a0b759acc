// Package devicetest is the exam that every driver sits, with a host and a broker to sit it at.
package devicetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"siaga/devices"
	"siaga/internal/watch"
)

// patience is how long the exam waits for what must happen; it only matters when the exam fails.
const patience = 10 * time.Second

// Host is a devices.Host that keeps what it is told. Receipts resolve at once unless Hold was called.
type Host struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change
	seen    []*Observation
	media   []watch.AccessUnit
	hold    bool
	refusal error
	block   bool
}

// Observation is one reading a device handed over, and its receipt.
type Observation struct {
	watch.Reading
	done chan struct{}
	once sync.Once
	err  error
}

// NewHost makes a host whose receipts resolve at once.
func NewHost() *Host { return &Host{changed: make(chan struct{})} }

// Hold keeps the receipts of later readings open until Resolve.
func (h *Host) Hold() { h.set(func() { h.hold = true }) }

// Refuse makes every later Observe return err.
func (h *Host) Refuse(err error) { h.set(func() { h.refusal = err }) }

// Block makes every later Observe wait for the end of its context, like a queue that stays full.
func (h *Host) Block() { h.set(func() { h.block = true }) }

func (h *Host) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
	close(h.changed)
	h.changed = make(chan struct{})
}

// Observe implements devices.Host.
func (h *Host) Observe(ctx context.Context, r watch.Reading) (devices.Receipt, error) {
	h.mu.Lock()
	hold, refusal, block := h.hold, h.refusal, h.block
	h.mu.Unlock()
	if block {
		<-ctx.Done()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if refusal != nil {
		return nil, refusal
	}
	o := &Observation{Reading: r, done: make(chan struct{})}
	if !hold {
		o.Resolve(nil)
	}
	h.set(func() { h.seen = append(h.seen, o) })
	return o, nil
}

// Media implements devices.Host.
func (h *Host) Media(au watch.AccessUnit) { h.set(func() { h.media = append(h.media, au) }) }

// Units are the access units so far.
func (h *Host) Units() []watch.AccessUnit {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.media)
}

// Seen are the observations so far.
func (h *Host) Seen() []*Observation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.seen)
}

// Await returns the first observation of that kind, waiting for it; the test fails if none comes.
func (h *Host) Await(t testing.TB, kind string) *Observation {
	t.Helper()
	return h.AwaitN(t, kind, 1)[0]
}

// AwaitN returns the first n observations of that kind, waiting for them.
func (h *Host) AwaitN(t testing.TB, kind string, n int) []*Observation {
	t.Helper()
	var found []*Observation
	h.Until(t, "readings of kind "+kind, func() bool {
		found = found[:0]
		for _, o := range h.seen {
			if o.Kind == kind {
				found = append(found, o)
			}
		}
		return len(found) >= n
	})
	return found
}

// Until waits until ok, called with the host locked at every change, is true.
func (h *Host) Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		h.mu.Lock()
		good, changed := ok(), h.changed
		h.mu.Unlock()
		if good {
			return
		}
		select {
		case <-changed:
		case <-late.C:
			var kinds []string
			for _, o := range h.Seen() {
				kinds = append(kinds, o.Kind)
			}
			t.Fatalf("no %s within %v; saw %v", what, patience, kinds)
		}
	}
}

// Resolve settles the receipt: durable for nil, never durable otherwise. Later calls do nothing.
func (o *Observation) Resolve(err error) {
	o.once.Do(func() {
		o.err = err
		close(o.done)
	})
}

// Wait implements devices.Receipt.
func (o *Observation) Wait(ctx context.Context) error {
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
