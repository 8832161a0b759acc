package broker

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// nats-server sends what a client left unacknowledged again only when ackWait is over, even after the client
// has come back. A panic under way when Siaga died would wait that long. So before a session is taken up
// again, the gate refuses (NAKs) in its name what is unacknowledged: nats-server then sends it at once.

const (
	messageStream = "$MQTT_msgs"
	insideUser    = "$gate" // the gate lets nobody in under a name that begins with $
	insideInbox   = "$GATE" // a topic that begins with $ is not covered by a filter that begins with a wildcard
	unbindTime    = 500 * time.Millisecond
	maxRefusals   = 200_000
)

// openInside connects to the store within the process.
func (b *Broker) openInside(srv *server.Server) error {
	nc, err := nats.Connect("", nats.InProcessServer(srv), nats.UserInfo(insideUser, b.pass),
		nats.CustomInboxPrefix(insideInbox), nats.NoReconnect())
	if err != nil {
		return fmt.Errorf("broker: reaching the store: %w", err)
	}
	js, err := nc.JetStream(nats.MaxWait(2 * time.Second))
	if err != nil {
		nc.Close()
		return fmt.Errorf("broker: reaching the store: %w", err)
	}
	b.inside, b.streams = nc, js
	return nil
}

// resume makes everything unacknowledged of that session due now. A failure only costs ackWait.
func (b *Broker) resume(ctx context.Context, session string) {
	prefix := sessionHash(session) + "_"
	for deadline := time.Now().Add(unbindTime); ; {
		bound := false
		var due []*nats.ConsumerInfo
		for info := range b.streams.Consumers(messageStream, nats.Context(ctx)) {
			if strings.HasPrefix(info.Name, prefix) && info.NumAckPending > 0 {
				due = append(due, info)
				bound = bound || info.PushBound
			}
		}
		if !bound || time.Now().After(deadline) {
			for _, info := range due {
				b.refuse(info)
			}
			return
		}
		select { // the connection before this one is still being taken down
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

// refuse NAKs all that a consumer has delivered above its floor. Which of them are acknowledged already is
// not told; nats-server ignores a NAK for those.
func (b *Broker) refuse(info *nats.ConsumerInfo) {
	if info.Delivered.Stream-info.AckFloor.Stream > maxRefusals {
		b.opts.Log.Warn("broker: too much unacknowledged to hurry", "consumer", info.Name)
		return
	}
	for seq := info.AckFloor.Stream + 1; seq <= info.Delivered.Stream; seq++ {
		subject := fmt.Sprintf("$JS.ACK.%s.%s.1.%d.%d.0.0", messageStream, info.Name, seq, info.AckFloor.Consumer+1)
		if err := b.inside.Publish(subject, []byte("-NAK")); err != nil {
			return
		}
	}
	_ = b.inside.Flush()
}

// sessionHash is how nats-server shortens a client id in the names of its consumers.
func sessionHash(id string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(id))
	h := sum[:8]
	for i := range h {
		h[i] = digits[int(h[i])%len(digits)]
	}
	return string(h)
}
