package incident_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"siaga/internal/incident"
	"siaga/internal/journal"
	"siaga/internal/watch"
)

var errKilled = errors.New("killed")

// mortal is a journal whose follower dies: before a commit, after it, or between two batches.
type mortal struct {
	*journal.Journal
	rt   *rapid.T
	died bool
	// immortal ends a test that would go on for ever
	immortal bool
}

func (m *mortal) dies(where string) bool {
	if m.immortal {
		return false
	}
	m.died = m.died || rapid.IntRange(0, 3).Draw(m.rt, where) == 0
	return m.died
}

func (m *mortal) Commit(ctx context.Context, fn func(*sql.Tx, journal.Appender) error) error {
	if m.dies("before the commit") {
		return errKilled
	}
	if err := m.Journal.Commit(ctx, fn); err != nil {
		return err
	}
	if m.dies("after the commit") {
		return errKilled
	}
	return nil
}

func (m *mortal) Follow(ctx context.Context, after uint64, handle func(context.Context, []watch.Event) error) error {
	return m.Journal.Follow(ctx, after, func(ctx context.Context, events []watch.Event) error {
		for len(events) > 0 {
			n := rapid.IntRange(1, len(events)).Draw(m.rt, "batch")
			if err := handle(ctx, events[:n]); err != nil {
				return err
			}
			if events = events[n:]; m.dies("between batches") {
				return errKilled
			}
		}
		return nil
	})
}

// something makes a random event; the devices are few, so that they meet themselves again.
func something(rt *rapid.T, h *house) {
	n := rapid.IntRange(1, 2).Draw(rt, "device")
	zone := rapid.SampledFrom([]string{"store-back", "store", "gate", ""}).Draw(rt, "zone")
	pick := rapid.SampledFrom([]string{
		"radio.emergency", "radio.emergency", "radio.unregistered", "camera.lost", "camera.online", "door.opened", "door.closed",
		"smoke.detected", "smoke.cleared", "drone.position", "drone.position", "broker.refused", "auth.failed", "gap.opened", "gap.closed",
		"sensor.offline", "sensor.online", "gateway.lost", "gateway.online", "replay", "segment.closed", "motion.detected",
	}).Draw(rt, "kind")
	device, body := fmt.Sprintf("%s-%d", strings.ReplaceAll(strings.Split(pick, ".")[0], "_", "-"), n), `{}`
	switch pick {
	case "drone.position":
		body = fmt.Sprintf(`{"height_takeoff_m":%d}`, rapid.IntRange(100, 125).Draw(rt, "height"))
	case "replay":
		pick, body = "radio.emergency", `{"repeat_of":1}`
		device = fmt.Sprintf("radio-%d", n)
	}
	h.happens(pick, device, zone, body)
}

func passes(rt *rapid.T, h *house) {
	h.pass(rapid.SampledFrom([]time.Duration{0, time.Millisecond, 300 * time.Millisecond, time.Second, 20 * time.Second, time.Minute, 11 * time.Minute}).Draw(rt, "time"))
}

// picture is everything about alerts and incidents but their random ids.
func (h *house) picture() []string {
	var out []string
	for _, a := range h.alerts() {
		number := "-"
		for _, in := range h.incidents() {
			if in.ID == a.Incident {
				number = in.Number
			}
		}
		out = append(out, fmt.Sprintf("%s %s count %d cause %d last %d raised %s updated %s cleared %s by %s in %s", a.Key, a.State, a.Count, a.CauseSeq, a.LastSeq,
			a.RaisedAt.Format(time.TimeOnly), a.UpdatedAt.Format(time.TimeOnly), a.ClearedAt.Format(time.TimeOnly), a.ClearedBy, number))
	}
	slices.Sort(out)
	for _, in := range h.incidents() {
		out = append(out, fmt.Sprintf("%s %s %s %d", in.Number, in.State, in.Priority, in.AlertCount))
	}
	return out
}

func TestCrash_AFollowerKilledAnywhereEndsWhereAnUndisturbedOneDoes(t *testing.T) {
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		killed, straight := newHouse(t), newHouse(t)
		killed.yard.locked["gate"], straight.yard.locked["gate"] = true, true
		events := rapid.IntRange(1, 40).Draw(rt, "events")
		for range events {
			passes(rt, killed)
			something(rt, killed)
		}
		copyEvents(t, killed, straight)
		straight.mu.Lock()
		straight.now = killed.clock()
		straight.mu.Unlock()
		for _, h := range []*house{killed, straight} {
			h.pass(2 * time.Second)
		}
		for deaths := 0; ; deaths++ {
			m := &mortal{Journal: killed.j, rt: rt, immortal: deaths == 50}
			killed.desk = killed.newDesk(m)
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if err := killed.desk.Run(ended); err == nil {
				break
			} else if !errors.Is(err, errKilled) {
				rt.Fatal(err)
			}
		}
		straight.judge()
		if got, want := killed.picture(), straight.picture(); !slices.Equal(got, want) {
			rt.Fatalf("after the kills:\n%s\nundisturbed:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if runs++; runs%5 == 1 {
			killed.sound() // a rebuild takes longer than all the rest
		}
	})
}

