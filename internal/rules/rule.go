// Package rules judges: it says which events matter, to whom and how much. It is pure. A rule is one file; its
// conditions are CEL. What the judge remembers is small and can be written down, so that whoever runs it can keep it
// in the same transaction as the effects.
package rules

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"siaga/internal/watch"
)

// Rule is one loaded rule file.
type Rule struct {
	ID       string
	Code     string // code in the catalogue of domain.md 4.4
	Category string // domain.md 2.4, third axis
	Title    watch.Words
	On       []string // kinds that fire it; families as "radio.*", suffixes as "*.garbled"
	ClearOn  []string // kinds that clear it
	// Priority is the fixed priority; "" if an expression decides.
	Priority watch.Priority
	// Window is how long a repetition belongs to the same alert.
	Window time.Duration
	// For is how long the condition must last before it is claimed; SilentFor how long nothing must be heard.
	For, SilentFor time.Duration
	// Within and AtLeast count: the rule fires from the AtLeast-th occurrence within that time on.
	Within  time.Duration
	AtLeast int
	// RepeatOnly rules look only at messages that were heard before.
	RepeatOnly bool
	// Card is what people are told to do; it has no say in judging.
	Card Card
	// Source is the text of the file.
	Source string

	when, clearWhen      *expression // nil: always
	priority             *expression // nil: Priority
	key, clearKey, alias *expression // nil: the default
	suppressed           []suppressor
	suppresses           bool // another rule asks whether this one is active
}

// suppressor silences a rule while another one is active: for the key, or at all.
type suppressor struct {
	rule string
	key  *expression
}

// holds reports whether only the end of the condition ends the alert.
func (r *Rule) holds() bool { return len(r.ClearOn) > 0 || r.SilentFor > 0 }

// Set is a checked set of rules. It never changes and may be shared.
type Set struct {
	rules    []*Rule // by id
	byID     map[string]*Rule
	exact    map[string][]duty // kind → what its rules do with it
	patterns []pattern
	repeats  []duty // rules that only look at messages heard before
}

// duty is what one rule does with a kind.
type duty struct {
	rule         *Rule
	fires, clear bool
}

// pattern is a duty for a family or a suffix of kinds.
type pattern struct {
	prefix, suffix string
	duty           duty
}

func (p pattern) matches(kind string) bool {
	return strings.HasPrefix(kind, p.prefix) && strings.HasSuffix(kind, p.suffix)
}

func matchesKind(pat, kind string) bool {
	before, after, family := strings.Cut(pat, "*")
	if !family {
		return pat == kind
	}
	return len(kind) >= len(before)+len(after) && strings.HasPrefix(kind, before) && strings.HasSuffix(kind, after)
}

func newSet(all []*Rule) *Set {
	s := &Set{rules: all, byID: map[string]*Rule{}, exact: map[string][]duty{}}
	slices.SortFunc(all, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	for _, r := range all {
		s.byID[r.ID] = r
		if r.RepeatOnly {
			s.repeats = append(s.repeats, duty{rule: r, fires: true})
			continue
		}
		kinds := slices.Compact(slices.Sorted(slices.Values(slices.Concat(r.On, r.ClearOn))))
		for _, k := range kinds {
			d := duty{rule: r, fires: slices.Contains(r.On, k), clear: slices.Contains(r.ClearOn, k)}
			if before, after, family := strings.Cut(k, "*"); family {
				s.patterns = append(s.patterns, pattern{prefix: before, suffix: after, duty: d})
			} else {
				s.exact[k] = append(s.exact[k], d)
			}
		}
	}
	for _, r := range all {
		for _, by := range r.suppressed {
			s.byID[by.rule].suppresses = true
		}
	}
	return s
}

// Rules lists the rules by id.
func (s *Set) Rules() []*Rule { return slices.Clone(s.rules) }

// Reads reports whether any rule looks at events of a kind. Samples of such a kind MUST NOT be thinned.
func (s *Set) Reads(kind string) bool {
	if _, ok := s.exact[kind]; ok {
		return true
	}
	for _, p := range s.patterns {
		if p.matches(kind) {
			return true
		}
	}
	return false
}

// duties lists what the rules do with events of a kind; repeat says that the message was heard before.
func (s *Set) duties(kind string, repeat bool) []duty {
	d := s.exact[kind]
	for _, p := range s.patterns {
		if p.matches(kind) {
			d = append(slices.Clip(d), p.duty)
		}
	}
	if repeat {
		d = append(slices.Clip(d), s.repeats...)
	}
	return d
}

// repeated reports whether the journal marked the event as a message heard before; it puts the mark in front.
func repeated(body []byte) bool { return bytes.HasPrefix(body, []byte(`{"repeat_of":`)) }

// own reports whether a kind is written by those who act on claims; judging it would feed on itself.
func own(kind string) bool {
	family, _, _ := strings.Cut(kind, ".")
	return family == "alert" || family == "incident" || family == "act"
}
