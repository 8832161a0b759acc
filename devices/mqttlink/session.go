// Package mqttlink is the one MQTT session of a gateway: a persistent session whose messages are
// acknowledged to the broker only after every reading made from them is durable, in order.
package mqttlink

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"siaga/devices"
	"siaga/internal/watch"
)

const (
	// window bounds the messages read but not yet handled, and those handled but not yet durable. It is
	// not smaller than a broker's own limit of unacknowledged messages (1,024 in ours, 20 in mosquitto),
	// so that at QoS 1 the reader never stops and the keep-alive never starves.
	window = 1024
	// suspicion is how long after a connect an identical message counts as redelivered.
	suspicion = 60 * time.Second
	// drain is how long receipts under way may still resolve after the session was told to stop.
	drain = 400 * time.Millisecond
	// A link that is half open is known within keepAlive and pingTimeout together.
	keepAlive   = 4 * time.Second
	pingTimeout = 4 * time.Second
	handshake   = 5 * time.Second
	tick        = time.Second
	// writeTimeout bounds a write, and how long a SUBSCRIBE waits for a writer that has gone meanwhile: a
	// run told to stop while subscribing waits that long. What we write, at most a window of
	// acknowledgements, fits into the socket's buffer, so only a dead link is slower.
	writeTimeout = 500 * time.Millisecond
)

// Session is the MQTT link of one gateway. It implements devices.Device. What the Handler has learnt lives
// on from one Run to the next.
type Session struct {
	link    devices.Link
	addr    address
	pool    *x509.CertPool
	family  string
	filters []string
	handler Handler
	// unsettled says that the last run left messages handled but not acknowledged.
	unsettled bool
	// qos is the lowest delivery quality seen so far, 3 before the first message.
	qos byte
}

// New checks the link and makes a session that subscribes to filters. It does no I/O. family is the first
// part of the kinds the handler makes: "radio".
func New(link *devices.Link, family string, filters []string, h Handler) (*Session, error) {
	if link == nil {
		return nil, errors.New("link: this driver needs a broker; none was given")
	}
	if link.ClientID == "" {
		return nil, errors.New("link client id: empty; a kept session needs one")
	}
	if len(filters) == 0 {
		return nil, errors.New("no topic to subscribe to")
	}
	addr, err := parseURL(link.URL)
	if err != nil {
		return nil, err
	}
	pool, err := authority(link.CA)
	if err != nil {
		return nil, err
	}
	return &Session{link: *link, addr: addr, pool: pool, family: family, filters: filters, handler: h, qos: 3}, nil
}

// run is the state of one Run.
type run struct {
	s         *Session
	host      devices.Host
	client    mqtt.Client
	ctx       context.Context // ends when the run is over, with the cause
	end       context.CancelCauseFunc
	incoming  chan arrival
	pending   chan *flight
	closed    chan struct{} // closed when nobody reads incoming any more
	connected time.Time     // when the broker answered CONNECT
	workers   sync.WaitGroup
	// launched counts messages handed over, settled those durable. One goroutine writes each; both are
	// compared when both are done.
	launched, settled int

	connMu sync.Mutex
	conn   net.Conn
}

type arrival struct {
	m  mqtt.Message
	at time.Time
}

// Run connects, subscribes, hands readings to host and acknowledges what became durable, until the link
// breaks, a reading can never become durable, or ctx ends. It never reconnects.
func (s *Session) Run(ctx context.Context, host devices.Host) error {
	if s.unsettled {
		s.handler.Reset()
	}
	r := &run{
		s: s, host: host,
		incoming: make(chan arrival, window), pending: make(chan *flight, window), closed: make(chan struct{}),
	}
	r.ctx, r.end = context.WithCancelCause(ctx)
	defer r.end(nil)
	r.client = mqtt.NewClient(r.options())
	if err := r.connect(); err != nil {
		r.stop()
		return r.verdict(ctx, err)
	}
	r.connected = time.Now()
	if l, ok := host.(devices.Linked); ok {
		l.Linked(r.ctx)
	}
	r.work(ctx)
	s.unsettled = r.launched != r.settled
	r.stop()
	return r.verdict(ctx, context.Cause(r.ctx))
}

