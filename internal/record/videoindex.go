package record

import (
	"encoding/binary"
	"fmt"
	"io"
)

// maxPiece bounds the bytes of one segment in a video: offsets in an index have 31 bits.
const maxPiece = 1<<31 - 1<<24

// Sizes of the boxes of an index.
const (
	moofSize  = 8 + 16      // with its number
	trafSize  = 8 + 16 + 20 // with track and time
	trunSize  = 20          // without entries
	mdatSize  = 16          // head of the data, with a long length
	wideEntry = 16          // of video: duration, size, flags, shift
	slimEntry = 8           // of audio: duration, size
)

func (t *trackInfo) entrySize() int64 {
	if t.video {
		return wideEntry
	}
	return slimEntry
}

// indexSize is the length of the index of a segment, which follows from how many units and runs there are.
func indexSize(tracks []trackInfo, counts []count) int64 {
	n := int64(moofSize + mdatSize)
	for i := range tracks {
		if c := counts[i]; c.units > 0 {
			n += trafSize + trunSize*c.runs + tracks[i].entrySize()*c.units
		}
	}
	return n
}

// run is the share of one part in a track of the index.
type run struct {
	base  int64 // in the file
	off   int64 // of the part, from the first byte used
	units []unitRef
}

// makeIndex reads the indexes of a segment's parts and makes one of them. Its length MUST be what indexSize said, or
// everything behind it in the video would be out of place.
func (pc *piece) makeIndex(f io.ReaderAt, number uint32) ([]byte, error) {
	rec, err := scanHeader(f, pc.limit)
	if err != nil {
		return nil, err
	}
	runs := make([][]run, len(rec.tracks))
	for off := pc.from; off < pc.from+pc.size; {
		p, err := rec.scanPart(f, off, pc.limit)
		if err != nil {
			return nil, err
		}
		if err := rec.collect(f, &p, off-pc.from, runs); err != nil {
			return nil, err
		}
		off += p.size
	}
	b := make([]byte, 0, pc.index)
	b = append(b, 0, 0, 0, 0, 'm', 'o', 'o', 'f', 0, 0, 0, 16, 'm', 'f', 'h', 'd', 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, number)
	for i := range runs {
		if len(runs[i]) > 0 {
			shift := pc.shift * int64(rec.tracks[i].scale) / int64(rec.tracks[rec.lead].scale)
			b = appendTrack(b, &rec.tracks[i], runs[i], shift, pc.index)
		}
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	b = append(b, 0, 0, 0, 1, 'm', 'd', 'a', 't')
	b = binary.BigEndian.AppendUint64(b, uint64(pc.size+mdatSize))
	if int64(len(b)) != pc.index {
		return nil, fmt.Errorf("its index has %d bytes, its row says %d: %w", len(b), pc.index, errDamaged)
	}
	return b, nil
}

// collect adds the runs of one part.
func (rec *recording) collect(f io.ReaderAt, p *part, off int64, runs [][]run) error {
	var head [4]byte
	if _, err := f.ReadAt(head[:], p.off); err != nil {
		return err
	}
	moof := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := f.ReadAt(moof, p.off); err != nil {
		return err
	}
	return rec.walk(moof, p.size, func(g *fragment) {
		runs[g.track] = append(runs[g.track], run{base: g.base, off: off, units: g.units})
	})
}

// appendTrack writes one track of the index. The last unit of a run lasts until the next run begins: when the part was
// written that was not always known.
func appendTrack(b []byte, t *trackInfo, runs []run, shift, data int64) []byte {
	traf := len(b)
	b = append(b, 0, 0, 0, 0, 't', 'r', 'a', 'f', 0, 0, 0, 16, 't', 'f', 'h', 'd', 0, 0x02, 0, 0)
	b = binary.BigEndian.AppendUint32(b, t.id)
	b = append(b, 0, 0, 0, 20, 't', 'f', 'd', 't', 1, 0, 0, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(max(0, runs[0].base+shift)))
	for k, r := range runs {
		flags := uint32(runFlags)
		if t.video {
			flags |= runVideoFlags
		}
		b = binary.BigEndian.AppendUint32(b, uint32(trunSize+t.entrySize()*int64(len(r.units))))
		b = append(b, 't', 'r', 'u', 'n')
		b = binary.BigEndian.AppendUint32(b, 1<<24|flags)
		b = binary.BigEndian.AppendUint32(b, uint32(len(r.units)))
		b = binary.BigEndian.AppendUint32(b, uint32(data+r.off+r.units[0].off))
		at := r.base
		for i, u := range r.units {
			ticks := u.ticks
			if i == len(r.units)-1 && k+1 < len(runs) && runs[k+1].base > at {
				ticks = runs[k+1].base - at
			}
			at += ticks
			b = appendEntry(b, t, &u, ticks)
		}
	}
	binary.BigEndian.PutUint32(b[traf:], uint32(len(b)-traf))
	return b
}

func appendEntry(b []byte, t *trackInfo, u *unitRef, ticks int64) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(ticks))
	b = binary.BigEndian.AppendUint32(b, uint32(u.size))
	if !t.video {
		return b
	}
	flags := uint32(flagsNonSync)
	if u.key {
		flags = flagsSync
	}
	b = binary.BigEndian.AppendUint32(b, flags)
	return binary.BigEndian.AppendUint32(b, uint32(int32(u.shift)))
}
