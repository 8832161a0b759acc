package record

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"siaga/internal/journal"
	"siaga/internal/store"
	"siaga/internal/watch"
)

type opKind int

const (
	opExpect opKind = iota // the stream should be recorded from now
	opBegin                // a segment has its first part on disk
	opEnd                  // a segment is written; seal and journal it
	opLost                 // no video from here on
	opRemove               // the time line ends
)

// op is one entry of a stream's time line.
type op struct {
	kind   opKind
	at     int64 // site time
	reason watch.Reason
	who    string
	detail string
	final  bool // said because the program stops

	file *segFile
	seg  Segment
	live *liveFile
}

// keeper owns the time line of one stream: what is recorded, what is not and why, without hole or overlap. It takes
// the writer's entries in order, does the slow work of ending files, and journals each batch in one transaction. It
// runs on its own goroutine, so that neither fsync nor the journal holds up the writer.
type keeper struct {
	s *stream
	r *Recorder

	active  bool // between recording.expected and recording.ended
	era     int64
	lastEnd int64 // site time up to which the line is told, 0 for an empty line
	open    *openGap

	drafts  []watch.Draft
	garbage []string // files given up that could not be deleted
	after   []func() // once the drafts are durable
}

type openGap struct {
	from   int64
	reason watch.Reason
	who    string
}

// maxOps is how many entries go into one transaction.
const maxOps = 32

func (k *keeper) run(ctx context.Context) {
	for o := range k.s.ops {
		k.take(ctx, o)
		for more := true; more && len(k.drafts) < maxOps; {
			select {
			case o, ok := <-k.s.ops:
				if more = ok; ok {
					k.take(ctx, o)
				}
			default:
				more = false
			}
		}
		k.commit(ctx)
	}
}

// take adds what an entry means to the batch.
func (k *keeper) take(ctx context.Context, o op) {
	switch o.kind {
	case opExpect:
		k.expect(o.at)
	case opBegin:
		k.begin(o.at, watch.ReasonClock)
	case opEnd:
		k.end(ctx, o)
	case opLost:
		k.lost(o)
	case opRemove:
		k.remove(o)
	}
}

func (k *keeper) expect(at int64) {
	if !k.active {
		if k.lastEnd > at {
			k.era++
		}
		k.add(KindExpected, lineBody{Stream: k.s.key.stream, At: wireTime(at)})
		k.active, k.open, k.lastEnd = true, nil, at
		k.opened(op{at: at, reason: watch.ReasonNotYet})
		return
	}
	if k.open != nil {
		switch k.open.reason {
		case watch.ReasonShutdown, watch.ReasonCrash, watch.ReasonStopped:
			k.lost(op{at: at, reason: watch.ReasonNotYet})
		}
	}
}

// begin continues the line with video. If nothing explains the time since its end, hole does.
func (k *keeper) begin(at int64, hole watch.Reason) {
	switch {
	case k.open != nil:
		k.closed(at)
		return
	case k.lastEnd == 0:
	case at > k.lastEnd+slack:
		k.add(KindGapClosed, k.gap(&openGap{from: k.lastEnd, reason: hole}, at))
	}
	if at+slack < k.lastEnd {
		k.era++ // the clock was set back
	}
	k.lastEnd = at
}

// end seals a file and tells its segment, or, if the file cannot be had, why there is none.
func (k *keeper) end(ctx context.Context, o op) {
	seg := o.seg
	seg.Era = k.era
	err := k.seal(ctx, &o, &seg)
	k.after = append(k.after, func() { k.s.retract(o.live) })
	k.lastEnd = o.at
	if err != nil {
		slog.Error("video file given up", "path", seg.Path, "err", err)
		k.add(KindGapClosed, k.gap(&openGap{from: watch.Millis(seg.Start), reason: diskReason(err)}, o.at))
		return
	}
	k.told(&seg)
	if end := watch.Millis(seg.End); end+slack < o.at {
		k.add(KindGapClosed, k.gap(&openGap{from: end, reason: watch.ReasonDiskError}, o.at))
	}
}

// told adds a segment to the batch.
func (k *keeper) told(seg *Segment) {
	k.add(KindSegmentClosed, seg.body())
	k.after = append(k.after, func() { k.r.Metrics.Segments.Add(1) })
}

// Sealing is tried for half a minute before a file is given up: a disk that is reset must not cost a file whose parts
// are long on it.
const (
	sealTries = 8
	sealPause = 500 * time.Millisecond
	sealMost  = 8 * time.Second
)

