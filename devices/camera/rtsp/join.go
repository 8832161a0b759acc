package rtsp

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/pion/rtp"
)

// Limits of one access unit.
const (
	maxUnit  = 8 << 20 // bytes
	maxNALUs = 256
	slabSize = 32 << 10
)

var (
	errShort = errors.New("the packet is too short")
	errKind  = errors.New("a packet type that is not carried")
	errHole  = errors.New("a fragment is missing")
	errLarge = errors.New("the access unit is too large")
)

// joiner puts NAL units and access units together from packets. It copies each payload once, into slabs that
// hold many NAL units: allocating every packet and fragment by itself cost as much as everything else together.
type joiner struct {
	slab  []byte // the rest of the current slab: length 0 or the fragmented NAL unit so far
	unit  joined
	size  int
	open  bool   // slab holds a fragmented NAL unit that is not finished
	next  uint16 // sequence number of its next fragment
	ready joined // what before and after hand out
}

// joined is a finished access unit.
type joined struct {
	ts    uint32
	nalus [][]byte
}

// before returns the unit that pkt ends by belonging to another picture, for cameras without marker bits.
func (j *joiner) before(pkt *rtp.Packet) *joined {
	if pkt.Timestamp == j.unit.ts {
		return nil
	}
	u := j.take()
	j.unit.ts = pkt.Timestamp
	return u
}

// after returns the unit that pkt ends by its marker.
func (j *joiner) after(pkt *rtp.Packet) *joined {
	if !pkt.Marker {
		return nil
	}
	return j.take()
}

func (j *joiner) take() *joined {
	j.drop()
	if len(j.unit.nalus) == 0 {
		return nil
	}
	j.ready = j.unit
	j.unit.nalus, j.size = nil, 0
	return &j.ready
}

// drop gives up a NAL unit whose fragments did not all come.
func (j *joiner) drop() {
	j.slab, j.open = j.slab[:0], false
}

// whole takes a NAL unit that is a packet.
func (j *joiner) whole(n []byte) error {
	j.drop()
	if err := j.grow(n); err != nil {
		return err
	}
	return j.end()
}

// several takes NAL units that share a packet, each with its length in front.
func (j *joiner) several(p []byte) error {
	for len(p) > 2 {
		n := int(binary.BigEndian.Uint16(p))
		if p = p[2:]; n == 0 {
			return nil // padding
		}
		if n > len(p) {
			return errShort
		}
		if err := j.whole(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// part takes a fragment. head is the fragment's own header byte (start and end flags), nal the header of the
// NAL unit that it belongs to.
func (j *joiner) part(seq uint16, head byte, p []byte, nal ...byte) error {
	if head&0x80 != 0 {
		j.drop()
		j.open = true
		if err := j.grow(nal); err != nil {
			return err
		}
	} else if !j.open {
		return nil // its beginning was lost, and that was counted
	} else if seq != j.next {
		j.drop()
		return errHole
	}
	j.next = seq + 1
	if err := j.grow(p); err != nil {
		return err
	}
	if head&0x40 != 0 {
		return j.end()
	}
	return nil
}

// grow appends to the NAL unit at the slab's front.
func (j *joiner) grow(p []byte) error {
	if j.size+len(j.slab)+len(p) > maxUnit {
		j.drop()
		j.unit.nalus, j.size = nil, 0
		return errLarge
	}
	if need := len(j.slab) + len(p); need > cap(j.slab) {
		fresh := make([]byte, len(j.slab), max(slabSize, 2*need))
		copy(fresh, j.slab)
		j.slab = fresh
	}
	j.slab = append(j.slab, p...)
	return nil
}

// end cuts the finished NAL unit off the slab and adds it to the access unit.
func (j *joiner) end() error {
	n := len(j.slab)
	nalu := j.slab[:n:n]
	j.slab, j.open = j.slab[n:n], false
	j.size += n
	if len(j.unit.nalus) >= maxNALUs {
		j.unit.nalus, j.size = nil, 0
		return errLarge
	}
	if n > 4 && nalu[0] == 0 && nalu[1] == 0 {
		j.unit.nalus = append(j.unit.nalus, splitStartCodes(nalu)...)
		return nil
	}
	j.unit.nalus = append(j.unit.nalus, nalu)
	return nil
}

// splitStartCodes takes apart what some cameras send: several NAL units with start codes as if they were one.
// It needs no copy.
func splitStartCodes(b []byte) [][]byte {
	var out [][]byte
	code := []byte{0, 0, 1}
	for len(b) > 0 && len(out) < maxNALUs {
		i := bytes.Index(b, code)
		part := b
		if i >= 0 {
			part, b = b[:i], b[i+3:]
		} else {
			b = nil
		}
		if part = bytes.TrimRight(part, "\x00"); len(part) > 0 {
			out = append(out, part)
		}
	}
	return out
}
