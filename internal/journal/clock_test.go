package journal_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"siaga/internal/journal"
)

// The wall clock goes back an hour and forward a day. Nothing is refused or reordered: the sequence goes on, followers
// see events in its order, times stay as the clock had them, and the log with its checkpoints is proved intact.
func TestJournal_OrderIsBySequenceWhateverTheClockDoes(t *testing.T) {
	var wall atomic.Int64
	wall.Store(time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC).UnixMilli())
	signer, verifier := keys(t)
	j, db := running(t, filepath.Join(t.TempDir(), "siaga.db"), journal.Options{
		Site: "kpu-majene", Signer: signer, Verifier: verifier, Now: func() time.Time { return time.UnixMilli(wall.Load()) },
	})
	steps := []time.Duration{0, -time.Hour, 24 * time.Hour, time.Second}
	for n, step := range steps {
		wall.Add(step.Milliseconds())
		if seq := add(t, j, "door.opened", `{}`); seq != uint64(n+1) {
			t.Fatalf("after a step of %s the sequence is %d", step, seq)
		}
		if _, err := j.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	events, err := j.Events(t.Context(), journal.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for n, e := range events {
		if e.Seq != uint64(n+1) {
			t.Errorf("event %d is in place %d", e.Seq, n+1)
		}
		if n > 0 && e.At.Sub(events[n-1].At) != steps[n] {
			t.Errorf("event %d is %s after the one before, the clock said %s", e.Seq, e.At.Sub(events[n-1].At), steps[n])
		}
	}
	rep, err := journal.Verify(t.Context(), db, journal.VerifyOptions{Site: "kpu-majene", Verifier: verifier})
	if err != nil || len(rep.Findings) > 0 || rep.Checkpoints != len(steps) {
		t.Errorf("%d checkpoints, %v %v", rep.Checkpoints, rep.Findings, err)
	}
}
