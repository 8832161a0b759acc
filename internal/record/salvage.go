package record

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"siaga/internal/watch"
)

// salvage finishes a file that a crash or a failing disk left behind: it is cut after its last complete part, synced,
// renamed, and its directory synced. The file may stand under its final or its open name. nil without an error means
// that there was nothing in it; then it is gone.
func (r *Recorder) salvage(k key, path string) (*Segment, error) {
	abs := filepath.Join(r.opt.Dir, path)
	f, err := openLeft(abs)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	defer func() { _ = f.Close() }() // synced where it matters
	rec, err := readWhole(f)
	if err != nil {
		return nil, fmt.Errorf("record: reading %s: %w", path, err)
	}
	if len(rec.parts) == 0 {
		return nil, r.unlink(path)
	}
	if err := r.disk.truncate(f, rec.good); err != nil {
		return nil, fmt.Errorf("record: cutting %s: %w", path, err)
	}
	if err := r.disk.sync(f); err != nil {
		return nil, fmt.Errorf("record: syncing %s: %w", path, err)
	}
	seg, err := rec.segment(k, path)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, rec.good)); err != nil {
		return nil, fmt.Errorf("record: hashing %s: %w", path, err)
	}
	sum.Sum(seg.SHA256[:0])
	if f.Name() != abs {
		if err := r.disk.rename(f.Name(), abs); err != nil {
			return nil, fmt.Errorf("record: %w", err)
		}
	}
	if err := r.disk.syncDir(filepath.Dir(abs)); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	return seg, nil
}

// openLeft opens a file under its open name or its final one. Both at once is nothing that this program leaves behind.
func openLeft(abs string) (*os.File, error) {
	f, err := os.OpenFile(abs+openSuffix, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return os.OpenFile(abs, os.O_RDWR, 0)
	}
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(abs); err == nil {
		return nil, errors.Join(fmt.Errorf("%s stands beside a finished file of that name; remove one of them by hand: %w", f.Name(), fs.ErrExist), f.Close())
	}
	return f, nil
}

// readWhole scans a file and keeps the parts up to the first that cannot have been written whole. An unsound file is
// not an error, one that cannot be read is.
func readWhole(f *os.File) (*recording, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	rec, err := scan(f, info.Size())
	if err != nil && !errors.Is(err, errBox) {
		return nil, err
	}
	for i := range rec.parts {
		p := &rec.parts[i]
		sound, err := rec.sound(f, p)
		if err != nil {
			return nil, err
		}
		if !sound || p.base < 0 && i == 0 {
			rec.good, rec.parts = p.off, rec.parts[:i]
			break
		}
	}
	return rec, nil
}

// sound checks that the units of a part consist of whole NAL units, where the codec has them: after a power cut a
// file may have its length but not its content.
func (rec *recording) sound(r io.ReaderAt, p *part) (bool, error) {
	b := make([]byte, p.size)
	if _, err := r.ReadAt(b, p.off); err != nil {
		return false, err
	}
	ok := true
	moof := binary.BigEndian.Uint32(b)
	err := rec.walk(b[:moof], p.size, func(f *fragment) {
		switch rec.tracks[f.track].entry {
		case "avc1", "hvc1", "hev1":
		default:
			return
		}
		for _, u := range f.units {
			if !wholeUnits(b[u.off : u.off+u.size]) {
				ok = false
			}
		}
	})
	return ok && err == nil, nil
}

func wholeUnits(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 5 {
			return false
		}
		n := int64(binary.BigEndian.Uint32(b))
		if n == 0 || n > int64(len(b)-4) {
			return false
		}
		b = b[4+n:]
	}
	return true
}

// segment describes a file by what is in it and by its name.
func (rec *recording) segment(k key, path string) (*Segment, error) {
	start, err := startOf(path)
	if err != nil {
		return nil, err
	}
	s := &Segment{
		Device: k.device, Stream: k.stream, Path: path, Bytes: rec.good, Header: int64(len(rec.header)),
		Layout: layoutOf(rec.header), Timescale: int64(rec.tracks[rec.lead].scale), Wall: WallName, Recovered: true,
	}
	for _, p := range rec.parts {
		s.Frames += p.frames
		if p.base >= 0 {
			s.Ticks = p.base + p.ticks
		}
	}
	counts := rec.count(0, len(rec.parts))
	for i, t := range rec.tracks {
		d := t.describe()
		d.Runs, d.Units = counts[i].runs, counts[i].units
		s.Tracks = append(s.Tracks, d)
	}
	s.Start = watch.FromMillis(start)
	s.End = watch.FromMillis(start + max(1, s.Ticks*1000/s.Timescale))
	return s, nil
}

func (t *trackInfo) describe() Track {
	codecs := map[string]watch.Codec{
		"avc1": watch.H264, "hvc1": watch.H265, "hev1": watch.H265, "mp4v": watch.MJPEG, "mp4a": watch.AAC,
		"Opus": watch.Opus, "ulaw": watch.PCMU, "alaw": watch.PCMA,
	}
	d := Track{Codec: codecs[t.entry], Clock: int(t.scale), Width: t.width, Height: t.height}
	if len(t.config) >= 18 {
		d.Chans = int(binary.BigEndian.Uint16(t.config[16:]))
	}
	return d
}

// unlink removes a file under either of its names and puts that on the medium.
func (r *Recorder) unlink(path string) error {
	abs := filepath.Join(r.opt.Dir, path)
	for _, name := range [...]string{abs, abs + openSuffix} {
		if err := r.disk.remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("record: %w", err)
		}
	}
	if err := r.disk.syncDir(filepath.Dir(abs)); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}
