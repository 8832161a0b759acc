package record

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"siaga/internal/watch"
)

// Kinds of events that record writes.
const (
	KindExpected      = "recording.expected" // a stream's time line begins
	KindEnded         = "recording.ended"    // it is no longer to be recorded
	KindSegmentClosed = "segment.closed"
	KindExpired       = "segment.expired"
	KindGapOpened     = "gap.opened"
	KindGapClosed     = "gap.closed"
	KindHoldPlaced    = "hold.placed"
	KindHoldReleased  = "hold.released"
	KindDropped       = "camera.frames_dropped"
	KindDiskLevel     = "disk.level"
)

// Where the times of a segment come from.
const (
	WallSender  = "sender"  // the camera's own clock, by RTCP sender reports
	WallArrival = "arrival" // our clock when the frame arrived
	WallName    = "name"    // the file's name: it was finished after a crash
)

// Segment is one closed video file, or with Open set the one being written.
type Segment struct {
	Seq       uint64 // of its segment.closed event; 0 while open
	Device    string
	Stream    string // "main" or "sub"
	Era       int64  // grows when the site's clock was set back; time only grows within one
	Start     time.Time
	End       time.Time // exclusive
	Path      string    // relative to the data directory
	Bytes     int64
	SHA256    [32]byte // of the whole file; zero while open
	Header    int64    // bytes before the first part
	Layout    string   // equal layouts play on without a new header
	Ticks     int64    // media time of the leading track, in 1/Timescale s
	Timescale int64
	Frames    int64 // of the leading track
	Tracks    []Track
	Wall      string // WallSender, WallArrival or WallName
	Recovered bool
	Open      bool
	Held      bool      // kept from retention
	Expires   time.Time // when retention by age takes it; zero if held or kept for ever
}

// Track says what one track of a segment holds.
type Track struct {
	Codec  watch.Codec `json:"codec"`
	Clock  int         `json:"clock"`              // units of time per second
	Width  int         `json:"width,omitempty"`    // pixels, if known
	Height int         `json:"height,omitempty"`   // pixels, if known
	Chans  int         `json:"channels,omitempty"` // audio
	Units  int64       `json:"units"`              // access units
	Runs   int64       `json:"runs"`               // parts that have any of them
}

// closedBody is the body of segment.closed: the whole row, so that a rebuild needs nothing else.
type closedBody struct {
	Stream    string     `json:"stream"`
	Path      string     `json:"path"`
	Start     watch.Time `json:"start"`
	End       watch.Time `json:"end"`
	Era       int64      `json:"era,omitempty"`
	Bytes     int64      `json:"bytes"`
	SHA256    string     `json:"sha256"`
	Header    int64      `json:"header"`
	Layout    string     `json:"layout"`
	Ticks     int64      `json:"ticks"`
	Timescale int64      `json:"timescale"`
	Frames    int64      `json:"frames"`
	Tracks    []Track    `json:"tracks"`
	Wall      string     `json:"wall"`
	Recovered bool       `json:"recovered,omitempty"`
}

func (s *Segment) body() closedBody {
	return closedBody{
		Stream: s.Stream, Path: s.Path, Start: watch.Time{Time: s.Start}, End: watch.Time{Time: s.End}, Era: s.Era, Bytes: s.Bytes,
		SHA256: hex.EncodeToString(s.SHA256[:]), Header: s.Header, Layout: s.Layout, Ticks: s.Ticks, Timescale: s.Timescale,
		Frames: s.Frames, Tracks: s.Tracks, Wall: s.Wall, Recovered: s.Recovered,
	}
}

// gapBody is the body of gap.opened and gap.closed.
type gapBody struct {
	Stream string       `json:"stream"`
	From   watch.Time   `json:"from"`
	To     *watch.Time  `json:"to,omitempty"`
	Era    int64        `json:"era,omitempty"`
	Reason watch.Reason `json:"reason"`
	Who    string       `json:"who,omitempty"`
	Detail string       `json:"detail,omitempty"`
}

// lineBody is the body of recording.expected and recording.ended.
type lineBody struct {
	Stream string     `json:"stream"`
	At     watch.Time `json:"at"`
	Who    string     `json:"who,omitempty"`
}

// expiredBody is the body of segment.expired: one event for many files of a stream.
type expiredBody struct {
	Stream string        `json:"stream"`
	Why    string        `json:"why"` // age, bytes, disk
	Files  []expiredFile `json:"files"`
}

type expiredFile struct {
	Seq   uint64     `json:"seq"` // of its segment.closed event
	Path  string     `json:"path"`
	Start watch.Time `json:"start"`
	End   watch.Time `json:"end"`
	Era   int64      `json:"era,omitempty"`
	Bytes int64      `json:"bytes"`
}

// maxDetail bounds an error text in an event.
const maxDetail = 500

func clip(s string) string {
	if len(s) > maxDetail {
		return s[:maxDetail]
	}
	return s
}

func wireTime(ms int64) watch.Time { return watch.Time{Time: watch.FromMillis(ms)} }

// draft makes an event of a body.
func (r *Recorder) draft(kind, device string, body any) (watch.Draft, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return watch.Draft{}, fmt.Errorf("record: body of %s: %w", kind, err)
	}
	d := watch.Draft{Kind: kind, Device: device, Body: b}
	if r.opt.Zone != nil && device != "" {
		d.Zone = r.opt.Zone(device)
	}
	return d, nil
}
