package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Broker is where a simulated MQTT device publishes, and as whom.
type Broker struct {
	URL      string
	ClientID string
	Username string
	Password string
}

// publisher is a simulated device's own MQTT client. Like the real ones it reconnects by itself.
type publisher struct {
	client mqtt.Client
}

func dial(ctx context.Context, b Broker, will func(*mqtt.ClientOptions)) (*publisher, error) {
	o := mqtt.NewClientOptions().AddBroker(b.URL).SetClientID(b.ClientID).SetUsername(b.Username).SetPassword(b.Password).
		SetAutoReconnect(true).SetConnectRetry(true).SetConnectRetryInterval(time.Second).SetMaxReconnectInterval(5 * time.Second).
		SetConnectTimeout(5 * time.Second).SetWriteTimeout(5 * time.Second)
	if will != nil {
		will(o)
	}
	p := &publisher{client: mqtt.NewClient(o)}
	if err := p.await(ctx, p.client.Connect()); err != nil {
		p.close()
		return nil, fmt.Errorf("sim: connecting %s to %s: %w", b.ClientID, b.URL, err)
	}
	return p, nil
}

func (p *publisher) close() { p.client.Disconnect(250) }

func (p *publisher) await(ctx context.Context, t mqtt.Token) error {
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// json publishes v as the device's firmware would.
func (p *publisher) json(ctx context.Context, topic string, qos byte, retained bool, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return p.await(ctx, p.client.Publish(topic, qos, retained, raw))
}

// every calls step at an interval until ctx ends. A failed publish is the network's business; the next step tries anew.
func every(ctx context.Context, d time.Duration, step func(n int)) error {
	t := time.NewTicker(d)
	defer t.Stop()
	for n := 0; ; n++ {
		step(n)
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
	}
}
