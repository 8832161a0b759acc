package web

import (
	"sync"
	"time"
)

// hands are a clock that tests move on.
type hands struct {
	mu sync.Mutex
	at time.Time
}

func newHands(at time.Time) *hands { return &hands{at: at} }

func (h *hands) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hands) add(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}
