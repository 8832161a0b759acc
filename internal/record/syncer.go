package record

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Syncing open files. A file is due syncAfter after the first write that is not on the medium, which is every second
// part of a running camera. With parts of 0.8 s a power cut takes at most 0.8 s + syncAfter + one fsync.
const (
	syncAfter   = 900 * time.Millisecond
	syncWorkers = 4
)

// syncer syncs open files from a few goroutines. Files come due in the order in which they became dirty, which also
// spreads them: no two cameras finish their parts at the same moment.
type syncer struct {
	queue   chan dueFile
	now     func() time.Time
	metrics *Metrics
}

type dueFile struct {
	file *segFile
	at   time.Time
}

func newSyncer(now func() time.Time, m *Metrics) *syncer {
	return &syncer{queue: make(chan dueFile, 4096), now: now, metrics: m}
}

// wrote notes that file has new data whose oldest unit arrived at taken. It never blocks.
func (s *syncer) wrote(file *segFile, taken time.Time) {
	file.oldest.CompareAndSwap(0, taken.UnixNano())
	if file.dirty.Swap(true) {
		return
	}
	select {
	case s.queue <- dueFile{file, s.now().Add(syncAfter)}:
	default:
		file.dirty.Store(false) // the next part tries again
	}
}

// run syncs until ctx ends; files still open then are synced by their own end.
func (s *syncer) run(ctx context.Context) {
	var workers sync.WaitGroup
	for range syncWorkers {
		workers.Go(func() { s.work(ctx) })
	}
	workers.Wait()
}

func (s *syncer) work(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var due dueFile
		select {
		case due = <-s.queue:
		case <-ctx.Done():
			return
		}
		timer.Reset(due.at.Sub(s.now()))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		s.one(due.file)
	}
}

func (s *syncer) one(f *segFile) {
	start := s.now()
	oldest, err := f.sync()
	if err != nil {
		s.metrics.DiskErrors.Add(1)
		slog.Error("video not synced", "err", err)
	} else if oldest != 0 {
		s.metrics.synced(s.now().Sub(start), s.now().Sub(time.Unix(0, oldest)))
	}
}
