package rules

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"github.com/goccy/go-yaml/ast"

	"siaga/internal/watch"
)

// Warning is what is odd but not wrong about a rule file.
type Warning = Fault

// Load reads every *.yaml file of a folder in fsys: one rule a file, named after its id. The error names every fault with
// file, line and column; warnings do not keep a set from working. A folder without rules is an error: nothing would be
// judged.
func Load(fsys fs.FS, dir string) (*Set, []Warning, error) {
	names, err := fs.Glob(fsys, path.Join(dir, "*.yaml"))
	if err != nil {
		return nil, nil, fmt.Errorf("rules: reading %s: %w", dir, err)
	}
	if len(names) == 0 {
		return nil, nil, fmt.Errorf("rules: there is no *.yaml file in %s, so nothing would be judged: put the shipped rules there", dir)
	}
	if len(names) > MaxRules {
		return nil, nil, fmt.Errorf("rules: %s holds %d rule files, the limit is %d", dir, len(names), MaxRules)
	}
	env, err := language()
	if err != nil {
		return nil, nil, fmt.Errorf("rules: %w", err)
	}
	var all []*Rule
	var docs []*document
	for _, name := range names {
		raw, err := readLimited(fsys, name)
		if err != nil {
			return nil, nil, fmt.Errorf("rules: reading %s: %w", name, err)
		}
		doc := &document{file: name}
		r := doc.rule(env, raw)
		if r != nil && r.ID != "" && r.ID+".yaml" != path.Base(name) {
			doc.fault(place{1, 1}, "the rule's id is %q, so the file's name must be %s.yaml", r.ID, r.ID)
		}
		docs = append(docs, doc)
		all = append(all, r)
	}
	return finish(all, docs)
}

// LoadFile reads a single rule, as `siaga rules test` does. A rule that it is suppressed by need not be there.
func LoadFile(name string, raw []byte) (*Set, []Warning, error) {
	env, err := language()
	if err != nil {
		return nil, nil, fmt.Errorf("rules: %w", err)
	}
	doc := &document{file: name}
	r := doc.rule(env, raw)
	if r != nil {
		r.suppressed = nil
	}
	return finish([]*Rule{r}, []*document{doc})
}

func readLimited(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	return raw, errors.Join(err, f.Close())
}

// finish checks what only shows when all rules are there.
func finish(all []*Rule, docs []*document) (*Set, []Warning, error) {
	var faults []error
	var warnings []Warning
	known := map[string]bool{}
	for i, r := range all {
		faults = append(faults, docs[i].faults...)
		if r == nil {
			continue
		}
		known[r.ID] = true
		warnings = append(warnings, unknownKinds(docs[i], r)...)
	}
	for i, r := range all {
		if r == nil {
			continue
		}
		for _, by := range r.suppressed {
			if !known[by.rule] {
				faults = append(faults, &Fault{File: docs[i].file, Message: fmt.Sprintf("suppressed_by: there is no rule %q", by.rule)})
			}
		}
	}
	if len(faults) > 0 {
		return nil, warnings, errors.Join(faults...)
	}
	return newSet(all), warnings, nil
}

func unknownKinds(d *document, r *Rule) []Warning {
	var out []Warning
	for _, pat := range slices.Concat(r.On, r.ClearOn) {
		if !slices.ContainsFunc(Kinds(), func(k Kind) bool { return matchesKind(pat, k.Name) }) {
			msg := fmt.Sprintf("no part of Siaga makes events of kind %q", pat)
			if near := nearest(pat, kindNames()); near != "" {
				msg += fmt.Sprintf("; did you mean %q?", near)
			}
			out = append(out, Warning{File: d.file, Message: msg})
		}
	}
	return out
}

// maxTitle bounds a title, which every alert carries.
const maxTitle = 120

var ruleKeys = [...]string{
	"id", "code", "category", "title", "priority", "on", "when", "key", "alias", "window", "for", "silent_for", "count",
	"repeat_only", "clear", "suppressed_by", "steps", "call", "cameras",
}

