package bench

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/gorilla/websocket"
)

// BenchmarkFan shows events to 500 clients at 20 a second and prints the time from an event's planned publishing until
// the last client has it, what a delivery costs in processor time, and a client in memory. Beside it stands a bare
// gorilla/websocket server in a process of its own, which gets the text over a websocket and sends it to all: it has no
// broker, no journal, no rights and no place to come back to.
//
//	go test -tags sqlite_fts5 -run '^$' -bench Fan -benchtime 1x ./internal/bench
func BenchmarkFan(b *testing.B) {
	clients := 500
	if quick() {
		clients = 20
	}
	b.Run("siaga", func(b *testing.B) {
		reportLoad(b)
		w := newWorld(b, worldOptions{gateways: []string{"ht-gateway"}})
		w.start(b)
		client := dialMQTT(b, mqtt.NewClientOptions().AddBroker(w.mqtt).SetClientID("bench").SetUsername("ht-gateway").SetPassword(w.keys["ht-gateway"]))
		defer client.Disconnect(100)
		c := &crowd{pids: w.pids(), dial: func(i int) *websocket.Conn { return w.live(b, fmt.Sprintf("10.2.%d.%d", i/200, i%200)) }}
		c.publish = func(i int) { client.Publish("ht-gateway/json", 1, false, radioMessage(emergencyEvery*i+1, time.Now())) }
		c.number = func(data []byte) int {
			n := numberIn(data)
			if n < 0 {
				return n
			}
			return n / emergencyEvery
		}
		c.measure(b, clients)
		w.stop(b)
	})
	b.Run("bare", func(b *testing.B) {
		reportLoad(b)
		address, pid := startBareFan(b)
		source, _, err := websocket.DefaultDialer.Dial("ws://"+address+"/say", nil)
		must(b, err)
		defer source.Close()
		c := &crowd{pids: []int{pid}, dial: func(int) *websocket.Conn {
			ws, _, err := websocket.DefaultDialer.Dial("ws://"+address+"/hear", nil)
			must(b, err)
			return ws
		}}
		filler := strings.Repeat("x", 330) // as long as an event
		c.publish = func(i int) {
			must(b, source.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"DMR":{"src_info":"HT %d"},"filler":%q}`, i, filler)))
		}
		c.number = numberIn
		c.measure(b, clients)
	})
}

// crowd is many clients of one server.
type crowd struct {
	pids    []int
	dial    func(i int) *websocket.Conn
	publish func(i int)
	number  func(data []byte) int // of a message; negative: another one

	mu   sync.Mutex
	got  []int
	took []time.Duration
	at   []time.Time
}

func (c *crowd) measure(b *testing.B, clients int) {
	b.Helper()
	const rate = 20
	n := rate * int(span(15*time.Second, 3*time.Second)/time.Second)
	c.got, c.at = make([]int, n), make([]time.Time, n)
	alone, _ := memoryOf(b, c.pids)
	var readers sync.WaitGroup
	var conns []*websocket.Conn
	for i := range clients {
		ws := c.dial(i)
		conns = append(conns, ws)
		readers.Go(func() { c.read(ws, clients) })
	}
	<-time.After(2 * time.Second) // all greeted
	with, _ := memoryOf(b, c.pids)
	before := cpuOf(b, c.pids)
	start := time.Now().Add(100 * time.Millisecond)
	for i := range n {
		at := start.Add(time.Duration(i) * time.Second / rate)
		time.Sleep(time.Until(at)) // the schedule is the load
		c.mu.Lock()
		c.at[i] = at
		c.mu.Unlock()
		c.publish(i)
	}
	<-time.After(span(2*time.Second, time.Second)) // the last ones
	used := cpuOf(b, c.pids) - before
	for _, ws := range conns {
		_ = ws.Close() // its reader ends
	}
	readers.Wait()
	if len(c.took) == 0 {
		b.Fatal("no message reached all clients")
	}
	slices.Sort(c.took)
	b.ReportMetric(ms(share(c.took, 0.5)), "p50-ms")
	b.ReportMetric(ms(share(c.took, 0.99)), "p99-ms")
	b.ReportMetric(float64(n-len(c.took)), "lost")
	b.ReportMetric(float64(used.Microseconds())/float64(n*clients), "µs-CPU/delivery")
	b.ReportMetric((with-alone)*1024/float64(clients), "KiB/client")
}

func (c *crowd) read(ws *websocket.Conn, clients int) {
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			return
		}
		i := c.number(data)
		c.mu.Lock()
		if i >= 0 && i < len(c.got) {
			if c.got[i]++; c.got[i] == clients {
				c.took = append(c.took, time.Since(c.at[i]))
			}
		}
		c.mu.Unlock()
	}
}

// fan is the bare server: what comes in at /say goes out to all who hear, each with a goroutine and a queue of its own.
// It prints its address.
func fan() error {
	var mu sync.Mutex
	hearers := map[chan *websocket.PreparedMessage]bool{}
	up := websocket.Upgrader{}
	http.HandleFunc("/say", func(w http.ResponseWriter, r *http.Request) {
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		for {
			_, data, err := ws.ReadMessage()
			if err != nil {
				return
			}
			m, err := websocket.NewPreparedMessage(websocket.TextMessage, data)
			if err != nil {
				return
			}
			mu.Lock()
			for h := range hearers {
				h <- m
			}
			mu.Unlock()
		}
	})
	http.HandleFunc("/hear", func(w http.ResponseWriter, r *http.Request) {
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		queue := make(chan *websocket.PreparedMessage, 64)
		mu.Lock()
		hearers[queue] = true
		mu.Unlock()
		for m := range queue {
			if ws.WritePreparedMessage(m) != nil {
				return
			}
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(l, nil)
}
