package main_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// writer is a leader outside the program who writes notes to the newest incident and counts what was answered.
type writer struct {
	acked []int // numbers of the notes that the program acknowledged
	next  int
}

// write writes for ever new notes until ctx ends. An answer that never came says nothing: the note may be there or not.
func (w *writer) write(ctx context.Context, c credentials) {
	leader, err := enter(c, "leader")
	for ; err == nil && ctx.Err() == nil; pause(ctx) {
		var list struct{ Items []struct{ ID string } }
		if err = leader.call(http.MethodGet, "/api/v1/incidents?state=open&limit=1", nil, &list); err != nil || len(list.Items) == 0 {
			continue
		}
		w.next++
		n := w.next
		body := map[string]string{"note": fmt.Sprintf("catatan uji %d", n)}
		if err = leader.call(http.MethodPost, "/api/v1/incidents/"+list.Items[0].ID+"/note", body, nil); err == nil {
			w.acked = append(w.acked, n)
		}
	}
}

// pause is what a person takes between two notes, a quick one.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Millisecond):
	}
}

// compare holds the acknowledged notes against the journal.
func (w *writer) compare(t *testing.T, dir string) {
	t.Helper()
	if len(w.acked) == 0 {
		t.Error("no act was acknowledged; nothing was proven about acts")
	}
	written := tally(t, openData(t, dir), `SELECT CAST(substr(json_extract(CAST(body AS TEXT), '$.note'), 13) AS INTEGER), count(*) FROM events
		WHERE kind = 'act.noted' AND json_extract(CAST(body AS TEXT), '$.note') LIKE 'catatan uji %' GROUP BY 1`)
	lost, doubled := 0, 0
	for _, n := range w.acked {
		switch written[n] {
		case 0:
			lost++
		case 1:
		default:
			doubled++
		}
	}
	t.Logf("%d acts acknowledged, %d in the journal", len(w.acked), len(written))
	tabulate(t, fmt.Sprintf("acts of a leader, in the same kills\t%d\t%d\t0\t%d acts, %d twice\n", kills(t), lost, len(w.acked), doubled))
	if lost > 0 || doubled > 0 {
		t.Errorf("of %d acts %d lost, %d journaled twice", len(w.acked), lost, doubled)
	}
}
