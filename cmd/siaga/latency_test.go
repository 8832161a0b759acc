package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/gorilla/websocket"
	"golang.org/x/sys/unix"
)

// BenchmarkPanicPath times a radio's text from its planned publishing to its durable event on the websocket, at 200
// messages a second for 15 s, with the demo's cameras recording beside it; and fdatasync of the same disk in the same run.
//
//	go test -tags sqlite_fts5 -run '^$' -bench PanicPath -benchtime 1x ./cmd/siaga
func BenchmarkPanicPath(b *testing.B) {
	bin, err := build()
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	p, c := startDemo(b, bin, dir)
	defer p.kill()
	for b.Loop() {
		const rate, secs = 200, 15
		took := panicPath(b, c, rate, secs)
		b.ReportMetric(float64(len(took))/(rate*secs)*100, "%arrived")
		b.ReportMetric(took[len(took)/2].Seconds()*1000, "p50-ms")
		b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "p99-ms")
		sync := syncTimes(b, dir, 200)
		b.ReportMetric(sync[len(sync)*99/100].Seconds()*1000, "fdatasync-p99-ms")
	}
}

func panicPath(b *testing.B, c credentials, rate, secs int) []time.Duration {
	topic, user, password := c.gateway(b, "ht-gateway-2")
	ws := listen(b, c)
	defer ws.Close()
	var mu sync.Mutex
	planned := map[string]time.Time{}
	var took []time.Duration
	done := make(chan struct{})
	go func() {
		defer close(done)
		for len(took) < rate*secs {
			_ = ws.SetReadDeadline(time.Now().Add(5 * time.Second)) // an open connection takes it
			var m struct {
				Kind string
				Body struct{ Text string }
			}
			if ws.ReadJSON(&m) != nil {
				return
			}
			mu.Lock()
			if at, ok := planned[m.Body.Text]; ok && m.Kind == "radio.text" {
				took = append(took, time.Since(at))
			}
			mu.Unlock()
		}
	}()
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(c.MQTT).SetClientID("bench").SetUsername(user).SetPassword(password))
	if tok := client.Connect(); tok.Wait() && tok.Error() != nil {
		b.Fatal(tok.Error())
	}
	defer client.Disconnect(100)
	start := time.Now().Add(300 * time.Millisecond)
	for i := range rate * secs {
		at := start.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(at)) // the schedule is the load
		text := fmt.Sprintf("bench %d", i)
		mu.Lock()
		planned[text] = at
		mu.Unlock()
		client.Publish(topic, 1, false, fmt.Sprintf(`{"Text":{"timestamp":%q,"mode":"DMR","slot":1,"value":%q}}`,
			at.UTC().Format("2006-01-02T15:04:05.000Z"), text))
	}
	<-done
	if len(took) == 0 {
		b.Fatal("nothing arrived on the live channel")
	}
	slices.Sort(took)
	return took
}

// listen signs in and opens the live channel.
func listen(b *testing.B, c credentials) *websocket.Conn {
	b.Helper()
	body := ""
	for _, u := range c.Users {
		if u.Role == "guard" {
			body = fmt.Sprintf(`{"name":%q,"password":%q}`, u.Name, u.Password)
		}
	}
	resp, err := http.Post(c.URL+"/api/v1/session", "application/json", strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var s struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil || s.Token == "" {
		b.Fatalf("signing in: %s %v", resp.Status, err)
	}
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(c.URL, "http")+"/api/v1/live", http.Header{"Authorization": {"Bearer " + s.Token}})
	if err != nil {
		b.Fatal(err)
	}
	return ws
}

// syncTimes is how long the disk takes to make 4 KiB durable, sorted.
func syncTimes(b *testing.B, dir string, n int) []time.Duration {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var took []time.Duration
	block := make([]byte, 4096)
	for range n {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took
}