func copyEvents(t *testing.T, from, to *house) {
	t.Helper()
	events, err := from.j.Events(t.Context(), journal.Query{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		r, err := to.j.Append(t.Context(), watch.Draft{Kind: e.Kind, Device: e.Device, Zone: e.Zone, At: e.At, Body: e.Body})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDesk_KeepsItsPromisesWhateverHappens mixes events, restarts, people and time at random.
func TestDesk_KeepsItsPromisesWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHouse(t)
		h.yard.locked["gate"] = true
		steps := rapid.IntRange(5, 60).Draw(rt, "steps")
		for range steps {
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0, 1, 2, 3:
				something(rt, h)
			case 4:
				passes(rt, h)
			case 5:
				h.desk = h.newDesk(h.j)
			case 6, 7:
				h.judge()
				h.promises(rt)
			default:
				somebody(rt, h)
				h.promises(rt)
			}
		}
		h.judge()
		h.pass(2 * time.Second)
		h.judge()
		h.promises(rt)
		h.counts(rt)
		h.sound()
	})
}

// somebody does something to some incident; most of it is refused.
func somebody(rt *rapid.T, h *house) {
	in := h.incidents()
	if len(in) == 0 {
		return
	}
	one, two := rapid.SampledFrom(in).Draw(rt, "incident"), rapid.SampledFrom(in).Draw(rt, "other")
	act := incident.Act{
		Verb: rapid.SampledFrom([]incident.Verb{
			incident.Acknowledge, incident.Acknowledge, incident.Respond, incident.Escalate, incident.Resolve, incident.Resolve, incident.Close,
			incident.FalseAlarm, incident.Duplicate, incident.Drill, incident.Reopen, incident.Note, incident.Split, incident.Merge,
		}).Draw(rt, "verb"),
		Incident: one.ID, Of: two.Number, Actor: rapid.SampledFrom([]string{"d", "s"}).Draw(rt, "person"),
		Note: "x", Reason: "x", Cause: "x", Action: "x", To: "leader",
	}
	if len(one.Alerts) > 0 {
		act.Alerts = []string{rapid.SampledFrom(one.Alerts).Draw(rt, "alert").ID}
	}
	_, err := h.do(act)
	var taken *incident.TakenError
	var state *incident.StateError
	if err != nil && !errors.As(err, &taken) && !errors.As(err, &state) && !errors.Is(err, watch.ErrInvalid) && !errors.Is(err, incident.ErrSecondPerson) {
		rt.Fatalf("%s: %v", act.Verb, err)
	}
}

func (h *house) promises(rt *rapid.T) {
	active := map[string]int{}
	byID := map[string]incident.Incident{}
	count := map[string]int{}
	for _, in := range h.incidents() {
		byID[in.ID] = in
	}
	for _, a := range h.alerts() {
		if a.State == incident.Active {
			if active[a.Key]++; active[a.Key] > 1 {
				rt.Fatalf("two active alerts of %s", a.Key)
			}
		}
		in, ok := byID[a.Incident]
		count[a.Incident]++
		switch {
		case a.Incident == "" && a.Priority != watch.Info:
			rt.Fatalf("%s (%s) is in no incident", a.Key, a.Priority)
		case a.Incident != "" && !ok:
			rt.Fatalf("%s is in an incident that is not there", a.Key)
		case ok && a.Priority.Rank() > in.Priority.Rank():
			rt.Fatalf("%s is %s in a %s incident", a.Key, a.Priority, in.Priority)
		case ok && a.Priority == watch.Critical && a.AcknowledgedBy == "" && !in.State.Open():
			rt.Fatalf("%s is critical and unseen, its incident is %s", a.Key, in.State)
		}
	}
	for id, in := range byID {
		if in.AlertCount != count[id] {
			rt.Fatalf("incident %s counts %d alerts and has %d", in.Number, in.AlertCount, count[id])
		}
		if in.State == watch.StateClosed && in.Priority == watch.Critical && in.ResolvedBy == in.ClosedBy {
			rt.Fatalf("incident %s was resolved and closed by %s", in.Number, in.ClosedBy)
		}
	}
}

// counts proves that every panic is in exactly one alert.
func (h *house) counts(rt *rapid.T) {
	events, err := h.j.Events(context.Background(), journal.Query{Kinds: []string{"radio.emergency"}, Limit: 10_000})
	if err != nil {
		rt.Fatal(err)
	}
	real, all := 0, len(events)
	for _, e := range events {
		if !strings.HasPrefix(string(e.Body), `{"repeat_of"`) {
			real++
		}
	}
	told := 0
	for _, a := range h.alerts() {
		if a.Rule == "radio-emergency" {
			told += a.Count
		}
	}
	if told < real || told > all {
		rt.Fatalf("%d panics (%d with replays), the alerts tell of %d", real, all, told)
	}
}
