package registry

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"siaga/internal/watch"
)

// Limits of an import. The YAML parser needs time quadratic in nesting and line length, so both are bounded before it
// sees a byte.
const (
	maxDocument = 8 << 20
	maxYAMLLine = 8 << 10
	maxNesting  = 32
)

// node is one value of a document with the line it stands on, whatever the document was written in.
type node struct {
	line   int
	scalar any // string, json.Number, bool or nil, if it is neither map nor list
	fields map[string]*node
	items  []*node
	isList bool
}

// badDocument is a document that cannot be read at all, with the line where reading ended.
type badDocument struct {
	line int
	why  string
}

func (b *badDocument) Error() string { return fmt.Sprintf("line %d: %s", b.line, b.why) }
func (b *badDocument) Unwrap() error { return watch.ErrInvalid }

// readDocument reads YAML, JSON (a document that begins with a brace) or CSV.
func readDocument(text []byte, format string) (*node, error) {
	if len(text) > maxDocument {
		return nil, &badDocument{1, fmt.Sprintf("the document has %d bytes, the limit is %d", len(text), maxDocument)}
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	switch trimmed := bytes.TrimSpace(text); {
	case format == "csv":
		return readCSV(text)
	case format != "":
		return nil, &badDocument{1, fmt.Sprintf("format %.20q is not csv; leave it out for YAML and JSON", format)}
	case len(trimmed) == 0:
		return nil, &badDocument{1, "the document is empty"}
	case trimmed[0] == '{':
		return readJSON(text)
	}
	return readYAML(text)
}

func readJSON(text []byte) (*node, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	r := &jsonReader{dec: dec, text: text, line: 1}
	n, err := r.value(0)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("text after the closing brace")
		}
	}
	if err != nil {
		return nil, &badDocument{r.at(), strings.TrimPrefix(err.Error(), "json: ")}
	}
	return n, nil
}

type jsonReader struct {
	dec  *json.Decoder
	text []byte
	line int
	seen int // bytes counted into line
}

// at is the line the decoder has reached.
func (r *jsonReader) at() int {
	end := min(int(r.dec.InputOffset()), len(r.text))
	r.line += bytes.Count(r.text[r.seen:end], []byte("\n"))
	r.seen = end
	return r.line
}

func (r *jsonReader) value(depth int) (*node, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("nested more than %d deep", maxNesting)
	}
	token, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	n := &node{line: r.at()}
	delim, ok := token.(json.Delim)
	if !ok {
		n.scalar = token
		return n, nil
	}
	if delim == '[' {
		n.isList = true
	} else {
		n.fields = map[string]*node{}
	}
	for r.dec.More() {
		key := ""
		if n.fields != nil {
			token, err := r.dec.Token()
			if err != nil {
				return nil, err
			}
			key, _ = token.(string) // a key that is none ends in a syntax error at once
			if n.fields[key] != nil {
				return nil, fmt.Errorf("key %.40q is there twice", key)
			}
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if n.isList {
			n.items = append(n.items, v)
		} else {
			n.fields[key] = v
		}
	}
	_, err = r.dec.Token() // the closing delimiter
	return n, err
}

func readYAML(text []byte) (n *node, err error) {
	if err := boundYAML(text); err != nil {
		return nil, err
	}
	defer func() {
		// The parser is not ours; a document that breaks it is a bad document.
		if p := recover(); p != nil {
			n, err = nil, &badDocument{1, fmt.Sprintf("cannot be read as YAML: %v", p)}
		}
	}()
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, yamlError(err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, &badDocument{1, fmt.Sprintf("want one YAML document, got %d", len(file.Docs))}
	}
	return fromYAML(file.Docs[0].Body, 0)
}

// boundYAML refuses long lines and deep nesting.
func boundYAML(text []byte) error {
	open, line := 0, 0
	for l := range bytes.Lines(text) {
		line++
		if len(l) > maxYAMLLine {
			return &badDocument{line, fmt.Sprintf("a line of %d bytes, the limit is %d", len(l), maxYAMLLine)}
		}
		open += bytes.Count(l, []byte("[")) + bytes.Count(l, []byte("{")) - bytes.Count(l, []byte("]")) - bytes.Count(l, []byte("}"))
		inline := bytes.Count(l, []byte("- ")) + bytes.Count(l, []byte("? ")) + bytes.Count(l, []byte("[")) + bytes.Count(l, []byte("{"))
		indent := len(l) - len(bytes.TrimLeft(l, " "))
		if open > maxNesting || inline > 8*maxNesting || indent > 8*maxNesting {
			return &badDocument{line, fmt.Sprintf("nested more than %d deep", maxNesting)}
		}
	}
	return nil
}

func yamlError(err error) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
		return &badDocument{y.GetToken().Position.Line, y.GetMessage()}
	}
	return &badDocument{1, err.Error()}
}

