package incident

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// OpenAlerts lists what still wants people: active alerts, and those of open incidents that nobody has accepted (lesser
// ones are covered by their incident's acceptance); highest priority first, then newest. At most 1,000.
func (d *Desk) OpenAlerts(ctx context.Context) ([]Alert, error) {
	return selectAlerts(ctx, d.opt.Log.DB(), `WHERE active = 1
		OR acknowledged_at = 0 AND incident <> '' AND incident IN (
			SELECT i.id FROM incidents i WHERE i.open = 1 AND (i.acknowledged_at = 0 OR alerts.priority >= ?))
		ORDER BY priority DESC, raised_at DESC, id DESC LIMIT 1000`, rank(watch.Important))
}

// OpenIncidents lists the incidents that still want people, highest priority first, then newest. At most 500.
func (d *Desk) OpenIncidents(ctx context.Context) ([]Incident, error) {
	list, err := selectIncidents(ctx, d.opt.Log.DB(), `WHERE open = 1 ORDER BY priority DESC, number DESC LIMIT 500`)
	if err != nil {
		return nil, err
	}
	return list, d.fillAll(ctx, list)
}

func (d *Desk) fillAll(ctx context.Context, list []Incident) error {
	for i := range list {
		if err := fill(ctx, d.opt.Log.DB(), &list[i], Shown); err != nil {
			return err
		}
	}
	return nil
}

// AlertFilter selects alerts. Zero fields select everything.
type AlertFilter struct {
	State    string // active or cleared
	Priority watch.Priority
	Rule     string
	Zone     string
	Device   string
	Incident string
	After    string // id of the last alert of the page before
	Limit    int    // 0: 50; at most 500
}

// Alerts lists alerts, newest first.
func (d *Desk) Alerts(ctx context.Context, f AlertFilter) ([]Alert, error) {
	c := conditions{}
	if f.State != "" {
		c.add("active = ?", f.State == Active)
	}
	if f.Priority != "" {
		c.add("priority = ?", f.Priority.Rank())
	}
	c.equal("rule", f.Rule)
	c.equal("zone", f.Zone)
	c.equal("device", f.Device)
	c.equal("incident", f.Incident)
	if f.After != "" {
		c.add("id < ?", f.After)
	}
	return selectAlerts(ctx, d.opt.Log.DB(), c.where()+` ORDER BY id DESC LIMIT ?`, append(c.args, limit(f.Limit))...)
}

// Alert reads one alert.
func (d *Desk) Alert(ctx context.Context, id string) (Alert, error) {
	return findAlert(ctx, d.opt.Log.DB(), id)
}

// conditions gathers what a row must meet.
type conditions struct {
	parts []string
	args  []any
}

func (c *conditions) add(cond string, args ...any) {
	c.parts = append(c.parts, cond)
	c.args = append(c.args, args...)
}

func (c *conditions) equal(column, v string) {
	if v != "" {
		c.add(column+" = ? AND "+column+" <> ''", v)
	}
}

func (c *conditions) where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(c.parts, " AND ")
}

func limit(n int) int {
	if n <= 0 {
		return 50
	}
	return min(n, 500)
}

// ActRecord is an act as it was journaled.
type ActRecord struct {
	Seq    uint64     `json:"seq"`
	ID     string     `json:"id"` // the sequence as text
	Kind   string     `json:"kind"`
	At     watch.Time `json:"at"`
	By     string     `json:"by"` // person id
	Alert  string     `json:"alert,omitempty"`
	Note   string     `json:"note,omitempty"`
	To     string     `json:"to,omitempty"`
	Cause  string     `json:"cause,omitempty"`
	Action string     `json:"action,omitempty"`
	Reason string     `json:"reason,omitempty"`
	Of     string     `json:"of,omitempty"`
	// Report and Reference are what act.reported and act.referenced say.
	Report    *Report    `json:"report,omitempty"`
	Reference *Reference `json:"reference,omitempty"`
	Erased    bool       `json:"erased,omitempty"`
}

// Detail is an incident with all that belongs to it.
type Detail struct {
	Incident Incident      // with up to 500 alerts and devices
	Acts     []ActRecord   // oldest first
	Timeline []watch.Event // what happened meanwhile in its zones, at its devices, over radio and in the air; oldest first
	Zones    []string      // of the incident and its alerts
	From, To time.Time     // the span of the timeline
}

// Bounds of a timeline.
const (
	timelineBefore = 30 * time.Second
	timelineAfter  = 2 * time.Minute
	timelineEvents = 500
)

