package incident

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"siaga/internal/watch"
)

// Summary is what a period's incidents come to, beside the period before it.
type Summary struct {
	From       watch.Time `json:"from" doc:"null when the period has no beginning; then there is nothing to compare with"`
	To         watch.Time `json:"to"`
	BeforeFrom watch.Time `json:"before_from" doc:"the period of the same length that ends at from; null without one"`
	Total      int        `json:"total"`
	Before     int        `json:"before"`
	Open       int        `json:"open" doc:"those that still want people"`
	Priorities []Tally    `json:"priorities" nullable:"false" doc:"gravest first"`
	Categories []Tally    `json:"categories" nullable:"false" doc:"most first"`
	Zones      []Tally    `json:"zones" nullable:"false" doc:"most first"`
	States     []Tally    `json:"states" nullable:"false" doc:"most first"`
	Unit       string     `json:"unit" enum:"hour,day" doc:"length of a bucket, by the site's calendar"`
	Buckets    []Bucket   `json:"buckets" nullable:"false" doc:"oldest first, without holes; at most 800"`
	Accept     Waits      `json:"accept"`
}

// Tally is how many incidents share something.
type Tally struct {
	Key    string `json:"key"`
	Count  int    `json:"count"`
	Before int    `json:"before" doc:"in the period before"`
}

// Bucket is one hour or day.
type Bucket struct {
	From     watch.Time `json:"from"`
	Count    int        `json:"count"`
	Critical int        `json:"critical"`
}

// Waits is how long incidents waited for somebody to accept them. Drills and duplicates do not count.
type Waits struct {
	Count         int     `json:"count" doc:"accepted incidents"`
	Waiting       int     `json:"waiting" doc:"open ones that nobody has accepted"`
	MedianS       float64 `json:"median_s" doc:"seconds; 0 when count is 0"`
	WorstS        float64 `json:"worst_s"`
	Worst         string  `json:"worst" doc:"number of the incident that waited longest"`
	BeforeCount   int     `json:"before_count"`
	BeforeMedianS float64 `json:"before_median_s"`
	BeforeWorstS  float64 `json:"before_worst_s"`
}

const (
	hourly     = 49 * time.Hour // periods up to this are told by the hour
	maxBuckets = 800
)

// counted is what a summary needs of an incident.
type counted struct {
	number, category, zone string
	state                  watch.State
	priority               int
	opened, accepted       time.Time
}

// Summary counts what a filter selects. A filter without Until counts up to now, one without Since from the first
// incident on, with nothing to compare to. After and Limit play no part.
func (d *Desk) Summary(ctx context.Context, f Filter) (Summary, error) {
	if f.Until.IsZero() {
		f.Until = d.now()
	}
	out := Summary{From: watch.Time{Time: f.Since}, To: watch.Time{Time: f.Until}}
	c := f.conditions()
	if !f.Since.IsZero() {
		before := f.Since.Add(-f.Until.Sub(f.Since))
		out.BeforeFrom = watch.Time{Time: before}
		c.add("opened_at >= ?", before.UnixMilli())
	}
	c.add("opened_at < ?", f.Until.UnixMilli())
	rows, err := collect(ctx, d.opt.Log.DB(), scanCounted,
		`SELECT number, category, zone, state, priority, opened_at, acknowledged_at FROM incidents `+c.where()+` ORDER BY opened_at`, c.args)
	if err != nil {
		return out, fmt.Errorf("incident: summary: %w", err)
	}
	split, _ := slices.BinarySearchFunc(rows, f.Since, func(r counted, t time.Time) int { return r.opened.Compare(t) })
	if f.Since.IsZero() {
		split = 0
	}
	out.count(rows[:split], rows[split:])
	first := f.Since
	if first.IsZero() && len(rows) > 0 {
		first = rows[0].opened
	}
	out.bucket(rows[split:], first, f.Until, d.opt.Location)
	return out, nil
}

func scanCounted(r interface{ Scan(...any) error }) (counted, error) {
	var v counted
	var opened, accepted int64
	err := r.Scan(&v.number, &v.category, &v.zone, &v.state, &v.priority, &opened, &accepted)
	v.opened, v.accepted = watch.FromMillis(opened), watch.FromMillis(accepted)
	return v, err
}

func (s *Summary) count(before, now []counted) {
	s.Total, s.Before = len(now), len(before)
	for _, r := range now {
		if r.state.Open() {
			s.Open++
			if r.accepted.IsZero() {
				s.Accept.Waiting++
			}
		}
	}
	s.Priorities = tally(before, now, func(r counted) string { return string(priorityOf(r.priority)) })
	slices.SortFunc(s.Priorities, func(a, b Tally) int {
		return cmp.Compare(watch.Priority(b.Key).Rank(), watch.Priority(a.Key).Rank())
	})
	s.Categories = tally(before, now, func(r counted) string { return r.category })
	s.Zones = tally(before, now, func(r counted) string { return r.zone })
	s.States = tally(before, now, func(r counted) string { return string(r.state) })
	s.Accept.Count, s.Accept.MedianS, s.Accept.WorstS, s.Accept.Worst = waits(now)
	s.Accept.BeforeCount, s.Accept.BeforeMedianS, s.Accept.BeforeWorstS, _ = waits(before)
}

// tally counts by a key, most first; what only the period before had is there with 0.
func tally(before, now []counted, key func(counted) string) []Tally {
	at := map[string]int{}
	out := []Tally{}
	of := func(r counted) *Tally {
		k := key(r)
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k], out = i, append(out, Tally{Key: k})
		}
		return &out[i]
	}
	for _, r := range now {
		of(r).Count++
	}
	for _, r := range before {
		of(r).Before++
	}
	slices.SortStableFunc(out, func(a, b Tally) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(b.Before, a.Before), cmp.Compare(a.Key, b.Key))
	})
	return out
}

// waits are count, median and worst of the seconds to acceptance, and who waited longest.
func waits(rows []counted) (n int, median, worst float64, number string) {
	var all []float64
	for _, r := range rows {
		if r.accepted.IsZero() || r.state == watch.StateDrill || r.state == watch.StateDuplicate {
			continue
		}
		s := max(0, r.accepted.Sub(r.opened).Seconds())
		if number == "" || s > worst {
			worst, number = s, r.number
		}
		all = append(all, s)
	}
	if n = len(all); n == 0 {
		return 0, 0, 0, ""
	}
	slices.Sort(all)
	return n, (all[(n-1)/2] + all[n/2]) / 2, worst, number
}

// bucket counts by the hours or days of the site's calendar.
func (s *Summary) bucket(rows []counted, from, to time.Time, where *time.Location) {
	s.Unit, s.Buckets = "day", []Bucket{}
	if from.IsZero() || !from.Before(to) {
		return
	}
	if to.Sub(from) <= hourly {
		s.Unit = "hour"
	}
	i := 0
	for at := s.floor(from.In(where)); at.Before(to) && len(s.Buckets) < maxBuckets; {
		next := at.AddDate(0, 0, 1)
		if s.Unit == "hour" {
			next = at.Add(time.Hour)
		}
		b := Bucket{From: watch.Time{Time: at.UTC()}}
		for ; i < len(rows) && rows[i].opened.Before(next); i++ {
			b.Count++
			if rows[i].priority == rank(watch.Critical) {
				b.Critical++
			}
		}
		s.Buckets, at = append(s.Buckets, b), next
	}
}

func (s *Summary) floor(t time.Time) time.Time {
	if s.Unit == "hour" {
		return t.Truncate(time.Hour)
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}
