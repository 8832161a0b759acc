package web

import "sync"

// calls are the WHEP sessions begun here, and whose they are.
type calls struct {
	mu   sync.Mutex
	open map[string]*caller
}

// maxCalls bounds the sessions remembered; view allows far fewer at once. Sessions that ended by themselves stay
// until then.
const maxCalls = 10_000

func newCalls() *calls { return &calls{open: map[string]*caller{}} }

func (c *calls) add(session string, who *caller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= maxCalls {
		clear(c.open)
	}
	c.open[session] = who
}

// remove reports whether the session is there and the caller's own.
func (c *calls) remove(session string, who *caller) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	owner, ok := c.open[session]
	if !ok || owner.ID != who.ID {
		return false
	}
	delete(c.open, session)
	return true
}

// endOf takes out the calls for which ended is true.
func (c *calls) endOf(ended func(*caller) bool) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for session, who := range c.open {
		if ended(who) {
			out = append(out, session)
			delete(c.open, session)
		}
	}
	return out
}
