package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"siaga/internal/config"
	"siaga/internal/registry"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// After Stop nothing of the program is left: no goroutine, no lock; the log is whole and the next start goes on with it.
func TestStop_LeavesNothingBehind(t *testing.T) {
	cameras, stopCameras := startCameras(t, "satu")
	cfg := testConfig(t)
	before := goleak.IgnoreCurrent()
	s := startSite(t, cfg)
	s.addCamera(t, "satu", cameras, cameraPassword)
	s.recording(t, "satu")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	stopCameras() // their goroutines for our connections end with them
	goleak.VerifyNone(t, before)
	lock, err := lockDir(cfg.Data)
	if err != nil {
		t.Fatalf("the data directory is still taken: %v", err)
	}
	must(t, lock.Close())
	intact(t, cfg)

	again := startSite(t, cfg)
	again.await(t, "second start in the log", func() bool { return len(again.events(t, "", "site.started")) == 2 })
	if _, ok := again.registry.Device("satu"); !ok {
		t.Error("the camera is gone")
	}
	must(t, again.stop())
	intact(t, cfg)
}

// Stop works on a program that was opened and never started, and on one whose start was cut short.
func TestStop_EndsWhatNeverStarted(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	a, err := Open(t.Context(), cfg, "test")
	must(t, err)
	must(t, a.Close())
	s := startSite(t, cfg)
	must(t, s.stop())
	intact(t, cfg)
}

// intact checks everything in the data directory, the video's hashes too.
func intact(t *testing.T, cfg config.Config) CheckReport {
	t.Helper()
	rep, err := Check(t.Context(), cfg, CheckOptions{Hashes: true})
	must(t, err)
	for _, f := range rep.Findings {
		t.Errorf("check: %s", f)
	}
	return rep
}

// A second program on the same data directory is refused by name of the directory, and the first goes on.
func TestOpen_RefusesADirectoryInUse(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	s := startSite(t, cfg)
	for name, open := range map[string]func() error{
		"a second program": func() error { _, err := Open(t.Context(), cfg, "test"); return err },
		"an offline command": func() error {
			return Offline(t.Context(), cfg, "test", func(context.Context, *App) error { return nil })
		},
	} {
		err := open()
		if !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), cfg.Data) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, s.ready(t.Context()))
}

// A backup taken beside the running program, put back elsewhere, has the root that the log had at that size; the check
// finds nothing, and the program goes on with it.
func TestRestore_HasTheSameRoot(t *testing.T) {
	t.Parallel()
	cameras, _ := startCameras(t, "satu")
	cfg := testConfig(t)
	s := startSite(t, cfg)
	s.addCamera(t, "satu", cameras, cameraPassword)
	s.recording(t, "satu")
	saved := filepath.Join(t.TempDir(), "backup")
	backup, err := Backup(t.Context(), cfg, saved)
	must(t, err)
	_, err = s.registry.Enable(t.Context(), registry.By{Reason: "test"}, "satu", false)
	must(t, err) // more events, which the copy has not
	must(t, s.stop())
	if now := intact(t, cfg); now.Events <= backup.Events {
		t.Fatalf("the original did not go on: %d events, the copy has %d", now.Events, backup.Events)
	}

	put := cfg
	put.Data = filepath.Join(t.TempDir(), "data")
	restored, err := Restore(t.Context(), put, saved)
	must(t, err)
	rep, err := Check(t.Context(), put, CheckOptions{Journal: true})
	must(t, err)
	if rep.Root != backup.Root || restored.Root != backup.Root || rep.Events != backup.Events || len(rep.Findings) > 0 {
		t.Errorf("backup %d events %v, restored %d events %v, findings %v", backup.Events, backup.Root, rep.Events, rep.Root, rep.Findings)
	}
	again := startSite(t, put)
	if _, ok := again.registry.Device("satu"); !ok {
		t.Error("the restored site has no camera")
	}
	again.recording(t, "satu") // its password came along, and the keys that open it
	must(t, again.stop())
	if _, err := Restore(t.Context(), put, saved); err == nil || !strings.Contains(err.Error(), "holds a database already") {
		t.Errorf("a second restore over it: %v", err)
	}
}

// A backup that was tampered with is refused, and nothing is put back.
func TestRestore_RefusesAChangedCopy(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	s := startSite(t, cfg)
	saved := filepath.Join(t.TempDir(), "backup")
	_, err := Backup(t.Context(), cfg, saved)
	must(t, err)
	must(t, s.stop())
	change(t, filepath.Join(saved, "siaga.db"), `UPDATE events SET body = CAST('{"version":"forged"}' AS BLOB) WHERE kind = 'site.started'`)
	put := cfg
	put.Data = filepath.Join(t.TempDir(), "data")
	if _, err := Restore(t.Context(), put, saved); err == nil || !strings.Contains(err.Error(), "not intact") {
		t.Errorf("restoring a forged backup: %v", err)
	}
	if _, err := os.Stat(databasePath(put)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was put back: %v", err)
	}
}

// change edits a database behind the program's back.
func change(t *testing.T, path, statement string) {
	t.Helper()
	db, err := store.Open(t.Context(), path, store.Options{})
	must(t, err)
	res, err := db.Writer().ExecContext(t.Context(), statement)
	must(t, err)
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%s changed %d rows, %v", statement, n, err)
	}
	must(t, db.Close())
}

// A device whose secret cannot be opened fails alone, with a reason that helps, and entering the password again heals it.
func TestBrokenSecret_StopsThatDeviceAlone(t *testing.T) {
	t.Parallel()
	cameras, _ := startCameras(t, "sehat", "rusak")
	cfg := testConfig(t)
	s := startSite(t, cfg)
	for _, id := range []string{"sehat", "rusak"} {
		s.addCamera(t, id, cameras, cameraPassword)
		s.recording(t, id)
	}
	must(t, s.stop())
	change(t, databasePath(cfg), `UPDATE device_secrets SET box = x'00112233' WHERE device = 'rusak'`)

	s = startSite(t, cfg)
	lost := s.awaitEvent(t, "rusak", "camera.lost", watch.ReasonSettings)
	if !strings.Contains(string(lost.Body), "password again") {
		t.Errorf("no remedy in %s", lost.Body)
	}
	s.awaitEvent(t, "rusak", "gap.opened", watch.ReasonSettings)
	s.await(t, "the other camera recorded again", func() bool { return s.firstGapsClosed(t, "sehat", "main") })
	if n := len(s.events(t, "sehat", "camera.lost")); n != 0 {
		t.Errorf("the other camera was lost %d times", n)
	}
	s.changeCamera(t, "rusak", "", cameraPassword)
	s.awaitEvent(t, "rusak", "gap.closed", watch.ReasonSettings)
}