// Detail reads an incident by id or number with its alerts, acts and timeline.
func (d *Desk) Detail(ctx context.Context, id string) (Detail, error) {
	in, err := findIncident(ctx, d.opt.Log.DB(), id)
	if err != nil {
		return Detail{}, err
	}
	if err := fill(ctx, d.opt.Log.DB(), &in, 500); err != nil {
		return Detail{}, err
	}
	out := Detail{Incident: in}
	if out.Acts, err = d.acts(ctx, in.ID); err != nil {
		return out, err
	}
	for _, a := range in.Alerts {
		if a.Zone != "" && !slices.Contains(out.Zones, a.Zone) {
			out.Zones = append(out.Zones, a.Zone)
		}
	}
	if in.Zone != "" && !slices.Contains(out.Zones, in.Zone) {
		out.Zones = append(out.Zones, in.Zone)
	}
	slices.Sort(out.Zones)
	out.From, out.To = d.span(in)
	out.Timeline, err = d.timeline(ctx, in, out)
	return out, err
}

func (d *Desk) acts(ctx context.Context, id string) ([]ActRecord, error) {
	events, err := d.opt.Log.Events(ctx, journal.Query{Subject: id, Kinds: []string{"act.*"}})
	if err != nil {
		return nil, err
	}
	out := []ActRecord{}
	for _, e := range events {
		var b actBody
		if !e.Erased && json.Unmarshal(e.Body, &b) != nil {
			continue
		}
		out = append(out, ActRecord{
			Seq: e.Seq, ID: textOf(e.Seq), Kind: e.Kind, At: watch.Time{Time: e.At}, By: e.Actor, Alert: b.Alert, Note: b.Note, To: b.ToWhom,
			Cause: b.Cause, Action: b.Action, Reason: b.Reason, Of: b.Of,
			Report: b.Report, Reference: b.Reference, Erased: e.Erased,
		})
	}
	return out, nil
}

// span is from a little before the first alert to the end, or to now while it is open.
func (d *Desk) span(in Incident) (from, to time.Time) {
	from = in.OpenedAt.Add(-timelineBefore)
	for _, a := range in.Alerts {
		if t := a.RaisedAt.Add(-timelineBefore); t.Before(from) {
			from = t
		}
	}
	switch {
	case in.State.Open():
		to = d.now()
	case !in.ResolvedAt.IsZero():
		to = in.ResolvedAt.Time
	default:
		to = in.UpdatedAt.Time
	}
	return from, to.Add(timelineAfter)
}

// background are kinds that say how things go on, not that something happened. They would bury a timeline; the event
// list has them.
func background() []string {
	return []string{
		"camera.clock", "camera.packets_lost", "camera.frames_dropped", "segment.closed", "recording.expected",
		"sensor.battery", "sensor.environment", "sensor.link", "sensor.delivery",
		"radio.signal", "radio.gateway_mode", "radio.delivery",
		"drone.position", "drone.battery", "drone.link", "drone.payload", "drone.delivery",
		"dock.environment", "dock.power", "dock.maintenance", "rc.state", "act.viewed",
		KindChanged,
	}
}

// timeline gathers what happened in the zones and at the devices.
func (d *Desk) timeline(ctx context.Context, in Incident, out Detail) ([]watch.Event, error) {
	var queries []journal.Query
	for _, z := range out.Zones[:min(len(out.Zones), 10)] {
		queries = append(queries, journal.Query{Zone: z})
	}
	for _, dev := range in.Devices[:min(len(in.Devices), 20)] {
		queries = append(queries, journal.Query{Device: dev})
	}
	after, before, err := d.sequences(ctx, out.From, out.To)
	if err != nil {
		return nil, err
	}
	var all []watch.Event
	for _, q := range queries {
		q.After, q.Before, q.Since, q.Until, q.Limit, q.NotKinds = after, before, out.From, out.To, timelineEvents, background()
		events, err := d.opt.Log.Events(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, events...)
	}
	// What the radios and drones of the whole site did meanwhile: the nearest guard may have called from elsewhere.
	page, err := d.opt.Log.Find(ctx, journal.Query{
		Kinds: []string{"radio.*", "drone.*"}, NotKinds: background(), Since: out.From, Until: out.To, Limit: timelineEvents,
	})
	if err != nil {
		return nil, err
	}
	all = append(all, page.Events...)
	slices.SortFunc(all, func(a, b watch.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	all = slices.CompactFunc(all, func(a, b watch.Event) bool { return a.Seq == b.Seq })
	return all[:min(len(all), timelineEvents)], nil
}

// sequences bounds a span by sequence, so that a zone's whole history need not be read for it.
func (d *Desk) sequences(ctx context.Context, from, to time.Time) (after, before uint64, _ error) {
	first := func(t time.Time) (uint64, error) {
		var seq uint64
		err := d.opt.Log.DB().QueryRowContext(ctx, `SELECT seq FROM events WHERE at >= ? ORDER BY at LIMIT 1`, t.UnixMilli()).Scan(&seq)
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return seq, err
	}
	after, err := first(from)
	if err != nil {
		return 0, 0, err
	}
	if before, err = first(to); err != nil {
		return 0, 0, err
	}
	if after > 0 {
		after--
	}
	if before <= after { // nothing came later, or the clock was set back
		before = 0
	}
	return after, before, nil
}

func textOf(seq uint64) string { return strconv.FormatUint(seq, 10) }
