package hub

import (
	"container/list"
	"encoding/json"
	"strconv"

	"siaga/internal/watch"
)

// maxLive bounds the samples and states kept; beyond it the longest unchanged one is forgotten.
const maxLive = 8192

type liveKey struct{ device, kind string }

// liveTable holds the newest value of everything unsequenced, in order of change: what a viewer has not seen yet is
// the front of the list.
type liveTable struct {
	version uint64 // grows by one with each change
	byKey   map[liveKey]*list.Element
	order   *list.List // of *liveSlot, newest first
}

type liveSlot struct {
	key     liveKey
	version uint64
	entry   *entry
}

func newLiveTable() liveTable {
	return liveTable{byKey: map[liveKey]*list.Element{}, order: list.New()}
}

func (t *liveTable) put(key liveKey, e *entry) {
	t.version++
	slot := &liveSlot{key: key, version: t.version, entry: e}
	if have, ok := t.byKey[key]; ok {
		have.Value = slot
		t.order.MoveToFront(have)
		return
	}
	if t.order.Len() >= maxLive {
		delete(t.byKey, t.order.Remove(t.order.Back()).(*liveSlot).key)
	}
	t.byKey[key] = t.order.PushFront(slot)
}

// after appends what changed since version, newest first.
func (t *liveTable) after(version uint64, into []*entry) []*entry {
	for el := t.order.Front(); el != nil; el = el.Next() {
		s := el.Value.(*liveSlot)
		if s.version <= version {
			break
		}
		into = append(into, s.entry)
	}
	return into
}

// Live shows a sample: an event without a sequence. It never blocks; a viewer that is busy gets the newest per device
// and kind when it is ready.
func (h *Hub) Live(sample watch.Event) {
	h.put(liveKey{sample.Device, sample.Kind}, &entry{sees: h.sees(&sample), event: sample, form: sampleForm})
}

// State shows how a device is doing. It never blocks; a viewer that is busy gets the newest per device.
func (h *Hub) State(s watch.DeviceState) {
	body, err := json.Marshal(map[string]watch.DeviceState{"state": s})
	if err != nil {
		return // a float that JSON has no word for; the next state will do
	}
	about := watch.Event{Kind: StateKind, Device: s.Device}
	h.put(liveKey{s.Device, StateKind}, &entry{
		sees: h.sees(&about), event: about, form: func(*entry) []byte { return body },
	})
}

// Forget drops the samples and the state of a device that is no longer registered.
func (h *Hub) Forget(device string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, el := range h.live.byKey {
		if key.device == device {
			h.live.order.Remove(el)
			delete(h.live.byKey, key)
		}
	}
}

func (h *Hub) put(key liveKey, e *entry) {
	h.mu.Lock()
	h.live.put(key, e)
	h.mu.Unlock()
	select {
	case h.nudge <- struct{}{}:
	default:
	}
}

// pingKey cannot be a device's: slugs are not empty.
var pingKey = liveKey{"", "ping"}

func (h *Hub) ping() {
	b := append([]byte(`{"ping":{"at":"`), watch.FormatTime(h.opt.Now())...)
	b = append(b, `","head":`...)
	b = append(strconv.AppendUint(b, h.opt.History.Head(), 10), '}', '}')
	h.mu.Lock()
	defer h.mu.Unlock()
	h.live.put(pingKey, &entry{sees: ^uint64(0), form: func(*entry) []byte { return b }})
	h.rouseLocked()
}

// samples is the newest of each sample that the classes may see, by device and kind, and the version it is of.
func (h *Hub) samples(classes uint64) (map[string]map[string]json.RawMessage, uint64) {
	h.mu.RLock()
	version := h.live.version
	entries := h.live.after(0, nil)
	h.mu.RUnlock()
	out := map[string]map[string]json.RawMessage{}
	for _, e := range entries {
		if e.event.Device == "" || e.event.Kind == StateKind || !e.visible(classes) {
			continue
		}
		// The message is the sample in its wrapping `{"sample":…}`.
		data := e.message().Data
		if out[e.event.Device] == nil {
			out[e.event.Device] = map[string]json.RawMessage{}
		}
		out[e.event.Device][e.event.Kind] = data[len(`{"sample":`) : len(data)-1]
	}
	return out, version
}
