package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"siaga/internal/watch"
)

// ErrProblems means that an import was refused as a whole; its report says why, line by line.
var ErrProblems = errors.New("nothing was imported")

// ImportOptions say how to take a document.
type ImportOptions struct {
	Format    string            // "" for YAML or JSON, "csv" for a table of devices
	Variables map[string]string // replace ${name} in every string of the document
	DryRun    bool              // check everything, change nothing
}

// ImportReport is what an import did, or in a dry run would do.
type ImportReport struct {
	Changes     []ImportChange
	Problems    []ImportProblem
	Credentials []Issued // new MQTT secrets, to be shown once; none in a dry run
}

// ImportChange is one zone or device of the document.
type ImportChange struct {
	Row    int    // line of the document
	What   string // zone or device
	ID     string
	Action string // added, changed, removed or same
	Notes  []string
}

// ImportProblem is one reason why the document was refused.
type ImportProblem struct {
	Row     int // line of the document
	ID      string
	Field   string
	Message string // in English; holds no secret
}

// Import brings zones and devices to what a document says: all of it in one transaction, or nothing with ErrProblems and
// every problem in the report. What the document does not name stays as it is, and importing it again changes nothing.
// The form is described in docs/ref/registry.md.
func (r *Registry) Import(ctx context.Context, by By, text []byte, o ImportOptions) (ImportReport, error) {
	doc, err := r.parse(text, o)
	if err != nil {
		return ImportReport{}, err
	}
	if by.Reason == "" {
		by.Reason = "import"
	}
	var report ImportReport
	c, err := r.commit(ctx, by, func(c *change) error {
		report = ImportReport{Problems: slices.Clone(doc.problems)}
		if err := c.importAll(doc, &report); err != nil {
			return err
		}
		switch {
		case len(report.Problems) > 0:
			return ErrProblems
		case o.DryRun:
			return errDryRun
		}
		return nil
	})
	slices.SortStableFunc(report.Problems, func(a, b ImportProblem) int { return a.Row - b.Row })
	if errors.Is(err, errDryRun) {
		return report, nil
	}
	if errors.Is(err, ErrProblems) {
		first := report.Problems[0]
		return report, fmt.Errorf("%w: %d problems, the first in line %d: %s: %w", ErrProblems, len(report.Problems), first.Row, first.Message, watch.ErrInvalid)
	}
	if err != nil {
		return report, err
	}
	report.Credentials = c.issued
	return report, nil
}

// errDryRun undoes what a dry run did.
var errDryRun = errors.New("dry run")

// document is a parsed import: zones with parents before children, gateways before what stands behind them.
type document struct {
	zones    []item[Zone]
	devices  []item[deviceItem]
	gone     []item[Removal]
	problems []ImportProblem
	broken   []Device // id and kind of entries that could not be read, so that what builds on them is not blamed
}

type item[T any] struct {
	node *node
	v    T
}

// deviceItem is a device as a document writes it.
type deviceItem struct {
	Device
	Enabled  *bool             `json:"enabled"`   // absent: on for a new device, as it is for a known one
	ChildKey loose             `json:"child_key"` // a DMR number need not stand in quotes
	Secrets  map[string]string `json:"secrets"`
}

// loose is a string that may be written as a number.
type loose string

func (l *loose) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(l))
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return errors.New("want a string or a number")
	}
	*l = loose(n)
	return nil
}

func (r *Registry) parse(text []byte, o ImportOptions) (*document, error) {
	root, err := readDocument(text, o.Format)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	if root.fields == nil {
		return nil, fmt.Errorf("registry: %w", &badDocument{root.line, "want a map with `zones` and `devices`"})
	}
	d := &document{}
	for key, n := range root.fields {
		switch key {
		case "version":
			if fmt.Sprint(n.scalar) != "1" {
				d.complain(n.line, "", key, "this program reads version 1")
			}
		case "site":
			if n.scalar != r.opt.Journal.Site() {
				d.complain(n.line, "", key, fmt.Sprintf("the document is of another site; this one is %q", r.opt.Journal.Site()))
			}
		case "zones":
			d.zones = readItems[Zone](d, n, o.Variables)
		case "devices":
			d.devices = readItems[deviceItem](d, n, o.Variables)
		case "remove":
			d.gone = readItems[Removal](d, n, o.Variables)
		default:
			d.complain(n.line, "", key, "unknown; a document has version, site, zones, devices, remove")
		}
	}
	d.arrange()
	return d, nil
}

func (d *document) complain(row int, id, field, message string) {
	d.problems = append(d.problems, ImportProblem{Row: row, ID: id, Field: field, Message: message})
}

func readItems[T any](d *document, list *node, variables map[string]string) []item[T] {
	if !list.isList {
		d.complain(list.line, "", "", "want a list, each entry beginning with a hyphen")
		return nil
	}
	var out []item[T]
	for _, n := range list.items {
		it := item[T]{node: n}
		if err := decodeItem(n, &it.v, variables); err != nil {
			id := n.text("id")
			d.broken = append(d.broken, Device{ID: id, Kind: n.text("kind")})
			row, field, message := n.line, "", err.Error()
			var bad *badDocument
			var wrong *json.UnmarshalTypeError
			if errors.As(err, &bad) {
				row, message = bad.line, bad.why
			} else if errors.As(err, &wrong) {
				field = strings.TrimPrefix(wrong.Field, "Device.")
				row, message = n.find(field), fmt.Sprintf("want %s, got %s", plainType(wrong), wrong.Value)
			} else if _, name, ok := strings.Cut(message, "unknown field "); ok {
				field = strings.Trim(name, `"`)
				row, message = n.find(field), "there is no such field"
			}
			d.complain(row, id, field, message)
			continue
		}
		out = append(out, it)
	}
	return out
}

