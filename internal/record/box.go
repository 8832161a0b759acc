package record

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errBox is the cause of every complaint about the structure of an MP4 file.
var errBox = errors.New("not a sound MP4 box")

// box is one MP4 box in memory. Only file headers are read this way; they are a few kB.
type box struct {
	kind string
	head []byte // fields before the children of a container, or the whole payload of a leaf
	kids []*box // nil for a leaf
}

// prefix is how many bytes of fields stand before the children of a container; -1 for a leaf.
func prefix(kind string) int {
	switch kind {
	case "moov", "trak", "mdia", "minf", "stbl", "mvex":
		return 0
	case "stsd":
		return 8
	}
	return -1
}

// maxDepth bounds the nesting that parseBoxes follows; ours is six deep.
const maxDepth = 8

func parseBoxes(b []byte, depth int) ([]*box, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested too deeply: %w", errBox)
	}
	var out []*box
	for len(b) > 0 {
		if len(b) < 8 {
			return nil, fmt.Errorf("%d stray bytes: %w", len(b), errBox)
		}
		size := int64(binary.BigEndian.Uint32(b))
		if size < 8 || size > int64(len(b)) {
			return nil, fmt.Errorf("%q of %d bytes in %d: %w", b[4:8], size, len(b), errBox)
		}
		x := &box{kind: string(b[4:8]), head: b[8:size]}
		if n := prefix(x.kind); n >= 0 {
			if len(x.head) < n {
				return nil, fmt.Errorf("%q of %d bytes: %w", x.kind, size, errBox)
			}
			kids, err := parseBoxes(x.head[n:], depth+1)
			if err != nil {
				return nil, err
			}
			x.head, x.kids = x.head[:n:n], kids
		}
		out = append(out, x)
		b = b[size:]
	}
	return out, nil
}

// appendTo writes the box and its children.
func (x *box) appendTo(b []byte) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = append(b, x.kind...)
	b = append(b, x.head...)
	for _, k := range x.kids {
		b = k.appendTo(b)
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at))
	return b
}

// find follows a path of kinds and returns the first box at its end, or nil.
func (x *box) find(path ...string) *box {
	for _, kind := range path {
		var next *box
		for _, k := range x.kids {
			if k.kind == kind {
				next = k
				break
			}
		}
		if next == nil {
			return nil
		}
		x = next
	}
	return x
}

// all returns the children of a kind.
func (x *box) all(kind string) []*box {
	var out []*box
	for _, k := range x.kids {
		if k.kind == kind {
			out = append(out, k)
		}
	}
	return out
}
