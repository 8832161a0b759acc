package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"siaga/internal/watch"
)

// Why a viewer was let go.
var (
	ErrSlow    = errors.New("hub: the viewer is too slow")         // close code 4008; it may come back with its last sequence
	ErrStopped = errors.New("hub: stopped")                        // the program is going down
	ErrLeft    = errors.New("hub: the viewer has left")            // Leave was called
	ErrFull    = errors.New("hub: too many viewers are connected") // Join refused
)

// maxBatch bounds the messages of one Next.
const maxBatch = 256

// From says where a viewer begins.
type From struct {
	// Resume asks for every event after After. Without it, or when After is too far back or beyond the head, the
	// viewer gets a snapshot and begins at the head.
	Resume bool
	After  uint64
}

// Client is one viewer: a place in the stream of events. Next MUST be called from one goroutine at a time.
type Client struct {
	hub    *Hub
	sees   uint64        // one bit per class it belongs to
	cursor atomic.Uint64 // last sequence handed out
	live   atomic.Bool   // it has reached the ring; falling out of it again is being slow
	seen   uint64        // version of the live table
	hello  *Message

	once sync.Once
	why  error
	done chan struct{}

	entries []*entry // reused by each Next
	batch   []*Message
}

// Join adds a viewer that sees what any of its classes sees. Its first message is the hello. Leave MUST be called in
// the end.
func (h *Hub) Join(ctx context.Context, classes []string, from From) (*Client, error) {
	var sees uint64
	for _, name := range classes {
		index, ok := h.classes[name]
		if !ok {
			return nil, fmt.Errorf("hub: there is no class of viewers named %q", name)
		}
		sees |= 1 << index
	}
	// The head is taken before the snapshot: what happens between the two is told twice, as new state is, never not at all.
	head := h.opt.History.Head()
	c := &Client{hub: h, sees: sees, done: make(chan struct{})}
	resume := from.Resume && from.After <= head && head-from.After <= h.opt.Resume
	c.cursor.Store(head)
	if resume {
		c.cursor.Store(from.After)
	}
	if err := h.greet(ctx, c, classes, head, !resume); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.stopped:
		return nil, ErrStopped
	case len(h.clients) >= h.opt.MaxClients:
		return nil, ErrFull
	}
	h.clients[c] = struct{}{}
	return c, nil
}

type hello struct {
	At       string          `json:"at"` // the site's time: a screen must not wait for the first ping to know it
	Site     json.RawMessage `json:"site"`
	Head     uint64          `json:"head"`
	Snapshot *shown          `json:"snapshot,omitempty"`
}

type shown struct {
	Alerts    any                                   `json:"alerts"`
	Incidents any                                   `json:"incidents"`
	Devices   any                                   `json:"devices"`
	Samples   map[string]map[string]json.RawMessage `json:"samples"`
}

func (h *Hub) greet(ctx context.Context, c *Client, classes []string, head uint64, snapshot bool) error {
	hi := hello{At: watch.FormatTime(h.opt.Now()), Site: h.site, Head: head}
	if snapshot {
		samples, version := h.samples(c.sees)
		snap, err := h.opt.Snapshot(ctx, classes)
		if err != nil {
			return fmt.Errorf("hub: snapshot for a viewer: %w", err)
		}
		hi.Snapshot = &shown{
			Alerts: orEmpty(snap.Alerts), Incidents: orEmpty(snap.Incidents), Devices: orEmpty(snap.Devices), Samples: samples,
		}
		c.seen = version
	}
	data, err := json.Marshal(map[string]hello{"hello": hi})
	if err != nil {
		return fmt.Errorf("hub: snapshot for a viewer: %w", err)
	}
	c.hello = &Message{Data: data}
	return nil
}

func orEmpty(list any) any {
	if list == nil {
		return []struct{}{}
	}
	return list
}

