package rtsp

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// How long the parts of a connection may take. Together they keep every step below 10 s.
const (
	dialTimeout  = 4 * time.Second // TCP and, separately, TLS
	readTimeout  = 8 * time.Second // one answer; longer than maxSilence, so that ours is the word on silence
	writeTimeout = 2 * time.Second // requests are small; a full socket is a dead one
	openTimeout  = 9 * time.Second // from nothing to PLAY answered
)

// errPin and errRedirect are causes that faultOf recognises.
var (
	errPin      = errors.New("the certificate is not the pinned one")
	errRedirect = errors.New("redirected")
)

// unknownCertificate wraps what TLS said with the fingerprint that was seen.
type unknownCertificate struct {
	seen string
	err  error
}

func (e *unknownCertificate) Error() string { return e.err.Error() }
func (e *unknownCertificate) Unwrap() error { return e.err }

// dialer opens the one control connection of a session. It does TLS itself, because the library's handshake
// has no read deadline and would hang on a peer that accepts and stays silent.
type dialer struct {
	url    *url.URL
	config config
	used   bool // a second dial means that the camera redirected us
	paced  *pacedConn
	conn   *interleaved // over paced, or over TLS over it
}

func (d *dialer) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	if d.used {
		return nil, errRedirect
	}
	d.used = true
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	raw, err := (&net.Dialer{KeepAlive: 10 * time.Second}).DialContext(ctx, network, hostPort(d.url))
	if err != nil {
		return nil, err
	}
	if d.paced, err = pace(raw.(*net.TCPConn)); err != nil {
		return nil, err
	}
	raw = d.paced
	if d.url.Scheme == "rtsps" {
		if raw, err = d.secure(ctx, raw); err != nil {
			return nil, err
		}
	}
	d.conn = newInterleaved(raw)
	return d.conn, nil
}

func (d *dialer) secure(ctx context.Context, raw net.Conn) (net.Conn, error) {
	var seen string
	conf := &tls.Config{ServerName: d.url.Hostname(), MinVersion: tls.VersionTLS12}
	// Verification is ours in both cases, to be able to name the fingerprint that was seen.
	conf.InsecureSkipVerify = true
	conf.VerifyConnection = func(cs tls.ConnectionState) error {
		sum := sha256.Sum256(cs.PeerCertificates[0].Raw)
		seen = hex.EncodeToString(sum[:])
		if d.config.fingerprint != nil {
			if sum != *d.config.fingerprint {
				return errPin
			}
			return nil
		}
		return verifyChain(cs)
	}
	c := tls.Client(raw, conf)
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, &unknownCertificate{seen: seen, err: fmt.Errorf("TLS: %w", err)}
	}
	return c, nil
}

func verifyChain(cs tls.ConnectionState) error {
	inter := x509.NewCertPool()
	for _, c := range cs.PeerCertificates[1:] {
		inter.AddCert(c)
	}
	_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: cs.ServerName, Intermediates: inter})
	return err
}

func hostPort(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "rtsps":
		port = "322"
	default:
		port = "554"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// listenUDP opens a media port with as much receive buffer as the system gives: a key frame of 200 kB arrives
// in one burst.
func listenUDP(network, address string) (net.PacketConn, error) {
	pc, err := net.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	if u, ok := pc.(*net.UDPConn); ok {
		_ = u.SetReadBuffer(2 << 20) // less is given where the system allows less; that is no reason to stop
	}
	return pc, nil
}
