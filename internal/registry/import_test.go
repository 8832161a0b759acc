package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"siaga/internal/watch"
)

const smallSite = `version: 1
site: majene
zones:
  - {id: gudang, name: Gudang Induk, kind: store, code: GDG, parent: kantor} # the parent comes later
  - id: kantor
    name: Kantor
    kind: office
devices:
  - id: ht-1
    kind: radio
    name: HT Pos 1
    alias: Pos 1
    parent: ht
    child_key: 5100202
  - id: ht
    kind: mmdvm
    name: Gateway HT
    zone: kantor
    config: {topic: ht}
  - id: mjn-gdg-01
    kind: rtsp
    name: MJN-GDG-01
    zone: gudang
    config:
      url: ${CAMERA_1}
      sub_url: ${CAMERA_1}/sub
      username: siaga
    secrets:
      password: ${CAMERA_PASSWORD}
    plan: {x: 0.25, y: 1}
`

var variables = map[string]string{"CAMERA_1": "rtsp://127.0.0.1:8554/cam1", "CAMERA_PASSWORD": "kamera-uji-9"}

func (s *site) load(text string, o ImportOptions) ImportReport {
	s.t.Helper()
	if o.Variables == nil {
		o.Variables = variables
	}
	report, err := s.Import(context.Background(), By{Actor: "teknisi"}, []byte(text), o)
	if err != nil {
		s.t.Fatalf("%v: %+v", err, report.Problems)
	}
	return report
}

func actions(r ImportReport) string {
	var out []string
	for _, c := range r.Changes {
		out = append(out, c.Action+" "+c.ID)
	}
	return strings.Join(out, ", ")
}

func TestImport_TwiceChangesNothingTheSecondTime(t *testing.T) {
	s := newSite(t, t.TempDir())
	report := s.load(smallSite, ImportOptions{})
	if got, want := actions(report), "added kantor, added gudang, added ht, added mjn-gdg-01, added ht-1"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(report.Credentials) != 1 || report.Credentials[0].User != "ht" {
		t.Errorf("credentials: %v", report.Credentials)
	}
	if id, zone, ok := s.Child("ht", "5100202"); !ok || id != "ht-1" || zone != "kantor" {
		t.Errorf("child: %s in %s, %v", id, zone, ok)
	}
	head := s.j.Head()
	report = s.load(smallSite, ImportOptions{})
	if strings.Contains(actions(report), "added") || strings.Contains(actions(report), "changed") || s.j.Head() != head || len(report.Credentials) != 0 {
		t.Errorf("second time: %s; head %d, was %d", actions(report), s.j.Head(), head)
	}
	if _, err := s.Enable(context.Background(), me, "mjn-gdg-01", false); err != nil {
		t.Fatal(err)
	}
	report = s.load(strings.Replace(smallSite, "alias: Pos 1", "alias: Pos Satu", 1), ImportOptions{})
	if !strings.Contains(actions(report), "changed ht-1") || !strings.Contains(actions(report), "same mjn-gdg-01") {
		t.Errorf("one change: %s", actions(report))
	}
	if d, _ := s.Device("mjn-gdg-01"); d.Enabled {
		t.Error("importing again switched on what a person had switched off")
	}
	s.absentFromFiles("kamera-uji-9")
	s.proved()
}

func TestImport_DryRunSaysTheSameAndChangesNothing(t *testing.T) {
	s := newSite(t, t.TempDir())
	report := s.load(smallSite, ImportOptions{DryRun: true})
	if len(report.Changes) != 5 || len(report.Credentials) != 0 || s.j.Head() != 0 || len(s.Devices()) != 0 {
		t.Errorf("dry run: %+v, head %d", report, s.j.Head())
	}
	if got := actions(s.load(smallSite, ImportOptions{})); got != actions(report) {
		t.Errorf("the real run did %s", got)
	}
	s.proved()
}

