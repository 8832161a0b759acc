package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestScreens_HashedFilesAreKeptForEverAndPagesAreNot(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct{ path, cache, kind, holds string }{
		{"/", "no-cache", "text/html; charset=utf-8", "Siaga"},
		{"/index.html", "no-cache", "text/html; charset=utf-8", "Siaga"},
		{"/incidents/2026-000001", "no-cache", "text/html; charset=utf-8", "Siaga"},
		{"/assets/app-1234.js", "public, max-age=31536000, immutable", "text/javascript; charset=utf-8", "export"},
		{"/favicon.svg", "no-cache", "image/svg+xml", "<svg/>"},
	} {
		res, body := s.do(s.request("", get, c.path, ""))
		if res.StatusCode != http.StatusOK || res.Header.Get(cacheControl) != c.cache || res.Header.Get("Content-Type") != c.kind || !strings.Contains(body, c.holds) {
			t.Errorf("%s: %d %q %q %s", c.path, res.StatusCode, res.Header.Get(cacheControl), res.Header.Get("Content-Type"), body)
		}
	}
	s.problem("", get, "/assets", "", http.StatusNotFound, "not_found")
	s.problem("", get, "/.env", "", http.StatusNotFound, "not_found")
}

func TestHealth_SaysWhetherPeopleCanWork(t *testing.T) {
	var trouble error
	s := newSite(t, noHub(func(o *Options) { o.Ready = func(context.Context) error { return trouble } }))
	if res, body := s.do(s.request("", get, "/readyz", "")); res.StatusCode != http.StatusOK || body != "ready\n" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	trouble = errors.New("the recorder does not run")
	s.problem("", get, "/readyz", "", http.StatusServiceUnavailable, "not_ready")
	if res, body := s.do(s.request("", get, "/healthz", "")); res.StatusCode != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

func TestMetrics_CountReceiptsViewersAndWhatOtherRoomsCount(t *testing.T) {
	s := newSite(t, noHub(func(o *Options) {
		o.Counts = func() []Count {
			return []Count{{Name: "siaga_ingest_dropped_total", Help: "h", Label: "device", Of: "cam-1", Value: 7, Rising: true}}
		}
	}))
	s.join(t, "guard", "")
	s.add("door.opened", 3)
	_, page := s.do(s.request("", get, "/metrics", ""))
	for _, want := range []string{
		"siaga_hub_clients 1\n", `siaga_ingest_dropped_total{device="cam-1"} 7`, "siaga_journal_receipt_seconds_count ", "siaga_journal_head ", "go_goroutines ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	proxied := s.request("", get, "/metrics", "")
	proxied.Header.Set("X-Forwarded-For", "192.0.2.9")
	s.refused(proxied, http.StatusForbidden, "forbidden")
	far := s.request("", get, "/metrics", "")
	far.RemoteAddr, far.RequestURI = "192.0.2.9:1234", "/metrics"
	if w := s.local(far); w.Code != http.StatusForbidden {
		t.Errorf("a stranger on the network gets the metrics: %d", w.Code)
	}
}

func TestTLS_CookiesAreSecureAndBadKeysAreNamed(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	selfSigned(t, cert, key)
	s := newSite(t, noHub(func(o *Options) { o.TLSCert, o.TLSKey = cert, key }))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	s.sign("guard")
	res, err := client.Post(s.url+prefix+"/session", jsonType, strings.NewReader(`{"name":"guard","password":"`+testPassword+`"}`))
	must(t, err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated || !res.Cookies()[0].Secure || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	must(t, os.WriteFile(key, []byte("no key"), 0o600))
	o := s.server.opt
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "http.tls_cert") {
		t.Errorf("a bad key: %v", err)
	}
	o.TLSCert, o.TLSKey, o.Listen = "", "", s.server.Addr().String()
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "http.listen") {
		t.Errorf("an address in use: %v", err)
	}
}

func selfSigned(t *testing.T, cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	must(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	must(t, err)
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600))
}
