package rules

import (
	"cmp"
	"container/heap"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"siaga/internal/watch"
)

// Limits of the memory, against equipment that invents keys.
const (
	maxKeys = 10_000 // keys of one rule that are remembered apart; the rest share one
	maxKey  = 160    // bytes of a key
)

// restKey is the key under which a rule's keys beyond maxKeys are lumped.
const restKey = "#rest"

// entry is what the judge remembers about one key of one rule. Times are UTC milliseconds, 0 for none.
type entry struct {
	// Active says that the rule claimed and has not cleared; Priority with which.
	Active   bool           `json:"active,omitempty"`
	Priority watch.Priority `json:"priority,omitempty"`
	// Window is when the claim ends by itself.
	Window int64 `json:"window,omitempty"`
	// Times are the occurrences that count, oldest first.
	Times []int64 `json:"times,omitempty"`
	// Waiting is the claim that will hold at Due unless something ends the waiting.
	Waiting *watch.Claim `json:"waiting,omitempty"`
	Due     int64        `json:"due,omitempty"`
	// Muted lists the keys that silence the waiting claim when it is due.
	Muted []string `json:"muted,omitempty"`
	// Owed are repetitions not yet told, Told the last of them, Updated when one was last told.
	Owed    int          `json:"owed,omitempty"`
	Told    *watch.Claim `json:"told,omitempty"`
	Updated int64        `json:"updated,omitempty"`

	rule *Rule
}

func (en *entry) empty() bool {
	return !en.Active && en.Window == 0 && len(en.Times) == 0 && en.Waiting == nil && en.Owed == 0
}

// next is the earliest of the entry's timers; 0 if it has none.
func (en *entry) next() int64 {
	var due int64
	earlier := func(t int64) {
		if t != 0 && (due == 0 || t < due) {
			due = t
		}
	}
	earlier(en.Window)
	earlier(en.Due)
	if en.Owed > 0 {
		earlier(en.Updated + tellEvery.Milliseconds())
	}
	if n := len(en.Times); n > 0 {
		earlier(en.Times[n-1] + en.rule.Within.Milliseconds())
	}
	return due
}

// alarm is a timer of an entry. Alarms of the past of an entry stay in the heap until they are met.
type alarm struct {
	due int64
	key string
}

type alarms []alarm

func (a alarms) Len() int      { return len(a) }
func (a alarms) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a alarms) Less(i, j int) bool {
	if a[i].due != a[j].due {
		return a[i].due < a[j].due
	}
	return a[i].key < a[j].key
}
func (a *alarms) Push(x any) { *a = append(*a, x.(alarm)) }
func (a *alarms) Pop() any {
	old := *a
	x := old[len(old)-1]
	*a = old[:len(old)-1]
	return x
}

// memory is all entries by key, their timers, and what changed since it was last written down.
type memory struct {
	entries map[string]*entry
	alarms  alarms
	changed map[string]bool
	keys    map[string]int // rule → entries
	active  map[string]int // rule → active entries
}

func newMemory() *memory {
	return &memory{entries: map[string]*entry{}, changed: map[string]bool{}, keys: map[string]int{}, active: map[string]int{}}
}

// keyOf makes the full key of an alert: the rule's id and what the rule groups by, cut to a bounded length.
func keyOf(rule, key string) string {
	if len(key) > maxKey {
		sum := sha256.Sum256([]byte(key))
		key = strings.ToValidUTF8(key[:maxKey-18], "") + "#" + hex.EncodeToString(sum[:8])
	}
	return rule + "/" + key
}

// at finds or makes the entry of a key. Beyond maxKeys it is the rule's rest, whose key is returned.
func (m *memory) at(r *Rule, key string) (string, *entry) {
	if en := m.entries[key]; en != nil {
		return key, en
	}
	if m.keys[r.ID] >= maxKeys {
		key = keyOf(r.ID, restKey)
		if en := m.entries[key]; en != nil {
			return key, en
		}
	}
	en := &entry{rule: r}
	m.entries[key] = en
	m.keys[r.ID]++
	return key, en
}

// setActive keeps the count of active entries right.
func (m *memory) setActive(en *entry, on bool) {
	if en.Active != on {
		en.Active = on
		m.active[en.rule.ID] += map[bool]int{true: 1, false: -1}[on]
	}
	if !on {
		en.Priority, en.Updated = "", 0
	}
}

// touch notes that an entry changed: it is written down, its timer set, or it is forgotten.
func (m *memory) touch(key string, en *entry) {
	m.changed[key] = true
	if en.empty() {
		if m.entries[key] == en {
			delete(m.entries, key)
			m.keys[en.rule.ID]--
		}
		return
	}
	if due := en.next(); due != 0 {
		heap.Push(&m.alarms, alarm{due, key})
	}
	if len(m.alarms) > 64+8*len(m.entries) {
		m.rewind()
	}
}

// rewind makes the timers anew from the entries.
func (m *memory) rewind() {
	m.alarms = m.alarms[:0]
	for key, en := range m.entries {
		if due := en.next(); due != 0 {
			m.alarms = append(m.alarms, alarm{due, key})
		}
	}
	heap.Init(&m.alarms)
}

// due takes the next entry with a timer at or before now; nil if there is none.
func (m *memory) due(now int64) (string, *entry, int64) {
	for len(m.alarms) > 0 && m.alarms[0].due <= now {
		a := heap.Pop(&m.alarms).(alarm)
		if en := m.entries[a.key]; en != nil && en.next() == a.due {
			return a.key, en, a.due
		}
	}
	return "", nil, 0
}

// first is the time of the earliest timer; 0 if there is none.
func (m *memory) first() int64 {
	for len(m.alarms) > 0 {
		a := m.alarms[0]
		if en := m.entries[a.key]; en != nil && en.next() == a.due {
			return a.due
		}
		heap.Pop(&m.alarms)
	}
	return 0
}

// shift moves every time by the step that the site's clock made.
func (m *memory) shift(by int64) {
	move := func(t *int64) {
		if *t != 0 {
			*t = max(1, *t+by)
		}
	}
	for key, en := range m.entries {
		move(&en.Window)
		move(&en.Due)
		move(&en.Updated)
		for i := range en.Times {
			move(&en.Times[i])
		}
		m.changed[key] = true
	}
	m.rewind()
}

// take returns what changed since the last call, by key; nil for what is forgotten.
func (m *memory) take() (map[string][]byte, error) {
	out := make(map[string][]byte, len(m.changed))
	for key := range m.changed {
		out[key] = nil
		if en := m.entries[key]; en != nil {
			raw, err := json.Marshal(en)
			if err != nil {
				return nil, fmt.Errorf("rules: writing down %s: %w", key, err)
			}
			out[key] = raw
		}
	}
	clear(m.changed)
	return out, nil
}

// restore reads what take wrote. Entries of rules that are gone are forgotten.
func restore(set *Set, stored map[string][]byte) (*memory, error) {
	m := newMemory()
	for key, raw := range stored {
		id, _, _ := strings.Cut(key, "/")
		r := set.byID[id]
		if r == nil {
			m.changed[key] = true
			continue
		}
		en := &entry{rule: r}
		if err := json.Unmarshal(raw, en); err != nil {
			return nil, fmt.Errorf("rules: the memory of %s cannot be read: %w", key, err)
		}
		slices.SortFunc(en.Times, cmp.Compare[int64])
		m.entries[key] = en
		m.keys[id]++
		if en.Active {
			m.active[id]++
		}
	}
	m.rewind()
	return m, nil
}

// tellEvery is the shortest time between two updates of one alert: a flood of repetitions is counted, not journaled.
const tellEvery = time.Second
