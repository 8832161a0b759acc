package record

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4"

	"siaga/internal/watch"
)

// Frame returns the last key frame of a stream at or before a moment, with its format, for a still. It goes back as
// far as there is video; At tells how old the frame is. ErrNoVideo if there is none.
func (r *Recorder) Frame(ctx context.Context, device, name string, at time.Time) (watch.AccessUnit, error) {
	k := key{device, name}
	path, start, limit, err := r.lastBefore(ctx, k, watch.Millis(at))
	if err != nil {
		return watch.AccessUnit{}, err
	}
	f, err := openRecording(r.opt.Dir, path)
	if err != nil {
		return watch.AccessUnit{}, err
	}
	defer func() { _ = f.Close() }() // only read
	rec, err := scan(f, limit)
	if err != nil {
		return watch.AccessUnit{}, fmt.Errorf("record: %s: %w", path, err)
	}
	u, err := rec.keyFrame(f, start, watch.Millis(at))
	if err != nil {
		return watch.AccessUnit{}, fmt.Errorf("record: %s: %w", path, err)
	}
	u.Stream = name
	return u, nil
}

// lastBefore finds the file that a moment lies in, or the last one before it.
func (r *Recorder) lastBefore(ctx context.Context, k key, at int64) (path string, start, bytes int64, err error) {
	for _, l := range r.liveOf(k) {
		if l.path != "" && l.start <= at && l.start >= start {
			path, start, bytes = l.path, l.start, l.size
		}
	}
	if path != "" {
		return path, start, bytes, nil
	}
	rows, err := r.opt.Journal.DB().QueryContext(ctx, `SELECT path, start, bytes FROM segments WHERE device = ? AND stream = ? AND start <= ?
		ORDER BY start DESC LIMIT 1`, k.device, k.stream, at)
	if err != nil {
		return "", 0, 0, fmt.Errorf("record: looking for a frame of %s: %w", k, err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return "", 0, 0, fmt.Errorf("record: looking for a frame of %s: %w", k, err)
		}
		return "", 0, 0, fmt.Errorf("record: %s before %s: %w", k, watch.FormatTime(watch.FromMillis(at)), ErrNoVideo)
	}
	return path, start, bytes, rows.Scan(&path, &start, &bytes)
}

// keyFrame reads the last leading key frame at or before a site time, or the first of the file.
func (rec *recording) keyFrame(f io.ReaderAt, start, at int64) (watch.AccessUnit, error) {
	scale := int64(rec.tracks[rec.lead].scale)
	p := rec.keyPart(start, at)
	if p == nil {
		return watch.AccessUnit{}, ErrNoVideo
	}
	b := make([]byte, p.size)
	if _, err := f.ReadAt(b, p.off); err != nil {
		return watch.AccessUnit{}, err
	}
	var unit unitRef
	var time int64
	err := rec.walk(b[:binary.BigEndian.Uint32(b)], p.size, func(g *fragment) {
		if g.track != rec.lead {
			return
		}
		t := g.base
		for i, u := range g.units {
			if u.key && (i == 0 || start+t*1000/scale <= at) {
				unit, time = u, t
			}
			t += u.ticks
		}
	})
	if err != nil {
		return watch.AccessUnit{}, err
	}
	format, err := rec.format()
	if err != nil {
		return watch.AccessUnit{}, err
	}
	out := watch.AccessUnit{
		Formats: []*watch.Format{format}, Format: format, PTS: time + unit.shift, Key: true,
		At: watch.FromMillis(start + (time+unit.shift)*1000/scale), Data: [][]byte{b[unit.off : unit.off+unit.size]},
	}
	if format.Codec == watch.H264 || format.Codec == watch.H265 {
		out.Data = slices.DeleteFunc(splitUnits(out.Data[0]), func(d []byte) bool {
			return bytes.Equal(d, format.SPS) || bytes.Equal(d, format.PPS) || bytes.Equal(d, format.VPS)
		})
	}
	return out, nil
}

// keyPart is the last part that begins with a leading key frame at or before a site time, or the first that has one.
func (rec *recording) keyPart(start, at int64) *part {
	scale := int64(rec.tracks[rec.lead].scale)
	var best *part
	for i := range rec.parts {
		p := &rec.parts[i]
		if p.base >= 0 && p.key && (best == nil || start+p.base*1000/scale <= at) {
			best = p
		}
	}
	return best
}

// splitUnits cuts a sample into its NAL units; what does not fit is left out.
func splitUnits(b []byte) [][]byte {
	var out [][]byte
	for len(b) > 4 {
		n := int64(binary.BigEndian.Uint32(b))
		if n == 0 || n > int64(len(b)-4) {
			break
		}
		out = append(out, b[4:4+n])
		b = b[4+n:]
	}
	return out
}

// format reads the leading track's format out of the header.
func (rec *recording) format() (*watch.Format, error) {
	t := rec.tracks[rec.lead]
	d := t.describe()
	f := &watch.Format{Track: rec.lead, Codec: d.Codec, ClockRate: d.Clock, Channels: d.Chans, Width: d.Width, Height: d.Height}
	if f.Codec != watch.H264 && f.Codec != watch.H265 {
		return f, nil
	}
	alone, err := rec.alone()
	if err != nil {
		return nil, err
	}
	var in fmp4.Init
	if err := in.Unmarshal(alone); err != nil || len(in.Tracks) != 1 {
		return nil, fmt.Errorf("the header's parameter sets: %w", errBox)
	}
	switch c := in.Tracks[0].Codec.(type) {
	case *mp4.CodecH264:
		f.SPS, f.PPS = c.SPS, c.PPS
	case *mp4.CodecH265:
		f.VPS, f.SPS, f.PPS = c.VPS, c.SPS, c.PPS
	}
	return f, nil
}

// alone is the header with the leading track only: the library does not know every entry that we write.
func (rec *recording) alone() (io.ReadSeeker, error) {
	top, err := parseBoxes(rec.header, 0)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, x := range top {
		i := -1
		kids := x.kids[:0:0]
		for _, k := range x.kids {
			if k.kind == "trak" {
				if i++; i != rec.lead {
					continue
				}
			}
			kids = append(kids, k)
		}
		x.kids = kids
		out = x.appendTo(out)
	}
	return bytes.NewReader(out), nil
}
