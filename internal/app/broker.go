package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"

	"siaga/devices"
	"siaga/internal/broker"
	"siaga/internal/config"
	"siaga/internal/journal"
	"siaga/internal/registry"
	"siaga/internal/watch"
)

// ownUser is Siaga's own name at the embedded broker. It cannot be a device's: slugs have no leading underscore.
const ownUser = "_siaga"

// directory answers the broker who may sign in: Siaga itself, and every enabled gateway of the registry.
type directory struct {
	registry *registry.Registry
	own      broker.Identity
}

// Identity finds a user.
func (d directory) Identity(user string) (broker.Identity, bool) {
	if user == ownUser {
		return d.own, true
	}
	c, ok := d.registry.MQTTCredential(user)
	if !ok {
		return broker.Identity{}, false
	}
	salt, hash := c.Stored()
	return broker.Identity{Username: user, Device: user, Salt: salt, Hash: hash, Publish: c.Publish, Subscribe: c.Subscribe}, true
}

// reports turns the broker's refusals into events.
type reports struct {
	journal  *journal.Journal
	registry *registry.Registry
}

// Report journals one refusal.
func (r reports) Report(rep broker.Report) {
	body, err := json.Marshal(rep)
	if err == nil {
		d := watch.Draft{Kind: rep.Kind, Device: rep.Device, Zone: r.registry.ZoneOf(rep.Device), At: rep.At, Body: body}
		_, err = r.journal.Append(context.Background(), d)
	}
	if err != nil {
		slog.Error("broker report not journaled", "kind", rep.Kind, "user", rep.User, "err", err)
	}
}

// openBroker starts the embedded broker, or returns nil for an outside one, and how gateways' sessions reach it.
func openBroker(cfg config.Config, dir string, reg *registry.Registry, j *journal.Journal) (*broker.Broker, func(device string) *devices.Link, error) {
	if cfg.MQTT.URL != "" {
		link, err := outsideLink(cfg)
		return nil, link, err
	}
	secret, salt, hash := broker.NewSecret()
	b, err := broker.Open(broker.Options{
		Dir: dir, Listen: cfg.MQTT.Listen, CertFile: cfg.MQTT.TLSCert, KeyFile: cfg.MQTT.TLSKey,
		Rate: float64(cfg.MQTT.MessagesPerS), Reporter: reports{j, reg},
		Directory: directory{reg, broker.Identity{Username: ownUser, Salt: salt, Hash: hash, Internal: true}},
	})
	if err != nil {
		return nil, nil, err
	}
	return b, func(device string) *devices.Link {
		return &devices.Link{URL: b.OwnURL(), ClientID: clientID(cfg, device), Username: ownUser, Password: secret}
	}, nil
}

// outsideLink reads what an outside broker wants.
func outsideLink(cfg config.Config) (func(device string) *devices.Link, error) {
	link := devices.Link{URL: cfg.MQTT.URL, Username: cfg.MQTT.Username}
	if cfg.MQTT.PasswordFile != "" {
		raw, err := os.ReadFile(cfg.MQTT.PasswordFile)
		if err != nil {
			return nil, err
		}
		link.Password, _, _ = strings.Cut(string(raw), "\n")
	}
	if cfg.MQTT.CA != "" {
		var err error
		if link.CA, err = os.ReadFile(cfg.MQTT.CA); err != nil {
			return nil, err
		}
	}
	return func(device string) *devices.Link {
		l := link
		l.ClientID = clientID(cfg, device)
		return &l
	}, nil
}

// clientID is the one persistent session per gateway.
func clientID(cfg config.Config, device string) string { return "siaga-" + cfg.Site.ID + "-" + device }
