package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"time"

	"siaga/internal/watch"
)

// LongestVideo bounds what one OpenVideo may span.
const LongestVideo = 24 * time.Hour

// Errors of reading back.
var (
	ErrTooLong = fmt.Errorf("a video may span 24 hours at most; ask for less: %w", watch.ErrInvalid)
	ErrNoVideo = errors.New("there is no video in this span")
)

// Video is one fragmented MP4 file made of several segments without copying or re-encoding them: a header, a table of
// its fragments so that players can seek, and one fragment for each segment. A fragment is a new index of the segment's
// access units, made when it is wanted, followed by the segment's file as it is, from which the index picks them. It is
// for one goroutine.
//
// It begins at the last key frame at or before the start that was asked for. Gaps are skipped: what was recorded plays
// on without pause, and Spans says which moment of the video is which moment of the site.
type Video struct {
	dir    string
	head   []byte
	pieces []piece
	size   int64 // bytes of the whole file
	at     int64
	spans  []VideoSpan
	end    time.Time
	whole  bool
	open   *openPiece
}

// VideoSpan says which part of a video shows which time.
type VideoSpan struct {
	Offset time.Duration // from the video's start
	From   time.Time     // site time
	To     time.Time     // site time, exclusive
	Path   string        // of the segment
}

// piece is the share of one segment in a video.
type piece struct {
	path  string
	off   int64 // in the video: where its index begins
	index int64 // bytes of its index, with the head of the data that follows
	from  int64 // in the file: first byte used
	size  int64 // bytes of the file used
	shift int64 // leading ticks to add to the times in the file
	limit int64 // bytes of the file that may be read
}

// openPiece is the segment file last read from, and its index.
type openPiece struct {
	number int
	file   *os.File
	index  []byte
}

// OpenVideo opens the video of a stream between two moments as one MP4 file; what is still being written is included
// as far as it is on disk. A span longer than LongestVideo gives ErrTooLong, one without any video ErrNoVideo. Where
// the camera's codecs or their number changed, the video ends; Whole and End tell.
func (r *Recorder) OpenVideo(ctx context.Context, device, name string, from, to time.Time) (*Video, error) {
	if !from.Before(to) {
		return nil, fmt.Errorf("record: video from %s to %s: the end is not after the start: %w", watch.FormatTime(from), watch.FormatTime(to), watch.ErrInvalid)
	}
	if to.Sub(from) > LongestVideo {
		return nil, fmt.Errorf("record: video from %s to %s: %w", watch.FormatTime(from), watch.FormatTime(to), ErrTooLong)
	}
	segments, err := r.Segments(ctx, device, name, from, to)
	if err != nil {
		return nil, err
	}
	b := &videoBuilder{v: &Video{dir: r.opt.Dir, whole: true}, from: watch.Millis(from), to: watch.Millis(to)}
	for i := range segments {
		more, err := b.add(&segments[i], i == 0, i == len(segments)-1)
		if err != nil {
			return nil, fmt.Errorf("record: %s: %w", segments[i].Path, err)
		}
		if !more {
			break
		}
	}
	if len(b.v.pieces) == 0 {
		return nil, fmt.Errorf("record: %s.%s from %s to %s: %w", device, name, watch.FormatTime(from), watch.FormatTime(to), ErrNoVideo)
	}
	return b.finish()
}

// Size is the length of the file in bytes.
func (v *Video) Size() int64 { return v.size }

// Spans says which moments the video shows, in order.
func (v *Video) Spans() []VideoSpan { return v.spans }

// Whole reports whether the video goes as far as there are segments; if not, End is where to ask again from.
func (v *Video) Whole() bool { return v.whole }

// End is the site time at which the video ends.
func (v *Video) End() time.Time { return v.end }

// Close releases the file in use.
func (v *Video) Close() error {
	if v.open == nil {
		return nil
	}
	err := v.open.file.Close()
	v.open = nil
	return err
}

// Seek implements io.Seeker.
func (v *Video) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += v.at
	case io.SeekEnd:
		offset += v.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("record: seeking before the start of a video: %w", watch.ErrInvalid)
	}
	v.at = offset
	return offset, nil
}

// Read implements io.Reader. A segment that retention took meanwhile is an error.
func (v *Video) Read(p []byte) (int, error) {
	if v.at >= v.size {
		return 0, io.EOF
	}
	if v.at < int64(len(v.head)) {
		n := copy(p, v.head[v.at:])
		v.at += int64(n)
		return n, nil
	}
	i := sort.Search(len(v.pieces), func(i int) bool { return v.pieces[i].off > v.at }) - 1
	if err := v.use(i); err != nil {
		return 0, err
	}
	pc := &v.pieces[i]
	within := v.at - pc.off
	if within < pc.index {
		n := copy(p, v.open.index[within:])
		v.at += int64(n)
		return n, nil
	}
	within -= pc.index
	p = p[:min(int64(len(p)), pc.size-within)]
	n, err := v.open.file.ReadAt(p, pc.from+within)
	if err != nil && (n == 0 || !errors.Is(err, io.EOF)) {
		return 0, fmt.Errorf("record: reading %s: %w", pc.path, err)
	}
	v.at += int64(n)
	return n, nil
}

// use opens the file of a piece and makes its index.
func (v *Video) use(i int) error {
	if v.open != nil && v.open.number == i {
		return nil
	}
	if err := v.Close(); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	pc := &v.pieces[i]
	f, err := openRecording(v.dir, pc.path)
	if err != nil {
		return err
	}
	index, err := pc.makeIndex(f, uint32(i+1))
	if err != nil {
		return errors.Join(fmt.Errorf("record: %s: %w", pc.path, err), f.Close())
	}
	v.open = &openPiece{number: i, file: f, index: index}
	return nil
}

// openRecording opens a segment's file, whether it is closed or still being written.
func openRecording(dir, path string) (*os.File, error) {
	abs := filepath.Join(dir, path)
	f, err := os.Open(abs)
	if errors.Is(err, os.ErrNotExist) {
		f, err = os.Open(abs + openSuffix)
	}
	if errors.Is(err, os.ErrNotExist) {
		f, err = os.Open(abs) // renamed between the two looks
	}
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	return f, nil
}