func plainType(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "bool":
		return "true or false"
	case "string":
		return "a string (put it in quotes)"
	case "float64":
		return "a number"
	case "slice":
		return "a list"
	}
	return "a map"
}

func decodeItem(n *node, into any, variables map[string]string) error {
	v, err := n.value(func(s string) (string, error) { return expand(s, variables) })
	if err != nil {
		return err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

var variable = regexp.MustCompile(`\$?\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand puts variables in; $${name} stands for ${name} itself.
func expand(s string, variables map[string]string) (string, error) {
	var missing string
	out := variable.ReplaceAllStringFunc(s, func(m string) string {
		if strings.HasPrefix(m, "$$") {
			return m[1:]
		}
		v, ok := variables[m[2:len(m)-1]]
		if !ok {
			missing = m
		}
		return v
	})
	if missing != "" {
		return "", fmt.Errorf("the variable %s is not set", missing)
	}
	return out, nil
}

// arrange puts parents before what is below them and complains of what is listed twice.
func (d *document) arrange() {
	lines := map[string]int{}
	for _, z := range d.zones {
		d.once(lines, "zone", z.v.ID, z.node)
	}
	for _, v := range d.devices {
		d.once(lines, "device", v.v.ID, v.node)
	}
	byID := map[string]item[Zone]{}
	for _, z := range d.zones {
		byID[z.v.ID] = z
	}
	var sorted []item[Zone]
	done := map[string]bool{}
	var put func(item[Zone])
	put = func(z item[Zone]) {
		if done[z.v.ID] {
			return
		}
		done[z.v.ID] = true // before its parents, so that a ring ends here and is refused later
		if above, ok := byID[z.v.Parent]; ok {
			put(above)
		}
		sorted = append(sorted, z)
	}
	for _, z := range d.zones {
		put(z)
	}
	d.zones = sorted
	slices.SortStableFunc(d.devices, func(a, b item[deviceItem]) int { return min(1, len(a.v.Parent)) - min(1, len(b.v.Parent)) })
}

func (d *document) once(lines map[string]int, what, id string, n *node) {
	if first, ok := lines[what+" "+id]; ok && id != "" {
		d.complain(n.line, id, "id", fmt.Sprintf("%s %q is listed twice, first in line %d", what, id, first))
		return
	}
	lines[what+" "+id] = n.line
}

// importAll applies the document. What is refused goes into the report and a stand-in into the working copy, so that
// one fault is not reported again by everything that builds on it. Only a broken database is an error.
func (c *change) importAll(d *document, report *ImportReport) error {
	for _, b := range d.broken {
		c.standIn(Zone{ID: b.ID}, b)
	}
	for _, z := range d.zones {
		err := c.item(report, "zone", z.v.ID, z.node, func() (string, error) { return c.importZone(z.v) })
		if err != nil {
			return err
		}
		c.standIn(z.v, Device{})
	}
	for _, v := range d.devices {
		err := c.item(report, "device", v.v.ID, v.node, func() (string, error) { return c.importDevice(v.v) })
		if err != nil {
			return err
		}
		c.standIn(Zone{}, v.v.Device)
	}
	return c.removeAll(d, report)
}

// standIn puts what was refused into the working copy, which is undone in any case.
func (c *change) standIn(z Zone, d Device) {
	if _, ok := c.st.zones[z.ID]; !ok && watch.ValidSlug(z.ID) {
		c.st.zones[z.ID] = z
	}
	if _, ok := c.st.devices[d.ID]; !ok && watch.ValidSlug(d.ID) {
		c.st.put(d)
	}
}

func (c *change) item(report *ImportReport, what, id string, n *node, do func() (string, error)) error {
	c.notes = nil
	action, err := do()
	var r *Refusal
	switch {
	case errors.As(err, &r):
		report.Problems = append(report.Problems, ImportProblem{Row: n.find(r.Field), ID: id, Field: r.Field, Message: r.Why})
	case err != nil:
		return err
	default:
		report.Changes = append(report.Changes, ImportChange{Row: n.line, What: what, ID: id, Action: action, Notes: c.notes})
	}
	return nil
}

func (c *change) importZone(z Zone) (string, error) {
	if _, ok := c.st.zones[z.ID]; !ok {
		return "added", c.addZone(z)
	}
	return action(c.changeZone(z))
}

func (c *change) importDevice(v deviceItem) (string, error) {
	d := v.Device
	d.ChildKey = string(v.ChildKey)
	have, known := c.st.devices[d.ID]
	switch {
	case v.Enabled != nil:
		d.Enabled = *v.Enabled
	case known:
		d.Enabled = have.Enabled
	default:
		d.Enabled = true
	}
	if d.Zone == "" && d.Parent != "" {
		d.Zone = c.st.devices[d.Parent].Zone
	}
	if !known {
		return "added", c.register(d, v.Secrets)
	}
	return action(c.changeDevice(d, v.Secrets))
}

func action(changed bool, err error) (string, error) {
	if changed {
		return "changed", err
	}
	return "same", err
}
