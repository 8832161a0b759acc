// Package hub fans the journal out to live viewers: each event is encoded once and shared by all of them.
//
// There is no queue per viewer. The hub keeps the newest events in one ring, and a viewer is a place in it: reading on
// from a sequence is the same work for a viewer that was never away, one that was cut for a minute and one that
// catches up from the journal. So nothing can be sent twice or left out, and a viewer that falls out of the ring is
// cut. Samples and device states are not sequenced: of each only the newest is kept, and a slow viewer skips the rest.
package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"siaga/internal/watch"
)

// Times the hub keeps.
const (
	PingEvery   = 5 * time.Second       // a ping on every line
	sampleEvery = 50 * time.Millisecond // samples wake viewers at most this often
	retryEvery  = time.Second           // the journal is read again after an error
	pageSize    = 512                   // events read from history at once
)

// history is the journal, read on from a sequence.
type history interface {
	// Head is the sequence of the last durable event.
	Head() uint64
	// Changed is closed when Head has moved since Changed was called.
	Changed() <-chan struct{}
	// Since returns at most limit events after a sequence, oldest first, without holes.
	Since(ctx context.Context, after uint64, limit int) ([]watch.Event, error)
}

// Class is a group of viewers with the same rights.
type Class struct {
	Name string // a role
	// Sees reports whether the class may see an event, sample or device state (kind StateKind). It MUST be a pure
	// function of the event, safe for concurrent use, and quick: it is asked once per event.
	Sees func(*watch.Event) bool
}

// StateKind is the kind under which a class is asked about device states.
const StateKind = "device.state"

// Snapshot is what a screen begins with, each in the form of the API. nil stands for an empty list.
type Snapshot struct{ Alerts, Incidents, Devices any }

// Options are what a hub needs. History, Site, Snapshot and Classes MUST be set.
type Options struct {
	History history
	// Site is the `site` of the hello message.
	Site any
	// Snapshot is asked for a viewer of these classes. It MUST be at least as new as the journal's head when called.
	Snapshot func(ctx context.Context, classes []string) (Snapshot, error)
	Classes  []Class // at most 64
	// Ring is the number of newest events kept encoded, RingBytes bounds their size; a live viewer that lags by
	// more is cut. 0 means 16,384 events and 64 MiB.
	Ring      int
	RingBytes int
	// Resume is the longest way back that is caught up event by event; beyond it a viewer gets a snapshot. 0 means 10,000.
	Resume uint64
	// MaxClients bounds the viewers. 0 means 2,000.
	MaxClients int
	Now        func() time.Time // nil: time.Now
}

// Hub is the fan-out. Run MUST be running for anything to arrive.
type Hub struct {
	opt     Options
	site    json.RawMessage
	classes map[string]int
	nudge   chan struct{} // a sample or state waits for its wake

	mu      sync.RWMutex
	ring    ring
	live    liveTable
	wake    chan struct{} // closed and replaced when there is something to read
	clients map[*Client]struct{}
	stopped bool

	cuts   atomic.Uint64
	served atomic.Uint64
}

// New makes a hub that stands at the end of the journal.
func New(o Options) (*Hub, error) {
	if o.History == nil || o.Snapshot == nil || len(o.Classes) == 0 || len(o.Classes) > 64 {
		return nil, errors.New("hub: history, snapshot and 1 to 64 classes are needed")
	}
	site, err := json.Marshal(o.Site)
	if err != nil {
		return nil, fmt.Errorf("hub: the site's description: %w", err)
	}
	setDefault(&o.Ring, 16_384)
	setDefault(&o.RingBytes, 64<<20)
	setDefault(&o.Resume, 10_000)
	setDefault(&o.MaxClients, 2_000)
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &Hub{
		opt: o, site: site, classes: map[string]int{}, nudge: make(chan struct{}, 1),
		ring: newRing(o.Ring, o.RingBytes, back(o.History.Head(), uint64(o.Ring))),
		live: newLiveTable(), wake: make(chan struct{}), clients: map[*Client]struct{}{},
	}
	for i, c := range o.Classes {
		h.classes[c.Name] = i
	}
	return h, nil
}

func setDefault[T int | uint64](v *T, standard T) {
	if *v <= 0 {
		*v = standard
	}
}

// back is head less n, not below 0.
func back(head, n uint64) uint64 { return head - min(head, n) }

// Run follows the journal and wakes the viewers. When ctx ends it reads the journal to its end, hands that out and
// lets every viewer go with ErrStopped. A journal that cannot be read is tried again each second.
func (h *Hub) Run(ctx context.Context) error {
	ping, again := time.NewTicker(PingEvery), time.NewTicker(retryEvery)
	defer ping.Stop()
	defer again.Stop()
	var samples <-chan time.Time
	for {
		changed := h.opt.History.Changed()
		h.pump(context.WithoutCancel(ctx))
		select {
		case <-changed:
		case <-h.nudge:
			if samples == nil {
				samples = time.After(sampleEvery)
			}
		case <-samples:
			samples = nil
			h.rouse()
		case <-again.C: // a read that failed
		case <-ping.C:
			h.ping()
		case <-ctx.Done():
			h.pump(context.WithoutCancel(ctx))
			h.stop()
			return nil
		}
	}
}

// pump reads the journal from the ring's end to its own.
func (h *Hub) pump(ctx context.Context) {
	for {
		h.mu.RLock()
		after := h.ring.head
		h.mu.RUnlock()
		if after >= h.opt.History.Head() {
			return
		}
		events, err := h.opt.History.Since(ctx, after, pageSize)
		if err != nil {
			slog.Error("live channel cannot read the journal, trying again", "after", after, "err", err)
			return
		}
		if len(events) == 0 {
			return
		}
		h.publish(events)
	}
}

func (h *Hub) publish(events []watch.Event) {
	entries := make([]*entry, len(events))
	for i := range events {
		entries[i] = newEntry(events[i], h.sees(&events[i]))
	}
	h.mu.Lock()
	for _, e := range entries {
		h.ring.add(e)
	}
	h.rouseLocked()
	h.mu.Unlock()
}

// sees is the set of classes that may see an event, one bit each.
func (h *Hub) sees(e *watch.Event) uint64 {
	var mask uint64
	for i, c := range h.opt.Classes {
		if c.Sees(e) {
			mask |= 1 << i
		}
	}
	return mask
}

func (h *Hub) rouse() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rouseLocked()
}

func (h *Hub) rouseLocked() {
	close(h.wake)
	h.wake = make(chan struct{})
}

func (h *Hub) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	h.rouseLocked()
}

// Stats are counts for the metrics page.
type Stats struct {
	Clients int
	Cuts    uint64 // viewers cut because they were slow
	Sent    uint64 // messages handed to viewers
	Head    uint64 // last event handed out
	Ring    int    // events kept
}

// Stats returns the present counts.
func (h *Hub) Stats() Stats {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return Stats{
		Clients: len(h.clients), Cuts: h.cuts.Load(), Sent: h.served.Load(),
		Head: h.ring.head, Ring: int(h.ring.head + 1 - h.ring.tail),
	}
}
