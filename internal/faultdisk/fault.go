package faultdisk

import (
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Op is a kind of file operation.
type Op string

// The operations that can fail.
const (
	Open     Op = "open"
	Create   Op = "create"
	Read     Op = "read"
	Write    Op = "write"
	Truncate Op = "truncate"
	Sync     Op = "fsync"
	SyncDir  Op = "fsync of the directory"
	Rename   Op = "rename"
	Remove   Op = "remove"
	Mkdir    Op = "mkdir"
	Allocate Op = "fallocate"
)

// Fault makes calls of one kind go wrong.
type Fault struct {
	Op    Op            // "" is every operation
	In    string        // part of the path, "" is every path; $ stands at the end of a path
	After int           // that many matching calls go well first
	Times int           // how many go wrong then; 0: all until Heal
	Err   syscall.Errno // how they fail; 0: they succeed
	Short bool          // a write takes half first, and says so if Err is 0
	Delay time.Duration // how long they take before that

	seen, hits atomic.Int64
}

// Hits is how many calls went wrong.
func (f *Fault) Hits() int { return int(f.hits.Load()) }

// Seen is how many calls it was matched with.
func (f *Fault) Seen() int { return int(f.seen.Load()) }

// Inject plants a fault. Several may be in place; the first that matches decides.
func (d *Disk) Inject(f *Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, f)
}

// Heal lifts all faults.
func (d *Disk) Heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = nil
}

// Calls is how many calls of a kind the disk has had.
func (d *Disk) Calls(op Op) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.counts[op]
}

// strike counts a call and returns the fault that it meets, nil for none; the caller holds mu.
func (d *Disk) strike(op Op, path string) *Fault {
	d.counts[op]++
	for _, f := range d.faults {
		if f.Op != "" && f.Op != op || !strings.Contains(path+"$", f.In) {
			continue
		}
		n := int(f.seen.Add(1))
		if n <= f.After || f.Times > 0 && n > f.After+f.Times {
			continue
		}
		f.hits.Add(1)
		return f
	}
	return nil
}
