package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"siaga/internal/app"
	"siaga/internal/config"
)

// restingSite is a site whose program ran once and was stopped; its configuration file is returned.
func restingSite(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	rules, err := filepath.Abs("../../configs/rules")
	if err != nil {
		t.Fatal(err)
	}
	file := siteFile(t, dir, "data", rules)
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), cfg, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

func siteFile(t *testing.T, dir, data, rules string) string {
	t.Helper()
	file := filepath.Join(dir, data+".yaml")
	text := fmt.Sprintf("site: {id: kpu-majene, name: KPU Kabupaten Majene}\ndata: %s\nrules: %s\n", data, rules) +
		"http: {listen: '127.0.0.1:0'}\nlive: {listen: '127.0.0.1:0'}\nmqtt: {listen: '127.0.0.1:0'}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// siaga runs a command as a person types it, and gives what it prints.
func siaga(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := command()
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestCommands_WorkOnASiteAtRest(t *testing.T) {
	file := restingSite(t)
	dir := filepath.Dir(file)
	document := filepath.Join(dir, "site.yaml")
	text := "version: 1\nzones:\n  - {id: kantor, name: Kantor, code: KTR, kind: office}\ndevices:\n" +
		"  - {id: ht-gateway, kind: mmdvm, name: Gateway HT, zone: kantor, config: {topic: ht-gateway}}\n"
	if err := os.WriteFile(document, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	saved, elsewhere := filepath.Join(dir, "backup"), siteFile(t, dir, "elsewhere", filepath.Join(dir, "no-rules"))
	for _, step := range []struct {
		args []string
		want []string
	}{
		{[]string{"user", "add", "--config", file, "--name", "Rahmat", "--role", "guard", "penjaga"}, []string{"penjaga may sign in once with: "}},
		{[]string{"user", "list", "--config", file}, []string{"penjaga", "Rahmat", "[guard]", "true"}},
		{[]string{"user", "reset-password", "--config", file, "penjaga"}, []string{"penjaga may sign in once with: "}},
		{[]string{"device", "import", "--config", file, "--dry-run", document}, []string{"ht-gateway"}},
		{[]string{"device", "import", "--config", file, document}, []string{"kantor", "ht-gateway", "shown only now: user ht-gateway password "}},
		{[]string{"device", "list", "--config", file}, []string{"ht-gateway", "mmdvm", "Gateway HT", "kantor", "true"}},
		{[]string{"device", "export", "--config", file}, []string{"id: kantor", "id: ht-gateway", "topic: ht-gateway"}},
		{[]string{"rules", "test", "--config", file}, []string{"0 "}},
		{[]string{"rebuild", "--config", file}, []string{"made anew"}},
		{[]string{"key", "--config", file}, []string{"kpu-majene"}},
		{[]string{"backup", "--config", file, "--to", saved}, []string{saved, "events, root "}},
		{[]string{"restore", "--config", elsewhere, "--from", saved}, []string{"events, root "}},
		{[]string{"check", "--config", elsewhere}, []string{"every leaf and node of the tree", "1 rows of devices explained by events"}},
		{[]string{"user", "list", "--config", elsewhere}, []string{"penjaga"}},
		{[]string{"downgrade", "--config", file, "--to", "5"}, []string{"the data is of version 5 now"}},
		{[]string{"user", "list", "--config", file}, []string{"penjaga"}},
		{[]string{"check", "--config", file, "--hashes"}, []string{"video files"}},
	} {
		out, err := siaga(t, step.args...)
		if err != nil {
			t.Fatalf("siaga %s: %v\n%s", strings.Join(step.args, " "), err, out)
		}
		for _, want := range step.want {
			if !strings.Contains(out, want) {
				t.Errorf("siaga %s: no %q in:\n%s", strings.Join(step.args, " "), want, out)
			}
		}
	}
}

func TestCommands_SayWhatWasTypedWrong(t *testing.T) {
	file := restingSite(t)
	for want, args := range map[string][]string{
		"--name and --role are needed":        {"user", "add", "--config", file, "penjaga"},
		"accepts 1 arg(s)":                    {"user", "add", "--config", file},
		"--to DIR is needed":                  {"backup", "--config", file},
		"--from DIR is needed":                {"restore", "--config", file},
		"--to VERSION is needed":              {"downgrade", "--config", file},
		`"kemarin" is neither a time such as`: {"rules", "test", "--config", file, "--from", "kemarin"},
		"unknown flag: --colour":              {"check", "--config", file, "--colour"},
	} {
		out, err := siaga(t, args...)
		if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("siaga %s: %v; want wrong usage with %q\n%s", strings.Join(args, " "), err, want, out)
		}
	}
	for want, args := range map[string][]string{
		"nobody with the login":       {"user", "reset-password", "--config", file, "siapa"},
		"give the file with --config": {"user", "list", "--config", filepath.Join(t.TempDir(), "none.yaml")},
		"`siaga serve` makes":         {"user", "list", "--config", siteFile(t, t.TempDir(), "new", "rules")},
	} {
		if out, err := siaga(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("siaga %s: %v; want %q\n%s", strings.Join(args, " "), err, want, out)
		}
	}
}

func TestDoctor_SpeaksOfASiteAtRest(t *testing.T) {
	out, _ := siaga(t, "doctor", "--config", restingSite(t)) // the machine itself may hurt
	for _, want := range []string{"keys: present", "rules load", "siaga does not run on this data directory now"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}
