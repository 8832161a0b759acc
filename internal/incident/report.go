package incident

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"siaga/internal/watch"
)

// More verbs: what is written about an incident. They do not change where it stands.
const (
	WriteReport Verb = "act.reported"   // the written report, whole; the newest stands
	Refer       Verb = "act.referenced" // a number under which another office keeps the case
)

// Report is the written report (Lapdi) in its seven fields, in the order of si-a-di-de-men-ba-bi. Free text of people;
// it is in no event but its own, so that erasing that body erases it.
type Report struct {
	Who   string `json:"who" maxLength:"4000" doc:"siapa"`
	What  string `json:"what" maxLength:"4000" doc:"apa"`
	Where string `json:"where" maxLength:"4000" doc:"di mana"`
	With  string `json:"with" maxLength:"4000" doc:"dengan apa"`
	Why   string `json:"why" maxLength:"4000" doc:"mengapa"`
	How   string `json:"how" maxLength:"4000" doc:"bagaimana"`
	When  string `json:"when" maxLength:"4000" doc:"bilamana"`
}

func (r *Report) fields() [7]string {
	return [7]string{r.Who, r.What, r.Where, r.With, r.Why, r.How, r.When}
}

// Reference is a number under which another office keeps the case.
type Reference struct {
	Office    string `json:"office" enum:"police,bawaslu,gakkumdu,dkpp,csirt,pdp,fire,handover,other"`
	Number    string `json:"number" minLength:"1" maxLength:"120"`
	Withdrawn bool   `json:"withdrawn,omitempty" doc:"true: it was entered by mistake"`
}

// Offices are those that may keep a number: police report, election supervisor, their joint centre, the ethics council, the
// response team for cyber incidents, the data-protection agency, the fire brigade, the minutes of a handover of evidence.
func Offices() []string {
	return []string{"police", "bawaslu", "gakkumdu", "dkpp", "csirt", "pdp", "fire", "handover", "other"}
}

// StaleError says that somebody else wrote the report since the writer read it.
type StaleError struct {
	Number string
	By     string // person id
	At     time.Time
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("the report of incident %s was written by %s at %s; read it before you write over it", e.Number, e.By, watch.FormatTime(e.At))
}

// checkWritten refuses a report or reference that is wrong whatever the incident.
func (a *Act) checkWritten() error {
	switch a.Verb {
	case WriteReport:
		if a.Report == nil || strings.TrimSpace(strings.Join(fieldsOf(a.Report), "")) == "" {
			return &FieldError{"report", "an empty report says nothing"}
		}
		for _, f := range a.Report.fields() {
			if utf8.RuneCountInString(f) > MaxText || !utf8.ValidString(f) {
				return &FieldError{"report", fmt.Sprintf("at most %d characters of text a field", MaxText)}
			}
		}
	case Refer:
		if a.Reference == nil {
			return &FieldError{"reference", "name office and number"}
		}
		return a.Reference.check()
	}
	return nil
}

func fieldsOf(r *Report) []string {
	f := r.fields()
	return f[:]
}

func (r *Reference) check() error {
	r.Number = strings.TrimSpace(r.Number)
	known := false
	for _, o := range Offices() {
		known = known || o == r.Office
	}
	if !known {
		return &FieldError{"reference.office", "one of " + strings.Join(Offices(), ", ")}
	}
	if r.Number == "" || len(r.Number) > 120 || !utf8.ValidString(r.Number) || strings.ContainsFunc(r.Number, unicode.IsControl) {
		return &FieldError{"reference.number", "one line of at most 120 bytes"}
	}
	return nil
}

// writeReport refuses to write over what the writer has not read, and to change the report of a closed incident.
func writeReport(w *work, a *Act, in *Incident, body *actBody, _ watch.Time) error {
	if in.State == watch.StateClosed {
		return &StateError{Number: in.Number, State: in.State, Verb: a.Verb, Why: "its report stands; reopen it to change the report"}
	}
	var seq uint64
	var by string
	var at int64
	list, err := collect(w.ctx, w.tx, func(r interface{ Scan(...any) error }) (bool, error) { return true, r.Scan(&seq, &by, &at) },
		`SELECT seq, actor, at FROM events INDEXED BY events_subject WHERE subject = ? AND subject <> '' AND kind = ? ORDER BY seq DESC LIMIT 1`,
		[]any{in.ID, string(WriteReport)})
	if err != nil {
		return err
	}
	if len(list) > 0 && seq != a.Base {
		return &StaleError{Number: in.Number, By: by, At: watch.FromMillis(at)}
	}
	body.Report = a.Report
	return nil
}

func refer(_ *work, a *Act, _ *Incident, body *actBody, _ watch.Time) error {
	body.Reference = a.Reference
	return nil
}

// Written is the newest report of an incident.
type Written struct {
	Report
	Seq uint64     `json:"seq" doc:"goes into base when the report is written anew"`
	By  string     `json:"by"`
	At  watch.Time `json:"at"`
}

// Report is the newest report among the acts, nil if there is none or its body was erased.
func (d *Detail) Report() *Written {
	for i := len(d.Acts) - 1; i >= 0; i-- {
		if a := d.Acts[i]; a.Kind == string(WriteReport) {
			if a.Report == nil {
				return &Written{Seq: a.Seq, By: a.By, At: a.At}
			}
			return &Written{Report: *a.Report, Seq: a.Seq, By: a.By, At: a.At}
		}
	}
	return nil
}

// Kept is a reference that stands.
type Kept struct {
	Reference
	By string     `json:"by"`
	At watch.Time `json:"at"`
}

// References are the numbers that stand, oldest first.
func (d *Detail) References() []Kept {
	out := []Kept{}
	for _, a := range d.Acts {
		if a.Kind != string(Refer) || a.Reference == nil {
			continue
		}
		r := *a.Reference
		kept := out[:0]
		for _, k := range out {
			if k.Office != r.Office || k.Number != r.Number {
				kept = append(kept, k)
			}
		}
		if out = kept; !r.Withdrawn {
			out = append(out, Kept{r, a.By, a.At})
		}
	}
	return out
}
