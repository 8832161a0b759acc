// Package broker is the embedded MQTT broker: nats-server behind a gate of our own that knows every client
// by name, gives each device its own topics, slows down who floods, and tells what was refused.
package broker

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// MaxPayload is the largest message payload in bytes. A larger one is reported and dropped, or, since its
// sender waits for an acknowledgement at QoS 1 and 2, ends the connection.
const MaxPayload = 256 << 10

// Sync says when stored messages reach the disk.
type Sync string

// Sync modes. A killed program loses nothing in either; they differ in what a power cut may take.
const (
	SyncAlways   Sync = "always"   // before the publisher gets its PUBACK
	SyncInterval Sync = "interval" // four times a second
)

// Options is what a broker needs. Zero values mean the defaults named.
type Options struct {
	Dir      string // where queued messages and sessions are kept; MUST belong to this broker alone
	Listen   string // host:port; port 0 picks a free one. Default 127.0.0.1:1883
	CertFile string // PEM; required together with KeyFile unless Listen is a loopback address
	KeyFile  string
	Sync     Sync // default SyncInterval; docs/design/0002-broker.md has the numbers

	Rate       float64 // messages per second each identity may publish for long. Default 500
	Burst      int     // messages it may publish at once. Default 100
	MaxClients int     // connections altogether. Default 256
	MaxStore   int64   // bytes on disk for undelivered messages. Default 1 GiB

	Directory directory
	Reporter  reporter
	Log       *slog.Logger
}

// directory knows who may sign in.
type directory interface {
	// Identity returns the identity of that user name. It is asked at every sign-in and MUST be fast.
	Identity(username string) (Identity, bool)
}

// reporter is told what was refused. Report is called from one goroutine and may take its time: what does
// not fit meanwhile is dropped and counted in a later report.
type reporter interface {
	Report(r Report)
}

// Identity is one device's right to use the broker.
type Identity struct {
	Username string
	Device   string // the registry's id, for reports; empty for Siaga itself
	Salt     []byte
	Hash     []byte // HashSecret(Salt, secret)
	// Publish and Subscribe are MQTT topic filters. Nothing else is allowed.
	Publish, Subscribe []string
	// Internal is Siaga's own identity: every topic, and no rate limit.
	Internal bool
	// Rate overrides Options.Rate when above 0.
	Rate float64
}

// Broker is an open broker. Open and Close pair up; Run serves between them.
type Broker struct {
	opts     Options
	nats     *server.Server
	inner    string // address of nats-server's own MQTT listener
	pass     string // proves to nats-server that a connection comes through the gate
	listener net.Listener
	side     net.Listener // with TLS: a plain door on loopback for Siaga itself; else nil
	tls      *tls.Config
	gate     gate
	tally    *tally
	inside   *nats.Conn
	streams  nats.JetStreamContext
	closing  sync.Once
}

// Open starts the store and binds the listener. Nobody is served before Run.
func Open(o Options) (*Broker, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	b := &Broker{opts: o, tally: newTally(o.Reporter)}
	var raw [24]byte
	_, _ = rand.Read(raw[:]) // never fails; see crypto/rand
	b.pass = hex.EncodeToString(raw[:])
	b.gate.init()
	if o.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("broker: reading the certificate %s: %w", o.CertFile, err)
		}
		b.tls = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("broker: listening on %s: %w (is another broker running there?)", o.Listen, err)
	}
	b.listener = l
	if b.tls != nil {
		// Siaga's own sessions stay on this machine, so they need no certificate that names it.
		if b.side, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			_ = l.Close()
			return nil, fmt.Errorf("broker: listening on loopback for our own sessions: %w", err)
		}
	}
	if err := b.openStore(); err != nil {
		b.closeDoors()
		return nil, err
	}
	if err := b.prime(); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (o *Options) defaults() error {
	if o.Dir == "" || o.Directory == nil || o.Reporter == nil {
		return errors.New("broker: options need Dir, Directory and Reporter")
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:1883"
	}
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return fmt.Errorf("broker: listen address %q: want host:port: %w", o.Listen, err)
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return errors.New("broker: a certificate needs its key, and a key its certificate")
	}
	if o.CertFile == "" && !loopback(host) {
		return fmt.Errorf("broker: listening on %s without TLS would show passwords to the network; give a certificate or listen on 127.0.0.1", o.Listen)
	}
	switch o.Sync {
	case "":
		o.Sync = SyncInterval
	case SyncAlways, SyncInterval:
	default:
		return fmt.Errorf("broker: sync %q: want %q or %q", o.Sync, SyncAlways, SyncInterval)
	}
	if o.Rate <= 0 {
		o.Rate = 500
	}
	if o.Burst <= 0 {
		o.Burst = 100
	}
	if o.MaxClients <= 0 {
		o.MaxClients = 256
	}
	if o.MaxStore <= 0 {
		o.MaxStore = 1 << 30
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Addr is where clients connect.
func (b *Broker) Addr() net.Addr { return b.listener.Addr() }

// URL is Addr as a client wants it: tcp://host:port or ssl://host:port.
func (b *Broker) URL() string {
	if b.tls != nil {
		return "ssl://" + b.Addr().String()
	}
	return "tcp://" + b.Addr().String()
}

// OwnURL is where Siaga itself connects: the same address, or with TLS a plain one on loopback where nobody else may
// sign in.
func (b *Broker) OwnURL() string {
	if b.side != nil {
		return "tcp://" + b.side.Addr().String()
	}
	return b.URL()
}

func (b *Broker) closeDoors() {
	_ = b.listener.Close()
	if b.side != nil {
		_ = b.side.Close()
	}
}

// Run serves clients until ctx ends, then hangs up on all of them and returns nil. It returns an error when
// the listener fails.
func (b *Broker) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var workers sync.WaitGroup
	workers.Go(func() { b.tally.run(ctx) })
	workers.Go(func() { b.upkeep(ctx) })
	unhook := context.AfterFunc(ctx, b.closeDoors)
	defer unhook()
	if b.side != nil {
		workers.Go(func() { _ = b.accept(ctx, b.side, true) }) // it ends with the other door
	}
	err := b.accept(ctx, b.listener, false)
	stop()
	b.gate.hangUpAll()
	b.gate.workers.Wait()
	workers.Wait()
	return err
}

// accept takes connections until the listener is closed.
func (b *Broker) accept(ctx context.Context, l net.Listener, side bool) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("broker: the listener was closed: %w", err)
			}
			b.opts.Log.Warn("broker: accepting a connection failed", "err", err)
			select { // out of file descriptors, mostly: let some go
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		c := &client{b: b, conn: conn, side: side, remote: conn.RemoteAddr().String(), done: make(chan struct{})}
		if !b.gate.admit(c, b.opts.MaxClients) {
			b.report(c, Report{Kind: Overload, Detail: "too many connections"})
			_ = conn.Close()
			continue
		}
		b.gate.workers.Add(1)
		go func() {
			defer b.gate.workers.Done()
			c.serve(ctx)
		}()
	}
}

// Refresh makes a change of that identity take effect at once: its clients are disconnected and, if they
// still may, come back with their new rights. Call it after the directory has changed.
func (b *Broker) Refresh(username string) { b.gate.kick(username) }

// Close stops the store; Run must have returned. Messages that no one has taken stay on disk.
func (b *Broker) Close() {
	b.closing.Do(func() {
		b.closeDoors()
		b.stopStore(b.nats)
	})
}
