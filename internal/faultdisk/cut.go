package faultdisk

import (
	"errors"
	"maps"
	"math/rand/v2"
)

// sector is what a medium writes whole or not at all.
const sector = 512

// Cut is the power cut: from this call on nothing reaches the disk and every call fails. The program on it should be
// killed next, then the disk unmounted, then Recover.
func (d *Disk) Cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
}

// Recover leaves what the medium holds: all that was synced, and of the rest what chance gives. Of each file any
// subset of the sectors written since its last sync survives, in no order; of each directory the names changed since
// its last sync survive up to some point, since file systems journal those in order. Faults are lifted. The disk MUST
// NOT be mounted.
func (d *Disk) Recover(chance *rand.Rand) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mounted != nil {
		return errors.New("faultdisk: unmount the disk before it recovers")
	}
	// At one cut of four nothing that was not synced survives, at another all of it: the two edges of what may happen.
	share := [...]float64{0, 1, chance.Float64(), chance.Float64()}[chance.IntN(4)]
	d.nodes, d.used = map[uint64]*node{}, d.others
	d.survive(d.root, share, chance)
	d.dead, d.faults = false, nil
	return nil
}

// survive settles one node, and all below it, at what the medium holds.
func (d *Disk) survive(n *node, share float64, chance *rand.Rand) {
	d.nodes[n.id] = n
	if !n.dir {
		n.data = append([]byte(nil), n.survivors(share, chance)...)
		n.kept, n.pending = append([]byte(nil), n.data...), nil
		d.used += int64(len(n.data))
		return
	}
	for _, c := range n.renames {
		if chance.Float64() >= share {
			break
		}
		c.apply(n.keptChildren)
	}
	n.children, n.renames = maps.Clone(n.keptChildren), nil
	for name, child := range n.children {
		child.name, child.parent, child.gone = name, n, false
		d.survive(child, share, chance)
	}
}

// survivors is the content of a file after the cut.
func (n *node) survivors(share float64, chance *rand.Rand) []byte {
	out := n.kept
	for _, c := range n.pending {
		if c.data == nil {
			if chance.Float64() < share {
				out = c.apply(out)
			}
			continue
		}
		for from := 0; from < len(c.data); {
			to := min(len(c.data), from+sector-int((c.off+int64(from))%sector))
			if chance.Float64() < share {
				out = change{off: c.off + int64(from), data: c.data[from:to]}.apply(out)
			}
			from = to
		}
	}
	return out
}
