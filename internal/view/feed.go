package view

import (
	"context"
	"sync"
	"time"

	"siaga/internal/watch"
)

// Kind says what a Chunk holds.
type Kind string

// Kinds of chunks.
const (
	KindInit     Kind = "init"     // initialisation segment; MIME says of what
	KindFragment Kind = "fragment" // one or more frames
	KindJPEG     Kind = "jpeg"     // one whole picture
)

// Chunk is one message for a viewer's websocket.
type Chunk struct {
	Kind Kind
	MIME string // of an init: as MediaSource.addSourceBuffer wants it
	Key  bool   // a fragment that begins with a key frame
	At   time.Time
	Data []byte
}

// Feed is a viewer on the fMP4 path. Its methods are for one goroutine, but Close may be called from another.
type Feed struct {
	stream *stream
	tap    *tap
	queue  []*unit // the group of pictures, not yet sent
	mux    *muxer
	ready  []Chunk
	close  sync.Once
	closed chan struct{}
}

// Subscribe opens the fMP4 path of a stream, whatever its codec: H.264 and H.265 come as an init segment and
// fragments, MJPEG as pictures. The first fragment holds the group of pictures so far, so the player SHOULD jump to
// the end of what is buffered. The caller MUST Close the feed.
func (h *Hub) Subscribe(device, name string) (*Feed, error) {
	s, err := h.find(device, name)
	if err != nil {
		return nil, err
	}
	format, _, age := s.describe()
	if format == nil || age > stale {
		return nil, &NotLive{Device: device, Stream: name, Age: age}
	}
	t, gop, err := s.join()
	if err != nil {
		return nil, err
	}
	return &Feed{stream: s, tap: t, queue: gop, mux: &muxer{}, closed: make(chan struct{})}, nil
}

// Close ends the feed; Next then returns an error.
func (f *Feed) Close() {
	f.close.Do(func() {
		close(f.closed)
		f.stream.leave(f.tap)
	})
}

// Dropped is how many units this viewer missed because it was too slow.
func (f *Feed) Dropped() uint64 {
	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()
	return f.tap.dropped
}

// Next waits for the next chunk. It returns ctx.Err(), or ErrEnded when the stream was taken away.
func (f *Feed) Next(ctx context.Context) (Chunk, error) {
	for len(f.ready) == 0 {
		batch, err := f.take(ctx)
		if err != nil {
			return Chunk{}, err
		}
		f.ready = f.chunks(batch)
	}
	c := f.ready[0]
	f.ready = f.ready[1:]
	return c, nil
}

// take returns the group of pictures first, then what comes, several units when the viewer is behind.
func (f *Feed) take(ctx context.Context) ([]*unit, error) {
	if batch := f.queue; len(batch) > 0 {
		f.queue = nil
		return batch, nil
	}
	var batch []*unit
	select {
	case u := <-f.tap.units:
		batch = append(batch, u)
	case <-f.tap.ended:
		return nil, ErrEnded
	case <-f.closed:
		return nil, ErrEnded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		select {
		case u := <-f.tap.units:
			batch = append(batch, u)
		default:
			return batch, nil
		}
	}
}

func (f *Feed) chunks(batch []*unit) []Chunk {
	var out []Chunk
	for _, u := range batch {
		if u.au.Format.Codec == watch.MJPEG {
			out = append(out, Chunk{Kind: KindJPEG, Key: true, At: u.au.At, Data: u.au.Data[0]})
			continue
		}
		out = append(out, f.mux.add(u)...)
	}
	return append(out, f.mux.flush()...)
}
