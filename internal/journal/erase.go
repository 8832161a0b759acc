package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"siaga/internal/seal"
	"siaga/internal/watch"
)

// Blanker is a projection that can forget the body of one of its events. After Blank its rows MUST equal those that
// Apply makes of the erased event.
type Blanker interface {
	Blank(tx *sql.Tx, e watch.Event) error
}

// ErrNotErasable means that the event's body carries structure that other records stand on.
var ErrNotErasable = errors.New("this kind of event cannot be erased")

// Erase removes the body and salt of one event for good, at the word of two different people and for a stated reason.
// The envelope, the leaf and every proof stay valid; a `body.erased` event says what was done.
func (j *Journal) Erase(ctx context.Context, seq uint64, by, second, reason string) error {
	if by == "" || second == "" || by == second || reason == "" {
		return fmt.Errorf("journal: erasing event %d needs two different people and a reason: %w", seq, watch.ErrInvalid)
	}
	return j.Commit(ctx, func(tx *sql.Tx, add Appender) error {
		e, salt, err := erasable(tx, seq)
		if err != nil {
			return err
		}
		for _, p := range j.projectionsOf(e.Kind) {
			b, ok := p.(Blanker)
			if !ok {
				return fmt.Errorf("journal: event %d (%s), needed by %s: %w", seq, e.Kind, p.Name(), ErrNotErasable)
			}
			if err := b.Blank(tx, e); err != nil {
				return fmt.Errorf("%s: blanking event %d: %w", p.Name(), seq, err)
			}
		}
		if err := unindex(tx, e); err != nil {
			return err
		}
		sum := seal.BodyHash(salt, e.Body)
		if _, err := tx.Exec(`UPDATE events SET body = NULL, salt = NULL, erased = ? WHERE seq = ?`, sum[:], int64(seq)); err != nil {
			return fmt.Errorf("journal: erasing event %d: %w", seq, err)
		}
		body, err := json.Marshal(map[string]any{"seq": seq, "second": second, "reason": reason})
		if err != nil {
			return err
		}
		_, err = add(watch.Draft{Kind: "body.erased", Device: e.Device, Zone: e.Zone, Actor: by, Body: body})
		return err
	})
}

func erasable(tx *sql.Tx, seq uint64) (watch.Event, []byte, error) {
	var e watch.Event
	var body, salt []byte
	err := tx.QueryRow(`SELECT seq, kind, device, zone, subject, actor, body, salt FROM events WHERE seq = ?`, int64(seq)).
		Scan(&e.Seq, &e.Kind, &e.Device, &e.Zone, &e.Subject, &e.Actor, &body, &salt)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return e, nil, fmt.Errorf("journal: there is no event %d to erase: %w", seq, err)
	case err != nil:
		return e, nil, fmt.Errorf("journal: reading event %d: %w", seq, err)
	case body == nil:
		return e, nil, fmt.Errorf("journal: event %d is erased already: %w", seq, watch.ErrInvalid)
	}
	e.Body = body
	return e, salt, nil
}
