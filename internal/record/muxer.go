package record

import (
	"encoding/binary"
	"slices"
	"time"

	"siaga/internal/watch"
)

// Sizes of a part. A part ends before it would exceed partMax; before a key frame, so that a recording can be cut there,
// unless it begins with a key frame itself and is shorter than partMin; and when it holds partBytes, so that memory
// stays bounded.
const (
	partMax   = 800 * time.Millisecond
	partMin   = 300 * time.Millisecond
	partBytes = 8 << 20
)

// lateMax is how far the sound of a file may come after its picture, so that sound from just before the file's first key
// frame is kept: less than people notice (ITU-R BT.1359: 125 ms). Sound from before that is left out.
const lateMax = 100 * time.Millisecond

// muxer turns the access units of one connection, with one set of formats, into the parts of MP4 files. Part buffers
// and sample lists are kept from part to part.
type muxer struct {
	run     uint64
	formats []*watch.Format
	header  []byte
	layout  string
	tracks  []muxTrack
	lead    int // index of the leading track: the video, or the first

	zero   int64 // decoding time of the file's first leading unit
	number uint32
	counts [maxTracks]count // what the file's finished parts hold, by track
	held   int              // bytes in the part under way
	first  int64            // site time of the first unit of the part under way, 0 if it is empty
}

// count is how many access units of a track a file has, and in how many track runs.
type count struct{ runs, units int64 }

type muxTrack struct {
	timing  *timing
	nal     bool
	inBand  [][]byte // parameter sets, put in front of each key frame
	samples []sample
	begun   bool  // the file has a unit of this track
	late    int64 // added to the track's times in this file
}

type sample struct {
	dts, pts int64
	frame    int64 // nominal duration
	key      bool
	size     int
	data     [][]byte
}

func newMuxer(unit *watch.AccessUnit) (*muxer, error) {
	header, err := makeHeader(unit)
	if err != nil {
		return nil, err
	}
	m := &muxer{run: unit.Run, formats: unit.Formats, header: header, layout: layoutOf(header), lead: leadOf(unit.Formats)}
	for _, f := range unit.Formats {
		t := muxTrack{timing: newTiming(f), nal: f.Codec == watch.H264 || f.Codec == watch.H265}
		if t.nal {
			t.inBand = t.timing.parameters()
		}
		m.tracks = append(m.tracks, t)
	}
	return m, nil
}

// leadOf is the index of the track that decides where files begin.
func leadOf(formats []*watch.Format) int {
	for i, f := range formats {
		if f != nil && f.Codec.Video() {
			return i
		}
	}
	return 0
}

// carries reports whether the unit belongs to the tracks this muxer was made for.
func (m *muxer) carries(u *watch.AccessUnit) bool {
	return u.Run == m.run && slices.Equal(u.Formats, m.formats)
}

func (m *muxer) indexOf(f *watch.Format) int { return slices.Index(m.formats, f) }

func (m *muxer) scale() int64 { return int64(m.tracks[m.lead].timing.format.ClockRate) }

// ticks converts a duration to the leading track's units.
func (m *muxer) ticks(d time.Duration) int64 { return int64(d) / 1000 * m.scale() / 1_000_000 }

// begin starts a new file whose first leading unit is decoded at dts.
func (m *muxer) begin(dts int64) {
	m.zero, m.number, m.counts = dts, 0, [maxTracks]count{}
	for i := range m.tracks {
		m.tracks[i].begun, m.tracks[i].late = false, 0
	}
}

// zeroOf is when the file begins, in the units of a track.
func (m *muxer) zeroOf(i int) int64 {
	if i == m.lead {
		return m.zero
	}
	return m.zero * int64(m.tracks[i].timing.format.ClockRate) / m.scale()
}

// fits reports whether a unit of a track beside the leading one belongs into this file. Sound that begins before the
// file's picture moves the track as a whole: were its first unit alone put at zero, the next part would overlap it.
func (m *muxer) fits(i int, dts int64) bool {
	t := &m.tracks[i]
	early := m.zeroOf(i) - dts
	if !t.begun && early > 0 {
		t.late = min(early, int64(lateMax)*int64(t.timing.format.ClockRate)/int64(time.Second))
	}
	if early > t.late || !m.near(i, dts) {
		return false
	}
	t.begun = true
	return true
}

// full reports whether the part under way must end before a leading unit decoded at dts.
func (m *muxer) full(dts int64, key bool) bool {
	lead := &m.tracks[m.lead]
	if len(lead.samples) == 0 {
		return m.held > partBytes
	}
	had := dts - lead.samples[0].dts
	return m.held > partBytes || had+lead.timing.frame > m.ticks(partMax)+1 || key && (!lead.samples[0].key || had >= m.ticks(partMin))
}

// add puts a unit into the part under way; at is its site time. Audio far away from the video's time is left out:
// its clock is not to be trusted.
func (m *muxer) add(i int, dts int64, u *watch.AccessUnit, at int64) {
	t := &m.tracks[i]
	if i != m.lead && !m.fits(i, dts) {
		return
	}
	s := sample{dts: dts, pts: u.PTS, frame: t.timing.frame, key: u.Key, data: u.Data, size: t.sizeOf(u.Data)}
	if u.Key {
		s.size += t.sizeOf(t.inBand)
	}
	t.samples = append(t.samples, s)
	m.held += s.size
	if m.first == 0 {
		m.first = at
	}
}

// sizeOf is how many bytes the units take in the file.
func (t *muxTrack) sizeOf(data [][]byte) int {
	n := 0
	for _, d := range data {
		n += len(d)
		if t.nal {
			n += 4
		}
	}
	return n
}