func TestExport_IsTakenByAnEmptySiteAndComesOutTheSame(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.load(smallSite, ImportOptions{})
	tricky := camera("tricky", "Pintu: \"barat\" # ${CAMERA_1} - yes", "rtsp://10.0.0.5/a?b=${x}&c=1e3")
	tricky.Position = &Position{Lat: -3.5403, Lon: 118.9707}
	s.mustRegister(tricky, nil)
	out, err := s.Export()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte("kamera-uji-9")) {
		t.Error("the export holds a secret")
	}
	other := newSite(t, t.TempDir())
	text := strings.Replace(string(out), "username: siaga", "", 1) // its password is not in the export
	other.load(text, ImportOptions{Variables: map[string]string{}})
	again, err := other.Export()
	if err != nil || string(again) != strings.Replace(string(out), "    username: siaga\n", "", 1) {
		t.Errorf("came back as\n%s\nfrom\n%s\n%v", again, out, err)
	}
	report := s.load(string(out), ImportOptions{})
	if strings.Contains(actions(report), "added") || strings.Contains(actions(report), "changed") {
		t.Errorf("importing the export changed: %s", actions(report))
	}
}

// faultySite has one fault in each entry; the zone that could not be read is not held against its camera.
const faultySite = `site: bitung
zones:
  - id: aula
    name: Aula
    kind: ballroom
  - id: aula
    name: Aula Lain
    kind: hall
  - id: lobi
    name: Lobi
    kind: lobby
    colour: red
cameras: []
devices:
  - id: cam-7
    name: Kamera 7
    kind: rtsp
    zone: aula
    config:
      url: rtsp://10.0.0.1/main
  - id: cam-8
    name: Kamera 8
    kind: rtsp
    zone: lobi
    enabled: yes please
  - id: cam-9
    name: Kamera 9
    kind: rtsp
    zone: nowhere
    config:
      url: ${MISSING}
  - id: cam-10
    name: Kamera 10
    kind: rtsp
    zone: nowhere
`

func TestImport_NamesEveryFaultWithItsLineAndStoresNothing(t *testing.T) {
	s := furnished(t)
	head := s.j.Head()
	report, err := s.Import(context.Background(), me, []byte(faultySite), ImportOptions{})
	if !errors.Is(err, ErrProblems) || !errors.Is(err, watch.ErrInvalid) {
		t.Fatalf("got %v", err)
	}
	want := []struct {
		row   int
		field string
		words string
	}{
		{1, "site", "majene"},
		{5, "kind", "ballroom"},
		{6, "id", "line 3"},
		{12, "colour", "no such field"},
		{13, "cameras", "unknown"},
		{20, "config.url", "cam-1"},
		{25, "enabled", "true or false"},
		{31, "", "${MISSING}"},
		{35, "zone", "nowhere"},
	}
	if len(report.Problems) != len(want) {
		t.Errorf("%d problems: %+v", len(report.Problems), report.Problems)
	}
	for i, p := range report.Problems {
		if i < len(want) && (p.Row != want[i].row || p.Field != want[i].field || !strings.Contains(p.Message, want[i].words)) {
			t.Errorf("got %+v, want %+v", p, want[i])
		}
	}
	if s.j.Head() != head {
		t.Error("a refused import left events")
	}
	s.proved()
}

