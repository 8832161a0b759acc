package mqttlink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"siaga/devices"
	"siaga/internal/watch"
)

// address is a broker URL taken apart.
type address struct {
	display string // without credentials
	host    string // host:port
	name    string // for the certificate
	secure  bool
}

func parseURL(raw string) (address, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return address{}, errors.New("link url: want tcp://host:port or ssl://host:port")
	}
	a := address{name: u.Hostname()}
	port := u.Port()
	switch u.Scheme {
	case "tcp", "mqtt":
		if port == "" {
			port = "1883"
		}
	case "ssl", "tls", "mqtts":
		a.secure = true
		if port == "" {
			port = "8883"
		}
	default:
		return address{}, fmt.Errorf("link url: scheme %q is not one of tcp, mqtt, ssl, tls, mqtts", u.Scheme)
	}
	a.host = net.JoinHostPort(u.Hostname(), port)
	a.display = u.Scheme + "://" + a.host
	return a, nil
}

// authority is the pool of a PEM bundle; nil means the system's.
func authority(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("link ca: no certificate found; want PEM text")
	}
	return pool, nil
}

// dial opens the TCP or TLS connection. Errors are faults.
func (s *Session) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.addr.host)
	if err != nil {
		return nil, s.fault(watch.ReasonUnreachable, "check that the broker runs and that the network reaches it", err)
	}
	if !s.addr.secure {
		return conn, nil
	}
	tc := tls.Client(conn, &tls.Config{ServerName: s.addr.name, RootCAs: s.pool, MinVersion: tls.VersionTLS12})
	if err := tc.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, s.fault(watch.ReasonInsecure, "check the broker's certificate, its name and its authority", err)
	}
	return tc, nil
}

func (s *Session) fault(r watch.Reason, hint string, err error) *watch.Fault {
	return &watch.Fault{Reason: r, Doing: "connecting to " + s.addr.display + " as " + s.link.ClientID, Hint: hint, Err: err}
}

// refusal turns a failed CONNECT into a fault.
func (s *Session) refusal(err error) error {
	var f *watch.Fault
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		return s.fault(watch.ReasonRefused, "check user name and password of this gateway's link", err)
	case errors.Is(err, packets.ErrorRefusedIDRejected), errors.Is(err, packets.ErrorRefusedBadProtocolVersion),
		errors.Is(err, packets.ErrorProtocolViolation):
		return s.fault(watch.ReasonProtocol, "the broker must speak MQTT 3.1.1 and accept this client id", err)
	default:
		return s.fault(watch.ReasonUnreachable, "something answers at this address but gives no MQTT session", err)
	}
}

var _ devices.Device = (*Session)(nil)
