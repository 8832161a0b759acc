package hub

// ring holds the newest events, found by sequence.
type ring struct {
	slots      []*entry
	tail, head uint64 // sequences held: tail … head; empty when tail = head + 1
	bytes, max int
}

func newRing(size, maxBytes int, head uint64) ring {
	return ring{slots: make([]*entry, size), tail: head + 1, head: head, max: maxBytes}
}

func (r *ring) at(seq uint64) *entry { return r.slots[seq%uint64(len(r.slots))] }

// add appends the next event and drops the oldest that do not fit beside it.
func (r *ring) add(e *entry) {
	for r.tail <= r.head && (r.head+1-r.tail == uint64(len(r.slots)) || r.bytes+e.size > r.max) {
		old := r.at(r.tail)
		r.bytes -= old.size
		r.slots[r.tail%uint64(len(r.slots))] = nil
		r.tail++
	}
	r.head++
	r.slots[r.head%uint64(len(r.slots))] = e
	r.bytes += e.size
}
