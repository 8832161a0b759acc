package rtsp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"

	"siaga/internal/watch"
)

// Causes of our own making.
var (
	errNoFrames    = errors.New("no picture for 7 s")
	errNoKeyFrames = errors.New("packets arrive, but no key frame in 30 s")
	errSilentUDP   = errors.New("no packet over UDP in 3 s")
	errSlow        = errors.New("no stream after 9 s")
	errPanic       = errors.New("the driver failed on a packet")
)

// unsupportedError names codings that are not carried.
type unsupportedError struct{ codecs []string }

func (e *unsupportedError) Error() string {
	if len(e.codecs) == 0 {
		return "the camera offers no video"
	}
	return "the camera offers video as " + strings.Join(e.codecs, ", ") + " only"
}

// faultOf turns any error of a session into what an operator can read. doing names the step and the address
// without credentials.
func faultOf(doing string, err error) error {
	var f *watch.Fault
	if errors.As(err, &f) {
		return f
	}
	reason, hint := explain(err)
	return &watch.Fault{Reason: reason, Doing: doing, Hint: hint, Err: err}
}

func explain(err error) (watch.Reason, string) {
	var status liberrors.ErrClientBadStatusCode
	if errors.As(err, &status) {
		return explainStatus(status.Code)
	}
	if r, hint, ok := explainOwn(err); ok {
		return r, hint
	}
	if r, hint, ok := explainNet(err); ok {
		return r, hint
	}
	if r, hint, ok := explainProtocol(err); ok {
		return r, hint
	}
	return watch.ReasonProtocol, "the camera's answer cannot be understood; look for a firmware update"
}

func explainOwn(err error) (watch.Reason, string, bool) {
	var no *unsupportedError
	var cert *unknownCertificate
	switch {
	case errors.As(err, &no):
		return watch.ReasonUnsupported, "set the camera's video to H.264, H.265 or MJPEG", true
	case errors.Is(err, errPin):
		return watch.ReasonInsecure, "the camera was replaced or reset, or somebody stands between; " +
			"compare with the certificate on the camera's own page" + seenHint(err), true
	case errors.As(err, &cert):
		return explainTLS(cert)
	case errors.Is(err, errNoFrames):
		return watch.ReasonNoFrames, "the camera is connected but sends no picture; restart it and look at its video settings", true
	case errors.Is(err, errNoKeyFrames):
		return watch.ReasonProtocol, "set the camera's key frame interval (GOP, I-frame) to 1 or 2 seconds", true
	case errors.Is(err, errSilentUDP):
		return watch.ReasonNoFrames, "UDP does not get through; set transport to auto or tcp", true
	case errors.Is(err, errSlow):
		return watch.ReasonUnreachable, "something accepts the connection but does not answer; is this the RTSP port?", true
	case errors.Is(err, errRedirect):
		return watch.ReasonProtocol, "the camera sends us to another address; enter that address", true
	case errors.Is(err, errPanic):
		return watch.ReasonWorkerFailed, "a fault in this program; please report it with the log", true
	}
	return "", "", false
}

func explainTLS(e *unknownCertificate) (watch.Reason, string, bool) {
	var record tls.RecordHeaderError
	if errors.As(e, &record) {
		return watch.ReasonInsecure, "this port does not speak TLS; use rtsp:// or the camera's RTSPS port", true
	}
	if isTimeout(e) {
		return watch.ReasonUnreachable, "the camera does not answer to TLS; is this the RTSPS port?", true
	}
	return watch.ReasonInsecure, "the certificate is not known; a camera's own certificate can be pinned with tls_fingerprint" +
		seenHint(e), true
}

func seenHint(err error) string {
	var cert *unknownCertificate
	if errors.As(err, &cert) && cert.seen != "" {
		return " (seen: " + cert.seen + ")"
	}
	return ""
}

func explainNet(err error) (watch.Reason, string, bool) {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return watch.ReasonUnreachable, "nothing listens on that port; is RTSP switched on, and is the port right?", true
	case errors.As(err, &dns):
		return watch.ReasonUnreachable, "the name is not known; use the camera's IP address", true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return watch.ReasonReset, "the camera closed the connection; it may be restarting or serve too many viewers", true
	case errors.As(err, &op) && op.Op == "dial", isTimeout(err):
		return watch.ReasonUnreachable, "no answer; look at power, cable, switch and address", true
	}
	return "", "", false
}

func explainProtocol(err error) (watch.Reason, string, bool) {
	var timeout liberrors.ErrClientRequestTimedOut
	var tcpSilent liberrors.ErrClientTCPTimeout
	var udpSilent liberrors.ErrClientUDPTimeout
	var auth liberrors.ErrClientAuthSetup
	var wantsTCP liberrors.ErrClientServerRequestedTCP
	switch {
	case errors.As(err, &timeout):
		return watch.ReasonUnreachable, "something accepts the connection but does not answer; is this the RTSP port?", true
	case errors.As(err, &tcpSilent), errors.As(err, &udpSilent):
		return watch.ReasonNoFrames, "the camera is connected but sends nothing; restart it", true
	case errors.As(err, &auth):
		return watch.ReasonUnsupported, "the camera asks for a kind of sign-in other than basic or digest", true
	case errors.As(err, &wantsTCP):
		return watch.ReasonUnsupported, "the camera wants TCP; set transport to auto or tcp", true
	case wantsUDP(err):
		return watch.ReasonUnsupported, "the camera wants UDP; set transport to auto or udp", true
	}
	return "", "", false
}

func explainStatus(code base.StatusCode) (watch.Reason, string) {
	switch code {
	case base.StatusUnauthorized:
		return watch.ReasonRefused, "wrong user or password"
	case base.StatusForbidden:
		return watch.ReasonRefused, "this user may not watch, or the camera locked us out after wrong passwords; wait some minutes"
	case base.StatusNotFound, base.StatusGone, base.StatusSessionNotFound, base.StatusMovedPermanently,
		base.StatusParameterNotUnderstood, base.StatusMethodNotValidInThisState:
		return watch.ReasonNotFound, "the camera has no such stream; check the path"
	case base.StatusBadRequest:
		return watch.ReasonNotFound, "the camera does not understand the address; check the path"
	case base.StatusUnsupportedTransport:
		return watch.ReasonUnsupported, "the camera refuses this transport; set transport to auto"
	case base.StatusNotEnoughBandwidth, base.StatusServiceUnavailable:
		return watch.ReasonUnreachable, "the camera serves too many viewers; close others or restart it"
	}
	return watch.ReasonProtocol, fmt.Sprintf("the camera answered %d; restart it or look for a firmware update", code)
}

func wantsUDP(err error) bool {
	var e liberrors.ErrClientServerRequestedUDP
	return errors.As(err, &e)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// refusesTransport says that asking again over the other transport may help.
func refusesTransport(err error) bool {
	var status liberrors.ErrClientBadStatusCode
	var wantsTCP liberrors.ErrClientServerRequestedTCP
	var noPorts liberrors.ErrClientServerPortsNotProvided
	return errors.As(err, &status) && status.Code == base.StatusUnsupportedTransport ||
		wantsUDP(err) || errors.As(err, &wantsTCP) || errors.As(err, &noPorts) || errors.Is(err, errSilentUDP)
}