func fromYAML(a ast.Node, depth int) (*node, error) {
	n := &node{line: 1}
	if t := a.GetToken(); t != nil && t.Position != nil {
		n.line = t.Position.Line
	}
	if depth > maxNesting {
		return nil, &badDocument{n.line, fmt.Sprintf("nested more than %d deep", maxNesting)}
	}
	switch a := a.(type) {
	case *ast.NullNode:
	case *ast.BoolNode:
		n.scalar = a.Value
	case *ast.StringNode:
		n.scalar = a.Value
	case *ast.LiteralNode:
		n.scalar = a.Value.Value
	case *ast.IntegerNode:
		n.scalar = json.Number(fmt.Sprint(a.Value))
	case *ast.FloatNode:
		if math.IsInf(a.Value, 0) || math.IsNaN(a.Value) {
			return nil, &badDocument{n.line, "not a number"}
		}
		n.scalar = json.Number(fmt.Sprint(a.Value))
	case *ast.SequenceNode:
		n.isList = true
		for _, v := range a.Values {
			item, err := fromYAML(v, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
	case ast.MapNode:
		return n, n.fillYAML(a, depth)
	default:
		return nil, &badDocument{n.line, fmt.Sprintf("a YAML %s is not allowed here", a.Type())}
	}
	return n, nil
}

func (n *node) fillYAML(m ast.MapNode, depth int) error {
	n.fields = map[string]*node{}
	for i := m.MapRange(); i.Next(); {
		key, ok := i.Key().(*ast.StringNode)
		if !ok {
			return &badDocument{n.line, "a key that is not a plain word"}
		}
		v, err := fromYAML(i.Value(), depth+1)
		if err != nil {
			return err
		}
		if t := key.GetToken(); t != nil && t.Position != nil && !v.isList && v.fields == nil {
			v.line = t.Position.Line
		}
		if len(n.fields) == 0 {
			n.line = key.GetToken().Position.Line // a block map begins at its first key
		}
		if n.fields[key.Value] != nil {
			return &badDocument{v.line, fmt.Sprintf("key %.40q is there twice", key.Value)}
		}
		n.fields[key.Value] = v
	}
	return nil
}

// readCSV makes a document of devices from a table: the first row names the fields, as `config.url` or
// `secrets.password` for what lies deeper. Empty cells are left out.
func readCSV(text []byte) (*node, error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.ReuseRecord = true
	r.TrimLeadingSpace = true
	list := &node{line: 1, isList: true}
	var head []string
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return &node{line: 1, fields: map[string]*node{"devices": list}}, nil
		}
		if err != nil {
			var bad *csv.ParseError
			if errors.As(err, &bad) {
				return nil, &badDocument{bad.Line, bad.Err.Error()}
			}
			return nil, &badDocument{1, err.Error()}
		}
		line, _ := r.FieldPos(0)
		if head == nil {
			head = append(head, row...)
			continue
		}
		item := &node{line: line, fields: map[string]*node{}}
		for i, cell := range row {
			if cell != "" {
				item.set(strings.Split(head[i], "."), &node{line: line, scalar: cellValue(cell)})
			}
		}
		list.items = append(list.items, item)
	}
}

func cellValue(cell string) any {
	switch cell {
	case "true", "false":
		return cell == "true"
	}
	return cell
}

func (n *node) set(path []string, v *node) {
	for _, key := range path[:len(path)-1] {
		below := n.fields[key]
		if below == nil || below.fields == nil {
			below = &node{line: n.line, fields: map[string]*node{}}
			n.fields[key] = below
		}
		n = below
	}
	n.fields[path[len(path)-1]] = v
}

// find returns the line of a field named as a Refusal names it, or of the nearest thing around it.
func (n *node) find(field string) int {
	line := n.line
	for key := range strings.SplitSeq(field, ".") {
		if n = n.fields[key]; n == nil {
			break
		}
		line = n.line
	}
	return line
}

// text is a field that holds a string, or "".
func (n *node) text(field string) string {
	if f := n.fields[field]; f != nil {
		s, _ := f.scalar.(string)
		return s
	}
	return ""
}

// value is the node as encoding/json takes it, each string passed through expand.
func (n *node) value(expand func(string) (string, error)) (any, error) {
	switch {
	case n.fields != nil:
		m := make(map[string]any, len(n.fields))
		for key, f := range n.fields {
			v, err := f.value(expand)
			if err != nil {
				return nil, err
			}
			m[key] = v
		}
		return m, nil
	case n.isList:
		l := make([]any, 0, len(n.items))
		for _, item := range n.items {
			v, err := item.value(expand)
			if err != nil {
				return nil, err
			}
			l = append(l, v)
		}
		return l, nil
	}
	if s, ok := n.scalar.(string); ok {
		s, err := expand(s)
		if err != nil {
			return nil, &badDocument{n.line, err.Error()}
		}
		return s, nil
	}
	return n.scalar, nil
}
