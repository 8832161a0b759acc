package web

import (
	"net/http"
	"strings"
	"testing"

	"siaga/internal/auth"
)

// While the database is damaged no route changes anything, whoever asks; what only looks goes on.
func TestStandby_EveryRouteThatChangesSomethingRefuses(t *testing.T) {
	w := newWalk(t)
	standing := func(r *http.Request) (*http.Response, string) {
		w.server.opt.Site.Standby = &Standby{Readable: 5, Unreadable: 1}
		defer func() { w.server.opt.Site.Standby = nil }() // what the next request asks about is made by requests too
		return w.do(r)
	}
	byID := routesByID()
	refused := 0
	for _, row := range walkedRows(t) {
		rt := byID[row.routeOf()]
		for i, role := range auth.Roles() {
			res, body := standing(w.request(row, string(role), true))
			readOnly := res.StatusCode == http.StatusServiceUnavailable && strings.Contains(body, `"code":"read_only"`)
			switch {
			case readOnly && !rt.changes():
				t.Errorf("%s only looks, and refuses a %s: %s", row.id, role, body)
			case !readOnly && rt.changes() && row.cells[i] != '-' && res.StatusCode < 400:
				t.Errorf("%s works for a %s: %d %s", row.id, role, res.StatusCode, body)
			case readOnly:
				refused++
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d requests were refused", refused)
	}
	res, body := standing(w.site.request("", http.MethodGet, prefix+"/setup", ""))
	if res.StatusCode != http.StatusOK || !strings.Contains(body, `"readable":5`) {
		t.Errorf("the screens are not told: %d %s", res.StatusCode, body)
	}
}
