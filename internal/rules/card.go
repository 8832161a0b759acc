package rules

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"siaga/internal/watch"
)

// Card is what the console tells a guard to do about a rule's alerts.
type Card struct {
	// StepsID and StepsEN are the steps in each language: both empty, or the same number of them.
	StepsID, StepsEN []string
	// Call lists whom to call, first first; each is a word of watch.Parties.
	Call []string
	// Cameras are devices to show besides those of the alert's zone.
	Cameras []string
}

// Limits of a card: more than a tired person reads is not read.
const (
	minSteps, maxSteps = 2, 5
	maxStep            = 160 // bytes
	maxCall            = 4
	maxCameras         = 16
)

// card reads the optional keys steps, call and cameras.
func (d *document) card(f map[string]ast.Node, r *Rule) {
	if n, ok := f["steps"]; ok {
		d.steps(n, r)
	}
	if n, ok := f["call"]; ok {
		r.Card.Call = d.words(n, "call", maxCall, func(s scalar) {
			if !slices.Contains(watch.Parties(), s.text) {
				d.fault(s.at, "call: nobody is known as %.40q; known are %s", s.text, strings.Join(watch.Parties(), ", "))
			}
		})
	}
	if n, ok := f["cameras"]; ok {
		r.Card.Cameras = d.words(n, "cameras", maxCameras, func(s scalar) {
			if !watch.ValidSlug(s.text) {
				d.fault(s.at, "cameras: %.64q is no device's id", s.text)
			}
		})
	}
}

func (d *document) steps(n ast.Node, r *Rule) {
	m := d.mapping(n, "steps")
	if m == nil {
		return
	}
	t := d.fields(m, []string{"id", "en"})
	for _, lang := range [...]struct {
		key  string
		into *[]string
	}{{"id", &r.Card.StepsID}, {"en", &r.Card.StepsEN}} {
		v, ok := t[lang.key]
		if !ok {
			d.fault(placeOf(n.GetToken()), "steps: %s is missing; a card speaks both languages", lang.key)
			continue
		}
		*lang.into = d.words(v, "steps", maxSteps, func(s scalar) {
			if s.text == "" || len(s.text) > maxStep {
				d.fault(s.at, "steps: a step has 1 to %d bytes; it is read in a hurry", maxStep)
			}
		})
	}
	if len(r.Card.StepsID) != len(r.Card.StepsEN) && t["id"] != nil && t["en"] != nil {
		d.fault(placeOf(n.GetToken()), "steps: %d in Indonesian, %d in English; each says the same", len(r.Card.StepsID), len(r.Card.StepsEN))
	} else if c := len(r.Card.StepsID); c > 0 && c < minSteps {
		d.fault(placeOf(n.GetToken()), "steps: %d to %d of them", minSteps, maxSteps)
	}
}

// words reads a list of at most so many texts, each of which is checked.
func (d *document) words(n ast.Node, key string, most int, check func(scalar)) []string {
	var out []string
	for _, s := range d.list(n, key) {
		check(s)
		out = append(out, s.text)
	}
	if len(out) > most {
		d.fault(placeOf(n.GetToken()), "%s: at most %d", key, most)
	}
	return out
}
