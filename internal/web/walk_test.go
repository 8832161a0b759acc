package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"siaga/internal/auth"
)

// walked is what each role gets of each route: a row a route, a column a role in the order of auth.Roles (guard leader
// secretariat chair technician it-security auditor administrator). A route whose answer depends on whose thing is asked
// for, or in what state it is, has a row for each such case behind a slash.
//
//   - let in, whosever it is     -  403, whosever it is
//     o  let in to the own only     .  404: it does not exist for this role
//
// A new route needs its row here, and its requests in walkRequests where `id` alone does not make one.
const walked = `
healthz                        ++++++++
readyz                         ++++++++
metrics                        ++++++++
openapi                        ++++++++
live                           ++++++++

get-setup                      ++++++++
enrol                          ++++++++
sign-in                        ++++++++
get-session                    ++++++++
sign-out                       ++++++++
change-own-password            ++++++++
begin-factor                   ++++++++
confirm-factor                 ++++++++
list-own-sessions              ++++++++
end-own-session                oooooooo
issue-token                    ++++++++

list-people                    -------+
list-names                     ++++++++
add-person                     -------+
change-person                  -------+
reset-password                 -------+
remove-factor                  -------+
list-sessions                  -------+
revoke-session                 -------+

list-zones                     ++++++++
get-zone                       ++++++++
add-zone                       ----+--+
change-zone                    ----+--+
remove-zone                    ----+--+
arm-zone                       +++-----
disarm-zone                    +++-----
lock-zone                      +++-----
unlock-zone                    +++-----

list-plans                     ++++++-+
plan-picture                   ++++++-+
set-plan-picture               ----+--+
anchor-plan                    ----+--+
remove-plan                    ----+--+
place-devices                  ----+---

list-settings                  ----++-+
change-setting                 -------+
reset-setting                  -------+

list-contacts                  ++++++--
console-presence               +++--+--
mute-console                   +++--+--

list-devices                   ++++++--
get-device                     ++++++--
add-device                     ----+---
path-hints                     ----+---
suggest-name                   ----+---
probe-device                   ----+---
import-site                    ----+---
export-site                    ----+---
change-device                  ----+---
remove-device                  ----+---
enable-device                  ----+---
disable-device                 ----+---
replace-device                 ----+---
issue-credential               ----+---
revoke-credential              ----++--
list-drivers                   ----+---
list-rules                     ++++++++

whep                           ++++o---
whep-hangup                    ooooo---
live-mp4                       ++++o---
snapshot                       ++++o---
snapshot/at-purpose            -+++o---
snapshot/at-incident           ++++.---
list-segments                  ++++++--
list-gaps                      ++++++--
video/incident                 ++++.o--
video/closed                   -+++..--
video/purpose                  -+++o---

list-alerts                    ++++-++-
get-alert                      ++++-o+-
acknowledge-alert              +++--o--
list-incidents                 ++++-++-
summarise-incidents            ++++-++-
get-incident                   ++++-o+-
acknowledge-incident           +++--o--
respond-incident               +++--o--
escalate-incident              +++--o--
note-incident                  +++--o--
report-incident                +++--o--
refer-incident                 ++++-o--
resolve-incident               +++--o--
close-incident                 o+++-o--
false-alarm-incident           +++--o--
duplicate-incident             +++--o--
drill-incident                 +++--o--
reopen-incident                +++--o--
split-incident                 +++--o--
merge-incident                 +++--o--

list-events                    +++++++-
get-event/site                 ++++..+-
get-event/equipment            +++++.+-
get-event/audit                oo++o++-
prove-event                    --++-o+-
checkpoint                     --++-++-
checkpoint-key                 --++-++-
prove-consistency              --++-++-
`

type walkedRow struct{ id, cells string }

func walkedRows(t testing.TB) []walkedRow {
	var out []walkedRow
	for line := range strings.Lines(walked) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 2 || len(f[1]) != len(auth.Roles()) || strings.Trim(f[1], "+-o.") != "" {
			t.Fatalf("row %q", line)
		}
		out = append(out, walkedRow{f[0], f[1]})
	}
	return out
}

// routeOf is the operation id of a row, without its case.
func (r walkedRow) routeOf() string { id, _, _ := strings.Cut(r.id, "/"); return id }

// registered is every route by operation id: what the description says that the program answers, and the few routes
// outside the API.
func (s *site) registered() map[string]string {
	var d struct {
		Paths map[string]map[string]struct {
			ID string `json:"operationId"`
		} `json:"paths"`
	}
	s.call("", get, prefix+"/openapi.json", "", http.StatusOK, &d)
	out := map[string]string{}
	for path, methods := range d.Paths {
		for method, op := range methods {
			out[op.ID] = strings.ToUpper(method) + " " + path
		}
	}
	for _, rt := range table() {
		if !strings.HasPrefix(rt.path, prefix) {
			out[rt.id] = rt.method + " " + rt.path
		}
	}
	return out
}

