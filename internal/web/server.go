// Package web is the site's front door for people and scripts: the HTTP API, the live channel, media, and the screens.
// Every route stands in one table with the right it needs; every refusal is a problem document.
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"siaga/internal/auth"
	"siaga/internal/hub"
	"siaga/internal/incident"
	"siaga/internal/journal"
	"siaga/internal/record"
	"siaga/internal/registry"
	"siaga/internal/view"
	"siaga/internal/watch"
)

// Options are what the front door opens to. All rooms MUST be set.
type Options struct {
	Listen  string // host:port; port 0 takes a free one, see Addr
	TLSCert string // PEM file; with TLSKey, or neither
	TLSKey  string

	Site      Site
	Version   string // of the program
	Journal   *journal.Journal
	Registry  *registry.Registry
	Auth      *auth.Auth
	View      *view.Hub
	Recorder  *record.Recorder
	Hub       *hub.Hub
	Desk      *incident.Desk
	Fleet     fleet
	Drivers   drivers
	Rules     rules
	Dashboard fs.FS
	// Contacts are the parties that action cards name. nil: none.
	Contacts func() []Contact
	// Attendance are the times of the check that somebody sits before a console; they may change at any moment. nil: no check.
	Attendance func() Attendance
	// Stage is the stage of the election. nil: "".
	Stage func() string
	// Broker is where MQTT gateways publish, as a URL.
	Broker string
	// Settings lists what the program runs with, sorted by key. nil: nothing is shown.
	Settings func() []Setting
	// VerifierKey is what checks the site's checkpoints, in the form of a signed note's key. "" if none are signed.
	VerifierKey string
	// Ready is asked by /readyz; its error says what is not ready. nil: ready at once.
	Ready func(context.Context) error
	// Counts are what other rooms count, for /metrics. nil: none.
	Counts func() []Count
	// NoLimits switches the rate limits off, for tests that ask faster than people.
	NoLimits bool
	// TrustedProxies are the addresses whose X-Forwarded-For and X-Forwarded-Proto are believed. None: nobody's.
	TrustedProxies []netip.Prefix
	Now            func() time.Time // nil: time.Now
}

// Site is what the screens must know of the site before anything else.
type Site struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	ZoneName string `json:"zone_name" doc:"what clocks show behind the time: WIB, WITA, WIT"`
	Timezone string `json:"timezone" doc:"IANA name"`
	Stage    string `json:"stage,omitempty" doc:"of the election; only where a session is asked for"`
	// Standby is there while the site's database is damaged. Then every route that would change something refuses.
	Standby *Standby `json:"standby,omitempty" doc:"the database is damaged: what is shown is what could still be read, nothing is recorded and nobody is warned"`
}

// Standby is how far a site whose database is damaged can still be looked at.
type Standby struct {
	Since      watch.Time `json:"since"`
	Readable   int64      `json:"readable" doc:"events that could still be read"`
	Unreadable int64      `json:"unreadable" doc:"events that are known to be missing"`
	Torn       []string   `json:"torn" nullable:"false" doc:"tables that are not whole; those that events explain are made anew if no event is missing"`
}

// Server is the front door. It listens from New on and answers while Run runs.
type Server struct {
	opt         Options
	now         func() time.Time
	listener    net.Listener
	http        *http.Server
	mux         *http.ServeMux
	api         huma.API
	openapi     []byte
	metrics     *prometheus.Registry
	limits      *limits
	crossOrigin *http.CrossOriginProtection
	sockets     *sockets
	calls       *calls
	views       *views
	refusals    *refusals
	attendance  *attendance
	counts      struct{ requests, panics atomic.Uint64 }
}

// New binds the address and builds all routes. Close frees the address if Run is never called.
func New(o Options) (*Server, error) {
	s := &Server{
		opt: o, now: o.Now, mux: http.NewServeMux(), crossOrigin: http.NewCrossOriginProtection(),
		limits: newLimits(o.NoLimits), sockets: newSockets(), calls: newCalls(), views: newViews(), refusals: newRefusals(),
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.attendance = newAttendance(o.Attendance, s.now, s.tell)
	if err := s.buildRoutes(); err != nil {
		return nil, err
	}
	s.metrics = s.newMetrics()
	s.http = &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug), // broken TLS greetings and the like
	}
	return s, s.listen()
}

func (s *Server) listen() error {
	l, err := net.Listen("tcp", s.opt.Listen)
	if err != nil {
		return fmt.Errorf("web: listening on `http.listen` %s: %w; choose another address or stop what holds it", s.opt.Listen, err)
	}
	if s.opt.TLSCert != "" || s.opt.TLSKey != "" {
		pair, err := tls.LoadX509KeyPair(s.opt.TLSCert, s.opt.TLSKey)
		if err != nil {
			return errors.Join(fmt.Errorf("web: reading `http.tls_cert` %s and `http.tls_key` %s: %w", s.opt.TLSCert, s.opt.TLSKey, err), l.Close())
		}
		// Version 1.1 only: websockets need it, and one protocol is enough for one office.
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	}
	s.listener = l
	return nil
}

func (s *Server) tls() bool { return s.opt.TLSCert != "" }

// Handler answers requests without the listener.
func (s *Server) Handler() http.Handler { return s.outer(http.HandlerFunc(s.dispatch)) }

// Addr is the address that is listened on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// URL is how a browser on this machine reaches the screens.
func (s *Server) URL() string {
	scheme := "http"
	if s.tls() {
		scheme = "https"
	}
	return scheme + "://" + s.listener.Addr().String()
}

// shutdownTime is how long requests under way may take to end.
const shutdownTime = 4 * time.Second

// Run answers until ctx ends, then takes no more requests and waits for those under way. Live sockets stay open until
// the hub lets them go; RunSockets waits for them.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listener) }()
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watchSessions(watch)
	}()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		s.sockets.endMedia()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		err = s.http.Shutdown(limited)
		cancel()
		if err != nil {
			err = errors.Join(fmt.Errorf("web: requests still under way after %s were cut: %w", shutdownTime, err), s.http.Close())
		}
		<-failed
	}
	stop()
	<-watched
	s.endRefusals(true)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// drainTime is how long sockets may take to end once the hub has let them go.
const drainTime = 2 * time.Second

// RunSockets waits until ctx ends, and then for the sockets, which the hub lets go; those that are left after drainTime
// are cut and counted in the error. Its stage MUST stop after the hub's and the front door's.
func (s *Server) RunSockets(ctx context.Context) error {
	<-ctx.Done()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	return s.sockets.drain(limited)
}

// Close frees the address of a server that never ran.
func (s *Server) Close() error {
	if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
