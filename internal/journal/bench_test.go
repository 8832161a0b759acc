package journal_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"siaga/internal/journal"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// benchBody is a drone's position, the commonest event.
const benchBody = `{"lat":-3.54,"lon":118.97,"height_takeoff_m":58.3,"heading_deg":92.4,"speed_mps":6.4}`

func BenchmarkAppend_Sustained(b *testing.B) {
	s := fresh(b)
	var last *journal.Receipt
	body := json.RawMessage(benchBody)
	start := time.Now()
	for b.Loop() {
		r, err := s.Append(b.Context(), watch.Draft{Kind: "drone.position", Device: "drone-1", Zone: "udara", Body: body})
		if err != nil {
			b.Fatal(err)
		}
		last = r
	}
	if err := last.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "events/s")
}

// BenchmarkAppend_SQLiteAlone prints what the same database, driver, pragmas, table and indexes take without a journal:
// rows of the same size, a hundred and a thousand a commit.
func BenchmarkAppend_SQLiteAlone(b *testing.B) {
	for _, batch := range []int{100, 1000} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			db, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "siaga.db"), store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			insert, err := db.Writer().Prepare(`INSERT INTO events (seq, kind, device, zone, subject, actor, at, device_at, body, salt, tree) VALUES (?,?,?,?,?,?,?,?,?,?,?)`)
			if err != nil {
				b.Fatal(err)
			}
			rows, start := 0, time.Now()
			for b.Loop() {
				insertRows(b, db.Writer(), insert, rows, batch)
				rows += batch
			}
			b.ReportMetric(float64(rows)/time.Since(start).Seconds(), "rows/s")
		})
	}
}

func insertRows(b *testing.B, db *sql.DB, insert *sql.Stmt, from, n int) {
	b.Helper()
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	bound := tx.Stmt(insert)
	body, salt, tree := []byte(benchBody), make([]byte, 16), make([]byte, 64) // two hashes, as a leaf completes on average
	for i := range n {
		if _, err := bound.Exec(from+i+1, "drone.position", "drone-1", "udara", "", "", time.Now().UnixMilli(), 0, body, salt, tree); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAppend_Alone prints how long one event takes from Append to its receipt when nothing else is written, beside
// one forced write of 4 KiB on the same disk in turn with it.
func BenchmarkAppend_Alone(b *testing.B) {
	s := fresh(b)
	f, err := os.Create(filepath.Join(b.TempDir(), "sync"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	var events, syncs []time.Duration
	for b.Loop() {
		start := time.Now()
		add(b, s.Journal, "radio.emergency", `{"slot":2}`)
		between := time.Now()
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
		events, syncs = append(events, between.Sub(start)), append(syncs, time.Since(between))
	}
	slices.Sort(events)
	slices.Sort(syncs)
	middle := func(all []time.Duration) float64 { return float64(all[len(all)/2].Microseconds()) / 1000 }
	b.ReportMetric(middle(events), "p50-ms")
	b.ReportMetric(float64(events[len(events)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(middle(syncs), "fdatasync-p50-ms")
	b.ReportMetric(middle(events)-middle(syncs), "above-fdatasync-ms")
}
