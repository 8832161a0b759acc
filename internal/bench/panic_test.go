package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/gorilla/websocket"
)

// path is something that takes radio messages from MQTT and shows them on a websocket once they are durable.
type path struct {
	broker, topic, user, password string
	flood                         func() *mqtt.ClientOptions // a second device, which floods
	floodTopic                    string
	ws                            *websocket.Conn
}

// emergencyEvery is how many messages bring one press of the panic key; the others are radio checks, which raise nothing.
const emergencyEvery = 20

// floodRate is what the flooding device tries to publish a second.
const floodRate = 10_000

// BenchmarkPanicPath times a radio's message from its planned publishing to its durable event on the websocket, alone
// and beside a device that floods, with mosquitto, Node-RED and SQLite as the peer in the same run. The load is open:
// a late path does not slow it, and a message that never comes is lost.
//
//	go test -tags sqlite_fts5 -run '^$' -bench PanicPath -benchtime 1x ./internal/bench
func BenchmarkPanicPath(b *testing.B) {
	for _, load := range []struct {
		name  string
		rate  int
		flood int // QoS of the flood, -1 for none
	}{{"200", 200, -1}, {"2000", 2000, -1}, {"200-flood-qos0", 200, 0}, {"200-flood-qos1", 200, 1}} {
		b.Run("siaga/"+load.name, func(b *testing.B) {
			reportLoad(b)
			perS := 0
			if load.flood < 0 {
				perS = 2 * load.rate // only a flood is to be throttled
			}
			w := newWorld(b, worldOptions{gateways: []string{"ht-gateway", "flooder"}, perS: perS})
			w.start(b)
			p := &path{broker: w.mqtt, topic: "ht-gateway/json", user: "ht-gateway", password: w.keys["ht-gateway"], ws: w.live(b, "10.1.0.1"), floodTopic: "flooder/json"}
			p.flood = func() *mqtt.ClientOptions {
				return mqtt.NewClientOptions().AddBroker(w.mqtt).SetUsername("flooder").SetPassword(w.keys["flooder"])
			}
			measurePath(b, p, load.rate, load.flood, w.pids())
			reportSync(b, w.dir)
			w.stop(b)
		})
		b.Run("nodered/"+load.name, func(b *testing.B) {
			reportLoad(b)
			n := startNodeRED(b)
			p := &path{broker: n.mqtt, topic: "bench/ht-gateway", ws: n.dial(b), floodTopic: "bench/flooder"}
			p.flood = func() *mqtt.ClientOptions { return mqtt.NewClientOptions().AddBroker(n.mqtt) }
			measurePath(b, p, load.rate, load.flood, n.pids())
			b.ReportMetric(n.rows(b), "stored")
		})
	}
}

// measurePath loads the path for a while and reports what came out of it.
func measurePath(b *testing.B, p *path, rate, flood int, pids []int) {
	b.Helper()
	must(b, onlyLoopback(strings.TrimPrefix(p.broker, "tcp://")))
	defer p.ws.Close()
	n := rate * int(span(15*time.Second, 3*time.Second)/time.Second)
	r := &arrivals{planned: make([]time.Time, n), all: make(chan struct{})}
	var workers sync.WaitGroup
	workers.Go(func() { r.read(p.ws) })
	ctx, quiet := context.WithCancel(b.Context())
	if flood >= 0 {
		client := dialMQTT(b, p.flood().SetClientID("bench-flooder"))
		workers.Go(func() { floodWith(ctx, client, p.floodTopic, byte(flood)) })
		<-time.After(time.Second) // the flood stands before anything is measured
	}
	before := cpuOf(b, pids)
	began := time.Now()
	client := dialMQTT(b, mqtt.NewClientOptions().AddBroker(p.broker).SetClientID("bench").SetUsername(p.user).SetPassword(p.password))
	publish(client, p.topic, rate, r)
	took := time.Since(began)
	select {
	case <-r.all:
	case <-time.After(span(10*time.Second, 3*time.Second)): // what has not come by now is called lost
	}
	b.ReportMetric((cpuOf(b, pids)-before).Seconds()/took.Seconds(), "cores")
	quiet()
	client.Disconnect(100)
	must(b, p.ws.Close())
	workers.Wait()
	r.report(b)
}

