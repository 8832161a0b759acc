// Package ingest is the site's side of devices.Host: it stamps what drivers hear, lets each speak only in its own
// name, thins samples, and hands facts to the journal for a receipt.
package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"siaga/devices"
	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Outstanding is how many readings of one device may wait for the disk. A flooding device waits for itself, and
// nobody waits behind more than this many of another's.
const Outstanding = 256

// unregisteredEvery is how often one unknown child of a gateway is reported.
const unregisteredEvery = 10 * time.Minute

// namedStrangers is how many unknown children of one gateway are reported by name within unregisteredEvery; those
// beyond are counted together, every strangersEvery.
const (
	namedStrangers = 50
	strangersEvery = time.Minute
)

// sampleEvery is the longest time between two journaled samples of one kind.
const sampleEvery = 10 * time.Second

// site says where devices are.
type site interface {
	// Zone is the zone of a device, "" if none.
	Zone(device string) string
	// Child finds the registered device behind a gateway by its native key.
	Child(gateway, key string) (device, zone string, ok bool)
	// Described is what a device is known to have told about itself, empty if nothing.
	Described(ctx context.Context, device string) (watch.Description, error)
}

// Sample is a live value on its way to the screens; it is unsequenced and never judged.
type Sample struct {
	Kind, Device, Zone string
	At                 time.Time
	Body               json.RawMessage
}

// Options are what ingest needs from other rooms.
type Options struct {
	Journal *journal.Journal
	Site    site
	// Reads reports whether any rule reads a kind; such samples are kept whole.
	Reads func(kind string) bool
	// Live takes every sample for the screens. It MUST NOT block.
	Live func(Sample)
	// Media takes every access unit for recorder and live view. It MUST NOT block.
	Media func(device string, au watch.AccessUnit)
	// Heard is told that a gateway reported something of a registered child.
	Heard func(child, kind string, at time.Time)
	Now   func() time.Time
}

// Ingest makes hosts.
type Ingest struct {
	opt Options

	mu      sync.Mutex
	kept    map[sampleKey]keptSample
	unknown map[string]*strangers // by gateway

	told descriptions
}

// strangers are the unregistered keys of a gateway.
type strangers struct {
	named map[string]time.Time // native key → its report
	more  int                  // messages of keys beyond namedStrangers
	told  time.Time            // last report of more
}

type sampleKey struct{ device, kind, subject string }

type keptSample struct {
	at    time.Time
	words string // the discrete values of the kept sample
}

// New makes an ingest; it starts nothing.
func New(o Options) *Ingest {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Ingest{
		opt: o, kept: map[sampleKey]keptSample{}, unknown: map[string]*strangers{},
		told: descriptions{of: map[string]map[string]*described{}},
	}
}

// Host is the host of one run of a device. Whatever it reports carries that device's name or that of a registered child.
func (in *Ingest) Host(device string) devices.Host {
	return &host{in: in, device: device, since: in.opt.Now(), waiting: make(chan *journal.Receipt, Outstanding)}
}

type host struct {
	in      *Ingest
	device  string
	since   time.Time             // when this run of the device began
	waiting chan *journal.Receipt // oldest first
}

// Media hands over one access unit. It never blocks.
func (h *host) Media(au watch.AccessUnit) {
	h.in.opt.Media(h.device, au)
}

// done is the receipt of what needs no journal: a thinned sample.
type done struct{}

func (done) Wait(context.Context) error { return nil }

// Observe journals a fact, or shows and thins a sample.
func (h *host) Observe(ctx context.Context, r watch.Reading) (devices.Receipt, error) {
	now := h.in.opt.Now()
	if r.Received.IsZero() {
		r.Received = now
	}
	if r.Kind == watch.KindDescribed {
		return h.describe(ctx, r, now)
	}
	receipt, err := h.hear(ctx, r, now)
	if err == nil {
		_, err = h.news(ctx, r.Child, now) // what waited for this child to be registered, or for its turn
	}
	return receipt, err
}

func (h *host) hear(ctx context.Context, r watch.Reading, now time.Time) (devices.Receipt, error) {
	in := h.in
	d := watch.Draft{
		Kind: r.Kind, Device: h.device, Zone: in.opt.Site.Zone(h.device), Subject: r.Subject,
		At: r.Received, DeviceAt: r.At, Body: r.Body,
	}
	stranger := r.Child != "" && !h.asChild(&d, r.Child, now)
	if err := d.Validate(); err != nil {
		d = garbled(d, err)
	}
	if r.Sample {
		in.opt.Live(Sample{Kind: d.Kind, Device: d.Device, Zone: d.Zone, At: d.At, Body: d.Body})
		if !in.keep(d) {
			return done{}, nil
		}
	}
	receipt, err := h.submit(ctx, d, r)
	if err == nil && stranger {
		err = h.reportStranger(ctx, d, r.Child, now) // after what it said: a panic comes first
	}
	return receipt, err
}

// asChild puts a registered child's name on the draft and reports true. An unknown child speaks in its gateway's name,
// with its native key as subject.
func (h *host) asChild(d *watch.Draft, key string, now time.Time) bool {
	if id, zone, ok := h.in.opt.Site.Child(h.device, key); ok {
		d.Device, d.Zone = id, zone
		h.in.opt.Heard(id, d.Kind, now)
		return true
	}
	if d.Subject == "" {
		d.Subject = cut(key)
	}
	return false
}

