package broker

import (
	"context"
	"net"
	"sync"
	"time"
)

// Kinds of reports; they are event kinds too.
const (
	PublishRefused   = "broker.publish_refused"   // a topic that is not this client's
	SubscribeRefused = "broker.subscribe_refused" // likewise
	SignInFailed     = "broker.signin_failed"     // unknown user or wrong password
	Throttled        = "broker.throttled"         // publishes faster than its rate; it is read more slowly
	TopicUnsupported = "broker.topic_unsupported" // white space in a topic: nats-server disconnects the client
	Oversize         = "broker.oversize"          // a payload above MaxPayload: dropped at QoS 0, else the client is disconnected
	BadProtocol      = "broker.bad_protocol"      // not MQTT 3.1 or 3.1.1, or broken packets
	Overload         = "broker.overload"          // too many connections
	StoreTrouble     = "broker.store_trouble"     // nats-server could not store or serve
)

// Report is one thing that was refused, or several alike within ten seconds.
type Report struct {
	Kind    string    `json:"kind"`
	User    string    `json:"user,omitempty"`
	Device  string    `json:"device,omitempty"`
	Client  string    `json:"client_id,omitempty"`
	Address string    `json:"address,omitempty"` // of the client, host:port
	Topic   string    `json:"topic,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	Count   int       `json:"count"` // how many since the report before this one
	At      time.Time `json:"-"`     // of the first
}

const (
	tallyWindow = 10 * time.Second
	tallyKeys   = 1024
	tallyQueue  = 256
	maxShown    = 512 // bytes of a client's text in a report
)

// tally hands reports on at once, but alike ones only once per window with their number: a client that
// is refused 10,000 times a second must not flood the journal.
type tally struct {
	to    reporter
	queue chan Report
	mu    sync.Mutex
	open  map[tallyKey]*Report // the window's repeats, Count 0 if none
	lost  int
}

type tallyKey struct{ kind, user, host, topic string }

func newTally(to reporter) *tally {
	return &tally{to: to, queue: make(chan Report, tallyQueue), open: map[tallyKey]*Report{}}
}

// add never blocks.
func (t *tally) add(r Report) {
	r.User, r.Client, r.Topic, r.Detail = shown(r.User), shown(r.Client), shown(r.Topic), shown(r.Detail)
	host, _, err := net.SplitHostPort(r.Address)
	if err != nil {
		host = r.Address
	}
	key := tallyKey{r.Kind, r.User, host, r.Topic}
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.open[key]; known != nil {
		known.Count++
		return
	}
	if len(t.open) >= tallyKeys {
		t.lost++ // somebody invents topics; the keys kept already tell who
		return
	}
	repeats := r
	t.open[key] = &repeats
	r.Count = 1
	t.send(r)
}

// send is called with the lock held.
func (t *tally) send(r Report) {
	r.Count += t.lost
	select {
	case t.queue <- r:
		t.lost = 0
	default:
		t.lost = r.Count
	}
}

// run hands reports to the reporter until ctx ends.
func (t *tally) run(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case r := <-t.queue:
			t.to.Report(r)
		case now := <-ticker.C:
			t.close(now)
		case <-ctx.Done():
			t.close(time.Now().Add(tallyWindow))
			for len(t.queue) > 0 {
				t.to.Report(<-t.queue)
			}
			return
		}
	}
}

// close ends the windows that are over and reports their repeats.
func (t *tally) close(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, r := range t.open {
		if now.Sub(r.At) < tallyWindow {
			continue
		}
		delete(t.open, key)
		if r.Count > 0 {
			t.send(*r)
		}
	}
}

func shown(s string) string {
	if len(s) > maxShown {
		s = s[:maxShown]
	}
	return string([]rune(s)) // invalid UTF-8 becomes U+FFFD
}
