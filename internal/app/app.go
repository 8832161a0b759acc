// Package app is the product as one literal list: it opens every room in order, wires what they need of each other,
// starts the stages, and takes them down in reverse.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"siaga/dashboard"
	"siaga/devices"
	"siaga/internal/auth"
	"siaga/internal/broker"
	"siaga/internal/config"
	"siaga/internal/fleet"
	"siaga/internal/hub"
	"siaga/internal/incident"
	"siaga/internal/ingest"
	"siaga/internal/journal"
	"siaga/internal/record"
	"siaga/internal/registry"
	"siaga/internal/rules"
	"siaga/internal/store"
	"siaga/internal/vault"
	"siaga/internal/view"
	"siaga/internal/watch"
	"siaga/internal/web"
)

// App is the program between Open and Close.
type App struct {
	cfg     config.Config // as the file says; settings.now is what it stands at
	version string
	opened  []func() error // undone last first
	stages  *stages
	started time.Time
	doubt   atomic.Pointer[error] // why the log is not intact
	nudge   chan struct{}         // a device came or went
	lock    *os.File              // on the data directory
	remains *remains              // nil, unless the site only stands by
	// recorded is what the recorder was told last, by device. Start and then only the stage "stream list" touch it.
	recorded map[string]bool

	settings *settings
	drivers  catalogue
	vault    *vault.Vault
	db       *store.DB
	journal  *journal.Journal
	registry *registry.Registry
	auth     *auth.Auth
	rules    *rules.Judge
	ruleSet  *rules.Set
	recorder *record.Recorder
	desk     *incident.Desk
	view     *view.Hub
	hub      *hub.Hub
	ingest   *ingest.Ingest
	broker   *broker.Broker
	fleet    *fleet.Fleet
	web      *web.Server
	link     func(device string) *devices.Link
}

// prepare makes a site with nothing open, for Open and Offline alike.
func prepare(cfg config.Config, version string) *App {
	return &App{
		cfg: cfg, settings: newSettings(cfg), version: version, drivers: newCatalogue(), stages: newStages(),
		nudge: make(chan struct{}, 1), recorded: map[string]bool{},
	}
}

// Open takes the data directory and opens everything in order; the listeners are bound, nothing runs yet. What was opened
// is closed again when a later step fails.
func Open(ctx context.Context, cfg config.Config, version string) (*App, error) {
	a := prepare(cfg, version)
	if err := a.open(ctx, a.openData, a.openRules, a.openMedia, a.openLive, a.openDoors); err != nil {
		return nil, err
	}
	return a, nil
}

// open takes the steps in order. After one that fails everything is closed again.
func (a *App) open(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return errors.Join(err, a.Close())
		}
	}
	return nil
}

func (a *App) closing(c io.Closer) { a.opened = append(a.opened, c.Close) }

// openData opens keys, database, journal and what lives in them.
func (a *App) openData(ctx context.Context) error {
	var err error
	if a.lock, err = lockDir(a.cfg.Data); err != nil {
		return err
	}
	a.closing(a.lock)
	if err := sound(ctx, a.cfg); err != nil {
		return err
	}
	if a.vault, err = openVault(a.cfg); err != nil {
		return err
	}
	if a.db, err = store.Open(ctx, databasePath(a.cfg), store.Options{ReserveBytes: int64(a.cfg.Recording.ReserveMiB) << 20}); err != nil {
		return damage(err)
	}
	a.closing(a.db)
	if err := a.upgrade(ctx); err != nil {
		return damage(err)
	}
	a.journal, err = journal.Open(ctx, a.db, journal.Options{
		Site: a.cfg.Site.ID, Signer: a.vault.Signer(), Verifier: a.vault.Verifier(), Projections: projections(),
	})
	if errors.Is(err, journal.ErrNotIntact) && a.journal != nil {
		a.doubt.Store(&err) // loud, not silent: the site must go on watching
		slog.Error("the log is not intact; run `siaga check`", "err", err)
	} else if err != nil {
		return damage(err)
	}
	return a.openPeople(ctx)
}

// openPeople opens what lives in the journal: the site's devices and settings, and its people.
func (a *App) openPeople(ctx context.Context) error {
	var err error
	a.registry, err = registry.Open(ctx, registry.Options{
		Journal: a.journal, Vault: a.vault, Drivers: a.drivers, NamePrefix: namePrefix(a.cfg), Kicked: a.kick, Plans: plansPath(a.cfg),
		Settings: a.settings, Settled: a.settle,
	})
	if err != nil {
		return err
	}
	a.settle()
	a.auth, err = auth.Open(ctx, auth.Options{Journal: a.journal, Vault: a.vault, Site: a.cfg.Site.Name})
	return err
}