// rule reads one rule; faults are gathered in the document, and nil means that nothing could be read at all.
func (d *document) rule(env *cel.Env, raw []byte) *Rule {
	root := d.root(raw)
	if root == nil {
		return nil
	}
	f := d.fields(root, ruleKeys[:])
	r := &Rule{Source: string(raw), ID: d.word(f, "id"), Code: d.word(f, "code"), Category: d.word(f, "category")}
	if r.ID != "" && !watch.ValidSlug(r.ID) {
		d.fault(placeOf(f["id"].GetToken()), "id %q: want lower case letters, digits and hyphens", r.ID)
	}
	if r.Category != "" && !slices.Contains(Categories(), r.Category) {
		d.fault(placeOf(f["category"].GetToken()), "category %q: want one of %s", r.Category, strings.Join(Categories(), ", "))
	}
	if r.Code != "" && !watch.ValidKind(r.Code) {
		d.fault(placeOf(f["code"].GetToken()), "code %q: want a code of the catalogue, as ht.panik", r.Code)
	}
	d.title(f, r)
	d.priority(env, f, r)
	r.On = d.kinds(f, "on")
	r.when = d.expr(env, f, "when", cel.BoolType)
	r.key = d.expr(env, f, "key", cel.StringType)
	r.alias = d.expr(env, f, "alias", cel.StringType)
	d.timing(f, r)
	d.clear(env, f, r)
	d.suppression(env, f, r)
	d.card(f, r)
	d.consistency(root, f, r)
	return r
}

// word reads a text that must be there.
func (d *document) word(f map[string]ast.Node, key string) string {
	n, ok := f[key]
	if !ok {
		d.fault(place{1, 1}, "%s is missing", key)
		return ""
	}
	s, ok := d.text(n, key)
	if ok && s.text == "" {
		d.fault(s.at, "%s is empty", key)
	}
	return s.text
}

func (d *document) title(f map[string]ast.Node, r *Rule) {
	n, ok := f["title"]
	if !ok {
		d.fault(place{1, 1}, "title is missing: {id: …, en: …}")
		return
	}
	if m := d.mapping(n, "title"); m != nil {
		t := d.fields(m, []string{"id", "en"})
		r.Title = watch.Words{ID: d.word(t, "id"), EN: d.word(t, "en")}
		if len(r.Title.ID) > maxTitle || len(r.Title.EN) > maxTitle {
			d.fault(placeOf(n.GetToken()), "title: at most %d bytes in each language; it must fit on a phone", maxTitle)
		}
	}
}

// priority is one of the four words, or an expression that gives one.
func (d *document) priority(env *cel.Env, f map[string]ast.Node, r *Rule) {
	n, ok := f["priority"]
	if !ok {
		d.fault(place{1, 1}, "priority is missing: info, caution, important, critical, or an expression that gives one of them")
		return
	}
	s, ok := d.text(n, "priority")
	if !ok {
		return
	}
	if p := watch.Priority(s.text); p.Rank() >= 0 {
		r.Priority = p
		return
	}
	words := []string{"info", "caution", "important", "critical"}
	if near := nearest(s.text, words); near != "" {
		d.fault(s.at, "priority %q: did you mean %q?", s.text, near)
		return
	}
	r.priority = d.compile(env, s, "priority", cel.StringType)
}

func (d *document) expr(env *cel.Env, f map[string]ast.Node, key string, want *cel.Type) *expression {
	n, ok := f[key]
	if !ok {
		return nil
	}
	s, ok := d.text(n, key)
	if !ok {
		return nil
	}
	return d.compile(env, s, key, want)
}

// kinds reads event kinds: exact, families as "radio.*", or suffixes as "*.garbled".
func (d *document) kinds(f map[string]ast.Node, key string) []string {
	n, ok := f[key]
	if !ok {
		return nil
	}
	var out []string
	for _, s := range d.list(n, key) {
		plain := s.text
		if rest, ok := strings.CutPrefix(s.text, "*."); ok {
			plain = "x." + rest
		} else if rest, ok := strings.CutSuffix(s.text, ".*"); ok {
			plain = rest + ".x"
		}
		switch {
		case !watch.ValidKind(plain):
			d.fault(s.at, "%s: %.64q is no event kind: want family.name, family.* or *.name", key, s.text)
		case own(s.text):
			d.fault(s.at, "%s: %q is written by what acts on alerts; a rule on it would feed on itself", key, s.text)
		default:
			out = append(out, s.text)
		}
	}
	return out
}

// duration reads a span of time between a second and 31 days; 0 if the key is not there.
func (d *document) duration(f map[string]ast.Node, key string) time.Duration {
	n, ok := f[key]
	if !ok {
		return 0
	}
	s, ok := d.text(n, key)
	if !ok {
		return 0
	}
	v, err := time.ParseDuration(s.text)
	if err != nil || v < time.Second || v > 31*24*time.Hour {
		d.fault(s.at, "%s %.40q: want a span between 1s and 744h, as 60s, 10m or 1h", key, s.text)
		return 0
	}
	return v
}
