package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"siaga/internal/watch"
)

// memoryLog is a journal in memory: dense sequences, a wake per append.
type memoryLog struct {
	mu     sync.Mutex
	events []watch.Event
	wake   chan struct{}
	reads  int
	broken error
}

func newLog() *memoryLog { return &memoryLog{wake: make(chan struct{})} }

func (l *memoryLog) Head() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.events))
}

func (l *memoryLog) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wake
}

func (l *memoryLog) Since(_ context.Context, after uint64, limit int) ([]watch.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	if l.broken != nil {
		return nil, l.broken
	}
	end := min(after+uint64(limit), uint64(len(l.events)))
	return append([]watch.Event(nil), l.events[after:end]...), nil
}

// add appends events of the kinds given, round robin.
func (l *memoryLog) add(n int, kinds ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		seq := uint64(len(l.events)) + 1
		kind := "door.opened"
		if len(kinds) > 0 {
			kind = kinds[seq%uint64(len(kinds))]
		}
		l.events = append(l.events, watch.Event{
			Seq: seq, Kind: kind, Device: "door-1", At: time.UnixMilli(int64(seq)),
			Body: fmt.Appendf(nil, `{"n":%d}`, seq),
		})
	}
	close(l.wake)
	l.wake = make(chan struct{})
}

// guard sees everything, technician all but the radio.
var testClasses = []Class{
	{Name: "guard", Sees: func(*watch.Event) bool { return true }},
	{Name: "technician", Sees: func(e *watch.Event) bool { return e.Kind != "radio.emergency" }},
}

func newHub(t testing.TB, l *memoryLog, change func(*Options)) *Hub {
	t.Helper()
	o := Options{
		History: l, Site: map[string]string{"id": "mjn"}, Classes: testClasses,
		Snapshot: func(context.Context, []string) (Snapshot, error) {
			return Snapshot{Alerts: []string{"open"}}, nil
		},
	}
	if change != nil {
		change(&o)
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// line is any message as a viewer decodes it.
type line struct {
	Seq      uint64          `json:"seq"`
	Through  uint64          `json:"through"`
	Withheld bool            `json:"withheld"`
	Kind     string          `json:"kind"`
	Body     json.RawMessage `json:"body"`
	Hello    *struct {
		Head     uint64
		Site     map[string]string
		Snapshot *struct {
			Alerts    []string
			Incidents []any
			Devices   []any
			Samples   map[string]map[string]json.RawMessage
		}
	} `json:"hello"`
	Sample json.RawMessage `json:"sample"`
	State  *struct{ Device, Status string }
	Ping   *struct{ Head uint64 }
}

func decode(t testing.TB, m *Message) line {
	t.Helper()
	var l line
	if err := json.Unmarshal(m.Data, &l); err != nil {
		t.Fatalf("message is not JSON: %v\n%s", err, m.Data)
	}
	return l
}

// run starts the hub and stops it with the test.
func run(t testing.TB, h *Hub) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := h.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}