// reportStranger says once in a while that an unregistered child speaks through a gateway. A gateway that invents keys
// is told of by its number of strangers, so that it cannot fill the guard's queue.
func (h *host) reportStranger(ctx context.Context, said watch.Draft, key string, now time.Time) error {
	more, report := h.in.stranger(h.device, cut(key), now)
	if !report {
		return nil
	}
	family, _, _ := strings.Cut(said.Kind, ".")
	if family != "radio" && family != "drone" {
		family = "sensor"
	}
	d := watch.Draft{Kind: family + ".unregistered", Device: h.device, Zone: said.Zone, Subject: cut(key), At: said.At}
	what := map[string]any{"key": cut(key), "first_kind": said.Kind}
	if more > 0 {
		d.Subject = ""
		what = map[string]any{"key": fmt.Sprintf("+%d", more), "more": more, "first_kind": said.Kind}
	}
	var err error
	if d.Body, err = json.Marshal(what); err != nil {
		return fmt.Errorf("ingest: %w", err)
	}
	_, err = h.in.opt.Journal.Append(ctx, d)
	return err
}

// stranger decides what to say of an unregistered key: nothing, its name (more is 0), or how many more there were
// than are named.
func (in *Ingest) stranger(gateway, key string, now time.Time) (more int, report bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	s := in.unknown[gateway]
	if s == nil {
		s = &strangers{named: map[string]time.Time{}}
		in.unknown[gateway] = s
	}
	for k, at := range s.named {
		if now.Sub(at) >= unregisteredEvery {
			delete(s.named, k)
		}
	}
	if _, ok := s.named[key]; ok {
		return 0, false
	}
	if len(s.named) < namedStrangers {
		s.named[key] = now
		return 0, true
	}
	s.more++
	if now.Sub(s.told) < strangersEvery {
		return 0, false
	}
	s.told = now
	return s.more, true
}

// cut shortens a native key to what an envelope carries.
func cut(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}

// submit journals the draft. When too many of this device's readings wait for the disk, it waits for the oldest.
func (h *host) submit(ctx context.Context, d watch.Draft, r watch.Reading) (devices.Receipt, error) {
	if err := h.makeRoom(ctx); err != nil {
		return nil, err
	}
	receipt, err := h.append(ctx, d, r)
	if err != nil {
		return nil, fmt.Errorf("ingest: %s of %s: %w", d.Kind, d.Device, err)
	}
	select {
	case h.waiting <- receipt:
	default: // another goroutine of this driver filled it; the bound is soft
	}
	return receipt, nil
}

func (h *host) makeRoom(ctx context.Context) error {
	if len(h.waiting) < cap(h.waiting) {
		return nil
	}
	select {
	case oldest := <-h.waiting:
		if oldest.Wait(ctx) != nil && ctx.Err() != nil {
			return ctx.Err() // the receipt's own failure is its holder's business
		}
	default: // another goroutine of this driver took it
	}
	return nil
}

func (h *host) append(ctx context.Context, d watch.Draft, r watch.Reading) (*journal.Receipt, error) {
	if r.Duplicate == "" || r.Sample {
		return h.in.opt.Journal.Append(ctx, d)
	}
	return h.in.opt.Journal.AppendOnce(ctx, d, journal.Delivery{
		Key: deliveryKey(h.device, r), Resent: r.Resent, Redelivered: r.Redelivered, LinkSince: h.since, Unique: r.MessageID != "",
	})
}

// deliveryKey names one reading of one wire message. What a driver's memory puts into a reading (its child, subject or
// body) is left out: after a crash the same message may be understood with less.
func deliveryKey(device string, r watch.Reading) [16]byte {
	sum := sha256.Sum256([]byte(device + "\x00" + r.Kind + "\x00" + r.Duplicate))
	return [16]byte(sum[:16])
}

// keep decides whether a sample goes into the journal: always when a rule reads its kind, else when one of its words
// changed or the last kept one is old.
func (in *Ingest) keep(d watch.Draft) bool {
	if in.opt.Reads(d.Kind) {
		return true
	}
	words := discrete(d.Body)
	in.mu.Lock()
	defer in.mu.Unlock()
	key := sampleKey{d.Device, d.Kind, d.Subject}
	last, ok := in.kept[key]
	if ok && words == last.words && d.At.Sub(last.at) < sampleEvery {
		return false
	}
	in.kept[key] = keptSample{d.At, words}
	return true
}

// discrete lists the words and switches of a body; numbers change all the time and do not count.
func discrete(body []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return ""
	}
	for k, v := range fields {
		if len(v) == 0 || (v[0] != '"' && v[0] != 't' && v[0] != 'f') {
			delete(fields, k)
		}
	}
	out, err := json.Marshal(fields) // sorts by key
	if err != nil {
		return ""
	}
	return string(out)
}

// garbled turns a draft that the journal would refuse into one that says so; nothing is lost, nothing is silent.
func garbled(d watch.Draft, cause error) watch.Draft {
	family, _, _ := strings.Cut(d.Kind, ".")
	g := watch.Draft{Kind: family + ".garbled", Device: d.Device, Zone: d.Zone, At: d.At}
	if !watch.ValidKind(g.Kind) {
		g.Kind = "sensor.garbled"
	}
	raw := d.Body
	if len(raw) > 4096 {
		raw = raw[:4096]
	}
	body, err := json.Marshal(map[string]any{
		"reason": cause.Error(), "size": len(d.Body), "raw_base64": base64.StdEncoding.EncodeToString(raw),
	})
	if err == nil {
		g.Body = body
	}
	return g
}
