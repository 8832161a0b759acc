package record

import (
	"encoding/binary"
	"errors"
	"fmt"
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
	headers  [][]byte // one for each layout
	layouts  []string
	media    int64 // leading ticks so far
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
	entry, err := b.entryFor(s, func() (*recording, error) { return scanHeader(f, s.Bytes) })
	if err != nil || entry == 0 {
		b.v.whole = false
		return false, err
	}
	pc := piece{path: s.Path, from: s.Header, size: s.Bytes - s.Header, entry: entry, limit: s.Bytes}
	start, cut, ticks := watch.Millis(s.Start), int64(0), s.Ticks
	if first || last || s.Open {
		rec, err := scan(f, s.Bytes)
		if err != nil {
			return false, err
		}
		if pc.from, pc.size, cut, ticks = rec.cut(start, b.from, b.to); pc.size == 0 {
			return true, nil
		}
	}
	scale := int64(b.tracks[b.lead].scale)
	pc.shift, pc.off = b.media-cut, b.v.size // the head's size is added by finish
	span := VideoSpan{
		Offset: time.Duration(b.media) * time.Second / time.Duration(scale), Path: s.Path,
		From: watch.FromMillis(start + cut*1000/scale), To: watch.FromMillis(start + (cut+ticks)*1000/scale),
	}
	b.v.pieces = append(b.v.pieces, pc)
	b.v.spans = append(b.v.spans, span)
	b.v.end = span.To
	b.v.size += pc.size
	b.media += ticks
	b.table = append(b.table, tableEntry{pc.size, ticks})
	return true, nil
}

// entryFor returns which sample entry the segment's parts use, 0 if they cannot be part of this video.
func (b *videoBuilder) entryFor(s *Segment, load func() (*recording, error)) (uint32, error) {
	for i, l := range b.layouts {
		if l == s.Layout && !s.Open {
			return uint32(i + 1), nil
		}
	}
	rec, err := load()
	if err != nil {
		return 0, err
	}
	s.Header, s.Layout = int64(len(rec.header)), layoutOf(rec.header)
	for i, l := range b.layouts {
		if l == s.Layout {
			return uint32(i + 1), nil
		}
	}
	if b.tracks == nil {
		b.tracks, b.lead = rec.tracks, rec.lead
	}
	if !alike(b.tracks, rec.tracks) {
		return 0, nil
	}
	b.headers, b.layouts = append(b.headers, rec.header), append(b.layouts, s.Layout)
	return uint32(len(b.layouts)), nil
}

// alike reports whether parts of two files can stand in the same tracks, each with its own sample entry.
func alike(a, b []trackInfo) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].id != b[i].id || a[i].scale != b[i].scale || a[i].entry != b[i].entry || a[i].channels != b[i].channels {
			return false
		}
	}
	return true
}

// cut chooses the parts between two site times, from a key frame on. It returns the bytes, the leading time of the
// first part and how much leading time there is.
func (rec *recording) cut(start, from, to int64) (off, size, base, ticks int64) {
	scale := int64(rec.tracks[rec.lead].scale)
	at := func(p *part) int64 { return start + p.base*1000/scale }
	i, j := 0, len(rec.parts)
	for k := range rec.parts {
		p := &rec.parts[k]
		if p.base < 0 {
			continue
		}
		if p.key && at(p) <= from {
			i = k
		}
		if at(p) >= to && k > 0 {
			j = k
			break
		}
	}
	if i >= j || rec.parts[i].base < 0 {
		return 0, 0, 0, 0
	}
	off, base = rec.parts[i].off, rec.parts[i].base
	for _, p := range rec.parts[i:j] {
		size += p.size
		if p.base >= 0 {
			ticks = p.base + p.ticks - base
		}
	}
	return off, size, base, ticks
}

// finish writes the head: the first file's header with the sample entries of the others and the whole duration, and
// a table of the pieces.
func (b *videoBuilder) finish() (*Video, error) {
	top, err := parseBoxes(b.headers[0], 0)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	for _, x := range top {
		if x.kind != "moov" {
			continue
		}
		for _, other := range b.headers[1:] {
			if err := mergeEntries(x, other); err != nil {
				return nil, fmt.Errorf("record: %w", err)
			}
		}
		if mvex := x.find("mvex"); mvex != nil {
			ms := b.media * 1000 / int64(b.tracks[b.lead].scale)
			mehd := &box{kind: "mehd", head: binary.BigEndian.AppendUint64([]byte{1, 0, 0, 0}, uint64(ms))}
			mvex.kids = append([]*box{mehd}, mvex.kids...)
		}
	}
	v := b.v
	for _, x := range top {
		v.head = x.appendTo(v.head)
	}
	v.head = b.appendTable(v.head)
	for i := range v.pieces {
		v.pieces[i].off += int64(len(v.head))
	}
	v.size += int64(len(v.head))
	return v, nil
}

// mergeEntries adds the sample entries of another header, track by track.
func mergeEntries(moov *box, header []byte) error {
	top, err := parseBoxes(header, 0)
	if err != nil {
		return err
	}
	for _, x := range top {
		if x.kind != "moov" {
			continue
		}
		from := x.all("trak")
		for i, trak := range moov.all("trak") {
			path := []string{"mdia", "minf", "stbl", "stsd"}
			into := trak.find(path...)
			if i >= len(from) || into == nil || from[i].find(path...) == nil {
				return errors.New("headers of unlike tracks")
			}
			into.kids = append(into.kids, from[i].find(path...).kids[0])
			into.head = binary.BigEndian.AppendUint32([]byte{0, 0, 0, 0}, uint32(len(into.kids)))
		}
	}
	return nil
}

// appendTable writes a sidx box with one entry a piece, if they fit.
func (b *videoBuilder) appendTable(out []byte) []byte {
	if len(b.table) > 1<<16-1 {
		return out
	}
	t := b.tracks[b.lead]
	x := &box{kind: "sidx", head: []byte{1, 0, 0, 0}}
	x.head = binary.BigEndian.AppendUint32(x.head, t.id)
	x.head = binary.BigEndian.AppendUint32(x.head, t.scale)
	x.head = append(x.head, make([]byte, 8+8+2)...) // earliest time, first offset, reserved
	x.head = binary.BigEndian.AppendUint16(x.head, uint16(len(b.table)))
	for _, e := range b.table {
		x.head = binary.BigEndian.AppendUint32(x.head, uint32(e.size)&0x7fff_ffff)
		x.head = binary.BigEndian.AppendUint32(x.head, uint32(e.ticks))
		x.head = binary.BigEndian.AppendUint32(x.head, 0x9000_0000) // begins with a key frame
	}
	return x.appendTo(out)
}