// Next waits for messages and returns them in order. The slice is valid until the next call. The error says why the
// viewer was let go: ErrSlow, ErrStopped, ErrLeft, or ctx's.
func (c *Client) Next(ctx context.Context) ([]*Message, error) {
	c.batch = c.batch[:0]
	if c.hello != nil {
		c.batch, c.hello = append(c.batch, c.hello), nil
		return c.batch, nil
	}
	for {
		select {
		case <-c.done:
			return nil, c.why
		case <-ctx.Done():
			return nil, ctx.Err()
		default:
		}
		wake, stopped, err := c.collect(ctx)
		if err != nil {
			return nil, err
		}
		if len(c.batch) > 0 {
			c.hub.served.Add(uint64(len(c.batch)))
			return c.batch, nil
		}
		if stopped {
			return nil, ErrStopped
		}
		select {
		case <-wake:
		case <-c.done:
		case <-ctx.Done():
		}
	}
}

// collect fills the batch with what is there now.
func (c *Client) collect(ctx context.Context) (wake <-chan struct{}, stopped bool, err error) {
	h, after := c.hub, c.cursor.Load()
	c.entries = c.entries[:0]
	h.mu.RLock()
	wake, stopped = h.wake, h.stopped
	inRing := after+1 >= h.ring.tail
	if inRing {
		for seq := after + 1; seq <= h.ring.head && len(c.entries) < maxBatch; seq++ {
			c.entries = append(c.entries, h.ring.at(seq))
		}
	}
	sequenced := len(c.entries)
	c.entries = h.live.after(c.seen, c.entries)
	c.seen = h.live.version
	h.mu.RUnlock()

	if !inRing {
		if c.live.Load() {
			c.cut(ErrSlow)
			return nil, false, c.why
		}
		past, err := c.past(ctx, after)
		if err != nil {
			return nil, false, err
		}
		c.entries = slices.Insert(c.entries, 0, past...)
		sequenced = len(past)
	} else if !c.live.Load() {
		c.live.Store(true)
	}
	c.encode(c.entries[:sequenced], c.entries[sequenced:])
	return wake, stopped, nil
}

// past reads what the ring no longer holds.
func (c *Client) past(ctx context.Context, after uint64) ([]*entry, error) {
	events, err := c.hub.opt.History.Since(ctx, after, maxBatch)
	if err != nil {
		return nil, fmt.Errorf("hub: reading on from %d: %w", after, err)
	}
	if len(events) == 0 {
		return nil, fmt.Errorf("hub: the journal has nothing after %d though its head is %d", after, c.hub.opt.History.Head())
	}
	entries := make([]*entry, len(events))
	for i := range events {
		entries[i] = newEntry(events[i], c.hub.sees(&events[i]))
	}
	return entries, nil
}

// encode turns entries into messages; runs that the viewer may not see become one.
func (c *Client) encode(sequenced, live []*entry) {
	var hidden uint64 // first of the run under way
	for _, e := range sequenced {
		if !e.visible(c.sees) {
			if hidden == 0 {
				hidden = e.seq
			}
			continue
		}
		if hidden != 0 {
			c.batch = append(c.batch, withheld(hidden, e.seq-1))
			hidden = 0
		}
		c.batch = append(c.batch, e.message())
	}
	if n := len(sequenced); n > 0 {
		last := sequenced[n-1].seq
		if hidden != 0 {
			c.batch = append(c.batch, withheld(hidden, last))
		}
		c.cursor.Store(last)
	}
	for _, e := range slices.Backward(live) {
		if e.visible(c.sees) {
			c.batch = append(c.batch, e.message())
		}
	}
}

// Cursor is the sequence of the last event handed out.
func (c *Client) Cursor() uint64 { return c.cursor.Load() }

// Leave removes the viewer. It may be called more than once, from any goroutine.
func (c *Client) Leave() { c.cut(ErrLeft) }

func (c *Client) cut(why error) {
	c.once.Do(func() {
		c.hub.mu.Lock()
		delete(c.hub.clients, c)
		c.hub.mu.Unlock()
		if errors.Is(why, ErrSlow) {
			c.hub.cuts.Add(1)
		}
		c.why = why
		close(c.done)
	})
}
