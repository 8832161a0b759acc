package auth

import (
	"slices"
	"strings"
	"testing"
)

// paper is the matrix as the office has it on paper: a row a right, a column a role in the order of Roles. It is written
// out again here so that a change of one has to be meant twice.
const paper = `
live_console      full     full     full     read     test     posture  -        -
accept_alert      full     full     full     -        -        siber    -        -
close_critical    -        full     full     full     -        siber    -        -
play_incident     full     full     full     full     test     siber    -        -
play_any          -        full     full     full     -        -        -        -
prepare_evidence  -        -        full     full     -        siber    -        -
approve_evidence  -        -        full     full     -        -        -        -
hold              -        -        full     full     -        -        -        -
view_devices      read     read     read     read     full     read     -        -
devices           -        -        -        -        full     revoke   -        -
device_password   -        -        -        -        -        -        -        -
arm               full     full     full     -        -        -        -        -
rules             -        propose  full     -        propose  full     -        -
stand_alone       -        -        full     full     -        full     -        -
events            full     full     full     full     test     siber    full     -
audit             own      squad    full     full     own      full     full     -
reports           own      full     full     full     -        -        full     -
proofs            -        -        full     full     -        full     full     -
delete_record     -        -        -        -        -        -        -        -
erase             -        -        full     full     -        -        -        -
people            -        -        -        -        -        -        -        full
zones             -        -        -        -        full     -        -        full
settings          -        -        -        -        -        -        -        full
`

func TestCan_IsTheMatrixAndDeniesEveryEmptyCell(t *testing.T) {
	rights := Rights()
	for i, line := range strings.Split(strings.TrimSpace(paper), "\n") {
		cells := strings.Fields(line)
		if i >= len(rights) || Right(cells[0]) != rights[i] || len(cells) != len(Roles())+1 {
			t.Fatalf("row %d: %v", i, cells)
		}
		for k, role := range Roles() {
			want := Scope(strings.Trim(cells[k+1], "-"))
			p := Person{ID: "x", Active: true, Roles: []Role{role}}
			if got := Can(p, rights[i]); got != want {
				t.Errorf("%s for %s: %q, want %q", rights[i], role, got, want)
			}
			p.Active = false
			if got := Can(p, rights[i]); got != ScopeNone {
				t.Errorf("%s for a %s who is shut out: %q", rights[i], role, got)
			}
			p.Active, p.MustChange = true, true
			if got := Can(p, rights[i]); got != ScopeNone {
				t.Errorf("%s for a %s with a password to change: %q", rights[i], role, got)
			}
		}
	}
	if strings.Count(strings.TrimSpace(paper), "\n")+1 != len(rights) || len(matrix) != len(rights)-2 {
		t.Error("the matrix has rows that the paper has not")
	}
}

func TestCan_OfTwoRolesTakesTheWidest(t *testing.T) {
	p := Person{ID: "x", Active: true, Roles: []Role{Technician, ITSecurity}}
	if got := Can(p, RightDevices); got != ScopeFull {
		t.Errorf("devices: %q", got)
	}
	if got := Scopes(p, RightLiveConsole); !slices.Equal(got, []Scope{ScopeTest, ScopePosture}) {
		t.Errorf("console: %v", got)
	}
	if got := RightsOf(p); got[RightStandAlone] != ScopeFull || got[RightPeople] != ScopeNone || len(got) == 0 {
		t.Errorf("rights: %v", got)
	}
	if Can(Person{}, RightLiveConsole) != ScopeNone || Can(p, "fly") != ScopeNone {
		t.Error("nobody may do something")
	}
}