func TestLaw_EveryRouteHasARowInTheWalk(t *testing.T) {
	routes, rows := newSite(t).registered(), map[string]bool{}
	for _, row := range walkedRows(t) {
		rows[row.routeOf()] = true
		if routes[row.routeOf()] == "" {
			t.Errorf("row %s is of no route", row.id)
		}
	}
	for id, name := range routes {
		if !rows[id] {
			t.Errorf("%s (%s) has no row in `walked` (internal/web/walk_test.go): say there what each role gets of it", id, name)
		}
	}
}

// noRouteYet are the rights of domain.md 2.12 that nothing can be done with so far; device_password and delete_record
// never get a route, since nobody has them.
var noRouteYet = map[auth.Right]string{
	auth.RightPrepareEvidence: "Prepare evidence pack", auth.RightApproveEvidence: "Approve evidence pack (other person)",
	auth.RightHold: "Place / release legal hold (two people)", auth.RightDevicePassword: "See stored device password: nobody",
	auth.RightRules: "Change rule or schedule", auth.RightStandAlone: "Turn on stand-alone mode",
	auth.RightAudit: "Read view and audit log (row get-event/audit stands for it)", auth.RightReports: "reports",
	auth.RightDeleteRecord: "Edit or delete a record: nobody", auth.RightErase: "erase a body (two people)",
}

func routesByID() map[string]route {
	byID := map[string]route{}
	for _, rt := range table() {
		byID[rt.id] = rt
	}
	return byID
}

// Each empty cell of the matrix is a refusal on every route that stands on that right.
func TestLaw_EveryEmptyCellOfTheMatrixIsARefusalInTheWalk(t *testing.T) {
	byID := routesByID()
	used := map[auth.Right]bool{}
	for _, row := range walkedRows(t) {
		rt := byID[row.routeOf()]
		for _, right := range []auth.Right{rt.right, rt.or} {
			used[right] = true
		}
		for i, role := range auth.Roles() {
			p := auth.Person{ID: "x", Active: true, Roles: []auth.Role{role}}
			who := &caller{Person: p}
			if !who.can(rt.right, rt.scopes...) && (rt.or == "" || !who.can(rt.or)) && row.cells[i] != '-' {
				t.Errorf("%s lets in a %s, whom the matrix gives neither %s nor %s", row.id, role, rt.right, rt.or)
			}
		}
	}
	for _, right := range auth.Rights() {
		what, missing := noRouteYet[right]
		switch {
		case used[right] && missing:
			t.Errorf("%s has a route now: take it off noRouteYet", right)
		case !used[right] && !missing:
			t.Errorf("nothing can be done with the right %s; say so in noRouteYet", right)
		case missing:
			t.Logf("no route yet: %s (%s)", right, what)
		}
	}
}

func TestWalk_EveryRouteEveryRoleOwnAndForeign(t *testing.T) {
	w := newWalk(t)
	for _, row := range walkedRows(t) {
		for i, role := range auth.Roles() {
			for _, own := range []bool{true, false} {
				w.check(row, string(role), own, row.cells[i])
			}
		}
	}
}

// check sends one request and compares what came with what the cell says.
func (w *walk) check(row walkedRow, role string, own bool, cell byte) {
	w.t.Helper()
	r := w.request(row, role, own)
	res, body := w.do(r)
	var p Problem
	if strings.HasPrefix(res.Header.Get("Content-Type"), problemType) {
		must(w.t, decodeJSON(body, &p))
	}
	hidden := res.StatusCode == http.StatusNotFound && p.Code == "not_found"
	refused := res.StatusCode == http.StatusForbidden
	ok := !refused && !hidden && res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusMethodNotAllowed &&
		res.StatusCode != http.StatusTooManyRequests && res.StatusCode < 500
	var fits bool
	switch {
	case cell == '-':
		fits = refused
	case cell == '.':
		fits = hidden
	case cell == 'o' && !own:
		fits = refused || hidden
	default:
		fits = ok
	}
	if !fits {
		w.t.Errorf("%s as %s, own %v: want %q, got %d\n%s %s\n%s", row.id, role, own, cell, res.StatusCode, r.Method, r.URL, body)
	}
}

// newWalk is a site with something of everything that routes ask for.
func newWalk(t *testing.T) *walk {
	w := &walk{site: guarded(t, func(o *Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} // each role asks from a place of its own
	})}
	w.furnish()
	for _, role := range auth.Roles() {
		w.sign(string(role))
	}
	w.build()
	return w
}

func addressOf(role string) string {
	return "192.0.2." + string('1'+byte(slices.Index(auth.Roles(), auth.Role(role))))
}