// appendUnits writes them. The parameter sets are repeated in the file, as the camera repeats them on the wire, so that
// files from before and after a change of them play as one.
func (t *muxTrack) appendUnits(buf []byte, data [][]byte) []byte {
	for _, d := range data {
		if t.nal {
			buf = binary.BigEndian.AppendUint32(buf, uint32(len(d)))
		}
		buf = append(buf, d...)
	}
	return buf
}

// near reports whether a unit of another track lies within ten seconds of the leading track's newest.
func (m *muxer) near(i int, dts int64) bool {
	rate := float64(m.tracks[i].timing.format.ClockRate)
	off := float64(dts)/rate - float64(m.tracks[m.lead].timing.last)/float64(m.scale())
	return off > -10 && off < 10
}

// count is how many units the part under way holds.
func (m *muxer) count() int {
	n := 0
	for i := range m.tracks {
		n += len(m.tracks[i].samples)
	}
	return n
}

// drop forgets the part under way.
func (m *muxer) drop() {
	for i := range m.tracks {
		t := &m.tracks[i]
		clear(t.samples) // let go of the frames
		t.samples = t.samples[:0]
	}
	m.held, m.first = 0, 0
}

// end is the media time at which the part under way ends, in leading ticks since the file began. next is the decoding
// time of the following leading unit, or a negative number if none is known.
func (m *muxer) end(next int64) int64 {
	lead := m.tracks[m.lead].timing
	if next < 0 {
		next = lead.last + lead.frame
	}
	return next - m.zero
}

// encode appends the part under way to buf as one moof and one mdat, and empties it.
func (m *muxer) encode(buf []byte, next int64) []byte {
	m.number++
	start := len(buf)
	buf = append(buf, 0, 0, 0, 0, 'm', 'o', 'o', 'f', 0, 0, 0, 16, 'm', 'f', 'h', 'd', 0, 0, 0, 0)
	buf = binary.BigEndian.AppendUint32(buf, m.number)
	var offsets [maxTracks]int // where each trun keeps its data offset
	for i := range m.tracks {
		if len(m.tracks[i].samples) > 0 {
			buf, offsets[i] = m.encodeTrack(buf, i, next)
		}
	}
	binary.BigEndian.PutUint32(buf[start:], uint32(len(buf)-start))
	mdat := len(buf)
	buf = append(buf, 0, 0, 0, 0, 'm', 'd', 'a', 't')
	for i := range m.tracks {
		t := &m.tracks[i]
		if len(t.samples) == 0 {
			continue
		}
		binary.BigEndian.PutUint32(buf[offsets[i]:], uint32(len(buf)-start))
		for _, s := range t.samples {
			if s.key {
				buf = t.appendUnits(buf, t.inBand)
			}
			buf = t.appendUnits(buf, s.data)
		}
	}
	binary.BigEndian.PutUint32(buf[mdat:], uint32(len(buf)-mdat))
	for i := range m.tracks {
		if n := len(m.tracks[i].samples); n > 0 {
			m.counts[i].runs++
			m.counts[i].units += int64(n)
		}
	}
	m.drop()
	return buf
}

// Flags of a track run and of its samples.
const (
	runFlags      = 0x1 | 0x100 | 0x200 // data offset, durations, sizes
	runVideoFlags = 0x400 | 0x800       // sample flags, composition offsets
	flagsSync     = 0x0200_0000         // depends on no other
	flagsNonSync  = 0x0101_0000         // depends on others, not a sync sample
)

// encodeTrack appends one track's fragment and returns where its data offset stands.
func (m *muxer) encodeTrack(buf []byte, i int, next int64) ([]byte, int) {
	t := &m.tracks[i]
	if i != m.lead {
		next = -1
	}
	video := t.timing.format.Codec.Video()
	flags := uint32(runFlags)
	if video {
		flags |= runVideoFlags
	}
	traf := len(buf)
	buf = append(buf, 0, 0, 0, 0, 't', 'r', 'a', 'f', 0, 0, 0, 16, 't', 'f', 'h', 'd', 0, 0x02, 0, 0)
	buf = binary.BigEndian.AppendUint32(buf, uint32(i+1))
	buf = append(buf, 0, 0, 0, 20, 't', 'f', 'd', 't', 1, 0, 0, 0)
	buf = binary.BigEndian.AppendUint64(buf, uint64(max(0, t.samples[0].dts-m.zeroOf(i)+t.late)))
	trun := len(buf)
	buf = append(buf, 0, 0, 0, 0, 't', 'r', 'u', 'n')
	buf = binary.BigEndian.AppendUint32(buf, 1<<24|flags)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(t.samples)))
	offset := len(buf)
	buf = append(buf, 0, 0, 0, 0)
	for k := range t.samples {
		s := &t.samples[k]
		buf = binary.BigEndian.AppendUint32(buf, t.duration(k, next))
		buf = binary.BigEndian.AppendUint32(buf, uint32(s.size))
		if video {
			f := uint32(flagsNonSync)
			if s.key {
				f = flagsSync
			}
			buf = binary.BigEndian.AppendUint32(buf, f)
			buf = binary.BigEndian.AppendUint32(buf, uint32(int32(s.pts-s.dts)))
		}
	}
	binary.BigEndian.PutUint32(buf[trun:], uint32(len(buf)-trun))
	binary.BigEndian.PutUint32(buf[traf:], uint32(len(buf)-traf))
	return buf, offset
}

// duration is the time to the next unit, or the nominal one for the last of a part.
func (t *muxTrack) duration(k int, next int64) uint32 {
	s := &t.samples[k]
	switch {
	case k+1 < len(t.samples):
		next = t.samples[k+1].dts
	case next <= s.dts:
		next = s.dts + s.frame
	}
	return uint32(min(next-s.dts, 1<<31))
}
