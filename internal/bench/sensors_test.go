package bench

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/gorilla/websocket"
)

// BenchmarkSensors prints what a simulated sensor costs the whole program in memory, with 1,000 of them reporting in
// turn behind one gateway, against a site that has none.
//
//	go test -tags sqlite_fts5 -run '^$' -bench Sensors -benchtime 1x ./internal/bench
func BenchmarkSensors(b *testing.B) {
	n := 1000
	if quick() {
		n = 50
	}
	reportLoad(b)
	none := sensorMemory(b, 0)
	b.ReportMetric((sensorMemory(b, n)-none)*1024/float64(n), "KiB/device")
	b.ReportMetric(none, "MiB-idle")
}

func sensorMemory(b *testing.B, n int) (rss float64) {
	b.Helper()
	w := newWorld(b, worldOptions{gateways: []string{"ht-gateway"}, sensors: n, perS: 5000})
	w.start(b)
	defer w.stop(b)
	if n > 0 {
		c := dialMQTT(b, mqtt.NewClientOptions().AddBroker(w.mqtt).SetClientID("bench").SetUsername("zigbee").SetPassword(w.keys["zigbee"]))
		defer c.Disconnect(100)
		for round := range 3 {
			for i := range n {
				t := c.Publish(fmt.Sprintf("zigbee2mqtt/door_%d", i), 1, false, fmt.Sprintf(`{"contact":%v,"battery":90,"linkquality":120,"round":%d}`, round%2 == 0, round))
				if !t.WaitTimeout(10*time.Second) || t.Error() != nil {
					b.Fatalf("publishing: %v", t.Error())
				}
			}
		}
	}
	<-time.After(span(10*time.Second, time.Second)) // what the start needed for a moment goes back
	rss, _ = memoryOf(b, w.pids())
	return rss
}

// BenchmarkThroughMQTT prints how many events a second become durable when four gateways publish as fast as the broker
// takes it, counted on the live channel.
//
//	go test -tags sqlite_fts5 -run '^$' -bench ThroughMQTT -benchtime 1x ./internal/bench
func BenchmarkThroughMQTT(b *testing.B) {
	reportLoad(b)
	gateways := []string{"ht-1", "ht-2", "ht-3", "ht-4"}
	w := newWorld(b, worldOptions{gateways: gateways, perS: 100_000})
	w.start(b)
	ws := w.live(b, "10.3.0.1")
	defer ws.Close()
	heard := make(chan int, 1)
	stop := time.Now().Add(span(15*time.Second, 3*time.Second))
	go func() { heard <- countUntil(ws, stop) }() // ends with its time, and is waited for below
	began := time.Now()
	var all sync.WaitGroup
	for g, id := range gateways {
		c := dialMQTT(b, mqtt.NewClientOptions().AddBroker(w.mqtt).SetClientID("bench-"+id).SetUsername(id).SetPassword(w.keys[id]))
		defer c.Disconnect(0)
		all.Go(func() { pour(c, id+"/json", g, stop) })
	}
	all.Wait()
	b.ReportMetric(float64(<-heard)/time.Since(began).Seconds(), "events/s")
	w.stop(b)
}

// pour keeps 200 messages of radio checks in flight until stop.
func pour(c mqtt.Client, topic string, lane int, stop time.Time) {
	const inFlight = 200
	var window []mqtt.Token
	for i := 1; time.Now().Before(stop); i++ {
		radio := (lane*10_000_000+i)*emergencyEvery + 1
		window = append(window, c.Publish(topic, 1, false, radioMessage(radio, time.Now())))
		if len(window) < inFlight {
			continue
		}
		if !window[0].WaitTimeout(5*time.Second) || window[0].Error() != nil {
			return // the figure will show it
		}
		window = window[1:]
	}
}

// countUntil counts the radio checks on the live channel.
func countUntil(ws *websocket.Conn, stop time.Time) int {
	n := 0
	_ = ws.SetReadDeadline(stop) // an open connection takes it
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			return n
		}
		var m struct{ Kind string }
		if json.Unmarshal(data, &m) == nil && m.Kind == "radio.csbk" {
			n++
		}
	}
}