// work reads and settles until the run is over, then gives receipts under way a moment to resolve.
func (r *run) work(ctx context.Context) {
	settle, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	var settler sync.WaitGroup
	settler.Add(1)
	go func() {
		defer settler.Done()
		r.settle(settle)
	}()
	r.loop()
	close(r.pending)
	grace := time.AfterFunc(drain, func() {
		giveUp()
		r.hangUp() // an acknowledgement that the broker does not read would block
	})
	settler.Wait()
	grace.Stop()
}

func (r *run) verdict(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (r *run) options() *mqtt.ClientOptions {
	s := r.s
	o := mqtt.NewClientOptions()
	o.Servers = []*url.URL{{Scheme: "tcp", Host: s.addr.host}} // only a label: dial is ours
	o.SetClientID(s.link.ClientID).SetUsername(s.link.Username).SetPassword(s.link.Password)
	o.SetProtocolVersion(4).SetCleanSession(false).SetOrderMatters(true).SetAutoAckDisabled(true)
	o.SetAutoReconnect(false).SetConnectRetry(false).SetResumeSubs(false)
	o.SetKeepAlive(keepAlive).SetPingTimeout(pingTimeout).SetWriteTimeout(writeTimeout).SetConnectTimeout(handshake)
	o.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(r.ctx, handshake)
		defer cancel()
		conn, err := s.dial(ctx)
		if err == nil {
			r.connMu.Lock()
			r.conn = conn
			r.connMu.Unlock()
		}
		return conn, err
	})
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
		select {
		case r.incoming <- arrival{m, time.Now()}:
		case <-r.closed:
		}
	})
	o.SetOnConnectHandler(func(mqtt.Client) {
		defer r.workers.Done()
		r.subscribe()
	})
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) {
		r.end(&watch.Fault{
			Reason: watch.ReasonReset, Doing: "listening to " + s.addr.display + " as " + s.link.ClientID,
			Hint: "the broker or the network closed the link, or another client uses the same client id", Err: err,
		})
	})
	return o
}

// connect returns when the broker has answered CONNECT.
func (r *run) connect() error {
	r.workers.Add(1) // released by the OnConnect handler, or below when it will not be called
	token := r.client.Connect()
	select {
	case <-token.Done():
	case <-r.ctx.Done():
		r.hangUp()
		<-token.Done()
	}
	if err := token.Error(); err != nil {
		r.workers.Done()
		return r.s.refusal(err)
	}
	return nil
}

// subscribe asks for every filter at QoS 1; a refused one ends the run.
func (r *run) subscribe() {
	wanted := make(map[string]byte, len(r.s.filters))
	for _, f := range r.s.filters {
		wanted[f] = 1
	}
	token := r.client.SubscribeMultiple(wanted, nil)
	select {
	case <-token.Done():
	case <-r.ctx.Done():
		return
	}
	err := token.Error()
	if st, ok := token.(*mqtt.SubscribeToken); ok && err == nil {
		for f, granted := range st.Result() {
			if granted > 2 {
				err = fmt.Errorf("filter %q refused", f)
			}
		}
	}
	if err != nil {
		r.end(&watch.Fault{
			Reason: watch.ReasonRefused, Doing: "subscribing at " + r.s.addr.display,
			Hint: "give " + r.s.link.Username + " the right to read this gateway's topics", Err: err,
		})
	}
}

// stop lets go of the connection and waits for what was started.
func (r *run) stop() {
	r.end(nil)
	close(r.closed)
	if r.client.IsConnectionOpen() {
		r.client.Disconnect(250)
	}
	r.hangUp()
	r.workers.Wait()
}

func (r *run) hangUp() {
	r.connMu.Lock()
	defer r.connMu.Unlock()
	if r.conn != nil {
		_ = r.conn.Close()
	}
}
