package rules

import (
	"slices"
	"strconv"

	"cel.dev/cel-go/cel"
	"github.com/goccy/go-yaml/ast"
)

// maxCount bounds how many occurrences a rule may count: each is remembered by its time.
const maxCount = 256

// timing reads what a rule says about time and number.
func (d *document) timing(f map[string]ast.Node, r *Rule) {
	r.Window = d.duration(f, "window")
	r.For = d.duration(f, "for")
	r.SilentFor = d.duration(f, "silent_for")
	r.AtLeast = 1
	if n, ok := f["count"]; ok {
		if m := d.mapping(n, "count"); m != nil {
			c := d.fields(m, []string{"within", "at_least"})
			if r.Within = d.duration(c, "within"); c["within"] == nil {
				d.fault(placeOf(n.GetToken()), "count: within is missing, as 60s")
			}
			if at, ok := c["at_least"]; ok {
				r.AtLeast = d.number(at)
			}
		}
	}
	if n, ok := f["repeat_only"]; ok {
		if b, ok := n.(*ast.BoolNode); ok {
			r.RepeatOnly = b.Value
		} else {
			d.fault(placeOf(n.GetToken()), "repeat_only: want true or false")
		}
	}
}

func (d *document) number(n ast.Node) int {
	s, ok := d.text(n, "at_least")
	v, err := strconv.Atoi(s.text)
	if ok && (err != nil || v < 1 || v > maxCount) {
		d.fault(s.at, "at_least %.20q: want a whole number between 1 and %d", s.text, maxCount)
	}
	return v
}

// clear reads what ends the condition.
func (d *document) clear(env *cel.Env, f map[string]ast.Node, r *Rule) {
	n, ok := f["clear"]
	if !ok {
		return
	}
	m := d.mapping(n, "clear")
	if m == nil {
		return
	}
	c := d.fields(m, []string{"on", "when", "key"})
	r.ClearOn = d.kinds(c, "on")
	if len(r.ClearOn) == 0 {
		d.fault(placeOf(n.GetToken()), "clear: on is missing: which kinds end it?")
	}
	r.clearWhen = d.expr(env, c, "when", cel.BoolType)
	r.clearKey = d.expr(env, c, "key", cel.StringType)
	if c["key"] == nil {
		r.clearKey = r.key
	}
}

// suppression reads the rules that silence this one: a name, or a name with the key that must be active.
func (d *document) suppression(env *cel.Env, f map[string]ast.Node, r *Rule) {
	n, ok := f["suppressed_by"]
	if !ok {
		return
	}
	entries := []ast.Node{n}
	if seq, ok := n.(*ast.SequenceNode); ok {
		entries = seq.Values
	}
	for _, e := range entries {
		switch e.(type) {
		case *ast.MappingNode, *ast.MappingValueNode:
			c := d.fields(d.mapping(e, "suppressed_by"), []string{"rule", "key"})
			r.suppressed = append(r.suppressed, suppressor{rule: d.word(c, "rule"), key: d.expr(env, c, "key", cel.StringType)})
		default:
			if s, ok := d.text(e, "suppressed_by"); ok {
				r.suppressed = append(r.suppressed, suppressor{rule: s.text})
			}
		}
	}
}

// consistency faults what each line allows but the whole does not.
func (d *document) consistency(root *ast.MappingNode, f map[string]ast.Node, r *Rule) {
	at := func(key string) place {
		if n, ok := f[key]; ok {
			return placeOf(n.GetToken())
		}
		return placeOf(root.GetToken())
	}
	if r.RepeatOnly && (len(r.On) > 0 || len(r.ClearOn) > 0) {
		d.fault(at("repeat_only"), "repeat_only looks at every kind; on and clear do not go with it")
	}
	if !r.RepeatOnly && len(r.On) == 0 && len(d.faults) == 0 {
		d.fault(at("on"), "on is missing: which kinds does the rule read?")
	}
	if r.For > 0 && len(r.ClearOn) == 0 {
		d.fault(at("for"), "for needs clear: what ends the waiting?")
	}
	if r.SilentFor > 0 && (r.For > 0 || r.Within > 0 || len(r.ClearOn) > 0) {
		d.fault(at("silent_for"), "silent_for stands alone: the kinds in on are the signs of life, and the next one clears it")
	}
	if r.For > 0 && r.Within > 0 {
		d.fault(at("for"), "for and count do not go together")
	}
	if slices.ContainsFunc(r.suppressed, func(s suppressor) bool { return s.rule == r.ID }) {
		d.fault(at("suppressed_by"), "a rule cannot suppress itself")
	}
}
