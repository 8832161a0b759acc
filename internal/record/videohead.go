package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"time"

	"siaga/internal/watch"
)

// videoBuilder puts the pieces of a video in a row. Only the first and the last file are looked into; of those in
// between the rows say enough.
type videoBuilder struct {
	v        *Video
	from, to int64
	tracks   []trackInfo // of the first header
	lead     int
	header   []byte
	layouts  map[string]bool // of files that may follow one another here
	media    int64           // leading ticks so far
	table    []tableEntry
}

// tableEntry is one piece as the segment table has it.
type tableEntry struct{ size, ticks int64 }

// add appends a segment and reports whether the next may follow.
func (b *videoBuilder) add(s *Segment, first, last bool) (bool, error) {
	f, err := openRecording(b.v.dir, s.Path)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // only read
	fits, err := b.fits(f, s)
	if err != nil || !fits {
		b.v.whole = false
		return false, err
	}
	pc := piece{path: s.Path, from: s.Header, size: s.Bytes - s.Header, limit: s.Bytes}
	counts := countsOf(s)
	start, cut, ticks := watch.Millis(s.Start), int64(0), s.Ticks
	if first || last || s.Open {
		rec, err := scan(f, s.Bytes)
		if err != nil {
			return false, err
		}
		i, j := rec.cut(start, b.from, b.to)
		if i >= j {
			return true, nil
		}
		pc.from, pc.size, cut, ticks = rec.measure(i, j)
		counts = rec.count(i, j)
	}
	if pc.size > maxPiece {
		return false, fmt.Errorf("a segment of %d bytes, the limit is %d: %w", pc.size, int64(maxPiece), errBox)
	}
	pc.index = indexSize(b.tracks, counts[:])
	scale := int64(b.tracks[b.lead].scale)
	pc.shift, pc.off = b.media-cut, b.v.size // the head's size is added by finish
	span := VideoSpan{
		Offset: time.Duration(b.media) * time.Second / time.Duration(scale), Path: s.Path,
		From: watch.FromMillis(start + cut*1000/scale), To: watch.FromMillis(start + (cut+ticks)*1000/scale),
	}
	b.v.pieces = append(b.v.pieces, pc)
	b.v.spans = append(b.v.spans, span)
	b.v.end = span.To
	b.v.size += pc.index + pc.size
	b.media += ticks
	b.table = append(b.table, tableEntry{pc.index + pc.size, ticks})
	return true, nil
}

// countsOf is what the row of a closed segment says about its tracks.
func countsOf(s *Segment) (c [maxTracks]count) {
	for i, t := range s.Tracks[:min(len(s.Tracks), maxTracks)] {
		c[i] = count{t.Runs, t.Units}
	}
	return c
}

// fits reports whether the segment can be part of this video. The first one decides.
func (b *videoBuilder) fits(f *os.File, s *Segment) (bool, error) {
	if !s.Open && b.layouts[s.Layout] {
		return true, nil
	}
	rec, err := scanHeader(f, s.Bytes)
	if err != nil {
		return false, err
	}
	s.Header, s.Layout = int64(len(rec.header)), layoutOf(rec.header)
	if b.tracks == nil {
		b.tracks, b.lead, b.header, b.layouts = rec.tracks, rec.lead, rec.header, map[string]bool{}
	}
	b.layouts[s.Layout] = slices.EqualFunc(b.tracks, rec.tracks, alike)
	return b.layouts[s.Layout], nil
}

// alike reports whether units of one track can stand in the other. Video may differ in its parameter sets.
func alike(a, b trackInfo) bool {
	return a.id == b.id && a.scale == b.scale && a.entry == b.entry && bytes.Equal(a.config, b.config)
}

// cut chooses the parts i to j between two site times, from a key frame on; i is j if there are none.
func (rec *recording) cut(start, from, to int64) (i, j int) {
	scale := int64(rec.tracks[rec.lead].scale)
	j = len(rec.parts)
	for k := range rec.parts {
		p := &rec.parts[k]
		if p.base < 0 {
			continue
		}
		at := start + p.base*1000/scale
		if p.key && at <= from {
			i = k
		}
		if at >= to && k > 0 {
			j = k
			break
		}
	}
	if i < j && rec.parts[i].base < 0 {
		return j, j
	}
	return i, j
}

// measure returns which bytes the parts i to j are, the leading time of the first and how much leading time there is.
func (rec *recording) measure(i, j int) (off, size, base, ticks int64) {
	off, base = rec.parts[i].off, rec.parts[i].base
	for _, p := range rec.parts[i:j] {
		size += p.size
		if p.base >= 0 {
			ticks = p.base + p.ticks - base
		}
	}
	return off, size, base, ticks
}

// finish writes the head: the first file's header with the whole duration, and a table of the pieces.
func (b *videoBuilder) finish() (*Video, error) {
	top, err := parseBoxes(b.header, 0)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	v := b.v
	for _, x := range top {
		if mvex := x.find("mvex"); mvex != nil {
			ms := b.media * 1000 / int64(b.tracks[b.lead].scale)
			mehd := &box{kind: "mehd", head: binary.BigEndian.AppendUint64([]byte{1, 0, 0, 0}, uint64(ms))}
			mvex.kids = append([]*box{mehd}, mvex.kids...)
		}
		v.head = x.appendTo(v.head)
	}
	v.head = b.appendTables(v.head)
	for i := range v.pieces {
		v.pieces[i].off += int64(len(v.head))
	}
	v.size += int64(len(v.head))
	return v, nil
}

// tableSize is the length of a sidx box of n entries.
func tableSize(n int) int { return 40 + 12*n }

// appendTables writes a sidx box for each track with one entry a piece, if they fit. A player that finds one for the
// video only takes its times for those of the audio, too.
func (b *videoBuilder) appendTables(out []byte) []byte {
	if len(b.table) > 1<<16-1 {
		return out
	}
	lead := int64(b.tracks[b.lead].scale)
	for i, t := range b.tracks {
		x := &box{kind: "sidx", head: []byte{1, 0, 0, 0}}
		x.head = binary.BigEndian.AppendUint32(x.head, t.id)
		x.head = binary.BigEndian.AppendUint32(x.head, t.scale)
		x.head = append(x.head, make([]byte, 8)...) // earliest time
		x.head = binary.BigEndian.AppendUint64(x.head, uint64((len(b.tracks)-1-i)*tableSize(len(b.table))))
		x.head = append(x.head, 0, 0)
		x.head = binary.BigEndian.AppendUint16(x.head, uint16(len(b.table)))
		media := int64(0)
		for _, e := range b.table {
			from, to := media*int64(t.scale)/lead, (media+e.ticks)*int64(t.scale)/lead
			media += e.ticks
			x.head = binary.BigEndian.AppendUint32(x.head, uint32(e.size)&0x7fff_ffff)
			x.head = binary.BigEndian.AppendUint32(x.head, uint32(to-from))
			x.head = binary.BigEndian.AppendUint32(x.head, 0x9000_0000) // begins with a key frame
		}
		out = x.appendTo(out)
	}
	return out
}
