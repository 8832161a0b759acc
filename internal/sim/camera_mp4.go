package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// errMP4 is the cause of every refusal of a clip's bytes.
var errMP4 = errors.New("not an MP4 file that can be played")

// mp4Track is one track of an MP4 file as its tables tell. Only what cameras need is read: the library's own
// reader refuses boxes that common encoders write.
type mp4Track struct {
	scale   uint32 // time units per second
	coding  string // avc1, hvc1, mp4a …
	config  []byte // body of avcC or hvcC, or of esds
	sizes   []uint32
	offsets []uint64    // of chunks
	chunks  [][2]uint32 // first chunk (from 1), samples in it
	deltas  [][2]uint32 // count, duration
	shifts  [][2]uint32 // count, presentation offset (signed)
	keys    map[uint32]bool
}

// mp4Limit bounds the samples of a track.
const mp4Limit = 1 << 18

// boxes calls visit for each box of b.
func boxes(b []byte, visit func(kind string, body []byte) error) error {
	for len(b) >= 8 {
		size, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		kind := string(b[4:8])
		if size == 1 && len(b) >= 16 {
			size, head = binary.BigEndian.Uint64(b[8:]), 16
		} else if size == 0 {
			size = uint64(len(b))
		}
		if size < head || size > uint64(len(b)) {
			return fmt.Errorf("%w: box %q of %d bytes in %d", errMP4, kind, size, len(b))
		}
		if err := visit(kind, b[head:size]); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

// readTracks finds the tracks of a file.
func readTracks(file []byte) ([]*mp4Track, error) {
	var tracks []*mp4Track
	err := boxes(file, func(kind string, body []byte) error {
		if kind != "moov" {
			return nil
		}
		return boxes(body, func(kind string, body []byte) error {
			if kind != "trak" || len(tracks) >= 8 {
				return nil
			}
			t := &mp4Track{}
			tracks = append(tracks, t)
			return t.read(body)
		})
	})
	return tracks, err
}

func (t *mp4Track) read(b []byte) error {
	return boxes(b, func(kind string, body []byte) error {
		var err error
		switch kind {
		case "mdia", "minf", "stbl":
			return t.read(body)
		case "mdhd":
			t.scale, err = readScale(body)
		case "stsd":
			err = t.readCoding(body)
		case "stsz":
			t.sizes, err = readSizes(body)
		case "stco", "co64":
			t.offsets, err = readOffsets(body, kind == "co64")
		case "stsc":
			t.chunks, err = readPairs(body, 12)
		case "stts":
			t.deltas, err = readPairs(body, 8)
		case "ctts":
			t.shifts, err = readPairs(body, 8)
		case "stss":
			err = t.readKeys(body)
		}
		return err
	})
}

func readScale(b []byte) (uint32, error) {
	at := 12
	if len(b) > 0 && b[0] == 1 {
		at = 20
	}
	if len(b) < at+4 || binary.BigEndian.Uint32(b[at:]) == 0 {
		return 0, fmt.Errorf("%w: no time scale", errMP4)
	}
	return binary.BigEndian.Uint32(b[at:]), nil
}

func (t *mp4Track) readCoding(b []byte) error {
	if len(b) < 8 {
		return fmt.Errorf("%w: short stsd", errMP4)
	}
	return boxes(b[8:], func(kind string, body []byte) error {
		if t.coding != "" {
			return nil
		}
		t.coding = kind
		head := 78 // of a visual sample entry
		if strings.HasPrefix(kind, "mp4a") {
			head = 28
		}
		if len(body) < head {
			return nil
		}
		return boxes(body[head:], func(kind string, body []byte) error {
			switch kind {
			case "avcC", "hvcC", "esds":
				t.config = body
			}
			return nil
		})
	})
}

// table returns the entries of a full box with a count.
func table(b []byte, entry int) ([]byte, error) {
	if len(b) < 8 {
		return nil, fmt.Errorf("%w: short table", errMP4)
	}
	n := binary.BigEndian.Uint32(b[4:])
	if n > mp4Limit || len(b) < 8+int(n)*entry {
		return nil, fmt.Errorf("%w: table of %d entries", errMP4, n)
	}
	return b[8 : 8+int(n)*entry], nil
}

func readPairs(b []byte, entry int) ([][2]uint32, error) {
	rows, err := table(b, entry)
	var out [][2]uint32
	for ; len(rows) > 0; rows = rows[entry:] {
		out = append(out, [2]uint32{binary.BigEndian.Uint32(rows), binary.BigEndian.Uint32(rows[4:])})
	}
	return out, err
}

func readOffsets(b []byte, wide bool) ([]uint64, error) {
	entry := 4
	if wide {
		entry = 8
	}
	rows, err := table(b, entry)
	var out []uint64
	for ; len(rows) > 0; rows = rows[entry:] {
		if wide {
			out = append(out, binary.BigEndian.Uint64(rows))
		} else {
			out = append(out, uint64(binary.BigEndian.Uint32(rows)))
		}
	}
	return out, err
}

func readSizes(b []byte) ([]uint32, error) {
	if len(b) < 12 {
		return nil, fmt.Errorf("%w: short stsz", errMP4)
	}
	same := binary.BigEndian.Uint32(b[4:])
	if same != 0 {
		n := binary.BigEndian.Uint32(b[8:])
		if n > mp4Limit {
			return nil, fmt.Errorf("%w: %d samples", errMP4, n)
		}
		out := make([]uint32, n)
		for i := range out {
			out[i] = same
		}
		return out, nil
	}
	rows, err := table(b[4:], 4)
	var out []uint32
	for ; len(rows) > 0; rows = rows[4:] {
		out = append(out, binary.BigEndian.Uint32(rows))
	}
	return out, err
}

func (t *mp4Track) readKeys(b []byte) error {
	rows, err := table(b, 4)
	t.keys = map[uint32]bool{}
	for ; len(rows) > 0; rows = rows[4:] {
		t.keys[binary.BigEndian.Uint32(rows)-1] = true
	}
	return err
}

// each calls visit for each sample in decoding order.
func (t *mp4Track) each(file []byte, visit func(data []byte, dts, shift int64, key bool) error) error {
	deltas, shifts := runs(t.deltas), runs(t.shifts)
	var dts int64
	i, row := uint32(0), 0
	for c, off := range t.offsets {
		for row+1 < len(t.chunks) && t.chunks[row+1][0] <= uint32(c+1) {
			row++
		}
		if row >= len(t.chunks) {
			break
		}
		for range t.chunks[row][1] {
			if i >= uint32(len(t.sizes)) {
				return nil
			}
			size := uint64(t.sizes[i])
			if off > uint64(len(file)) || size > uint64(len(file))-off {
				return fmt.Errorf("%w: sample %d lies outside the file", errMP4, i)
			}
			err := visit(file[off:off+size], dts, int64(int32(shifts())), t.keys == nil || t.keys[i])
			if err != nil {
				return err
			}
			off += size
			dts += int64(deltas())
			i++
		}
	}
	return nil
}

// runs returns a function that yields the values of a run-length table, then zeros.
func runs(rows [][2]uint32) func() uint32 {
	used := uint32(0)
	return func() uint32 {
		for len(rows) > 0 && used >= rows[0][0] {
			rows, used = rows[1:], 0
		}
		if len(rows) == 0 {
			return 0
		}
		used++
		return rows[0][1]
	}
}
