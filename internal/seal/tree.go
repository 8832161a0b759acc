package seal

import (
	"crypto/sha256"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Tree is the growing right edge of a Merkle tree: enough to append leaves and to know the root, in a
// few hundred bytes whatever the size. It is a value; a copy is a save point.
type Tree struct {
	size uint64
	edge [64]Hash // edge[l] is the root of the complete subtree of 2^l leaves, valid where bit l of size is set
}

// Size is the number of leaves.
func (t *Tree) Size() uint64 { return t.size }

// Append adds a leaf and returns the hashes that it completes: the leaf itself, then the parents it closes,
// lowest level first. Those are the hashes to store under the leaf's sequence (see NodeAddress).
func (t *Tree) Append(leaf Hash) []Hash {
	done := make([]Hash, 1, 1+bits.TrailingZeros64(t.size+1))
	done[0] = leaf
	h := leaf
	level := 0
	for ; t.size>>level&1 == 1; level++ {
		h = tlog.NodeHash(t.edge[level], h)
		done = append(done, h)
	}
	t.edge[level] = h
	t.size++
	return done
}

// Root is the RFC 6962 tree head; of the empty tree it is SHA-256 of nothing.
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return Hash(sha256.Sum256(nil))
	}
	level := bits.TrailingZeros64(t.size)
	h := t.edge[level]
	for level++; level < 64; level++ {
		if t.size>>level&1 == 1 {
			h = tlog.NodeHash(t.edge[level], h)
		}
	}
	return h
}

// NodeReader returns the stored hash of the complete subtree of 2^level leaves that ends with leaf seq (1-based).
type NodeReader func(seq uint64, level int) (Hash, error)

// LoadTree rebuilds the right edge of a tree of the given size from stored hashes.
func LoadTree(size uint64, read NodeReader) (Tree, error) {
	t := Tree{size: size}
	var end uint64
	for level := 63; level >= 0; level-- {
		if size>>level&1 == 0 {
			continue
		}
		end += 1 << level
		h, err := read(end, level)
		if err != nil {
			return Tree{}, fmt.Errorf("seal: loading tree of size %d: %w", size, err)
		}
		t.edge[level] = h
	}
	return t, nil
}

// NodeAddress turns an index in tlog's storage order into the leaf sequence (1-based) whose arrival completes the
// node, and the node's level: where Append's result puts it.
func NodeAddress(index int64) (seq uint64, level int) {
	l, n := tlog.SplitStoredHashIndex(index)
	return uint64(n+1) << l, l
}

func (read NodeReader) tlog() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, ix := range indexes {
			seq, level := NodeAddress(ix)
			h, err := read(seq, level)
			if err != nil {
				return nil, err
			}
			out[i] = h
		}
		return out, nil
	})
}

// RootAt is the root the tree had at the given size.
func RootAt(size uint64, read NodeReader) (Hash, error) {
	if size == 0 {
		return Hash(sha256.Sum256(nil)), nil
	}
	return tlog.TreeHash(int64(size), read.tlog())
}

// ProveInclusion proves that event seq is in the tree of the given size.
func ProveInclusion(size, seq uint64, read NodeReader) ([]Hash, error) {
	if seq == 0 || seq > size {
		return nil, fmt.Errorf("seal: event %d is not in a tree of size %d", seq, size)
	}
	p, err := tlog.ProveRecord(int64(size), int64(seq-1), read.tlog())
	return p, err
}

// ProveConsistency proves that the tree of size older is a prefix of the tree of size newer.
func ProveConsistency(newer, older uint64, read NodeReader) ([]Hash, error) {
	if older == 0 || older > newer {
		return nil, fmt.Errorf("seal: no consistency proof from size %d to size %d", older, newer)
	}
	p, err := tlog.ProveTree(int64(newer), int64(older), read.tlog())
	return p, err
}

// CheckInclusion verifies a proof made by ProveInclusion.
func CheckInclusion(proof []Hash, size uint64, root Hash, seq uint64, leaf Hash) error {
	return tlog.CheckRecord(proof, int64(size), root, int64(seq-1), leaf)
}

// CheckConsistency verifies a proof made by ProveConsistency.
func CheckConsistency(proof []Hash, newer uint64, newRoot Hash, older uint64, oldRoot Hash) error {
	return tlog.CheckTree(proof, int64(newer), newRoot, int64(older), oldRoot)
}
