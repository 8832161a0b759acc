package incident

import (
	"context"
	"strings"
	"time"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Filter selects incidents. Zero fields select everything.
type Filter struct {
	States     []watch.State
	Open       bool // only those that still want people
	Priorities []watch.Priority
	Zones      []string // any of them: of the incident or one of its alerts
	Device     string   // of one of its alerts
	Category   string   // of the incident or one of its alerts
	Person     string   // who did something to it, looking at it apart
	// Text selects by words in titles, notes, causes and reports, or by the number; TextZones and TextDevices are those
	// whose names hold the text.
	Text                   string
	TextZones, TextDevices []string
	Since                  time.Time
	Until                  time.Time // opened from, inclusive; to, exclusive
	After                  string    // number of the last incident of the page before
	Limit                  int       // 0: 50; at most 500
}

// Incidents lists incidents, newest number first. The next page begins After the last number.
func (d *Desk) Incidents(ctx context.Context, f Filter) ([]Incident, error) {
	c := f.conditions()
	if !f.Since.IsZero() {
		c.add("opened_at >= ?", f.Since.UnixMilli())
	}
	if !f.Until.IsZero() {
		c.add("opened_at < ?", f.Until.UnixMilli())
	}
	if f.After != "" {
		c.add("number < ?", f.After)
	}
	list, err := selectIncidents(ctx, d.opt.Log.DB(), c.where()+` ORDER BY number DESC LIMIT ?`, append(c.args, limit(f.Limit))...)
	if err != nil {
		return nil, err
	}
	return list, d.fillAll(ctx, list)
}

// conditions are all but period and page.
func (f Filter) conditions() conditions {
	c := conditions{}
	if f.Open {
		c.add("open = 1")
	}
	var states, priorities []any
	for _, s := range f.States {
		states = append(states, string(s))
	}
	for _, p := range f.Priorities {
		priorities = append(priorities, p.Rank())
	}
	c.in("state", states)
	c.in("priority", priorities)
	if f.Device != "" {
		c.add("id IN (SELECT incident FROM alerts WHERE device = ? AND device <> '')", f.Device)
	}
	if len(f.Zones) > 0 {
		zones := texts(f.Zones)
		c.add("(zone IN "+marks(zones)+" OR id IN (SELECT incident FROM alerts WHERE zone <> '' AND zone IN "+marks(zones)+"))", append(zones, zones...)...)
	}
	if f.Category != "" {
		c.add("(category = ? OR EXISTS (SELECT 1 FROM alerts a WHERE a.incident = incidents.id AND a.incident <> '' AND a.category = ?))", f.Category, f.Category)
	}
	if f.Person != "" {
		verbs := deeds()
		c.add("id IN (SELECT subject FROM events INDEXED BY events_acts WHERE actor = ? AND actor <> '' AND subject <> '' AND kind IN "+marks(verbs)+")", append([]any{f.Person}, verbs...)...)
	}
	f.says(&c)
	return c
}

// longestHits bounds how many events that hold a word are looked at, newest first.
const longestHits = 20_000

// says adds what the text asks for.
func (f Filter) says(c *conditions) {
	if strings.TrimSpace(f.Text) == "" {
		return
	}
	parts := []string{"number LIKE ? ESCAPE '\\'"}
	args := []any{"%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.TrimSpace(f.Text)) + "%"}
	if match := journal.Match(f.Text, "act.*", KindRaised); match != "" {
		parts = append(parts, `id IN (WITH hits AS MATERIALIZED (
			SELECT e.kind, e.subject FROM (SELECT rowid AS seq FROM search WHERE search MATCH ? ORDER BY rowid DESC LIMIT ?) CROSS JOIN events e USING (seq))
			SELECT subject FROM hits WHERE kind <> 'alert.raised' AND kind <> 'act.viewed'
			UNION SELECT a.incident FROM hits h CROSS JOIN alerts a ON a.id = h.subject WHERE h.kind = 'alert.raised')`)
		args = append(args, match, longestHits)
	}
	if zones := texts(f.TextZones); len(zones) > 0 {
		parts, args = append(parts, "zone IN "+marks(zones)), append(args, zones...)
	}
	if devices := texts(f.TextDevices); len(devices) > 0 {
		parts = append(parts, "id IN (SELECT incident FROM alerts WHERE device <> '' AND device IN "+marks(devices)+")")
		args = append(args, devices...)
	}
	c.add("("+strings.Join(parts, " OR ")+")", args...)
}

// deeds are the verbs by which a person counts as having acted.
func deeds() []any {
	var out []any
	for v := range moves {
		out = append(out, string(v))
	}
	return out
}

func texts(list []string) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

func marks(values []any) string { return "(?" + strings.Repeat(", ?", len(values)-1) + ")" }

func (c *conditions) in(column string, values []any) {
	if len(values) > 0 {
		c.add(column+" IN "+marks(values), values...)
	}
}
