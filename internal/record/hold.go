package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Hold keeps segments from retention, whatever the disk looks like.
type Hold struct {
	ID string // UUIDv7; given by Hold when empty
	// Streams are the streams it keeps; empty means all. A StreamRef without Stream means both of a device.
	Streams  []StreamRef
	From     time.Time
	To       time.Time // exclusive; zero: until released, whatever is recorded
	Incident string    // id of the incident it is for, "" if none
	Reason   string    // in words of the person who places it; must not be empty
	By       string    // opaque id of the person, "" if the program itself
	// TwoPeople says that one person alone cannot release it.
	TwoPeople bool
	Placed    time.Time // set when read
}

// StreamRef names a stream, or with an empty Stream both of a device.
type StreamRef struct {
	Device string `json:"device"`
	Stream string `json:"stream,omitempty"`
}

// holdBody is the body of hold.placed.
type holdBody struct {
	ID        string      `json:"id"`
	Streams   []StreamRef `json:"streams,omitempty"`
	From      watch.Time  `json:"from"`
	To        *watch.Time `json:"to,omitempty"`
	Incident  string      `json:"incident,omitempty"`
	Reason    string      `json:"reason"`
	TwoPeople bool        `json:"two_people,omitempty"`
}

// releaseBody is the body of hold.released.
type releaseBody struct {
	ID     string `json:"id"`
	Second string `json:"second,omitempty"`
	Reason string `json:"reason"`
}

// maxHoldStreams bounds one hold's list of streams.
const maxHoldStreams = 200

// Errors of holds.
var (
	ErrNoHold    = errors.New("there is no such hold")
	ErrTwoPeople = errors.New("releasing this hold needs two different people")
)

// Hold places a hold and returns its id. When it returns, the hold is durable, and no segment it covers that still
// has a row can be deleted.
func (r *Recorder) Hold(ctx context.Context, h Hold) (string, error) {
	if h.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return "", fmt.Errorf("record: %w", err)
		}
		h.ID = id.String()
	}
	if err := h.validate(); err != nil {
		return "", err
	}
	b := holdBody{ID: h.ID, Streams: h.Streams, From: watch.Time{Time: h.From}, Incident: h.Incident, Reason: h.Reason, TwoPeople: h.TwoPeople}
	if !h.To.IsZero() {
		b.To = &watch.Time{Time: h.To}
	}
	d, err := r.draft(KindHoldPlaced, "", b)
	if err != nil {
		return "", err
	}
	d.Actor, d.Subject = h.By, h.Incident
	return h.ID, r.opt.Journal.Commit(ctx, func(_ *sql.Tx, add journal.Appender) error {
		_, err := add(d)
		return err
	})
}

func (h *Hold) validate() error {
	switch {
	case h.From.IsZero() || !h.To.IsZero() && !h.From.Before(h.To):
		return fmt.Errorf("record: a hold from %s to %s: want a span of time: %w", watch.FormatTime(h.From), watch.FormatTime(h.To), watch.ErrInvalid)
	case h.Reason == "" || len(h.Reason) > maxDetail:
		return fmt.Errorf("record: a hold needs a reason of at most %d bytes: %w", maxDetail, watch.ErrInvalid)
	case len(h.Streams) > maxHoldStreams:
		return fmt.Errorf("record: a hold on %d streams, the limit is %d; leave the list empty for all: %w", len(h.Streams), maxHoldStreams, watch.ErrInvalid)
	case len(h.ID) > 64 || len(h.Incident) > 64:
		return fmt.Errorf("record: the id of a hold or incident is longer than 64 bytes: %w", watch.ErrInvalid)
	}
	for _, s := range h.Streams {
		if !watch.ValidSlug(s.Device) || s.Stream != "" && s.Stream != "main" && s.Stream != "sub" {
			return fmt.Errorf("record: a hold on stream %.64q.%.16q: %w", s.Device, s.Stream, watch.ErrInvalid)
		}
	}
	return nil
}

// Release ends a hold: retention may take what only it kept. second is the id of a second person where the hold asks
// for two.
func (r *Recorder) Release(ctx context.Context, id, by, second, reason string) error {
	if reason == "" || len(reason) > maxDetail {
		return fmt.Errorf("record: releasing a hold needs a reason of at most %d bytes: %w", maxDetail, watch.ErrInvalid)
	}
	return r.opt.Journal.Commit(ctx, func(tx *sql.Tx, add journal.Appender) error {
		var pair bool
		var incident string
		err := tx.QueryRow(`SELECT pair, incident FROM holds WHERE id = ? LIMIT 1`, id).Scan(&pair, &incident)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("record: hold %.64q: %w", id, ErrNoHold)
		case err != nil:
			return fmt.Errorf("record: hold %.64q: %w", id, err)
		case pair && (by == "" || second == "" || by == second):
			return fmt.Errorf("record: hold %.64q: %w", id, ErrTwoPeople)
		}
		d, err := r.draft(KindHoldReleased, "", releaseBody{ID: id, Second: second, Reason: reason})
		if err != nil {
			return err
		}
		d.Actor, d.Subject = by, incident
		_, err = add(d)
		return err
	})
}

// Holds returns the holds in force, oldest first; with an incident only its own.
func (r *Recorder) Holds(ctx context.Context, incident string) ([]Hold, error) {
	rows, err := r.opt.Journal.DB().QueryContext(ctx, `SELECT id, device, stream, start, "end", incident, reason, placed, actor, pair
		FROM holds WHERE ?1 = '' OR incident = ?1 ORDER BY placed, id, device, stream`, incident)
	if err != nil {
		return nil, fmt.Errorf("record: reading holds: %w", err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	var out []Hold
	for rows.Next() {
		var h Hold
		var ref StreamRef
		var from, placed int64
		var to sql.NullInt64
		if err := rows.Scan(&h.ID, &ref.Device, &ref.Stream, &from, &to, &h.Incident, &h.Reason, &placed, &h.By, &h.TwoPeople); err != nil {
			return nil, fmt.Errorf("record: reading holds: %w", err)
		}
		if len(out) == 0 || out[len(out)-1].ID != h.ID {
			h.From, h.To, h.Placed = watch.FromMillis(from), watch.FromMillis(to.Int64), watch.FromMillis(placed)
			out = append(out, h)
		}
		if ref.Device != "" {
			last := &out[len(out)-1]
			last.Streams = append(last.Streams, ref)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("record: reading holds: %w", err)
	}
	return out, nil
}

func applyPlaced(tx *sql.Tx, e watch.Event) error {
	var b holdBody
	if err := decode(e, &b); err != nil {
		return err
	}
	var to any
	if b.To != nil {
		to = watch.Millis(b.To.Time)
	}
	refs := b.Streams
	if len(refs) == 0 {
		refs = []StreamRef{{}}
	}
	for _, s := range refs {
		_, err := tx.Exec(`INSERT INTO holds (id, device, stream, start, "end", incident, reason, placed, actor, pair) VALUES (?,?,?,?,?,?,?,?,?,?)
			ON CONFLICT DO NOTHING`, b.ID, s.Device, s.Stream, watch.Millis(b.From.Time), to, b.Incident, b.Reason, watch.Millis(e.At), e.Actor, b.TwoPeople)
		if err != nil {
			return err
		}
	}
	return nil
}

func applyReleased(tx *sql.Tx, e watch.Event) error {
	var b releaseBody
	if err := decode(e, &b); err != nil {
		return err
	}
	_, err := tx.Exec(`DELETE FROM holds WHERE id = ?`, b.ID)
	return err
}
