package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a rule file. They are generous for people and tight for mischief.
const (
	MaxFile  = 64 << 10 // bytes
	MaxRules = 1000
)

// Fault is what is wrong with a rule file, and where.
type Fault struct {
	File         string
	Line, Column int // from 1; 0 if it is about the whole file
	Message      string
}

func (f *Fault) Error() string {
	if f.Line == 0 {
		return f.File + ": " + f.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
}

// place is where something stands in a rule file.
type place struct{ line, column int }

// scalar is a text in a rule file and where its first character stands. A literal block keeps its lines.
type scalar struct {
	text  string
	at    place
	block bool
	// indent is the column of a block's lines less one.
	indent int
}

// inside is the place of a character of the text: line from 1, column from 0.
func (s scalar) inside(line, column int) place {
	switch {
	case s.block:
		return place{s.at.line + line, s.indent + column + 1}
	case line > 1:
		return s.at
	}
	return place{s.at.line, s.at.column + column}
}

// document reads one rule file and gathers every fault in it.
type document struct {
	file   string
	faults []error
}

func (d *document) fault(at place, format string, args ...any) {
	d.faults = append(d.faults, &Fault{File: d.file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)})
}

// root parses the file down to its one mapping; nil if there is none.
func (d *document) root(raw []byte) *ast.MappingNode {
	if len(raw) > MaxFile {
		d.fault(place{}, "the file has %d bytes, the limit is %d", len(raw), MaxFile)
		return nil
	}
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		var broken yaml.Error
		if errors.As(err, &broken) && broken.GetToken() != nil {
			d.fault(placeOf(broken.GetToken()), "%s", broken.GetMessage())
		} else {
			d.fault(place{}, "not YAML: %v", err)
		}
		return nil
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		d.fault(place{}, "want one rule, found %d documents: a rule is a file of its own", len(file.Docs))
		return nil
	}
	return d.mapping(file.Docs[0].Body, "a rule")
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{t.Position.Line, t.Position.Column}
}

func (d *document) mapping(n ast.Node, what string) *ast.MappingNode {
	if v, ok := n.(*ast.MappingValueNode); ok { // a mapping of one key
		return &ast.MappingNode{BaseNode: v.BaseNode, Start: v.Start, Values: []*ast.MappingValueNode{v}}
	}
	m, ok := n.(*ast.MappingNode)
	if !ok {
		d.fault(placeOf(n.GetToken()), "%s is written as `key: value` lines", what)
		return nil
	}
	return m
}

// fields lists the values of a mapping by key and faults what is not known, naming the nearest key that is.
func (d *document) fields(m *ast.MappingNode, known []string) map[string]ast.Node {
	out := map[string]ast.Node{}
	for _, v := range m.Values {
		name, ok := v.Key.(*ast.StringNode)
		switch {
		case !ok:
			d.fault(placeOf(v.Key.GetToken()), "a key is a plain word, not %.40s", v.Key.String())
		case !slices.Contains(known, name.Value):
			advice := "; known are " + strings.Join(known, ", ")
			if near := nearest(name.Value, known); near != "" {
				advice = fmt.Sprintf("; did you mean %q?", near)
			}
			d.fault(placeOf(name.Token), "unknown key %.64q%s", name.Value, advice)
		default:
			out[name.Value] = v.Value
		}
	}
	return out
}

// text reads a scalar.
func (d *document) text(n ast.Node, key string) (scalar, bool) {
	at := placeOf(n.GetToken())
	switch v := n.(type) {
	case *ast.StringNode:
		if v.Token.Type == token.SingleQuoteType || v.Token.Type == token.DoubleQuoteType {
			at.column++
		}
		return scalar{text: v.Value, at: at}, true
	case *ast.LiteralNode:
		if v.Value == nil {
			break
		}
		first, _, _ := strings.Cut(strings.TrimLeft(v.Value.Token.Origin, "\n"), "\n")
		return scalar{
			text: strings.TrimRight(v.Value.Value, "\n"), at: at, block: v.Start.Type == token.LiteralType,
			indent: len(first) - len(strings.TrimLeft(first, " ")),
		}, true
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
		return scalar{text: n.GetToken().Value, at: at}, true
	}
	d.fault(at, "%s wants a text", key)
	return scalar{}, false
}

// list reads a list of scalars, or one scalar as a list of one.
func (d *document) list(n ast.Node, key string) []scalar {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		if s, ok := d.text(n, key); ok {
			return []scalar{s}
		}
		return nil
	}
	var out []scalar
	for _, v := range seq.Values {
		if s, ok := d.text(v, key); ok {
			out = append(out, s)
		}
	}
	return out
}
