package broker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// keepUndelivered is how long a message waits for a subscriber that stays away.
	keepUndelivered = 7 * 24 * time.Hour
	upkeepEvery     = time.Minute
)

// prime makes nats-server create its streams before the first client comes, and bounds them: a session that
// nobody takes up again must not fill the store until it refuses everybody. The oldest messages go first.
func (b *Broker) prime() error {
	if err := b.hello("", insideUser); err != nil {
		return fmt.Errorf("broker: creating the queue: %w", err)
	}
	info, err := b.streams.StreamInfo(messageStream)
	if err != nil {
		return fmt.Errorf("broker: creating the queue: %w", err)
	}
	c := info.Config
	c.MaxAge, c.MaxBytes, c.Discard = keepUndelivered, b.opts.MaxStore/4*3, nats.DiscardOld
	if _, err := b.streams.UpdateStream(&c); err != nil {
		return fmt.Errorf("broker: bounding the queue: %w", err)
	}
	return nil
}

// Forget wipes a client's kept session with all that is queued for it. Call it when a gateway is removed or
// its session gets another client id: a session that nobody takes up again would go on collecting.
func (b *Broker) Forget(username, clientID string) error {
	if err := b.hello(innerID(username, clientID), insideUser); err != nil {
		return fmt.Errorf("broker: forgetting the session %q of %s: %w", clientID, username, err)
	}
	return nil
}

// hello signs in at nats-server with a clean session, which wipes a kept one, and leaves.
func (b *Broker) hello(clientID, username string) error {
	conn, err := net.DialTimeout("tcp", b.inner, signInTime)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(signInTime))
	c := connect{flags: flagClean}
	if _, err := conn.Write(c.packet(clientID, username, b.pass)); err != nil {
		return err
	}
	var buf []byte
	f, err := readFrame(bufio.NewReader(conn), &buf)
	if err != nil {
		return err
	}
	if f.head != 0x20 || len(f.body) != 2 || f.body[1] != 0 {
		return errors.New("nats-server refuses its own gate")
	}
	_, err = conn.Write([]byte{0xe0, 0})
	return err
}

// upkeep looks once a minute whether messages pile up.
func (b *Broker) upkeep(ctx context.Context) {
	ticker := time.NewTicker(upkeepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			b.checkQueue(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// checkQueue reports a queue that is half full.
func (b *Broker) checkQueue(ctx context.Context) {
	info, err := b.streams.StreamInfo(messageStream, nats.Context(ctx))
	if err != nil {
		if ctx.Err() == nil {
			b.tally.add(Report{Kind: StoreTrouble, Detail: "the queue does not answer: " + err.Error(), At: time.Now()})
		}
		return
	}
	if limit := uint64(b.opts.MaxStore / 4 * 3); info.State.Bytes > limit/2 {
		b.tally.add(Report{Kind: StoreTrouble, At: time.Now(), Detail: fmt.Sprintf(
			"%d messages wait undelivered, %d MB of %d: a gateway's session is not being read; the oldest will go first",
			info.State.Msgs, info.State.Bytes>>20, limit>>20)})
	}
}
