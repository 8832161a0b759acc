package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"siaga/internal/config"
)

// A site that runs well has nothing that hurts, and the doctor finds the program by itself.
func TestDiagnose_FindsNothingWrongWithAHealthySite(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	startSite(t, cfg)
	all := Diagnose(t.Context(), cfg)
	for _, f := range all {
		if f.Grade == Fail && !strings.Contains(f.What, "durable writes take") && !strings.Contains(f.What, "full") { // of this machine, not of the site
			t.Errorf("%s -> %s", f.What, f.Do)
		}
	}
	finding(t, all, Good, "the program runs and is ready")
}

// Every trouble is named with what to do about it.
func TestDiagnose_NamesTheTroubleAndTheRemedy(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	s := startSite(t, cfg)
	if err := s.tell(t.Context(), "broker.topic_unsupported", map[string]any{"topic": "zigbee2mqtt/pintu depan"}); err != nil {
		t.Fatal(err)
	}
	must(t, s.stop())
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = taken.Close() })

	for name, c := range map[string]struct {
		spoil func(*config.Config)
		grade Grade
		what  string
		do    string
	}{
		"open to others": {func(c *config.Config) { must(t, os.Chmod(c.Data, 0o755)) }, Warn, "other users", "chmod 700"},
		"broken rule": {func(c *config.Config) {
			must(t, os.WriteFile(filepath.Join(c.Rules, "salah.yaml"), []byte("id: salah\nwhen: ((\n"), 0o600))
		}, Fail, "salah.yaml", "mend the rule"},
		"no keys":          {func(c *config.Config) { must(t, os.RemoveAll(filepath.Join(c.Data, "keys"))) }, Fail, "keys", "backup"},
		"port taken":       {func(c *config.Config) { c.HTTP.Listen = taken.Addr().String() }, Fail, "http.listen", "ss -ltnp"},
		"no database":      {func(c *config.Config) { must(t, os.Truncate(databasePath(*c), 512)) }, Fail, "cannot be read", "backup"},
		"no such broker":   {func(c *config.Config) { c.MQTT.URL = "tcp://127.0.0.1:1" }, Fail, "broker does not answer", "mqtt.url"},
		"old certificate":  {func(c *config.Config) { c.HTTP.TLSCert, c.HTTP.TLSKey = certificate(t, -time.Hour) }, Fail, "ended on", "renew"},
		"new certificate":  {func(c *config.Config) { c.HTTP.TLSCert, c.HTTP.TLSKey = certificate(t, 24*time.Hour) }, Warn, "ends on", "renew"},
		"space in a topic": {func(*config.Config) {}, Warn, "spaces", "rename the sensor"},
		"no directory":     {func(c *config.Config) { c.Data = filepath.Join(c.Data, "elsewhere") }, Note, "does not exist yet", ""},
	} {
		t.Run(name, func(t *testing.T) {
			own := cfg
			dir := t.TempDir()
			own.Data, own.Rules = filepath.Join(dir, "data"), filepath.Join(dir, "rules")
			must(t, os.CopyFS(own.Data, os.DirFS(cfg.Data)))
			must(t, os.CopyFS(own.Rules, os.DirFS(cfg.Rules)))
			must(t, os.Chmod(own.Data, 0o700))
			for _, f := range []string{"keys", "keys/signing.key", "keys/secrets.key"} {
				_ = os.Chmod(filepath.Join(own.Data, f), 0o700) // the copy lost its modes; what is not there is not needed
			}
			c.spoil(&own)
			f := finding(t, Diagnose(t.Context(), own), c.grade, c.what)
			if !strings.Contains(f.Do, c.do) {
				t.Errorf("%q advises %q, want something with %q", f.What, f.Do, c.do)
			}
		})
	}
}

// finding returns the one finding of a grade that contains a text.
func finding(t *testing.T, all []Finding, g Grade, text string) Finding {
	t.Helper()
	for _, f := range all {
		if f.Grade == g && strings.Contains(f.What, text) {
			return f
		}
	}
	t.Errorf("no %s with %q in %v", g, text, all)
	return Finding{}
}

// certificate makes a pair of files that ends so long from now.
func certificate(t *testing.T, left time.Duration) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(left)}
	c, err := x509.CreateCertificate(rand.Reader, form, form, &k.PublicKey, k)
	must(t, err)
	kb, err := x509.MarshalECPrivateKey(k)
	must(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: kb}), 0o600))
	return cert, key
}

// What Grafana shows and Prometheus watches is what the program counts: a figure that was renamed would watch nothing.
func TestMonitoring_NamesOnlyFiguresThatTheProgramHas(t *testing.T) {
	t.Parallel()
	figure := regexp.MustCompile(`siaga_[a-z_]+`)
	counted := map[string]bool{}
	for _, pattern := range []string{"*.go", "../web/*.go"} {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			raw, err := os.ReadFile(f)
			must(t, err)
			for _, name := range figure.FindAllString(string(raw), -1) {
				counted[name] = true
			}
		}
	}
	for _, f := range []string{"grafana.json", "prometheus-rules.yaml"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "configs", "monitoring", f))
		must(t, err)
		names := figure.FindAllString(string(raw), -1)
		if len(names) < 10 {
			t.Errorf("%s watches only %d figures", f, len(names))
		}
		for _, name := range names {
			if !counted[strings.TrimSuffix(name, "_bucket")] {
				t.Errorf("%s names %s, which nothing counts", f, name)
			}
		}
	}
}

// The metrics page of a running site has the figures of every promise, and readiness says what is wrong.
func TestReady_TellsTheTruth(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	s := startSite(t, cfg)
	_, page, err := ask(t.Context(), s.URL()+"/metrics")
	must(t, err)
	f := figures(page)
	for _, name := range []string{
		"siaga_ready", "siaga_judge_lag_seconds", "siaga_checkpoint_lag_seconds", "siaga_journal_waiting", "siaga_journal_receipt_seconds_count",
		"siaga_record_dropped_total", "siaga_record_waiting_bytes", "siaga_hub_cuts_total", "siaga_disk_free_bytes",
	} {
		if _, ok := f[name]; !ok {
			t.Errorf("no figure %s", name)
		}
	}
	if f["siaga_ready"] != 1 {
		t.Errorf("a healthy site counts as not ready: %v", s.ready(t.Context()))
	}
	s.stages.running[0].stop() // the journal's writer
	<-s.stages.running[0].done
	s.stages.running[0].done <- nil // for the stop in order
	if status, page, err := ask(t.Context(), s.URL()+"/readyz"); err != nil || status != 503 || !strings.Contains(page, "journal") {
		t.Errorf("without a journal: %d %s %v", status, page, err)
	}
	s.stop = func() error { _ = s.App.Stop(); return nil } // it cannot say goodbye in the log
}

// systemd hears that the program lives while the journal takes transactions, and no longer when it does not.
func TestWatchdog_IsPattedOnlyWhileTheJournalAnswers(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	must(t, err)
	defer func() { _ = l.Close() }() // the test is over
	t.Setenv("NOTIFY_SOCKET", socket)
	s := startSite(t, testConfig(t))
	s.pat(t.Context(), patience)
	must(t, l.SetReadDeadline(time.Now().Add(patience)))
	line := make([]byte, 64)
	n, err := l.Read(line)
	if err != nil || string(line[:n]) != "WATCHDOG=1" {
		t.Fatalf("systemd hears %q, %v", line[:n], err)
	}
	must(t, s.stop())
	s.pat(context.Background(), patience)
	must(t, l.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	if n, err := l.Read(line); err == nil {
		t.Errorf("a stopped program says %q", line[:n])
	}
}
