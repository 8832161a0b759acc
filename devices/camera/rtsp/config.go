package rtsp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"siaga/devices"
)

// Limits of what a config may hold.
const (
	maxURL    = 2048
	maxSecret = 256
)

// config is the driver's config after its checks. MUST NOT be printed: it holds the password.
type config struct {
	main, sub   *url.URL // sub is nil when there is none; neither holds user info
	transport   string   // auto, tcp or udp
	username    string
	password    string
	fingerprint *[sha256.Size]byte // of the camera's certificate; nil: ask the system's authorities
}

// wireConfig is the config as it is written.
type wireConfig struct {
	URL            string `json:"url"`
	SubURL         string `json:"sub_url"`
	Transport      string `json:"transport"`
	Username       string `json:"username"`
	TLSFingerprint string `json:"tls_fingerprint"`
}

// readConfig decodes and checks a config. Errors name the key at fault and never hold a password.
func readConfig(raw json.RawMessage) (config, error) {
	var w wireConfig
	if err := devices.DecodeConfig(raw, &w); err != nil {
		return config{}, err
	}
	c := config{transport: w.Transport, username: w.Username}
	var err error
	if c.main, err = readURL("url", w.URL); err != nil {
		return config{}, err
	}
	if w.SubURL != "" {
		if c.sub, err = readURL("sub_url", w.SubURL); err != nil {
			return config{}, err
		}
	}
	switch c.transport {
	case "":
		c.transport = "auto"
	case "auto", "tcp", "udp":
	default:
		return config{}, fmt.Errorf("config key %q: %.20q is not one of auto, tcp, udp", "transport", c.transport)
	}
	secure := c.main.Scheme == "rtsps" || c.sub != nil && c.sub.Scheme == "rtsps"
	if secure && c.transport == "udp" {
		return config{}, fmt.Errorf("config key %q: rtsps runs over TCP only; use auto or tcp", "transport")
	}
	if w.TLSFingerprint != "" {
		if !secure {
			return config{}, fmt.Errorf("config key %q: only an rtsps:// address has a certificate", "tls_fingerprint")
		}
		if c.fingerprint, err = readFingerprint(w.TLSFingerprint); err != nil {
			return config{}, fmt.Errorf("config key %q: %w", "tls_fingerprint", err)
		}
	}
	if err := plain(c.username); err != nil {
		return config{}, fmt.Errorf("config key %q: %w", "username", err)
	}
	return c, nil
}

func (c *config) addSecrets(secrets map[string]string) error {
	c.password = secrets["password"]
	if err := plain(c.password); err != nil {
		return fmt.Errorf("secret %q: %w", "password", err)
	}
	if c.password != "" && c.username == "" {
		return fmt.Errorf("config key %q: a password needs a user name", "username")
	}
	return nil
}

// readURL checks a camera address. A user in it is refused rather than taken, because addresses are shown and
// journaled, and because a password with @ or / in it does not survive an address.
func readURL(key, s string) (*url.URL, error) {
	if s == "" {
		return nil, fmt.Errorf("config key %q: empty; want rtsp://HOST:PORT/PATH", key)
	}
	if len(s) > maxURL {
		return nil, fmt.Errorf("config key %q: %d bytes long, the limit is %d", key, len(s), maxURL)
	}
	if _, rest, ok := strings.Cut(s, "://"); ok {
		authority, _, _ := strings.Cut(rest, "/")
		if strings.Contains(authority, "@") {
			return nil, fmt.Errorf("config key %q: leave user and password out of the address; "+
				"put them into username and the secret password", key)
		}
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("config key %q: not an address: %w", key, unwrapURL(err))
	}
	switch {
	case u.Scheme != "rtsp" && u.Scheme != "rtsps":
		return nil, fmt.Errorf("config key %q: scheme %.20q is not rtsp or rtsps", key, u.Scheme)
	case u.User != nil:
		return nil, fmt.Errorf("config key %q: leave user and password out of the address; "+
			"put them into username and the secret password", key)
	case u.Hostname() == "" || u.Opaque != "":
		return nil, fmt.Errorf("config key %q: no host; want rtsp://HOST:PORT/PATH", key)
	case u.Fragment != "" || strings.Contains(s, "#"):
		return nil, fmt.Errorf("config key %q: # has no meaning in a camera's address", key)
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("config key %q: port %.10q is not 1 to 65535", key, p)
		}
	}
	return u, nil
}

// unwrapURL drops the address itself from a parse error: a mistyped one may hold a password.
func unwrapURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

func readFingerprint(s string) (*[sha256.Size]byte, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(s), "sha256:"), ":", ""))
	if err != nil || len(b) != sha256.Size {
		return nil, errors.New("want the SHA-256 of the certificate as 64 hexadecimal digits")
	}
	return (*[sha256.Size]byte)(b), nil
}

// plain refuses what would break a request line or header.
func plain(s string) error {
	if len(s) > maxSecret {
		return fmt.Errorf("%d bytes long, the limit is %d", len(s), maxSecret)
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			return errors.New("holds a control character")
		}
	}
	return nil
}
