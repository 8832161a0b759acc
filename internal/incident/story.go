package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"siaga/internal/watch"
)

// Names say how people call what ids stand for. "" is somebody or something whose name is not known any more.
type Names interface {
	Zone(id string) string
	Device(id string) string
	Person(id string) string
}

// Story is what happened, in five sentences of each language: what, where and when; how it was reported; what came after;
// how it was answered; how it stands. It is made of facts alone: no free text that people or devices sent stands in it, so
// it cannot say who is guilty.
type Story struct {
	ID []string `json:"id" nullable:"false"`
	EN []string `json:"en" nullable:"false"`
}

// Tell makes the story of an incident. Names are those of the registry and of the people who acted.
func (d *Detail) Tell(n Names, c Clock) Story {
	id, en := teller{d: d, n: n, c: c}, teller{d: d, n: n, c: c, english: true}
	return Story{ID: id.sentences(), EN: en.sentences()}
}

// teller tells in one language.
type teller struct {
	d       *Detail
	n       Names
	c       Clock
	english bool
}

func (t teller) say(indonesian, english string) string {
	if t.english {
		return english
	}
	return indonesian
}

func (t teller) title(w watch.Words) string { return t.say(w.ID, cmp.Or(w.EN, w.ID)) }

func (t teller) sentences() []string {
	return []string{t.what(), t.how(), t.after(), t.answer(), t.outcome()}
}

// alerts are the incident's, oldest first.
func (t teller) alerts() []Alert {
	out := slices.Clone(t.d.Incident.Alerts)
	slices.SortStableFunc(out, func(a, b Alert) int { return a.RaisedAt.Compare(b.RaisedAt.Time) })
	return out
}

// lead is the alert that the incident is called after.
func (t teller) lead() Alert {
	for _, a := range t.alerts() {
		if a.Rule == t.d.Incident.Rule {
			return a
		}
	}
	in := t.d.Incident
	return Alert{Title: in.Title, Zone: in.Zone, Device: in.Device, RaisedAt: in.OpenedAt, Priority: in.Priority}
}

func (t teller) what() string {
	in, a := t.d.Incident, t.lead()
	at := t.say("Pada ", "On ") + t.c.Long(a.RaisedAt.Time, t.english)
	return at + fmt.Sprintf(t.say(` sistem mencatat peringatan "%s" dengan prioritas %s`, ` the system recorded the alert "%s" of priority %s`),
		t.title(in.Title), t.priority(in.Priority)) + t.at(cmp.Or(a.Zone, in.Zone)) + "."
}

func (t teller) how() string {
	in := t.d.Incident
	first := t.lead()
	if list := t.alerts(); len(list) > 0 {
		first = list[0]
	}
	from := t.say("Peringatan pertama berasal dari pengamatan sistem", "The first alert came from the system's own observation")
	if name := t.device(first.Device); name != "" {
		from = fmt.Sprintf(t.say("Peringatan pertama dilaporkan oleh perangkat %s", "The first alert was reported by the device %s"), name)
	}
	return from + fmt.Sprintf(t.say("%s; kejadian ini dicatat dengan nomor %s dan memuat %s dari %s.", "%s; the incident is recorded as number %s and holds %s from %s."),
		t.clock(first.RaisedAt), in.Number, t.count(max(in.AlertCount, len(in.Alerts)), "peringatan", "alert"), t.count(len(in.Devices), "perangkat", "device"))
}

// named is how many of the later alerts are told one by one.
const named = 3

func (t teller) after() string {
	list := t.alerts()
	if len(list) < 2 {
		return t.say("Tidak ada peringatan lain yang tercatat dalam kejadian ini.", "No other alert is recorded in this incident.")
	}
	first := list[0]
	var parts []string
	for _, a := range list[1:min(len(list), named+1)] {
		part := `"` + t.title(a.Title) + `"`
		if name := t.device(a.Device); name != "" {
			part += t.say(" pada ", " at ") + name
		}
		parts = append(parts, part+" ("+t.span(a.RaisedAt.Sub(first.RaisedAt.Time))+t.say(" kemudian)", " later)"))
	}
	out := t.say("Setelah itu tercatat pula ", "After that came ") + strings.Join(parts, ", ")
	if more := max(t.d.Incident.AlertCount, len(list)) - 1 - len(parts); more > 0 {
		out += fmt.Sprintf(t.say(", dan %s lain; yang terakhir", ", and %s; the last"), t.count(more, "peringatan", "more alert")) + t.clock(t.d.Incident.LastAlertAt)
	}
	return out + "."
}

