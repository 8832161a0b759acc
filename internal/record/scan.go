package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits of what is read from a recording. Ours stay far below.
const (
	maxHeader = 1 << 20
	maxMoof   = 4 << 20
	maxPart   = 64 << 20
	maxParts  = 100_000
)

// recording is what a look through one of our files finds: the header and its complete parts.
type recording struct {
	header []byte
	tracks []trackInfo
	lead   int // index into tracks
	parts  []part
	good   int64 // bytes up to the end of the last complete part
}

// trackInfo is a track as the header describes it.
type trackInfo struct {
	id, scale uint32
	entry     string // kind of the sample entry: avc1, mp4a, ulaw…
	video     bool
	width     int    // video
	height    int    // video
	config    []byte // audio: the sample entry
}

// part is one moof with its mdat.
type part struct {
	off, size int64
	base      int64            // media time of its first leading unit, in leading ticks; -1 if it has none
	ticks     int64            // media time of its leading units
	frames    int64            // leading units
	key       bool             // the first leading unit is a key frame
	units     [maxTracks]int32 // how many each track has
}

// scan looks through a recording. It stops at the first byte that does not belong to a complete part and says why in
// the error; what was found before is returned all the same.
func scan(r io.ReaderAt, size int64) (*recording, error) {
	rec, err := scanHeader(r, size)
	if err != nil {
		return rec, err
	}
	for rec.good < size {
		if len(rec.parts) == maxParts {
			return rec, fmt.Errorf("more than %d parts: %w", maxParts, errBox)
		}
		p, err := rec.scanPart(r, rec.good, size)
		if err != nil {
			return rec, fmt.Errorf("at byte %d: %w", rec.good, err)
		}
		rec.parts = append(rec.parts, p)
		rec.good += p.size
	}
	return rec, nil
}

// boxAt reads the head of the box at off, which must lie in size bytes whole.
func boxAt(r io.ReaderAt, off, size, limit int64) (kind string, length int64, err error) {
	var b [8]byte
	if _, err := r.ReadAt(b[:], off); err != nil {
		if errors.Is(err, io.EOF) {
			err = errBox
		}
		return "", 0, fmt.Errorf("reading a box: %w", err)
	}
	length = int64(binary.BigEndian.Uint32(b[:]))
	if length < 8 || length > limit || off+length > size {
		return "", 0, fmt.Errorf("%q of %d bytes, %d are left: %w", b[4:], length, size-off, errBox)
	}
	return string(b[4:]), length, nil
}

func scanHeader(r io.ReaderAt, size int64) (*recording, error) {
	rec := &recording{}
	var end int64
	for _, want := range [...]string{"ftyp", "moov"} {
		kind, length, err := boxAt(r, end, size, maxHeader)
		if err != nil {
			return rec, err
		}
		if kind != want {
			return rec, fmt.Errorf("%q where %q should be: %w", kind, want, errBox)
		}
		end += length
	}
	rec.header = make([]byte, end)
	if _, err := r.ReadAt(rec.header, 0); err != nil {
		return rec, fmt.Errorf("reading the header: %w", err)
	}
	var err error
	if rec.tracks, err = tracksOf(rec.header); err != nil {
		return rec, err
	}
	for i, t := range rec.tracks {
		if t.video {
			rec.lead = i
			break
		}
	}
	rec.good = end
	return rec, nil
}

// tracksOf reads the tracks out of a header.
func tracksOf(header []byte) ([]trackInfo, error) {
	top, err := parseBoxes(header, 0)
	if err != nil {
		return nil, err
	}
	var out []trackInfo
	for _, x := range top {
		for _, trak := range x.all("trak") {
			tkhd, mdhd, stsd := trak.find("tkhd"), trak.find("mdia", "mdhd"), trak.find("mdia", "minf", "stbl", "stsd")
			if tkhd == nil || mdhd == nil || stsd == nil || len(stsd.kids) == 0 || len(tkhd.head) < 16 || len(mdhd.head) < 16 {
				return nil, fmt.Errorf("a track without its boxes: %w", errBox)
			}
			t := trackInfo{
				id: binary.BigEndian.Uint32(tkhd.head[12:]), scale: binary.BigEndian.Uint32(mdhd.head[12:]), entry: stsd.kids[0].kind,
				video: trak.find("mdia", "minf", "vmhd") != nil,
			}
			if e := stsd.kids[0].head; len(e) >= 28 && t.video {
				t.width, t.height = int(binary.BigEndian.Uint16(e[24:])), int(binary.BigEndian.Uint16(e[26:]))
			} else if !t.video {
				t.config = e
			}
			if t.scale == 0 {
				return nil, fmt.Errorf("track %d has no time scale: %w", t.id, errBox)
			}
			out = append(out, t)
		}
	}
	if len(out) == 0 || len(out) > maxTracks {
		return nil, fmt.Errorf("%d tracks: %w", len(out), errBox)
	}
	return out, nil
}

