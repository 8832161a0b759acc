package broker

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// startStore starts nats-server with nothing but its MQTT side, on a loopback port that only the gate can use.
func (b *Broker) startStore() (*server.Server, *natsLog, error) {
	o := &server.Options{
		ServerName: "siaga", DontListen: true, NoSigs: true,
		JetStream: true, StoreDir: b.opts.Dir,
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: b.opts.MaxStore,
		SyncAlways: b.opts.Sync == SyncAlways, SyncInterval: syncEvery,
		MaxPayload: maxPublish + 4096, MaxPending: 32 << 20, WriteDeadline: writeTime,
		CustomClientAuthentication: b,
		MQTT: server.MQTTOpts{
			Host: "127.0.0.1", Port: -1,
			AckWait: ackWait, MaxAckPending: maxUnacked,
		},
	}
	srv, err := server.NewServer(o)
	if err != nil {
		return nil, nil, fmt.Errorf("broker: preparing nats-server: %w", err)
	}
	log := &natsLog{b: b}
	srv.SetLoggerV2(log, false, false, false)
	srv.Start()
	if !srv.ReadyForConnections(30 * time.Second) {
		srv.Shutdown()
		srv.WaitForShutdown()
		cause := log.fatal()
		if cause == nil {
			cause = errors.New("not ready within 30 s")
		}
		return nil, nil, fmt.Errorf("broker: starting nats-server with its store in %s: %w", b.opts.Dir, cause)
	}
	if err := b.openInside(srv); err != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, nil, err
	}
	b.nats = srv
	b.inner = net.JoinHostPort("127.0.0.1", strconv.Itoa(o.MQTT.Port))
	return srv, log, nil
}

const (
	// syncEvery is how much a power cut may take in SyncInterval mode.
	syncEvery = 250 * time.Millisecond
	// ackWait is how long nats-server waits for a PUBACK before it sends a message again on a living
	// connection. Siaga acknowledges after its journal, so a slow disk must not make duplicates; but messages
	// that nats-server holds back for want of a packet id wait as long.
	ackWait = 10 * time.Second
	// maxUnacked is how many messages a subscriber may have unacknowledged.
	maxUnacked = 1024
)

// Check implements server.Authentication: only the gate knows the password, and it has checked the client's.
func (b *Broker) Check(c server.ClientAuthentication) bool {
	o := c.GetOpts()
	if o.Password != b.pass {
		return false
	}
	if o.Username == insideUser {
		c.RegisterUser(&server.User{Username: insideUser})
		return true
	}
	id, ok := b.opts.Directory.Identity(o.Username)
	if !ok {
		return false
	}
	c.RegisterUser(&server.User{Username: id.Username, Permissions: permissions(id)})
	return true
}

// permissions turns topic filters into nats-server's rights.
func permissions(id Identity) *server.Permissions {
	// QoS 1 and 2 deliveries arrive on these subjects of nats-server's own; clients cannot subscribe to them.
	deliveries := []string{"$MQTT.sub.>", "$MQTT.deliver.pubrel.>"}
	if id.Internal {
		inside := []string{"$MQTT.>", "$JS.>", "$SYS.>", insideInbox + ".>"}
		return &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{">"}, Deny: inside},
			Subscribe: &server.SubjectPermission{Allow: append(deliveries, ">"), Deny: inside[1:]},
		}
	}
	p := &server.Permissions{Publish: &server.SubjectPermission{}, Subscribe: &server.SubjectPermission{}}
	for _, f := range id.Publish {
		p.Publish.Allow = append(p.Publish.Allow, subjects(f)...)
	}
	if len(p.Publish.Allow) == 0 {
		p.Publish.Deny = []string{">"} // an empty list would allow everything
	}
	p.Subscribe.Allow = deliveries
	for _, f := range id.Subscribe {
		p.Subscribe.Allow = append(p.Subscribe.Allow, subjects(f)...)
	}
	return p
}
