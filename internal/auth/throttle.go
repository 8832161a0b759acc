package auth

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Words of Denied.Code; the API passes them on.
const (
	DeniedCredentials = "bad_credentials" // no such person, wrong password, or shut out: nobody learns which
	DeniedCode        = "code_needed"     // the password is right, the one-time code is missing
	DeniedLocked      = "locked"          // too many failures from this address for this account
	DeniedBusy        = "rate_limited"    // too many attempts from this address, or by everybody
)

// Denied is why a sign-in was not let through.
type Denied struct {
	Code       string
	RetryAfter time.Duration // do not try again before; 0 means at once
}

func (d *Denied) Error() string { return "sign-in denied: " + d.Code }

// Numbers of the delays. They hold an account back from one address only: whoever guesses from elsewhere cannot lock a
// guard out in an emergency, and nobody who is signed in is ever thrown out.
const (
	freeFailures = 3                // mistakes that cost nothing
	firstDelay   = 2 * time.Second  // doubled with each further failure
	longestDelay = 15 * time.Minute //
	lockedFrom   = 30 * time.Second // delays from here on are a lock-out, with an event
	forgetAfter  = time.Hour        // without a failure
	maxTrials    = 10_000           // remembered; the oldest go first
	attemptsRate = 1                // sign-ins a second from one address, those that succeed not counted
	attemptBurst = 20
	toldEvery    = 10 * time.Second // events of failures from one address, after the first 20
	busyRetry    = 2 * time.Second
)

// trial is what is remembered of an account at an address, or of an address.
type trial struct {
	failures int
	last     time.Time
	until    time.Time // no attempt before
	refused  int       // attempts that came before and were not looked at
	limit    *rate.Limiter
	proven   int           // attempts that turned out right, and may be made again beyond the limit
	telling  *rate.Limiter // of events; see toldEvery
	untold   int           // failures without an event of their own
}

// throttle holds guessing back. It forgets everything with a restart, which an attacker cannot cause.
type throttle struct {
	now    func() time.Time
	mu     sync.Mutex
	trials map[string]*trial
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, trials: map[string]*trial{}}
}

// where brings an address with or without port into one form; of IPv6 the network counts, since its hosts are free to
// choose.
func where(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return address
		}
		ip = ap.Addr()
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}

func accountKey(login, address string) string { return "a " + where(address) + " " + login }

// admit refuses an attempt that comes too early.
func (t *throttle) admit(login, address string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	host := t.get("h " + where(address))
	if host.limit == nil {
		host.limit = rate.NewLimiter(attemptsRate, attemptBurst)
	}
	host.last = now
	switch {
	case host.limit.AllowN(now, 1):
	case host.proven > 0:
		host.proven--
	default:
		return &Denied{Code: DeniedBusy, RetryAfter: busyRetry}
	}
	if a, ok := t.trials[accountKey(login, address)]; ok && now.Before(a.until) {
		a.refused++
		return &Denied{Code: DeniedLocked, RetryAfter: a.until.Sub(now)}
	}
	return nil
}

// verdict is what a failure leads to.
type verdict struct {
	failures, refused int
	delay             time.Duration
	locked            bool // a lock-out begins or grows
	silent            bool // it gets no event of its own; a later one counts it
	untold            int  // such failures since the last event
}

// failed notes a failure. Names are free to invent, so that the delays alone would let one address fill the journal: its
// events are thinned, whether somebody has the name or not, or the time of the answer would tell.
func (t *throttle) failed(login, address string) verdict {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	a := t.get(accountKey(login, address))
	if now.Sub(a.last) > forgetAfter {
		a.failures = 0
	}
	a.failures++
	a.last = now
	v := verdict{failures: a.failures}
	if over := a.failures - freeFailures; over > 0 {
		v.delay = min(firstDelay<<min(over-1, 20), longestDelay)
		a.until = now.Add(v.delay)
		v.locked = v.delay >= lockedFrom
	}
	host := t.get("h " + where(address))
	if host.telling == nil {
		host.telling = rate.NewLimiter(rate.Every(toldEvery), attemptBurst)
	}
	if v.silent = !host.telling.AllowN(now, 1) && !v.locked; v.silent {
		host.untold++
		return v
	}
	v.refused, v.untold, a.refused, host.untold = a.refused, host.untold, 0, 0
	return v
}

// succeeded wipes the slate. An attempt that was right costs its address nothing: behind one address a whole office may
// sit, and nobody guesses by being right.
func (t *throttle) succeeded(login, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.trials, accountKey(login, address))
	host := t.get("h " + where(address))
	host.proven = min(host.proven+1, attemptBurst)
}

// get finds or makes a trial, and keeps the number of them bounded.
func (t *throttle) get(key string) *trial {
	if v, ok := t.trials[key]; ok {
		return v
	}
	if len(t.trials) >= maxTrials {
		oldest, at := "", time.Time{}
		n := 0
		for k, v := range t.trials { // a sample of the map's random order is old enough
			if oldest == "" || v.last.Before(at) {
				oldest, at = k, v.last
			}
			if n++; n == 64 {
				break
			}
		}
		delete(t.trials, oldest)
	}
	v := &trial{last: t.now()}
	t.trials[key] = v
	return v
}
