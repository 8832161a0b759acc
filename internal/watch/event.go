package watch

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// MaxBody is the largest event body in bytes. A larger one is refused at the door, not cut.
const MaxBody = 256 << 10

// Reading is what a driver heard, unjudged. It carries the device's clock and ours.
type Reading struct {
	// Kind is the event kind, family first: "radio.emergency".
	Kind string
	// Child is the native key of equipment behind a gateway (a radio's DMR number, a sensor's
	// friendly name, an aircraft's serial). Empty means the device the host was made for.
	Child string
	// Subject is an opaque id of what the reading is about (a flight, a call). MUST NOT be a name.
	Subject string
	// At is the device's own clock; zero if it sent none.
	At time.Time
	// Received is our clock when the bytes arrived. Zero lets ingest stamp it.
	Received time.Time
	// Body is a JSON object, stored verbatim.
	Body json.RawMessage
	// Sample marks a periodic value: latest wins, shown live, thinned into the journal.
	// A reading without it is a fact and is journaled always.
	Sample bool
	// MessageID is the device's own message id or counter, if the protocol has one.
	MessageID string
	// Duplicate identifies the exact wire message (topic and payload) for redelivery detection.
	// Empty means the reading cannot be redelivered (it did not come from a broker).
	Duplicate string
	// Resent is true when the transport itself says that it sends the message again (the MQTT DUP flag).
	Resent bool
	// Redelivered is Resent, or arrival within 60 s after the link was (re)established: what was heard before the link
	// broke may come again without a flag.
	Redelivered bool
}

// Event is a reading or an act accepted into the journal. It is never edited.
type Event struct {
	Seq      uint64
	Site     string
	Kind     string
	Device   string
	Zone     string
	Subject  string
	Actor    string
	At       time.Time // receive time by our clock, UTC, milliseconds
	DeviceAt time.Time // the device's clock; zero if it sent none
	Body     json.RawMessage
	// Erased says that the body was lawfully erased; the leaf and every proof stay valid.
	Erased bool
}

// Draft is an event before it has a sequence. Site and Seq are the journal's to give.
type Draft struct {
	Kind     string
	Device   string
	Zone     string
	Subject  string
	Actor    string
	At       time.Time // zero: the journal stamps its own clock
	DeviceAt time.Time
	Body     json.RawMessage // nil means {}
}

var (
	kindForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}(\.[a-z][a-z0-9_]{0,31}){1,2}$`)
	slugForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
)

// ErrInvalid is the cause of every refusal by a Validate function.
var ErrInvalid = errors.New("invalid")

// ValidKind reports whether k has the form family.name (lower case, digits, underscore).
func ValidKind(k string) bool { return kindForm.MatchString(k) }

// ValidSlug reports whether s can be a device, zone or site id: lower case letters, digits and
// hyphens, at most 63, not starting with a hyphen. Slugs are safe as folder names and MQTT levels.
func ValidSlug(s string) bool { return slugForm.MatchString(s) }

// Validate checks the form of a draft: kind, field lengths, body size and that the body is JSON.
func (d *Draft) Validate() error {
	if !ValidKind(d.Kind) {
		return fmt.Errorf("event kind %.64q: want family.name in lower case: %w", d.Kind, ErrInvalid)
	}
	for _, f := range [...]struct{ name, v string }{
		{"device", d.Device}, {"zone", d.Zone}, {"subject", d.Subject}, {"actor", d.Actor},
	} {
		if len(f.v) > 128 {
			return fmt.Errorf("event %s: %s is %d bytes long, the limit is 128: %w", d.Kind, f.name, len(f.v), ErrInvalid)
		}
	}
	if len(d.Body) > MaxBody {
		return fmt.Errorf("event %s: body has %d bytes, the limit is %d: %w", d.Kind, len(d.Body), MaxBody, ErrInvalid)
	}
	if len(d.Body) > 0 && !json.Valid(d.Body) {
		return fmt.Errorf("event %s: body is not JSON: %w", d.Kind, ErrInvalid)
	}
	return nil
}

// Millis is t as integer UTC milliseconds, the journal's only time unit; 0 for the zero time.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// FromMillis is the inverse of Millis.
func FromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// TimeForm is how times stand in event bodies and in the API: RFC 3339 UTC with milliseconds.
const TimeForm = "2006-01-02T15:04:05.000Z"

// FormatTime renders t in TimeForm; the zero time gives "".
func FormatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(TimeForm)
}
