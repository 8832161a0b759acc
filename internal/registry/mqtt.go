package registry

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"

	"siaga/internal/watch"
)

// credential is a stored MQTT identity and, once resolved, its rights.
type credential struct {
	salt, hash         []byte
	publish, subscribe []string
}

// Issued is a new MQTT secret. It is shown once and cannot be read again.
type Issued struct {
	User     string // the device's id
	Password string
}

// MQTTCredential is what the broker must know of one user.
type MQTTCredential struct {
	User      string
	Publish   []string // topic filters the user may publish to
	Subscribe []string // topic filters the user may read
	salt      []byte
	hash      []byte
}

// Matches reports whether the password is the user's, in a time that does not depend on it.
func (m MQTTCredential) Matches(password string) bool {
	return subtle.ConstantTimeCompare(hashSecret(m.salt, password), m.hash) == 1
}

// Stored is what is kept of the password: SHA-256(salt ‖ password).
func (m MQTTCredential) Stored() (salt, hash []byte) { return m.salt, m.hash }

// MQTTCredential finds the identity of an MQTT user. A device that is switched off has none.
func (r *Registry) MQTTCredential(user string) (MQTTCredential, bool) {
	s := r.live.Load()
	c, ok := s.credentials[user]
	if !ok || !s.devices[user].Enabled {
		return MQTTCredential{}, false
	}
	return MQTTCredential{User: user, Publish: slices.Clone(c.publish), Subscribe: slices.Clone(c.subscribe), salt: c.salt, hash: c.hash}, true
}

// Topics are the MQTT filters a device publishes on and reads, and whether it speaks MQTT at all.
func (r *Registry) Topics(device string) (publish, subscribe []string, ok bool) {
	s := r.live.Load()
	c, ok := s.credentials[device]
	return slices.Clone(c.publish), slices.Clone(c.subscribe), ok
}

// IssueCredential gives a gateway a new MQTT secret; the old one ends at once.
func (r *Registry) IssueCredential(ctx context.Context, by By, device string) (Issued, error) {
	c, err := r.commit(ctx, by, func(c *change) error {
		d, ok := c.st.devices[device]
		if !ok {
			return notFound("device", device)
		}
		if err := c.needReason("a new MQTT secret"); err != nil {
			return err
		}
		if speaks, err := c.speaksMQTT(d); err != nil || !speaks {
			return invalid("id", "device %q does not connect by MQTT itself", device)
		}
		return c.issue(d)
	})
	if err != nil {
		return Issued{}, err
	}
	return c.issued[0], nil
}

// RevokeCredential ends a gateway's MQTT identity, so that it is cut off until a new one is issued.
func (r *Registry) RevokeCredential(ctx context.Context, by By, device string) error {
	_, err := r.commit(ctx, by, func(c *change) error {
		d, ok := c.st.devices[device]
		if !ok {
			return notFound("device", device)
		}
		if err := c.needReason("ending an MQTT identity"); err != nil {
			return err
		}
		return c.revoke(d)
	})
	return err
}

func (c *change) speaksMQTT(d Device) (bool, error) {
	if d.Parent != "" {
		return false, nil
	}
	publish, subscribe, err := c.r.opt.Drivers.Topics(d.Kind, d.Config)
	return len(publish)+len(subscribe) > 0, err
}

// issue makes a secret of 160 random bits. A plain salted hash is enough for it: there is nothing to guess.
func (c *change) issue(d Device) error {
	raw := make([]byte, 20+16)
	if _, err := rand.Read(raw); err != nil {
		return fmt.Errorf("registry: random numbers: %w", err)
	}
	password := strings.ToLower(base32.StdEncoding.EncodeToString(raw[:20]))
	salt := raw[20:]
	err := exec(c.tx, `INSERT INTO mqtt_credentials (device, salt, hash, issued) VALUES (?,?,?,?)
		ON CONFLICT (device) DO UPDATE SET salt = excluded.salt, hash = excluded.hash, issued = excluded.issued`,
		d.ID, salt, hashSecret(salt, password), watch.Millis(c.now))
	if err != nil {
		return err
	}
	c.st.credentials[d.ID] = credential{salt: salt}
	c.issued = append(c.issued, Issued{User: d.ID, Password: password})
	c.kicked = append(c.kicked, d.ID)
	_, err = event(c, KindCredentialIssued, d.ID, d.Zone, body[Device]{})
	return err
}

func (c *change) revoke(d Device) error {
	if _, ok := c.st.credentials[d.ID]; !ok {
		return nil
	}
	if err := exec(c.tx, `DELETE FROM mqtt_credentials WHERE device = ?`, d.ID); err != nil {
		return err
	}
	delete(c.st.credentials, d.ID)
	c.kicked = append(c.kicked, d.ID)
	_, err := event(c, KindCredentialRevoked, d.ID, d.Zone, body[Device]{})
	return err
}

func hashSecret(salt []byte, password string) []byte {
	h := sha256.New()
	h.Write(salt)
	h.Write([]byte(password))
	return h.Sum(nil)
}

// checkTopics refuses a gateway that could speak for another one, or listen in on it.
func (c *change) checkTopics(d Device) error {
	publish, subscribe, err := c.r.opt.Drivers.Topics(d.Kind, d.Config)
	if err != nil {
		return invalid("config", "%s", err)
	}
	if len(publish)+len(subscribe) == 0 {
		return nil
	}
	for _, f := range slices.Concat(publish, subscribe) {
		if err := checkFilter(f); err != nil {
			return err
		}
	}
	for _, id := range c.st.order {
		other := c.st.devices[id]
		if id == d.ID || other.Parent != "" {
			continue
		}
		theirs, theyRead, err := c.r.opt.Drivers.Topics(other.Kind, other.Config)
		if err != nil {
			continue // it has no rights either
		}
		for _, pair := range [...][2][]string{{publish, theirs}, {publish, theyRead}, {subscribe, theirs}} {
			if a, b, ok := anyOverlap(pair[0], pair[1]); ok {
				return conflict("config", "topic %q overlaps with %q of device %q (%s); each gateway needs topics of its own", a, b, id, other.Name)
			}
		}
	}
	return nil
}

func anyOverlap(a, b []string) (string, string, bool) {
	for _, x := range a {
		for _, y := range b {
			if overlap(x, y) {
				return x, y, true
			}
		}
	}
	return "", "", false
}

// overlap reports whether some topic matches both filters.
func overlap(a, b string) bool {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	for i := 0; ; i++ {
		switch {
		case i < len(x) && x[i] == "#" || i < len(y) && y[i] == "#":
			return true // a/# matches a itself too, so the end of the other one matters not
		case i == len(x) || i == len(y):
			return len(x) == len(y)
		case x[i] != y[i] && x[i] != "+" && y[i] != "+":
			return false
		}
	}
}

func checkFilter(f string) error {
	if f == "" || len(f) > 256 || strings.ContainsFunc(f, unprintable) {
		return invalid("config", "topic %.80q: want 1 to 256 bytes on one line", f)
	}
	levels := strings.Split(f, "/")
	if strings.HasPrefix(f, "$") || levels[0] == "#" || levels[0] == "+" {
		return invalid("config", "topic %q would let the device speak for others; begin it with a name of its own", f)
	}
	for i, l := range levels {
		if strings.Contains(l, "#") && (l != "#" || i != len(levels)-1) || strings.Contains(l, "+") && l != "+" {
			return invalid("config", "topic %q: + stands for a whole level, # for the last ones", f)
		}
	}
	return nil
}
