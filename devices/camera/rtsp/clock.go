package rtsp

import "time"

// maxJump is how far a track's timestamps may leap away from the time that really passed before the leap is
// taken for a restart of the camera's encoder and not for time.
const maxJump = 5 * time.Second

// timeline turns 32-bit RTP timestamps into a PTS that never wraps.
type timeline struct {
	rate    int // timestamp units per second
	started bool
	prev    uint32
	pts     int64
	seen    time.Duration
}

// at returns the PTS of ts, for a packet that arrived since after the run began. The first one defines the
// offset, so that tracks with unrelated timestamps start together.
func (t *timeline) at(ts uint32, since time.Duration) int64 {
	if !t.started {
		t.started = true
		t.pts = units(since, t.rate)
	} else {
		step := int64(int32(ts - t.prev))
		passed := units(since-t.seen, t.rate)
		if off := step - passed; off > units(maxJump, t.rate) || off < -units(maxJump, t.rate) {
			step = max(passed, 1)
		}
		t.pts += step
	}
	t.prev, t.seen = ts, since
	return t.pts
}

func units(d time.Duration, rate int) int64 {
	sec, rest := int64(d/time.Second), int64(d%time.Second)
	return sec*int64(rate) + rest*int64(rate)/int64(time.Second)
}

func duration(units int64, rate int) time.Duration {
	sec, rest := units/int64(rate), units%int64(rate)
	return time.Duration(sec)*time.Second + time.Duration(rest)*time.Second/time.Duration(rate)
}

// A camera whose clock is within trustIn of ours dates its own frames, until it drifts beyond trustOut.
const (
	trustIn  = 500 * time.Millisecond
	trustOut = time.Second
	maxSkew  = 2 * time.Second // a frame dated further from its arrival than this is dated by us
)

// senderClock knows a track's wall time by the camera's RTCP sender reports.
type senderClock struct {
	rate    int
	known   bool
	trusted bool
	wallAt  time.Time
	rtpAt   uint32
	offset  time.Duration // camera's clock minus ours
}

// report takes one sender report. The conversion of NTP's 32-bit fraction is ours because the library's
// treats it as nanoseconds.
func (c *senderClock) report(ntp uint64, rtp uint32, now time.Time) {
	if ntp == 0 {
		return // the camera has no clock and says so
	}
	c.known = true
	c.wallAt, c.rtpAt = fromNTP(ntp), rtp
	c.offset = c.wallAt.Sub(now)
	limit := trustIn
	if c.trusted {
		limit = trustOut
	}
	c.trusted = c.offset.Abs() <= limit
}

// wall returns when the frame stamped ts was taken, and whether that is the camera's word.
func (c *senderClock) wall(ts uint32, now time.Time) (time.Time, bool) {
	if !c.trusted {
		return now, false
	}
	at := c.wallAt.Add(duration(int64(int32(ts-c.rtpAt)), c.rate))
	if now.Sub(at).Abs() > maxSkew {
		return now, false
	}
	return at, true
}

// ntpEpoch is 1970 in NTP seconds.
const ntpEpoch = 2208988800

func fromNTP(v uint64) time.Time {
	sec := int64(v>>32) - ntpEpoch
	nsec := int64((v & 0xffffffff) * 1e9 >> 32)
	return time.Unix(sec, nsec)
}
