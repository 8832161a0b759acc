package watch

import (
	"fmt"
	"strings"
	"time"
)

// Status says in one word whether a device is there.
type Status string

// Device statuses.
const (
	StatusOnline     Status = "online"
	StatusOffline    Status = "offline"
	StatusConnecting Status = "connecting"
	StatusDisabled   Status = "disabled"
	StatusUnknown    Status = "unknown" // not asked yet
)

// DeviceState is how a device is doing now, as the API and the live channel show it.
type DeviceState struct {
	Device   string        `json:"device"`
	Status   Status        `json:"status"`
	Reason   Reason        `json:"reason"` // why it is not online, "" when it is
	Detail   string        `json:"detail"` // the same in a sentence, in English
	Hint     string        `json:"hint"`   // what a technician can do
	Since    Time          `json:"since"`  // of the present status
	LastSeen Time          `json:"last_seen"`
	Streams  []StreamState `json:"streams"`
}

// StreamState is how one feed of a device is doing now.
type StreamState struct {
	Name        string  `json:"name"` // main, sub
	LastFrameAt Time    `json:"last_frame_at"`
	FPS         float64 `json:"fps"`
	Bitrate     int64   `json:"bitrate"` // bit/s
	Viewers     int     `json:"viewers"`
	Codec       Codec   `json:"codec"`
	Width       int     `json:"width"`
	Height      int     `json:"height"`
	Recording   bool    `json:"recording"`
	// FallbackReason says why WebRTC cannot carry the stream; "" when it can.
	FallbackReason string `json:"fallback_reason"`
}

// Time is a time as JSON of ours writes it: TimeForm, or null when zero.
type Time struct{ time.Time }

// MarshalJSON writes TimeForm in quotes, or null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + FormatTime(t.Time) + `"`), nil
}

// UnmarshalJSON reads any RFC 3339 time, null or "".
func (t *Time) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" || s == `""` {
		t.Time = time.Time{}
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, strings.Trim(s, `"`))
	if err != nil {
		return fmt.Errorf("time %.40s: want RFC 3339, as 2026-11-22T14:15:08.123Z: %w", s, ErrInvalid)
	}
	t.Time = at.UTC()
	return nil
}