func TestImport_RefusesWhatIsNoDocument(t *testing.T) {
	s := newSite(t, t.TempDir())
	for what, text := range map[string]string{
		"empty": " \n", "list": "- a\n", "two": "zones: []\n---\nzones: []\n", "alias": "zones: &z []\ndevices: *z\n",
		"merge": "zones:\n  - <<: {id: a}\n", "tag": "zones: !!binary aGk=\n", "syntax": "zones: [\n", "deep": strings.Repeat("[", 100000),
		"steps": strings.Repeat("- ", 100000), "number": "zones: 3\n", "twice": "zones: []\nzones: []\n", "json": `{"zones": [}`, "json tail": "{}\n{}",
		"json twice": `{"zones": [], "zones": []}`, "json deep": `{"zones":` + strings.Repeat("[", 100000), "infinite": "version: .inf\n", "huge": strings.Repeat("#", maxDocument+1),
	} {
		if _, err := s.Import(context.Background(), me, []byte(text), ImportOptions{}); !errors.Is(err, watch.ErrInvalid) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := s.Import(context.Background(), me, []byte("{}"), ImportOptions{Format: "xml"}); !errors.Is(err, watch.ErrInvalid) {
		t.Errorf("format xml: %v", err)
	}
}

func TestImport_ReadsJSONAndTables(t *testing.T) {
	s := furnished(t)
	s.load("{\n\"devices\": [\n {\"id\": \"j-1\", \"kind\": \"radio\", \"name\": \"J\",\n \"parent\": \"ht\", \"child_key\": 77}]}", ImportOptions{})
	if id, _, _ := s.Child("ht", "77"); id != "j-1" {
		t.Error("JSON was not taken")
	}
	table := "id,name,kind,zone,config.url,config.username,secrets.password,enabled\n" +
		"cam-a,MJN-GDG-11,rtsp,gudang,rtsp://10.1.0.1/main,admin,\"ra,hasia\",false\n" +
		"cam-b,MJN-GDG-12,rtsp,gudang,rtsp://10.1.0.2/main,,,\n"
	s.load(table, ImportOptions{Format: "csv"})
	d, _ := s.Device("cam-a")
	secrets, err := s.Secrets(context.Background(), "cam-a")
	if err != nil || d.Enabled || secrets["password"] != "ra,hasia" || string(d.Config) != `{"url":"rtsp://10.1.0.1/main","username":"admin"}` {
		t.Errorf("from the table: %+v, %v, %v", d, secrets, err)
	}
	report, err := s.Import(context.Background(), me, []byte(table+"cam-c,MJN-GDG-12,rtsp,gudang,rtsp://10.1.0.2/main,,,\n"), ImportOptions{Format: "csv"})
	if !errors.Is(err, ErrProblems) || len(report.Problems) != 1 || report.Problems[0].Row != 4 || report.Problems[0].ID != "cam-c" {
		t.Errorf("fourth row: %+v, %v", report.Problems, err)
	}
	s.proved()
}

func TestImport_Province38SitesOf16CamerasIsOneTransaction(t *testing.T) {
	s := furnished(t)
	var b strings.Builder
	b.WriteString("devices:\n")
	for site := range 38 {
		for cam := range 16 {
			host := strings.Join([]string{"10.2.", itoa(site), ".", itoa(cam)}, "")
			b.WriteString("  - {id: c-" + itoa(site) + "-" + itoa(cam) + ", name: C-" + itoa(site) + "-" + itoa(cam) + ", kind: rtsp, zone: gudang, config: {url: \"rtsp://" + host + "/main\"}}\n")
		}
	}
	before := s.j.Metrics.Commits.Load()
	if r := s.load(b.String(), ImportOptions{}); len(r.Changes) != 38*16 {
		t.Errorf("%d changes", len(r.Changes))
	}
	if n := s.j.Metrics.Commits.Load() - before; n != 1 {
		t.Errorf("%d commits", n)
	}
}

func itoa(n int) string { return string(rune('0'+n/10)) + string(rune('0'+n%10)) }

func TestExpand_ReplacesVariablesAndKeepsEscapedOnes(t *testing.T) {
	for in, want := range map[string]string{"a ${X}${X}": "a xx", "$${X}": "${X}", "$X": "$X", "${": "${", "${X-1}": "${X-1}"} {
		if got, err := expand(in, map[string]string{"X": "x"}); err != nil || got != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
}

func FuzzReadDocument_NeverPanicsAndKeepsLines(f *testing.F) {
	f.Add([]byte(smallSite), "")
	f.Add([]byte("id,name\na,b\n"), "csv")
	f.Add([]byte(`{"zones": [{"id": "a"}]}`), "")
	f.Fuzz(func(t *testing.T, text []byte, format string) {
		n, err := readDocument(text, format)
		if err != nil {
			var bad *badDocument
			if !errors.As(err, &bad) || bad.line < 1 {
				t.Fatalf("error without a line: %v", err)
			}
			return
		}
		lines := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + 1
		var walk func(*node)
		walk = func(n *node) {
			if n.line < 1 || n.line > lines {
				t.Fatalf("line %d of %d", n.line, lines)
			}
			for _, v := range n.fields {
				walk(v)
			}
			for _, v := range n.items {
				walk(v)
			}
		}
		walk(n)
	})
}

func FuzzTakeSecrets_LeavesNoUserInAnAddress(f *testing.F) {
	f.Add("rtsp://admin:pass@10.0.0.1/main")
	f.Add("rtsp://a@b:c@d/e@f")
	f.Add("rtsp://:@h")
	f.Fuzz(func(t *testing.T, address string) {
		config, err := encodeConfig(map[string]any{"url": address})
		if err != nil {
			return
		}
		out, _, _, err := takeSecrets(config, nil)
		if err != nil {
			return
		}
		o, err := decodeObject(out)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, ok := strings.Cut(o["url"].(string), "://")
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			rest = rest[:i]
		}
		if ok && strings.Contains(rest, "@") {
			t.Errorf("%q became %q", address, o["url"])
		}
		_ = addresses(out)
	})
}

func TestDemoSite_IsAValidDocument(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "configs", "demo", "site.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{}
	for _, m := range variable.FindAllStringSubmatch(string(text), -1) {
		vars[m[1]] = "rtsp://127.0.0.1:8554/" + strings.ToLower(m[1])
	}
	vars["CAMERA_USER"], vars["CAMERA_PASSWORD"] = "demo", "demo-kamera"
	s := newDemo(t)
	report, err := s.Import(context.Background(), me, text, ImportOptions{Variables: vars})
	if err != nil {
		t.Fatalf("%v: %+v", err, report.Problems)
	}
	if again := s.load(string(text), ImportOptions{Variables: vars}); strings.Contains(actions(again), "changed") || strings.Contains(actions(again), "added") {
		t.Errorf("again: %s", actions(again))
	}
	counts := s.Counts()
	if counts["rtsp"] < 4 || counts["radio"] != 6 || counts["mmdvm"] != 2 || counts["dji"] != 1 || counts["aircraft"] != 1 || counts["contact"] != 3 {
		t.Errorf("the demo has %v", counts)
	}
	for _, alias := range []string{"Pos Induk", "Pos 1", "Pos 2", "Patroli", "Danru", "Pengawal"} {
		if !slices.ContainsFunc(s.Children("ht-gateway"), func(d Device) bool { return d.Alias == alias }) {
			t.Errorf("no radio %s", alias)
		}
	}
}

func TestImport_RemovesInAnOrderThatWorks(t *testing.T) {
	s := furnished(t)
	before, err := s.Export()
	if err != nil {
		t.Fatal(err)
	}
	got := actions(s.load(`
remove:
  - {zone: server}
  - {device: ht}
  - {device: ht-1}
  - {device: not-there}
`, ImportOptions{}))
	if got != "removed ht-1, removed ht, same not-there, removed server" {
		t.Errorf("%s", got)
	}
	report, err := s.Import(context.Background(), me, []byte("remove:\n  - {zone: gudang}\n  - {}\n"), ImportOptions{})
	if !errors.Is(err, ErrProblems) || len(report.Problems) != 2 || !strings.Contains(report.Problems[0].Message, "still holds device") || report.Problems[1].Row != 3 {
		t.Errorf("%v %+v", err, report.Problems)
	}
	// What an import did is undone by the export from before it and the removal of what it added.
	s.load(string(before), ImportOptions{})
	if after, _ := s.Export(); string(after) != string(before) {
		t.Errorf("the export from before did not bring the site back:\n%s\n%s", before, after)
	}
	s.proved()
}

func TestImport_TakesTenThousandDevices(t *testing.T) {
	s := furnished(t)
	var b strings.Builder
	b.WriteString("id,name,kind,zone,config.url\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "k-%05d,K-%05d,rtsp,gudang,rtsp://10.%d.%d.%d/main\n", i, i, 1+i/60_000, i/250, i%250)
	}
	began := time.Now()
	if report, err := s.Import(context.Background(), me, []byte(b.String()), ImportOptions{Format: "csv"}); err != nil || len(report.Changes) != 10_000 {
		t.Fatalf("%d, %v", len(report.Changes), err)
	}
	t.Logf("10,000 devices in %v", time.Since(began))
	if n := len(s.Devices()); n != 10_003 {
		t.Errorf("%d devices", n)
	}
}
