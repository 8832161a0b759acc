package record

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Projection explains the recorder's tables by events. It belongs into journal.Options before the journal is opened.
func Projection() journal.Projection { return projection{} }

// projection is not a journal.Blanker: where video is and why it is not cannot be erased.
type projection struct{}

func (projection) Name() string { return "record" }

func (projection) Tables() []string {
	return []string{"recorded_streams", "segments", "gaps", "expired_spans", "holds"}
}

func (projection) Kinds() []string {
	return []string{KindExpected, KindEnded, KindSegmentClosed, KindExpired, KindGapOpened, KindGapClosed, KindHoldPlaced, KindHoldReleased}
}

// Apply writes what the event means. See journal.Projection.
func (projection) Apply(tx *sql.Tx, e watch.Event) error {
	switch e.Kind {
	case KindExpected, KindEnded:
		return applyLine(tx, e)
	case KindSegmentClosed:
		return applyClosed(tx, e)
	case KindExpired:
		return applyExpired(tx, e)
	case KindGapOpened, KindGapClosed:
		return applyGap(tx, e)
	case KindHoldPlaced:
		return applyPlaced(tx, e)
	case KindHoldReleased:
		return applyReleased(tx, e)
	}
	return nil
}

func decode(e watch.Event, into any) error {
	if err := json.Unmarshal(e.Body, into); err != nil {
		return fmt.Errorf("body of event %d (%s): %w", e.Seq, e.Kind, err)
	}
	return nil
}

func applyLine(tx *sql.Tx, e watch.Event) error {
	var b lineBody
	if err := decode(e, &b); err != nil {
		return err
	}
	at := watch.Millis(b.At.Time)
	if e.Kind == KindEnded {
		_, err := tx.Exec(`UPDATE recorded_streams SET until = ? WHERE device = ? AND stream = ?`, at, e.Device, b.Stream)
		return err
	}
	_, err := tx.Exec(`INSERT INTO recorded_streams (device, stream, since, until) VALUES (?,?,?,NULL)
		ON CONFLICT (device, stream) DO UPDATE SET since = excluded.since, until = NULL`, e.Device, b.Stream, at)
	return err
}

func applyClosed(tx *sql.Tx, e watch.Event) error {
	var b closedBody
	if err := decode(e, &b); err != nil {
		return err
	}
	sum, err := hex.DecodeString(b.SHA256)
	if err != nil || len(sum) != 32 {
		return fmt.Errorf("event %d (%s): sha256 %.80q is not 64 hexadecimal digits", e.Seq, e.Kind, b.SHA256)
	}
	tracks, err := json.Marshal(b.Tracks)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO segments (seq, device, stream, era, start, "end", path, bytes, sha256, header, layout, ticks, timescale,
		frames, tracks, wall, recovered) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		int64(e.Seq), e.Device, b.Stream, b.Era, watch.Millis(b.Start.Time), watch.Millis(b.End.Time), b.Path, b.Bytes, sum, b.Header,
		b.Layout, b.Ticks, b.Timescale, b.Frames, string(tracks), b.Wall, b.Recovered)
	return err
}

// applyGap opens a gap, or closes the open one; a gap that is told when it is over makes its row at once.
func applyGap(tx *sql.Tx, e watch.Event) error {
	var b gapBody
	if err := decode(e, &b); err != nil {
		return err
	}
	from := watch.Millis(b.From.Time)
	var to any
	if b.To != nil {
		to = watch.Millis(b.To.Time)
		res, err := tx.Exec(`UPDATE gaps SET "end" = ? WHERE device = ? AND stream = ? AND "end" IS NULL AND era = ? AND start = ?`,
			to, e.Device, b.Stream, b.Era, from)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
	}
	_, err := tx.Exec(`INSERT INTO gaps (seq, device, stream, era, start, "end", reason, who, detail) VALUES (?,?,?,?,?,?,?,?,?)`,
		int64(e.Seq), e.Device, b.Stream, b.Era, from, to, string(b.Reason), b.Who, b.Detail)
	return err
}

func applyExpired(tx *sql.Tx, e watch.Event) error {
	var b expiredBody
	if err := decode(e, &b); err != nil {
		return err
	}
	for _, f := range b.Files {
		if _, err := tx.Exec(`DELETE FROM segments WHERE seq = ?`, int64(f.Seq)); err != nil {
			return err
		}
		if err := addExpired(tx, key{e.Device, b.Stream}, f); err != nil {
			return err
		}
	}
	return nil
}

// addExpired adds a span, joined with the neighbours it touches, so that the table grows with the number of gaps and
// not with that of files.
func addExpired(tx *sql.Tx, k key, f expiredFile) error {
	start, end := watch.Millis(f.Start.Time), watch.Millis(f.End.Time)
	var before, after int64
	err := tx.QueryRow(`SELECT seq FROM expired_spans WHERE device = ? AND stream = ? AND era = ? AND start < ? AND "end" = ?`,
		k.device, k.stream, f.Era, start, start).Scan(&before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	err = tx.QueryRow(`SELECT seq, "end" FROM expired_spans WHERE device = ? AND stream = ? AND era = ? AND start = ?`,
		k.device, k.stream, f.Era, end).Scan(&after, &end)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if after != 0 {
		if _, err := tx.Exec(`DELETE FROM expired_spans WHERE seq = ?`, after); err != nil {
			return err
		}
	}
	if before != 0 {
		_, err = tx.Exec(`UPDATE expired_spans SET "end" = ? WHERE seq = ?`, end, before)
		return err
	}
	_, err = tx.Exec(`INSERT INTO expired_spans (seq, device, stream, era, start, "end") VALUES (?,?,?,?,?,?)`,
		int64(f.Seq), k.device, k.stream, f.Era, start, end)
	return err
}
