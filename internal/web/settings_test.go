package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestSettings_AChangeSaysWhoAndGoesBackToTheFile(t *testing.T) {
	s := newSite(t)
	at := prefix + "/settings/" + settingKey
	var one Setting
	s.call("administrator", put, at, `{"value":14,"reason":"ruang cakram","revision":0}`, http.StatusOK, &one)
	if one.Value != "14" || one.Source != "changed" || one.InFile != "30" || one.By == "" || one.ByName == "" || one.Revision == 0 {
		t.Errorf("changed: %+v", one)
	}
	e := s.events("setting.changed")
	if len(e) != 1 || e[0].Subject != settingKey || string(e[0].Body) != `{"key":"recording.keep_days","before":30,"after":14,"reason":"ruang cakram"}` {
		t.Errorf("the journal says %+v", e)
	}
	s.call("administrator", del, at+fmt.Sprintf("?reason=salah&revision=%d", one.Revision), "", http.StatusOK, &one)
	if one.Value != "30" || one.Source != "file" {
		t.Errorf("set back: %+v", one)
	}
	var all list[Setting]
	s.call("technician", get, prefix+"/settings", "", http.StatusOK, &all)
	if len(all.Items) != 1 || all.Items[0].ByName == "" {
		t.Errorf("listed: %+v", all.Items)
	}
}

func TestSession_SaysTheStageAsItStands(t *testing.T) {
	stage := "rutin"
	s := newSite(t, noHub(func(o *Options) { o.Stage = func() string { return stage } }))
	for _, stage = range []string{"rutin", "pungut_hitung"} {
		var got Session
		s.call("guard", get, prefix+"/session", "", http.StatusOK, &got)
		if got.Site.Stage != stage {
			t.Errorf("the screens are told %q, it is %q", got.Site.Stage, stage)
		}
	}
}

func TestSettings_RefuseWhatCannotBeAndSayWhy(t *testing.T) {
	s := newSite(t)
	at := prefix + "/settings/" + settingKey
	p := s.problem("administrator", put, at, `{"value":0,"reason":"x","revision":0}`, http.StatusUnprocessableEntity, "bad_field")
	if len(p.Errors) != 1 || p.Errors[0].Location != "body.value" || !strings.Contains(p.Errors[0].Message, "use 1 to 3650") {
		t.Errorf("%+v", p)
	}
	s.problem("administrator", put, at, `{"value":3,"reason":"","revision":0}`, http.StatusUnprocessableEntity, "bad_field")
	s.problem("administrator", put, at, `{"value":3,"reason":"x"}`, http.StatusUnprocessableEntity, "bad_field")
	s.problem("administrator", del, at, "", http.StatusUnprocessableEntity, "bad_field")
	s.problem("administrator", put, prefix+"/settings/http.listen", `{"value":"x","reason":"x","revision":0}`, http.StatusNotFound, "not_found")
	s.problem("administrator", del, prefix+"/settings/http.listen?reason=x", "", http.StatusNotFound, "not_found")
	s.problem("technician", put, at, `{"value":3,"reason":"x","revision":0}`, http.StatusForbidden, "forbidden")
	if n := len(s.events("setting.*")); n != 0 {
		t.Errorf("%d events of refused changes", n)
	}
}

func TestSettings_AChangeOfWhatMovedOnIsRefusedWithWhoAndWhen(t *testing.T) {
	s := newSite(t)
	at := prefix + "/settings/" + settingKey
	s.call("administrator", put, at, `{"value":14,"reason":"satu","revision":0}`, http.StatusOK, nil)
	p := s.problem("administrator", put, at, `{"value":15,"reason":"dua","revision":0}`, http.StatusConflict, "changed")
	if p.ByName == "" || p.At.IsZero() {
		t.Errorf("%+v", p)
	}
	s.problem("administrator", del, at+"?reason=tiga&revision=0", "", http.StatusConflict, "changed")
}
