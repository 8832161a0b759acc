package view

import (
	"errors"
	"fmt"
	"time"
)

// NotLive says that a stream has no picture to show now.
type NotLive struct {
	Device, Stream string
	Age            time.Duration // since the last frame; 0: there never was one
}

func (e *NotLive) Error() string {
	if e.Age == 0 {
		return fmt.Sprintf("view: %s.%s: no picture yet", e.Device, e.Stream)
	}
	return fmt.Sprintf("view: %s.%s: no picture for %v", e.Device, e.Stream, e.Age.Round(time.Second))
}

// Why a stream cannot be carried by WebRTC. The values are the API's; screens translate them.
const (
	ReasonBFrames  = "b_frames"  // the stream has B-frames
	ReasonCodec    = "codec"     // the stream is not H.264
	ReasonBrowser  = "browser"   // the browser offers no H.264
	ReasonNoWebRTC = "no_webrtc" // WebRTC is switched off
)

// NeedsFMP4 says that the stream must be shown by Subscribe, and why.
type NeedsFMP4 struct{ Reason string }

func (e *NeedsFMP4) Error() string {
	return "view: WebRTC cannot show this (" + e.Reason + "); use the fMP4 path"
}

// ErrNeedsFMP4 matches every *NeedsFMP4 in errors.Is.
var ErrNeedsFMP4 = errors.New("view: needs the fMP4 path")

// Is makes errors.Is(err, ErrNeedsFMP4) true.
func (e *NeedsFMP4) Is(target error) bool { return target == ErrNeedsFMP4 }

// Refusals of Answer and Hangup.
var (
	ErrNotRunning = errors.New("view: live view is not running")
	ErrTooMany    = errors.New("view: too many viewers at once; close some")
	ErrOffer      = errors.New("view: the offer is not a WHEP offer")
	ErrNoSession  = errors.New("view: there is no such session")
	ErrEnded      = errors.New("view: the stream was taken away")
)
