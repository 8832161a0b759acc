package rules

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// faulty lists what each bad file in testdata/faulty must be told, beginning with line and column.
var faulty = map[string]string{
	"unknown-key":            `:7:1: unknown key "wehn"; did you mean "when"`,
	"unknown-key-in-clear":   `:7:9: unknown key "onn"; did you mean "on"`,
	"unknown-variable":       `:7:11: when: undeclared reference to 'zone.amred' \(did you mean 'zone.armed'`,
	"unknown-function":       `:7:24: when: undeclared reference to 'startsWiht'`,
	"syntax-error-in-block":  `:\d+:\d+: when: Syntax error`,
	"wrong-type":             `:7:7: when gives string, want bool`,
	"key-is-a-number":        `:7:7: key gives int, want string`,
	"costly":                 `:7:7: when may cost \d+ steps`,
	"priority-mistyped":      `:5:11: priority "critcal": did you mean "critical"`,
	"priority-not-a-word":    `:5:12: priority gives int, want string`,
	"own-kind":               `:6:5: on: "alert.raised" is written by what acts on alerts`,
	"own-family":             `:6:5: on: "act.\*" is written by`,
	"no-kind":                `:6:5: on: "panic!" is no event kind`,
	"everything":             `:6:6: on: "\*" is no event kind`,
	"bad-window":             `:7:9: window "soon"`,
	"for-without-clear":      `:7:6: for needs clear`,
	"count-without-within":   `:7:\d+: count: within is missing`,
	"count-too-large":        `:7:19: at_least "5000"`,
	"silence-with-clear":     `:7:13: silent_for stands alone`,
	"suppressed-by-itself":   `:7:16: a rule cannot suppress itself`,
	"suppressed-by-nobody":   `: suppressed_by: there is no rule "nobody"`,
	"repeat-only-with-kinds": `:7:14: repeat_only looks at every kind`,
	"unknown-category":       `:3:11: category "panik"`,
	"title-of-one-language":  `en is missing`,
	"title-too-long":         `:4:\d+: title: at most 120 bytes`,
	"missing-everything":     `(?s)id is missing.*title is missing.*priority is missing`,
	"another-name":           `:1:1: the rule's id is "some-name", so the file's name must be some-name.yaml`,
	"empty":                  `found 1 documents|found 0 documents|want one rule`,
	"two-documents":          `found 2 documents`,
	"not-yaml":               `:2:3: could not find end`,
	"a-list":                 `:1:1: a rule is written as`,
	"key-twice":              `:7:1: .*(duplicate|already defined)`,
	"steps-of-one-language":  `:7:8: steps: en is missing`,
	"steps-differ":           `:7:8: steps: 2 in Indonesian, 3 in English`,
	"one-step":               `:7:8: steps: 2 to 5 of them`,
	"step-too-long":          `:7:21: steps: a step has 1 to 160 bytes`,
	"call-nobody":            `:7:16: call: nobody is known as "polisi"`,
	"camera-no-id":           `:7:11: cameras: "MJN GDB" is no device's id`,
	"alias-bomb":             `unknown key|wants a text`,
}

func TestLoad_NamesEveryFaultWithItsPlace(t *testing.T) {
	files, err := os.ReadDir("testdata/faulty")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(faulty) {
		t.Errorf("%d faulty files, %d expectations", len(files), len(faulty))
	}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".yaml")
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(path.Join("testdata/faulty", f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = Load(fstest.MapFS{"rules/" + f.Name(): {Data: raw}}, "rules")
			if err == nil {
				t.Fatal("it was loaded")
			}
			want := regexp.MustCompile(`rules/` + f.Name() + `.*` + faulty[name])
			if strings.HasPrefix(faulty[name], "(?s)") {
				want = regexp.MustCompile(faulty[name])
			}
			if faulty[name] == "" || !want.MatchString(err.Error()) {
				t.Errorf("got %v\nwant %s", err, want)
			}
		})
	}
}

func TestLoad_PointsIntoABlockOfSeveralLines(t *testing.T) {
	_, _, err := Load(fstest.MapFS{"rules/r.yaml": {Data: []byte(rule("r", `
when: |
  zone.armed &&
    e.devise == "x"
`))}}, "rules")
	if err == nil || !strings.Contains(err.Error(), "r.yaml:9:6: when: undeclared reference to 'e.devise'") {
		t.Errorf("got %v", err)
	}
}

func TestLoad_WarnsOfKindsThatNobodyMakes(t *testing.T) {
	_, warnings, err := Load(fstest.MapFS{"rules/r.yaml": {Data: []byte(strings.Replace(rule("r", ""), "radio.emergency", "radio.emergancy", 1))}}, "rules")
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].Error(), `did you mean "radio.emergency"`) {
		t.Errorf("warnings %v, error %v", warnings, err)
	}
}

func TestLoad_TellsAllFaultsAtOnce(t *testing.T) {
	_, _, err := Load(fstest.MapFS{
		"rules/a.yaml": {Data: []byte(rule("a", "whn: 1\nwindow: x\n"))},
		"rules/b.yaml": {Data: []byte(rule("b", "key: nope\n"))},
	}, "rules")
	for _, want := range []string{`a.yaml:7:1`, `a.yaml:8:9`, `b.yaml:7:6`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}

func TestLoad_RefusesWhatIsTooLarge(t *testing.T) {
	_, _, err := Load(fstest.MapFS{"rules/a.yaml": {Data: []byte(rule("a", "# "+strings.Repeat("x", MaxFile)))}}, "rules")
	if err == nil || !strings.Contains(err.Error(), "the limit is 65536") {
		t.Errorf("got %v", err)
	}
	many := fstest.MapFS{}
	for i := range MaxRules + 1 {
		many[fmt.Sprintf("rules/r%d.yaml", i)] = &fstest.MapFile{}
	}
	if _, _, err := Load(many, "rules"); err == nil || !strings.Contains(err.Error(), "the limit is 1000") {
		t.Errorf("got %v", err)
	}
}

// rule is a sound rule on radio.emergency with more lines.
func rule(id, more string) string {
	return "id: " + id + `
code: ht.panik
category: ancaman_orang
title: {id: Panik, en: Panic}
priority: important
on: radio.emergency
` + strings.TrimPrefix(more, "\n")
}

func FuzzLoad(f *testing.F) {
	for _, dir := range []string{shippedDir, "testdata/faulty"} {
		files, err := os.ReadDir(dir)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(path.Join(dir, file.Name()))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(raw))
		}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		set, _, err := LoadFile("r.yaml", []byte(raw))
		if (set == nil) != (err != nil) {
			t.Fatalf("a set of %v with error %v", set, err)
		}
		if set != nil {
			judge := NewJudge(set, Bare{})
			for _, r := range set.Rules() {
				for _, k := range r.On {
					judge.Judge(event(1, strings.NewReplacer("*", "x").Replace(k), `{"a":1}`))
				}
			}
		}
	})
}