// seal brings a file to its end. One that turns out damaged is cut back to what can be read.
func (k *keeper) seal(ctx context.Context, o *op, seg *Segment) error {
	var err error
	for try := range sealTries {
		if try > 0 {
			select {
			case <-time.After(min(sealPause<<(try-1), sealMost)):
			case <-ctx.Done():
			}
		}
		if err = o.file.seal(); err == nil {
			copy(seg.SHA256[:], o.file.sum.Sum(nil))
			return nil
		}
		k.r.Metrics.DiskErrors.Add(1)
	}
	// What can be read of it is worth a last attempt by the way of the sweep.
	if cerr := o.file.abandon(); cerr != nil {
		err = errors.Join(err, cerr)
	}
	got, rerr := k.r.salvage(k.s.key, seg.Path)
	if rerr != nil {
		if uerr := k.r.unlink(seg.Path); uerr != nil {
			k.garbage = append(k.garbage, seg.Path, seg.Path+openSuffix) // the janitor deletes it, and it is explained until then
			rerr = errors.Join(rerr, uerr)
		}
		return errors.Join(err, rerr)
	}
	if got == nil {
		return err
	}
	got.Era, got.Wall = seg.Era, seg.Wall
	if got.End.After(seg.End) {
		got.End = seg.End
	}
	*seg = *got
	return nil
}

// lost continues the line with a gap. A gap for the same reason goes on.
func (k *keeper) lost(o op) {
	if !k.active {
		return
	}
	if k.open != nil {
		same := k.open.reason == o.reason && k.open.who == o.who
		if same || o.final && k.open.reason == watch.ReasonStopped {
			return
		}
		k.closed(o.at)
	}
	k.opened(o)
}

// opened starts a gap where the line ends.
func (k *keeper) opened(o op) {
	from := k.lastEnd
	if from == 0 {
		from = o.at
	}
	k.open = &openGap{from: from, reason: o.reason, who: o.who}
	b := k.gap(k.open, 0)
	b.Detail = o.detail
	k.add(KindGapOpened, b)
	k.lastEnd = from
}

// closed ends the open gap at a site time. A clock set back leaves it without length and begins an era.
func (k *keeper) closed(at int64) {
	k.add(KindGapClosed, k.gap(k.open, max(at, k.open.from)))
	k.lastEnd = max(at, k.open.from)
	if at+slack < k.open.from {
		k.era++
		k.lastEnd = at
	}
	k.open = nil
}

func (k *keeper) remove(o op) {
	if !k.active {
		return
	}
	at := max(o.at, k.lastEnd)
	if k.open != nil {
		k.closed(at)
	}
	k.add(KindEnded, lineBody{Stream: k.s.key.stream, At: wireTime(at), Who: o.who})
	k.active, k.lastEnd = false, at
}

func (k *keeper) gap(g *openGap, to int64) gapBody {
	b := gapBody{Stream: k.s.key.stream, From: wireTime(g.from), Era: k.era, Reason: g.reason, Who: g.who}
	if to != 0 {
		t := wireTime(to)
		b.To = &t
		why, long := g.reason, time.Duration(to-g.from)*time.Millisecond
		k.after = append(k.after, func() { k.r.Metrics.Gaps.add(why, long) })
	}
	return b
}

func (k *keeper) add(kind string, body any) {
	d, err := k.r.draft(kind, k.s.key.device, body)
	if err != nil {
		slog.Error("time line not journaled", "err", err) // bodies are structs of ours; they marshal
		return
	}
	k.drafts = append(k.drafts, d)
}

// commit journals the batch. It tries until it succeeds or the recorder gives up; what is not journaled by then is
// found again by the next start's sweep.
func (k *keeper) commit(ctx context.Context) {
	drafts, after := k.drafts, k.after
	k.drafts, k.after = nil, nil
	for len(drafts) > 0 {
		err := k.journal(ctx, drafts)
		if err == nil {
			k.garbage = nil
			break
		}
		slog.Error("video time line not journaled", "stream", k.s.key.String(), "events", len(drafts), "err", err)
		if errors.Is(err, journal.ErrClosed) || ctx.Err() != nil {
			break
		}
		if !store.IsFatal(err) {
			k.salvage(ctx, drafts)
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	for _, f := range after {
		f()
	}
}

func (k *keeper) journal(ctx context.Context, drafts []watch.Draft) error {
	return k.r.opt.Journal.Commit(ctx, func(tx *sql.Tx, add journal.Appender) error {
		for _, d := range drafts {
			if _, err := add(d); err != nil {
				return err
			}
		}
		for _, path := range k.garbage {
			if _, err := tx.Exec(`INSERT OR IGNORE INTO record_garbage (path, at) VALUES (?, ?)`, path, k.r.clock.site()); err != nil {
				return err
			}
		}
		return nil
	})
}

// salvage journals each event of a refused batch by itself, so that one bad event does not take the others along.
func (k *keeper) salvage(ctx context.Context, drafts []watch.Draft) {
	for _, d := range drafts {
		if err := k.journal(ctx, []watch.Draft{d}); err != nil {
			slog.Error("video event refused", "stream", k.s.key.String(), "kind", d.Kind, "body", string(d.Body), "err", err)
		}
	}
}
