package watch

import (
	"errors"
	"fmt"
)

// Reason says in one word why a device or its video is not there. It is the Gap reason too.
type Reason string

// Reasons. A gap with ReasonUnknown counts as unexplained.
const (
	ReasonUnreachable  Reason = "unreachable"   // no answer, connection refused, route gone
	ReasonRefused      Reason = "refused"       // wrong user or password, or the device locked us out
	ReasonNotFound     Reason = "not_found"     // the address answers but has no such stream or topic
	ReasonNoFrames     Reason = "no_frames"     // connected, but no picture for 7 s
	ReasonReset        Reason = "reset"         // the device closed or reset a working connection
	ReasonUnsupported  Reason = "unsupported"   // no codec we carry, or a protocol we do not speak
	ReasonInsecure     Reason = "insecure"      // TLS failed: certificate unknown, expired or changed
	ReasonProtocol     Reason = "protocol"      // the device breaks its own protocol
	ReasonDiskSlow     Reason = "disk_slow"     // the recorder could not write fast enough
	ReasonDiskFull     Reason = "disk_full"     // nothing left that retention may delete
	ReasonDiskError    Reason = "disk_error"    // the file system refused a write
	ReasonStopped      Reason = "stopped"       // switched off by a person (the body names who)
	ReasonShutdown     Reason = "shutdown"      // Siaga itself was stopped in order
	ReasonCrash        Reason = "crash"         // Siaga or the machine died: kill, power cut
	ReasonClock        Reason = "clock"         // our own clock was set forward; no time passed
	ReasonNotYet       Reason = "not_yet"       // registered, no first frame yet
	ReasonWorkerFailed Reason = "worker_failed" // our own driver panicked and was restarted
	ReasonSettings     Reason = "settings"      // what we keep of the device, settings or secrets, cannot be used
	ReasonUnknown      Reason = "unknown"
)

// Fault is why a device stopped or could not start, for operators: a reason from the closed list,
// what was tried, where, and what to do about it.
type Fault struct {
	Reason Reason
	Doing  string // "connecting to rtsp://10.7.1.20/main"; MUST NOT contain a password
	Hint   string // what a technician can do, in English; screens translate by Reason
	Err    error
}

func (f *Fault) Error() string {
	s := fmt.Sprintf("%s: %s", f.Doing, f.Reason)
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	if f.Hint != "" {
		s += " (" + f.Hint + ")"
	}
	return s
}

func (f *Fault) Unwrap() error { return f.Err }

// ReasonOf returns the reason inside err, or ReasonUnknown.
func ReasonOf(err error) Reason {
	var f *Fault
	if errors.As(err, &f) {
		return f.Reason
	}
	return ReasonUnknown
}