func dialMQTT(b *testing.B, o *mqtt.ClientOptions) mqtt.Client {
	b.Helper()
	c := mqtt.NewClient(o.SetAutoReconnect(false).SetConnectTimeout(5 * time.Second).SetWriteTimeout(30 * time.Second))
	if tok := c.Connect(); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		b.Fatalf("connecting to the broker: %v", tok.Error())
	}
	return c
}

// publish sends a message at each of its planned times.
func publish(c mqtt.Client, topic string, rate int, r *arrivals) {
	start := time.Now().Add(300 * time.Millisecond)
	for i := range r.planned {
		at := start.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(at)) // the schedule is the load
		r.plan(i, at)
		c.Publish(topic, 1, false, radioMessage(i, at))
	}
}

// radioMessage is message i of a gateway, by one of its radios. It is known by what the gateway says of the radio.
func radioMessage(i int, at time.Time) string {
	word := "Radio Check"
	if i%emergencyEvery == 0 {
		word = "Call Emergency"
	}
	return fmt.Sprintf(`{"DMR":{"timestamp":%q,"source":"rf","action":"csbk","slot":2,"src_id":%d,"dst_id":9911,"group":"yes","src_info":"HT %d","csbk_desc":%q}}`,
		at.UTC().Format("2006-01-02T15:04:05.000Z"), firstRadio+i%radiosPer, i, word)
}

// nobody is the first message number that no measurement waits for.
const nobody = 1_000_000_000

// floodWith publishes radio checks without an end that nobody waits for. What the broker holds back holds the flooder back.
func floodWith(ctx context.Context, c mqtt.Client, topic string, qos byte) {
	const burst = 100
	defer c.Disconnect(0)
	inFlight := make([]mqtt.Token, 0, burst)
	for i, next := 0, time.Now(); ctx.Err() == nil; next = next.Add(burst * time.Second / floodRate) {
		time.Sleep(time.Until(next)) // the schedule is the load
		inFlight = inFlight[:0]
		for range burst {
			i++
			inFlight = append(inFlight, c.Publish(topic, qos, false, radioMessage(nobody+i*emergencyEvery+1, time.Now())))
		}
		for _, t := range inFlight {
			for !t.WaitTimeout(100*time.Millisecond) && ctx.Err() == nil {
			}
		}
		if time.Since(next) > time.Second {
			next = time.Now() // held back; it does not catch up
		}
	}
}

// arrivals is what was planned and what came.
type arrivals struct {
	mu         sync.Mutex
	planned    []time.Time
	took, keys []time.Duration // of all messages, and of the panic keys among them
	seen       map[int]bool
	all        chan struct{}
}

func (r *arrivals) plan(i int, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.planned[i] = at
}

func (r *arrivals) read(ws *websocket.Conn) {
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			return
		}
		if i := numberIn(data); i >= 0 {
			r.arrived(i, time.Now())
		}
	}
}

// numberIn finds the message's number in an event of ours, or in the gateway's own message that the peer passes on;
// negative if it is neither.
func numberIn(data []byte) int {
	type said struct {
		Info string `json:"src_info"`
	}
	var m struct {
		Kind string
		Body said
		DMR  said
	}
	if json.Unmarshal(data, &m) != nil {
		return -1
	}
	info := m.DMR.Info
	if m.Kind == "radio.emergency" || m.Kind == "radio.csbk" {
		info = m.Body.Info
	}
	text, ok := strings.CutPrefix(info, "HT ")
	n, err := strconv.Atoi(text)
	if !ok || err != nil {
		return -1
	}
	return n
}

func (r *arrivals) arrived(i int, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i >= len(r.planned) || r.planned[i].IsZero() || r.seen[i] {
		return
	}
	if r.seen == nil {
		r.seen = map[int]bool{}
	}
	r.seen[i] = true
	r.took = append(r.took, at.Sub(r.planned[i]))
	if i%emergencyEvery == 0 {
		r.keys = append(r.keys, at.Sub(r.planned[i]))
	}
	if len(r.took) == len(r.planned) {
		close(r.all)
	}
}

func (r *arrivals) report(b *testing.B) {
	b.ReportMetric(float64(len(r.planned)-len(r.took)), "lost")
	if len(r.keys) == 0 {
		return // everything was lost; there is no delay to tell of
	}
	slices.Sort(r.took)
	slices.Sort(r.keys)
	b.ReportMetric(ms(share(r.took, 0.5)), "p50-ms")
	b.ReportMetric(ms(share(r.took, 0.99)), "p99-ms")
	b.ReportMetric(ms(share(r.keys, 0.99)), "panic-p99-ms")
}
