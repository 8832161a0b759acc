package main

import (
	"fmt"
	"strings"
)

// row is one promise or comparison: our figure, the peers beside it, and the target of the design.
type row struct {
	group, what string
	figure      place
	unit        string // for people
	peers       []peer
	target      target
	// when, if set, is a condition of the same run under which the target holds; what it says is printed.
	when func(r run) (target, string)
}

// place is a metric of a benchmark.
type place struct{ bench, unit string }

// peer is what stands beside us.
type peer struct {
	name string
	at   place
}

// target bounds a figure. The zero value bounds nothing.
type target struct {
	bound   float64
	atLeast bool
	set     bool
}

func atMost(v float64) target  { return target{bound: v, set: true} }
func atLeast(v float64) target { return target{bound: v, atLeast: true, set: true} }

func (t target) String() string {
	switch {
	case !t.set:
		return ""
	case t.atLeast:
		return "≥ " + short(t.bound)
	}
	return "≤ " + short(t.bound)
}

func (t target) met(v float64) string {
	switch {
	case !t.set:
		return ""
	case t.atLeast && v >= t.bound, !t.atLeast && v <= t.bound:
		return "yes"
	}
	return "**no**"
}

func (p place) in(r run) (float64, bool) {
	v, ok := r.figures[p.bench][p.unit]
	return v, ok
}

// lines are the row's lines of the table: one, and one more for each further peer. A figure that was not measured is a
// dash; a row of which nothing was measured is left out.
func (w row) lines(r run) string {
	v, ok := w.figure.in(r)
	t, note := w.target, ""
	if w.when != nil {
		t, note = w.when(r)
	}
	if !ok && r.figures[w.figure.bench] == nil {
		return ""
	}
	ours, met := "—", "**no**"
	if ok {
		ours, met = strings.TrimSpace(short(v)+" "+w.unit), t.met(v)
	}
	load := "—"
	if l, ok := (place{w.figure.bench, "load1"}).in(r); ok {
		load = short(l)
	} else if r.facts["load"] != "" {
		load = strings.Fields(r.facts["load"])[0]
	}
	what := w.what
	if note != "" {
		what += " (" + note + ")"
	}
	if len(w.peers) == 0 {
		return fmt.Sprintf("| %s | %s | %s | | | | %s | %s | %s |\n", what, w.figure.bench, ours, t, met, load)
	}
	var b strings.Builder
	for i, p := range w.peers {
		theirs, ratio := "—", "—"
		if pv, measured := p.at.in(r); measured {
			theirs = strings.TrimSpace(short(pv) + " " + w.unit)
			if ok && pv != 0 {
				ratio = short(v/pv) + " ×"
			}
		} else if i > 0 {
			continue
		}
		if i == 0 {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", what, w.figure.bench, ours, p.name, theirs, ratio, t, met, load)
		} else {
			fmt.Fprintf(&b, "| | | | %s | %s | %s | | | |\n", p.name, theirs, ratio)
		}
	}
	return b.String()
}
