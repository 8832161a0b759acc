package web

import (
	"bytes"
	"compress/flate"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"siaga/internal/watch"
)

const benchClients = 500

// BenchmarkLive prints the time from journaling an event until the last of 500 websockets has it, durable write
// included, beside a raw loop over 500 websockets of the same library with prepared messages and no journal.
func BenchmarkLive(b *testing.B) {
	b.Run(fmt.Sprintf("siaga-%d", benchClients), func(b *testing.B) {
		quiet(b)
		s := newSite(b)
		var got atomic.Int64
		all := make(chan struct{}, 1)
		var wg sync.WaitGroup
		for range benchClients {
			sc := s.join(b, "guard", "")
			wg.Go(func() { count(sc.conn, &got, all) })
		}
		body := []byte(`{"text":"` + strings.Repeat("x", 200) + `"}`)
		rounds(b, func() {
			r, err := s.journal.Append(b.Context(), watch.Draft{Kind: "door.opened", Device: "door-1", Body: body})
			must(b, err)
			must(b, r.Wait(b.Context()))
			<-all
		})
		must(b, s.stopWeb())
		wg.Wait()
	})
	b.Run(fmt.Sprintf("raw-%d", benchClients), func(b *testing.B) {
		var mu sync.Mutex
		var conns []*websocket.Conn
		up := websocket.Upgrader{}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := up.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
		}))
		defer server.Close()
		var got atomic.Int64
		all := make(chan struct{}, 1)
		var wg sync.WaitGroup
		for range benchClients {
			c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
			must(b, err)
			wg.Go(func() { count(c, &got, all) })
		}
		data := []byte(`{"seq":1,"text":"` + strings.Repeat("x", 330) + `"}`)
		rounds(b, func() {
			m, err := websocket.NewPreparedMessage(websocket.TextMessage, data)
			must(b, err)
			for _, c := range conns {
				must(b, c.WritePreparedMessage(m))
			}
			<-all
		})
		for _, c := range conns {
			_ = c.Close()
		}
		wg.Wait()
	})
}

// count reads until the end and says so whenever all clients have one more event.
func count(c *websocket.Conn, got *atomic.Int64, all chan<- struct{}) {
	defer c.Close()
	for {
		_, data, err := c.ReadMessage()
		if err != nil {
			return
		}
		if bytes.HasPrefix(data, []byte(`{"seq"`)) && got.Add(1)%benchClients == 0 {
			all <- struct{}{}
		}
	}
}

func rounds(b *testing.B, round func()) {
	var took []time.Duration
	for b.Loop() {
		started := time.Now()
		round()
		took = append(took, time.Since(started))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkDeflate prints what compressing an event for all viewers at once would cost and save. It is not done: on the
// office's network bytes are free, and a server of two cores is not.
func BenchmarkDeflate(b *testing.B) {
	s := newSite(b)
	s.add("radio.emergency", 1)
	conn, _, err := s.dial("guard", "?after=0", nil)
	must(b, err)
	defer conn.Close()
	var event []byte
	for !bytes.HasPrefix(event, []byte(`{"seq"`)) {
		_, event, err = conn.ReadMessage()
		must(b, err)
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	must(b, err)
	for b.Loop() {
		out.Reset()
		w.Reset(&out)
		_, err := w.Write(event)
		must(b, err)
		must(b, w.Flush())
	}
	b.ReportMetric(float64(len(event)), "bytes")
	b.ReportMetric(float64(out.Len()), "deflated-bytes")
}
