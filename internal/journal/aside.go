package journal

import (
	"database/sql"
	"fmt"

	"siaga/internal/watch"
)

// openAside makes a journal that reads a log which may have holes, and that adds nothing to it: see Options.Aside.
func (j *Journal) openAside() (*Journal, error) {
	var head sql.NullInt64
	if err := j.db.Read().QueryRow(`SELECT max(seq) FROM events`).Scan(&head); err != nil {
		return nil, fmt.Errorf("journal: reading the head: %w", err)
	}
	j.head.Store(uint64(head.Int64))
	return j, nil
}

// putAside keeps what would have become an event, until its transaction ends.
func (w *writer) putAside(d watch.Draft) watch.Event {
	w.aside = append(w.aside, d)
	return watch.Event{
		Site: w.j.opt.Site, Kind: d.Kind, Device: d.Device, Zone: d.Zone, Subject: d.Subject, Actor: d.Actor,
		At: d.At, DeviceAt: d.DeviceAt, Body: d.Body,
	}
}

// handAside gives away what the transaction under way would have journaled.
func (w *writer) handAside() error {
	if len(w.aside) == 0 {
		return nil
	}
	drafts := w.aside
	w.aside = nil
	return w.j.opt.Aside(drafts)
}