// kick ends an MQTT user's connections after its rights changed. Of a gateway that is gone our own session is forgotten
// too, or the broker would go on collecting for it.
func (a *App) kick(user string) {
	if a.broker == nil {
		return
	}
	a.broker.Refresh(user)
	if _, ok := a.registry.Device(user); !ok {
		a.broker.Forget(ownUser, clientID(a.cfg, user))
	}
}

func (a *App) openRules(context.Context) error {
	set, warnings, err := rules.Load(os.DirFS(filepath.Dir(a.cfg.Rules)), filepath.Base(a.cfg.Rules))
	if err != nil {
		return err
	}
	for _, w := range warnings {
		slog.Warn("rule", "warning", fmt.Sprint(w))
	}
	a.ruleSet, a.rules = set, rules.NewJudge(set, knowledge{a.registry})
	return nil
}

// openMedia makes recorder and live view.
func (a *App) openMedia(context.Context) error {
	a.view = view.New(view.Options{Listen: a.cfg.Live.Listen, Announce: a.cfg.Live.Addresses, Log: slog.Default()})
	var err error
	a.recorder, err = record.New(record.Options{
		Dir: a.cfg.Data, Journal: a.journal, FileLength: time.Duration(a.cfg.Recording.SegmentS) * time.Second,
		Zone: a.registry.ZoneOf, Retention: retention(a.settings.now().Recording),
	})
	return err
}

// openLive makes what turns readings into events, events into alerts, and both into what screens see.
func (a *App) openLive(context.Context) error {
	a.desk = incident.New(incident.Options{Log: a.journal, Judge: a.rules, Site: lineage{a.registry}, Location: a.cfg.Site.Location()})
	var err error
	o := hub.Options{History: a.journal, Site: a.describe(), Snapshot: a.snapshot, Classes: web.Classes()}
	if a.remains != nil {
		o.Ring, o.Resume = 1, 1 // a log with holes is not resumed: everybody begins with a snapshot
	}
	a.hub, err = hub.New(o)
	if err != nil {
		return err
	}
	a.ingest = ingest.New(ingest.Options{
		Journal: a.journal, Site: places{a.registry}, Reads: a.rules.Reads,
		Live: func(s ingest.Sample) {
			a.hub.Live(watch.Event{Kind: s.Kind, Device: s.Device, Zone: s.Zone, At: s.At, Body: s.Body})
		},
		Media: func(device string, au watch.AccessUnit) {
			a.recorder.Offer(device, au)
			a.view.Offer(device, au)
		},
		Heard: func(child, kind string, at time.Time) { a.fleet.Heard(child, kind, at) },
	})
	return nil
}

// openDoors binds the listeners: broker for devices, web for people.
func (a *App) openDoors(context.Context) error {
	var err error
	if a.remains == nil {
		if a.broker, a.link, err = openBroker(a.cfg, filepath.Join(a.cfg.Data, "broker"), a.registry, a.journal); err != nil {
			return err
		}
	}
	if a.broker != nil {
		a.opened = append(a.opened, func() error { a.broker.Close(); return nil })
	}
	a.fleet = fleet.New(fleet.Options{
		Roster: roster{a.registry, a.drivers, a.link}, Drivers: a.drivers, Host: a.host,
		Down: a.recorder.Interrupted, State: a.stateChanged,
	})
	proxies, err := a.cfg.HTTP.Proxies()
	if err != nil {
		return fmt.Errorf("app: http.trusted_proxies: %w", err)
	}
	a.web, err = web.New(web.Options{
		Listen: a.cfg.HTTP.Listen, TLSCert: a.cfg.HTTP.TLSCert, TLSKey: a.cfg.HTTP.TLSKey, TrustedProxies: proxies, Site: a.describe(), Version: a.version,
		Journal: a.journal, Registry: a.registry, Auth: a.auth, View: a.view, Hub: a.hub, Desk: a.desk, Recorder: a.recorder,
		Fleet: benches{a}, Drivers: benches{a}, Rules: lawbook{a.ruleSet}, Dashboard: dashboard.FS(), VerifierKey: a.vault.VerifierKey(),
		Broker: a.MQTT(), Settings: a.listSettings, Contacts: a.contacts, Attendance: a.attendance, Stage: func() string { return a.settings.now().Site.Stage }, Ready: a.ready, Counts: a.counts,
	})
	if err != nil {
		return err
	}
	a.opened = append(a.opened, func() error {
		if err := a.web.Close(); !errors.Is(err, net.ErrClosed) { // a server that ran closed it
			return err
		}
		return nil
	})
	return a.sign()
}
