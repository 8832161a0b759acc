package journal

import (
	"sync/atomic"
	"time"
)

// Metrics counts what the journal promises. All fields may be read while it runs.
type Metrics struct {
	Commits    atomic.Uint64 // transactions made durable
	Jobs       atomic.Uint64 // submissions made durable
	Failures   atomic.Uint64 // transactions that failed
	CommitTime atomic.Int64  // total, nanoseconds
	// Receipts counts receipts by how long they took; bucket i holds those up to ReceiptBuckets[i].
	Receipts [len(ReceiptBuckets) + 1]atomic.Uint64
	// ReceiptTime is the sum over all receipts, nanoseconds.
	ReceiptTime atomic.Int64
}

// ReceiptBuckets are the upper bounds of the receipt histogram.
var ReceiptBuckets = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second,
}

func (m *Metrics) committed(jobs int, started time.Time, err error) {
	m.CommitTime.Add(int64(time.Since(started)))
	if err != nil {
		m.Failures.Add(1)
		return
	}
	m.Commits.Add(1)
	m.Jobs.Add(uint64(jobs))
}

func (m *Metrics) receipt(took time.Duration) {
	i := 0
	for i < len(ReceiptBuckets) && took > ReceiptBuckets[i] {
		i++
	}
	m.Receipts[i].Add(1)
	m.ReceiptTime.Add(int64(took))
}
