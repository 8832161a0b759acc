//go:build previous

package main_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// refusal is how an older program names the version that it knows.
var refusal = regexp.MustCompile(`this program knows up to (\d+)`)

// The data of the release before this one goes to this program, back to the old one, and here again, under load each
// time. Nothing that was acknowledged on the way is lost or twice, and each program finds the log intact. SIAGA_PREVIOUS
// names the old program; .ci/fault.sh builds it.
func TestPreviousRelease_UpgradeAndBack(t *testing.T) {
	old, dir := os.Getenv("SIAGA_PREVIOUS"), t.TempDir()
	if old == "" {
		t.Fatal("SIAGA_PREVIOUS names no program")
	}
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	var pub publisher
	work := func(who, bin string) {
		p, c := startDemo(t, bin, dir)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		pub.load(ctx, t, c, 2)
		waitJudged(t, dir, pub.acked)
		p.stop(t)
		t.Logf("%s program: %d acknowledged so far", who, len(pub.acked))
		proven(t, bin, dir)
	}
	work("old", old)
	rules, kept := filepath.Join(dir, "rules"), filepath.Join(dir, "rules.old")
	if err := os.CopyFS(kept, os.DirFS(rules)); err != nil {
		t.Fatal(err)
	}
	work("new", bin)
	work("new", bin)
	config := filepath.Join(dir, "siaga.yaml")
	out, err := exec.Command(old, "demo", "--dir", dir, "--listen", "127.0.0.1:0").CombinedOutput()
	knows := refusal.FindSubmatch(out)
	if err == nil || knows == nil {
		t.Fatalf("the old program does not refuse newer data by its version: %v\n%s", err, out)
	}
	if out, err := exec.Command(bin, "downgrade", "--config", config, "--to", string(knows[1])).CombinedOutput(); err != nil {
		t.Fatalf("downgrade: %v\n%s", err, out)
	}
	// Configuration and rules are the program's, not data: they go back with it.
	if err := errors.Join(os.RemoveAll(rules), os.Rename(kept, rules)); err != nil {
		t.Fatal(err)
	}
	work("old", old)
	work("new", bin)
	compare(t, "previous release and this one take turns", 5, dir, pub.acked)
}

func proven(t *testing.T, bin, dir string) {
	t.Helper()
	if out, err := exec.Command(bin, "check", "--hashes", "--config", filepath.Join(dir, "siaga.yaml")).CombinedOutput(); err != nil {
		t.Fatalf("check by %s: %v\n%s", bin, err, out)
	}
}
