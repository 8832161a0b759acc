package rules

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tables reads docs/ref/kinds.md: kinds with their nature, rules with their code and the kinds they read.
func tables(t *testing.T) (kinds map[string]string, rules map[string][2]string) {
	t.Helper()
	raw, err := os.ReadFile("../../docs/ref/kinds.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds, rules = map[string]string{}, map[string][2]string{}
	first, second, _ := strings.Cut(string(raw), "## Rules")
	second, _, _ = strings.Cut(second, "## Writing")
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| (fact|sample) \\|").FindAllStringSubmatch(first, -1) {
		if kinds[m[1]] != "" {
			t.Errorf("kind %s stands twice", m[1])
		}
		kinds[m[1]] = m[2]
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| `([a-z_.]+)` \\| (.*)$").FindAllStringSubmatch(second, -1) {
		rules[m[1]] = [2]string{m[2], m[3]}
	}
	return kinds, rules
}

func TestDocs_ListEveryKindAndEveryRule(t *testing.T) {
	kinds, listed := tables(t)
	for _, k := range Kinds() {
		want := "fact"
		if k.Sample {
			want = "sample"
		}
		if kinds[k.Name] != want {
			t.Errorf("kind %s is %q in docs/ref/kinds.md, want %s", k.Name, kinds[k.Name], want)
		}
		delete(kinds, k.Name)
	}
	for k := range kinds {
		t.Errorf("docs/ref/kinds.md lists %s, the program does not", k)
	}
	for _, r := range shipped(t).Rules() {
		row, ok := listed[r.ID]
		if !ok || row[0] != r.Code {
			t.Errorf("rule %s has code %s, docs/ref/kinds.md says %q", r.ID, r.Code, row[0])
		}
		for _, want := range slices.Concat(r.On, []string{r.Title.ID, r.Title.EN, string(r.Priority)}) {
			if !strings.Contains(row[1], want) {
				t.Errorf("the row of rule %s does not say %q", r.ID, want)
			}
		}
		for _, pat := range slices.Concat(r.On, r.ClearOn) {
			if !slices.ContainsFunc(Kinds(), func(k Kind) bool { return matchesKind(pat, k.Name) }) {
				t.Errorf("rule %s reads %s, which is not listed", r.ID, pat)
			}
		}
		delete(listed, r.ID)
	}
	for id := range listed {
		t.Errorf("docs/ref/kinds.md lists rule %s, which is not shipped", id)
	}
}

// TestDocs_CodesAreOfTheCatalogue holds the codes of the catalogue (domain.md 4.4) that rules of this release use.
func TestDocs_CodesAreOfTheCatalogue(t *testing.T) {
	catalogue := strings.Fields(`ht.panik ht.petugas_jatuh ht.sendirian_lewat ht.hilang_kontak ht.jamming ht.kode ht.tak_dikenal
		cam.putus cam.tertutup cam.bergeser cam.macet cam.gerak_zona cam.identitas_berubah cam.waktu
		drone.tinggi drone.pagar drone.baterai drone.putus drone.asing
		akses.ditolak akses.tanpa_izin akses.pintu_lama akses.satu_orang akses.penuh akses.lewat_waktu massa.tingkat
		lingkungan.asap lingkungan.air lingkungan.suhu daya.padam daya.baterai
		logistik.terlambat logistik.selisih logistik.segel
		siber.pesan_palsu siber.pesan_usang siber.banjir siber.masuk_gagal siber.ekspor
		integritas.log integritas.rekaman integritas.aturan
		sistem.cakram sistem.waktu sistem.pekerja sistem.kanal sistem.konsol sistem.celah
		jaga.absen jaga.serah_terima patroli.temuan info.isu`)
	used := map[string]bool{}
	for _, r := range shipped(t).Rules() {
		used[r.Code] = true
		if !slices.Contains(catalogue, r.Code) {
			t.Errorf("rule %s has code %s, which the catalogue does not know", r.ID, r.Code)
		}
	}
	for _, must := range strings.Fields(`ht.panik ht.hilang_kontak ht.tak_dikenal cam.putus cam.gerak_zona cam.waktu drone.tinggi drone.pagar
		drone.baterai drone.putus akses.tanpa_izin akses.pintu_lama lingkungan.asap lingkungan.air lingkungan.suhu daya.padam
		siber.pesan_palsu siber.pesan_usang siber.banjir siber.masuk_gagal integritas.log integritas.rekaman integritas.aturan
		sistem.cakram sistem.waktu sistem.pekerja sistem.kanal sistem.konsol sistem.celah`) {
		if !used[must] {
			t.Errorf("no shipped rule raises %s", must)
		}
	}
}
