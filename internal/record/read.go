package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"siaga/internal/watch"
)

// Gap is a span of a stream with no video, and why.
type Gap struct {
	Seq    uint64
	Device string
	Stream string
	Era    int64
	Start  time.Time
	End    time.Time // exclusive; zero while it lasts
	Reason watch.Reason
	Who    string // opaque id of the person who switched off, "" if none
	Detail string // the error in a sentence, for technicians
}

const segmentColumns = `s.seq, s.device, s.stream, s.era, s.start, s."end", s.path, s.bytes, s.sha256, s.header, s.layout, s.ticks,
	s.timescale, s.frames, s.tracks, s.wall, s.recovered, NOT (` + notHeld + `)`

// longest is a bound on how long a segment can be, for the index: fileMax and a generous rest.
const longest = int64((fileMax + time.Minute) / time.Millisecond)

// Segments returns the segments of a stream that touch the span, by time; a zero to means until now. The segment
// being written comes last, with Open set.
func (r *Recorder) Segments(ctx context.Context, device, name string, from, to time.Time) ([]Segment, error) {
	k := key{device, name}
	live := r.liveOf(k) // before the rows: a file that closes meanwhile is seen twice rather than not at all
	lo, hi := span(from, to)
	rows, err := r.opt.Journal.DB().QueryContext(ctx, `SELECT `+segmentColumns+` FROM segments s
		WHERE `+ofStream+` AND s.start < ? AND s.start > ? AND s."end" > ? ORDER BY s.era, s.start`, device, name, hi, lo-longest, lo)
	if err != nil {
		return nil, fmt.Errorf("record: reading segments of %s: %w", k, err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	var out []Segment
	age := r.retention.Load().of(k).MaxAge
	for rows.Next() {
		s, err := scanSegment(rows)
		if err != nil {
			return nil, fmt.Errorf("record: reading segments of %s: %w", k, err)
		}
		if age > 0 && !s.Held {
			s.Expires = s.End.Add(age)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("record: reading segments of %s: %w", k, err)
	}
	for _, l := range live {
		known := slices.ContainsFunc(out, func(s Segment) bool { return s.Path == l.path })
		if l.path != "" && !known && l.start < hi && l.end > lo {
			out = append(out, Segment{
				Device: device, Stream: name, Start: watch.FromMillis(l.start), End: watch.FromMillis(l.end), Path: l.path, Bytes: l.size, Open: true,
			})
		}
	}
	return out, nil
}

// span turns a request's times into milliseconds; zero times mean no bound.
func span(from, to time.Time) (lo, hi int64) {
	lo, hi = watch.Millis(from), watch.Millis(to)
	if hi == 0 {
		hi = 1 << 61
	}
	return lo, hi
}

// liveOf copies what is being written of a stream.
func (r *Recorder) liveOf(k key) []liveFile {
	s := (*r.streams.Load())[k]
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]liveFile, len(s.live))
	for i, l := range s.live {
		out[i] = *l
	}
	return out
}

type scanner interface{ Scan(...any) error }

func scanSegment(row scanner) (Segment, error) {
	var s Segment
	var start, end int64
	var sum []byte
	var tracks string
	err := row.Scan(&s.Seq, &s.Device, &s.Stream, &s.Era, &start, &end, &s.Path, &s.Bytes, &sum, &s.Header, &s.Layout, &s.Ticks,
		&s.Timescale, &s.Frames, &tracks, &s.Wall, &s.Recovered, &s.Held)
	if err != nil {
		return s, err
	}
	copy(s.SHA256[:], sum)
	s.Start, s.End = watch.FromMillis(start), watch.FromMillis(end)
	return s, json.Unmarshal([]byte(tracks), &s.Tracks)
}

// Gaps returns the gaps of a stream that touch the span, by time; a zero to means until now.
func (r *Recorder) Gaps(ctx context.Context, device, name string, from, to time.Time) ([]Gap, error) {
	lo, hi := span(from, to)
	rows, err := r.opt.Journal.DB().QueryContext(ctx, `SELECT seq, device, stream, era, start, "end", reason, who, detail FROM gaps
		WHERE device = ? AND stream = ? AND start < ? AND ("end" IS NULL OR "end" > ?) ORDER BY era, start`, device, name, hi, lo)
	if err != nil {
		return nil, fmt.Errorf("record: reading gaps of %s.%s: %w", device, name, err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	var out []Gap
	for rows.Next() {
		var g Gap
		var start int64
		var end sql.NullInt64
		if err := rows.Scan(&g.Seq, &g.Device, &g.Stream, &g.Era, &start, &end, &g.Reason, &g.Who, &g.Detail); err != nil {
			return nil, fmt.Errorf("record: reading gaps of %s.%s: %w", device, name, err)
		}
		g.Start, g.End = watch.FromMillis(start), watch.FromMillis(end.Int64)
		out = append(out, g)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("record: reading gaps of %s.%s: %w", device, name, err)
	}
	return out, nil
}

// Kinds of a Span.
const (
	SpanRecorded = "recorded"
	SpanGap      = "gap"
	SpanExpired  = "expired" // was recorded; retention took it
)

// Span is one stretch of a stream's time line.
type Span struct {
	Kind   string
	From   time.Time
	To     time.Time    // exclusive; of what lasts: now
	Reason watch.Reason // of a gap
	Who    string       // of a gap
	Lasts  bool         // it goes on
}

// Coverage says what a stream's time line holds between two moments.
type Coverage struct {
	Spans       []Span        // by time, cut to what was asked; neighbours of one kind are joined
	Recorded    time.Duration // on disk
	Explained   time.Duration // gaps with a reason, and what retention took
	Unexplained time.Duration // gaps with reason unknown, and holes, which are a defect
}

// Coverage accounts for a stream between two moments; a zero to means now.
func (r *Recorder) Coverage(ctx context.Context, device, name string, from, to time.Time) (Coverage, error) {
	now := watch.FromMillis(r.clock.site())
	if to.IsZero() || to.After(now) {
		to = now
	}
	segments, err := r.Segments(ctx, device, name, from, to)
	if err != nil {
		return Coverage{}, err
	}
	gaps, err := r.Gaps(ctx, device, name, from, to)
	if err != nil {
		return Coverage{}, err
	}
	expired, err := r.expired(ctx, key{device, name}, from, to)
	if err != nil {
		return Coverage{}, err
	}
	var c Coverage
	for _, s := range segments {
		p := Span{Kind: SpanRecorded, From: s.Start, To: s.End}
		if s.Open && r.Recording(device, name) {
			p.To, p.Lasts = to, true // the part under way is in memory
		}
		c.Spans = append(c.Spans, p)
	}
	for _, g := range gaps {
		s := Span{Kind: SpanGap, From: g.Start, To: g.End, Reason: g.Reason, Who: g.Who}
		if g.End.IsZero() {
			s.To, s.Lasts = to, true
		}
		c.Spans = append(c.Spans, s)
	}
	c.Spans = append(c.Spans, expired...)
	c.settle(from, to)
	return c, nil
}

func (r *Recorder) expired(ctx context.Context, k key, from, to time.Time) ([]Span, error) {
	lo, hi := span(from, to)
	rows, err := r.opt.Journal.DB().QueryContext(ctx, `SELECT start, "end" FROM expired_spans
		WHERE device = ? AND stream = ? AND start < ? AND "end" > ?`, k.device, k.stream, hi, lo)
	if err != nil {
		return nil, fmt.Errorf("record: reading expired spans of %s: %w", k, err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	var out []Span
	for rows.Next() {
		var start, end int64
		if err := rows.Scan(&start, &end); err != nil {
			return nil, fmt.Errorf("record: reading expired spans of %s: %w", k, err)
		}
		out = append(out, Span{Kind: SpanExpired, From: watch.FromMillis(start), To: watch.FromMillis(end)})
	}
	return out, rows.Err()
}

// settle sorts and cuts the spans, adds them up, and joins neighbours.
func (c *Coverage) settle(from, to time.Time) {
	slices.SortStableFunc(c.Spans, func(a, b Span) int { return a.From.Compare(b.From) })
	var out []Span
	var last time.Time
	for _, s := range c.Spans {
		if s.From.Before(from) {
			s.From = from
		}
		if s.To.After(to) {
			s.To = to
		}
		if !s.From.Before(s.To) {
			continue
		}
		d := s.To.Sub(s.From)
		switch {
		case s.Kind == SpanRecorded:
			c.Recorded += d
		case s.Kind == SpanGap && s.Reason == watch.ReasonUnknown:
			c.Unexplained += d
		default:
			c.Explained += d
		}
		if hole := s.From.Sub(last); !last.IsZero() && hole > slack*time.Millisecond {
			c.Unexplained += hole
		}
		last = s.To
		if n := len(out) - 1; n >= 0 && out[n].Kind == s.Kind && out[n].Reason == s.Reason && out[n].Who == s.Who && s.From.Sub(out[n].To) <= slack*time.Millisecond {
			out[n].To, out[n].Lasts = s.To, s.Lasts
			continue
		}
		out = append(out, s)
	}
	c.Spans = out
}