func (t teller) answer() string {
	in := t.d.Incident
	if in.AcknowledgedAt.IsZero() {
		return t.say("Belum ada petugas yang menerima peringatan ini.", "Nobody has accepted the alert yet.")
	}
	waited := max(0, in.AcknowledgedAt.Sub(in.OpenedAt.Time))
	out := fmt.Sprintf(t.say("Peringatan diterima oleh %s%s, %s setelah kejadian dibuka", "The alert was accepted by %s%s, %s after the incident was opened"),
		t.person(in.AcknowledgedBy), t.clock(in.AcknowledgedAt), t.span(waited))
	if in.HandledBy != "" {
		out += t.say(", lalu ditangani oleh ", ", then handled by ") + t.person(in.HandledBy)
	}
	if in.Escalations > 0 {
		out += fmt.Sprintf(t.say(", dan diteruskan kepada atasan %s", ", and passed up %s"), t.count(in.Escalations, "kali", "time"))
	}
	return out + "."
}

func (t teller) outcome() string {
	in := t.d.Incident
	by := func() string {
		return t.person(in.ResolvedBy) + t.say(" pada ", " on ") + t.c.Long(in.ResolvedAt.Time, t.english)
	}
	switch in.State {
	case watch.StateResolved:
		return t.say("Kejadian dinyatakan selesai oleh ", "The incident was declared resolved by ") + by() +
			t.say(" dan menunggu pemeriksaan orang kedua sebelum ditutup.", " and awaits a second person's review before it is closed.")
	case watch.StateClosed:
		return t.say("Kejadian dinyatakan selesai oleh ", "The incident was declared resolved by ") + by() +
			t.say(", lalu diperiksa dan ditutup oleh ", ", then reviewed and closed by ") + t.person(in.ClosedBy) +
			t.say(" pada ", " on ") + t.c.Long(in.ClosedAt.Time, t.english) + "."
	case watch.StateFalseAlarm:
		return t.say("Kejadian dinyatakan sebagai alarm palsu oleh ", "The incident was declared a false alarm by ") + by() + "."
	case watch.StateDrill:
		return t.say("Kejadian dinyatakan sebagai latihan oleh ", "The incident was declared a drill by ") + by() + "."
	case watch.StateDuplicate:
		return t.say("Kejadian dinyatakan sebagai duplikat oleh ", "The incident was declared a duplicate by ") + by() + "."
	}
	return t.say("Kejadian ini masih terbuka; belum ada pernyataan selesai.", "The incident is still open; nobody has declared it resolved.")
}

func (t teller) at(zone string) string {
	if name := clean(t.n.Zone(zone)); zone != "" && name != "" {
		return t.say(" di ", " at ") + name
	}
	return ""
}

func (t teller) device(id string) string {
	if id == "" {
		return ""
	}
	return clean(cmp.Or(t.n.Device(id), id))
}

func (t teller) person(id string) string {
	name := clean(t.n.Person(id))
	if id == "" || name == "" {
		return t.say("petugas", "a member of staff")
	}
	return name
}

// clock is " pukul 01.07.12 WITA".
func (t teller) clock(at watch.Time) string {
	if at.IsZero() {
		return ""
	}
	return t.say(" pukul ", " at ") + t.c.Time(at.Time)
}

// count is "3 peringatan", "1 alert" or "3 alerts": Indonesian has no plural.
func (t teller) count(n int, indonesian, english string) string {
	if n != 1 {
		english += "s"
	}
	return strconv.Itoa(n) + " " + t.say(indonesian, english)
}

func (t teller) priority(p watch.Priority) string {
	words := map[watch.Priority][2]string{
		watch.Info: {"info", "info"}, watch.Caution: {"perhatian", "caution"}, watch.Important: {"penting", "important"}, watch.Critical: {"kritis", "critical"},
	}
	return t.say(words[p][0], words[p][1])
}

func (t teller) span(d time.Duration) string { return Span(d, t.english) }

// clean makes a name one short line.
func clean(name string) string {
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
	if r := []rune(name); len(r) > 80 {
		name = string(r[:79]) + "…"
	}
	return name
}
