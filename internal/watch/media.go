package watch

import "time"

// Codec names a media coding. The values are also the API's and the segment table's.
type Codec string

// The codecs Siaga carries without re-encoding.
const (
	H264  Codec = "h264"
	H265  Codec = "h265"
	MJPEG Codec = "mjpeg"
	AAC   Codec = "aac"
	Opus  Codec = "opus"
	PCMA  Codec = "pcma" // G.711 A-law
	PCMU  Codec = "pcmu" // G.711 µ-law
)

// Video reports whether the codec carries pictures.
func (c Codec) Video() bool { return c == H264 || c == H265 || c == MJPEG }

// Format describes one coded track of a stream. A driver makes a new Format (never edits one)
// when parameter sets change, so a pointer comparison tells a change.
type Format struct {
	// Track is the index of the track within the stream, 0 for the first.
	Track     int
	Codec     Codec
	ClockRate int // units of AccessUnit.PTS per second
	Channels  int // audio only
	// SPS, PPS, VPS are the parameter sets (H.264: SPS, PPS; H.265: all three), without start codes.
	SPS, PPS, VPS []byte
	// AudioConfig is the MPEG-4 AudioSpecificConfig of AAC.
	AudioConfig   []byte
	Width, Height int // video, 0 when not known
}

// AccessUnit is one coded frame with its timestamp. Receivers MUST NOT write to Data: recorder and
// live viewers share it.
type AccessUnit struct {
	// Stream is the name of the feed: "main" or "sub".
	Stream string
	// Run is the connection the unit came over; timestamps only compare within a run. A driver counts its
	// connections from 1; whoever starts drivers adds what makes every start's runs differ from all before.
	Run uint64
	// Formats are all tracks of the stream, so that a segment can be begun from any unit.
	Formats []*Format
	Format  *Format
	// PTS is the presentation time in Format.ClockRate units since the run began; it may step back
	// for B-frames.
	PTS int64
	// At is the unit's wall time by the site clock, monotonic reading included when it is our own.
	At time.Time
	// FromSender says that At was derived from RTCP sender reports; else it is the arrival time.
	FromSender bool
	// Key marks a unit from which decoding can begin (always true for audio and MJPEG).
	Key bool
	// Data holds the NAL units without start codes (H.264, H.265), or one element with the frame.
	Data [][]byte
}

// Size is the number of payload bytes.
func (u *AccessUnit) Size() int {
	n := 0
	for _, d := range u.Data {
		n += len(d)
	}
	return n
}