// scanPart reads the part at off.
func (rec *recording) scanPart(r io.ReaderAt, off, size int64) (part, error) {
	kind, length, err := boxAt(r, off, size, maxMoof)
	if err != nil {
		return part{}, err
	}
	if kind != "moof" {
		return part{}, fmt.Errorf("%q where a moof should be: %w", kind, errBox)
	}
	kind, data, err := boxAt(r, off+length, size, maxPart)
	if err != nil {
		return part{}, err
	}
	if kind != "mdat" {
		return part{}, fmt.Errorf("%q where an mdat should be: %w", kind, errBox)
	}
	moof := make([]byte, length)
	if _, err := r.ReadAt(moof, off); err != nil {
		return part{}, fmt.Errorf("reading a moof: %w", err)
	}
	p := part{off: off, size: length + data, base: -1}
	err = rec.walk(moof, p.size, func(f *fragment) {
		p.units[f.track] += int32(len(f.units))
		if f.track == rec.lead && p.base < 0 {
			p.base, p.frames, p.key = f.base, int64(len(f.units)), f.units[0].key
			for _, u := range f.units {
				p.ticks += u.ticks
			}
		}
	})
	if err != nil {
		return part{}, err
	}
	return p, nil
}

// count adds up what parts i to j hold, by track.
func (rec *recording) count(i, j int) (c [maxTracks]count) {
	for _, p := range rec.parts[i:j] {
		for k, n := range p.units {
			if n > 0 {
				c[k].runs++
				c[k].units += int64(n)
			}
		}
	}
	return c
}

// fragment is one track's share of a part.
type fragment struct {
	track int // index into tracks
	base  int64
	units []unitRef
}

// unitRef is one access unit in a part.
type unitRef struct {
	off   int64 // from the start of the moof
	size  int64
	ticks int64 // to the next unit
	shift int64 // presentation time less decoding time
	key   bool
}

// walk reads a moof, of a part of size bytes, and calls visit for each fragment. It accepts only what encode writes.
func (rec *recording) walk(moof []byte, size int64, visit func(*fragment)) error {
	if len(moof) < 24 || string(moof[12:16]) != "mfhd" || binary.BigEndian.Uint32(moof[8:]) != 16 {
		return fmt.Errorf("a moof without its number: %w", errBox)
	}
	at, seen := 24, 0
	for at < len(moof) {
		if len(moof)-at < 8 || string(moof[at+4:at+8]) != "traf" {
			return fmt.Errorf("no traf: %w", errBox)
		}
		n := int(binary.BigEndian.Uint32(moof[at:]))
		if n < 8 || n > len(moof)-at || seen == maxTracks {
			return fmt.Errorf("a traf of %d bytes: %w", n, errBox)
		}
		f, err := rec.readTraf(moof[:at+n], at, size)
		if err != nil {
			return err
		}
		visit(f)
		at += n
		seen++
	}
	if seen == 0 {
		return fmt.Errorf("an empty moof: %w", errBox)
	}
	return nil
}

// fixed is the length of what encodeTrack writes before the entries of a track run.
const fixed = 8 + 16 + 20 + 20

func (rec *recording) readTraf(b []byte, at int, size int64) (*fragment, error) {
	if len(b)-at < fixed {
		return nil, fmt.Errorf("a traf of %d bytes: %w", len(b)-at, errBox)
	}
	h := b[at:]
	if string(h[12:16]) != "tfhd" || string(h[28:32]) != "tfdt" || string(h[48:52]) != "trun" ||
		binary.BigEndian.Uint32(h[16:]) != 0x020000 || h[32] != 1 {
		return nil, fmt.Errorf("a traf that was not written by this program: %w", errBox)
	}
	f := &fragment{track: -1, base: int64(binary.BigEndian.Uint64(h[36:]))}
	for i, t := range rec.tracks {
		if t.id == binary.BigEndian.Uint32(h[20:]) {
			f.track = i
		}
	}
	if f.track < 0 || f.base < 0 || f.base > 1<<56 {
		return nil, fmt.Errorf("a fragment of no track: %w", errBox)
	}
	return f, f.readRun(h[52:], size)
}

// readRun reads version, flags, count, data offset and entries of a trun.
func (f *fragment) readRun(b []byte, size int64) error {
	flags, count := binary.BigEndian.Uint32(b), int64(binary.BigEndian.Uint32(b[4:]))
	width := int64(8)
	if flags == 1<<24|runFlags|runVideoFlags {
		width = 16
	} else if flags != 1<<24|runFlags {
		return fmt.Errorf("a track run with flags %x: %w", flags, errBox)
	}
	if count == 0 || count*width != int64(len(b)-12) {
		return fmt.Errorf("a track run of %d units in %d bytes: %w", count, len(b), errBox)
	}
	off := int64(binary.BigEndian.Uint32(b[8:]))
	f.units = make([]unitRef, count)
	for i := range f.units {
		e := b[12+int64(i)*width:]
		u := unitRef{off: off, ticks: int64(binary.BigEndian.Uint32(e)), size: int64(binary.BigEndian.Uint32(e[4:])), key: true}
		if width == 16 {
			u.key = binary.BigEndian.Uint32(e[8:]) == flagsSync
			u.shift = int64(int32(binary.BigEndian.Uint32(e[12:])))
		}
		if off += u.size; off > size {
			return fmt.Errorf("a unit beyond its part: %w", errBox)
		}
		f.units[i] = u
	}
	return nil
}
