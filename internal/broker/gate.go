package broker

import (
	"net"
	"sync"

	"golang.org/x/time/rate"
)

// perAddress bounds connections from one address that have not signed in yet.
const perAddress = 32

// perIdentity bounds connections of one device. A new one above it ends the oldest: a gateway that
// reconnects after a cut still has a dead connection here.
const perIdentity = 8

// gate knows every connection by name.
type gate struct {
	workers sync.WaitGroup
	mu      sync.Mutex
	closed  bool
	all     map[*client]struct{}
	waiting map[string]int       // connections before sign-in, by host
	byUser  map[string][]*client // oldest first
	byInner map[string]*client   // by the gate's own address towards nats-server
	bySess  map[string]*client   // by session
	meters  map[string]*rate.Limiter
}

func (g *gate) init() {
	g.all = map[*client]struct{}{}
	g.waiting = map[string]int{}
	g.byUser = map[string][]*client{}
	g.byInner = map[string]*client{}
	g.bySess = map[string]*client{}
	g.meters = map[string]*rate.Limiter{}
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

// admit registers a connection that has not signed in yet.
func (g *gate) admit(c *client, limit int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	host := hostOf(c.remote)
	if g.closed || len(g.all) >= limit || g.waiting[host] >= perAddress {
		return false
	}
	g.all[c] = struct{}{}
	g.waiting[host]++
	return true
}

// name files a connection under the user it claims to be, before its identity is looked up: a Refresh from
// then on finds it.
func (g *gate) name(c *client, username string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.user = username
	g.byUser[username] = append(g.byUser[username], c)
}

// signedIn ends the waiting state and makes room among the identity's connections. It returns the
// connection that had the same session, if any.
func (g *gate) signedIn(c *client, id Identity, limit rate.Limit, burst int) (before *client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.device = id.Device
	g.seated(c)
	g.byInner[c.inner.LocalAddr().String()] = c
	if c.session != "" {
		before = g.bySess[c.session]
		g.bySess[c.session] = c
	}
	if id.Internal {
		return before
	}
	if olds := g.byUser[c.user]; len(olds) > perIdentity {
		_ = olds[0].conn.Close()
	}
	m := g.meters[c.user]
	if m == nil {
		m = rate.NewLimiter(limit, burst)
		g.meters[c.user] = m
	}
	m.SetLimit(limit)
	c.meter = m
	return before
}

// seated takes a connection off the waiting list, once. The lock is held.
func (g *gate) seated(c *client) {
	if c.seated {
		return
	}
	c.seated = true
	host := hostOf(c.remote)
	if g.waiting[host]--; g.waiting[host] <= 0 {
		delete(g.waiting, host)
	}
}

// forget removes a connection.
func (g *gate) forget(c *client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seated(c)
	delete(g.all, c)
	if g.bySess[c.session] == c {
		delete(g.bySess, c.session)
	}
	if c.inner != nil {
		delete(g.byInner, c.inner.LocalAddr().String())
	}
	list := g.byUser[c.user]
	for i, other := range list {
		if other == c {
			list = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	if len(list) == 0 {
		delete(g.byUser, c.user)
	} else {
		g.byUser[c.user] = list
	}
}

// kick disconnects every client of that user.
func (g *gate) kick(username string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.byUser[username] {
		_ = c.conn.Close()
	}
	delete(g.meters, username)
}

func (g *gate) hangUpAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for c := range g.all {
		_ = c.conn.Close()
	}
}

// behind finds the client that nats-server knows by the gate's own address.
func (g *gate) behind(inner string) (Report, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.byInner[inner]
	if c == nil {
		return Report{}, false
	}
	return c.signature(), true
}
