package broker_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"siaga/devices/devicetest"
	"siaga/internal/broker"
)

// BenchmarkPubAck prints how long a QoS 1 message takes from the gateway's PUBLISH to its PUBACK, and to
// Siaga, at a steady rate, in both sync modes, alone and beside a flooding device; and what fdatasync costs
// on the same disk in the same run. Use -benchtime=1x; SIAGA_BENCH_DIR picks the disk.
func BenchmarkPubAck(b *testing.B) {
	for _, mode := range []broker.Sync{broker.SyncAlways, broker.SyncInterval} {
		for _, rate := range []int{200, 2000} {
			for _, flood := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/%dps/flood=%v", mode, rate, flood), func(b *testing.B) {
					for range b.N {
						measure(b, mode, rate, flood)
					}
				})
			}
		}
	}
}

const benchTime = 5 * time.Second

func measure(b *testing.B, mode broker.Sync, perSecond int, flood bool) {
	dir := benchDir(b)
	report(b, "fdatasync", fdatasync(b, dir, 300))
	s := newSite()
	s.mu.Lock()
	id := s.ids["ht"]
	id.Rate = 1e6
	s.ids["ht"] = id
	s.mu.Unlock()
	br, stop := serve(b, s, broker.Options{Dir: dir, Sync: mode})
	defer stop()
	siaga := devicetest.MustDial(b, s.link(br, "siaga", "s"))
	subscribe(b, siaga, "mmdvm/#")
	ht := devicetest.MustDial(b, s.link(br, "ht", "gw"))
	halt := make(chan struct{})
	var workers sync.WaitGroup
	defer workers.Wait()
	if flood {
		f := devicetest.MustDial(b, s.link(br, "door", "flooder"))
		workers.Go(func() {
			payload := make([]byte, 200)
			for {
				select {
				case <-halt:
					return
				default:
				}
				if _, err := f.Begin("zigbee2mqtt/x", payload, qos1); err != nil {
					return
				}
			}
		})
		defer f.Cut() // ends the flooder
	}
	acked, arrived := steady(b, ht, siaga, perSecond)
	close(halt)
	report(b, "puback", acked)
	report(b, "arrived", arrived)
}

// steady publishes at a rate and measures every message.
func steady(b *testing.B, ht, siaga *devicetest.Client, perSecond int) (acked, arrived []time.Duration) {
	n := perSecond * int(benchTime/time.Second)
	acked, arrived = make([]time.Duration, n), make([]time.Duration, n)
	sent := make([]time.Time, n)
	var mu sync.Mutex
	var workers sync.WaitGroup
	workers.Go(func() {
		for i := range n {
			m := siaga.Next(b)
			mu.Lock()
			arrived[i] = time.Since(sent[i])
			mu.Unlock()
			_ = siaga.Ack(m.ID)
		}
	})
	payload := []byte(`{"DMR":{"timestamp":"2026-11-20T02:15:42.170Z","source":"rf","action":"csbk","slot":2,"src_id":5100231,"dst_id":9911,"group":"yes","src_info":"POS-3 BUDI","csbk_desc":"Call Emergency"}}`)
	began := time.Now()
	for i := range n {
		time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(perSecond))))
		mu.Lock()
		sent[i] = time.Now()
		mu.Unlock()
		wait, err := ht.Begin("mmdvm/json", payload, qos1)
		must(b, err)
		workers.Go(func() {
			if err := wait(); err == nil {
				acked[i] = time.Since(sent[i])
			}
		})
	}
	workers.Wait()
	return acked, arrived
}

func report(b *testing.B, what string, d []time.Duration) {
	slices.Sort(d)
	b.ReportMetric(float64(d[len(d)/2].Microseconds())/1000, what+"-p50-ms")
	b.ReportMetric(float64(d[len(d)*99/100].Microseconds())/1000, what+"-p99-ms")
}

func benchDir(b *testing.B) string {
	root := os.Getenv("SIAGA_BENCH_DIR")
	if root == "" {
		return b.TempDir()
	}
	dir, err := os.MkdirTemp(root, "broker")
	must(b, err)
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// fdatasync measures n small appends, each forced to disk.
func fdatasync(b *testing.B, dir string, n int) []time.Duration {
	f, err := os.Create(filepath.Join(dir, "fdatasync"))
	must(b, err)
	defer f.Close()
	block := make([]byte, 512)
	d := make([]time.Duration, n)
	for i := range d {
		at := time.Now()
		_, err := f.Write(block)
		must(b, err)
		must(b, unix.Fdatasync(int(f.Fd())))
		d[i] = time.Since(at)
	}
	return d
}
