package app

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"siaga/internal/config"
	"siaga/internal/journal"
	"siaga/internal/registry"
	"siaga/internal/store"
)

// older is a version of the schema that this program knows the way back to.
const older = 5

// furnished leaves a stopped site with a camera on a floor plan.
func furnished(t *testing.T) config.Config {
	t.Helper()
	cameras, _ := startCameras(t, "satu")
	cfg := testConfig(t)
	s := startSite(t, cfg)
	s.addCamera(t, "satu", cameras, cameraPassword)
	s.recording(t, "satu")
	s.await(t, "what the camera tells about itself", func() bool { return toldBy(t, s, "satu").Software != "" })
	d, _ := s.registry.Device("satu")
	d.Plan = &registry.Plan{X: 0.5, Y: 0.5, Heading: 122, FOV: 90, Range: 0.2}
	_, err := s.registry.Change(t.Context(), registry.By{Reason: "test"}, d, nil)
	must(t, err)
	must(t, s.stop())
	return cfg
}

func toldBy(t *testing.T, s *site, device string) registry.Told {
	t.Helper()
	told, _, err := s.registry.Told(t.Context(), device)
	must(t, err)
	return told
}

// The way to an older program and back costs no event, no password and nothing that a person wrote.
func TestUpgrade_AndBackKeepsEverything(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	before := intact(t, cfg)
	if before.Rows["device_descriptions"] != 1 {
		t.Errorf("the check compared %d descriptions, want 1", before.Rows["device_descriptions"])
	}
	saved := cfg
	saved.Data = filepath.Join(t.TempDir(), "backup")
	_, err := Backup(t.Context(), cfg, saved.Data)
	must(t, err)
	from, err := Downgrade(t.Context(), cfg, older)
	must(t, err)
	if from <= older {
		t.Fatalf("the schema was of version %d already", from)
	}
	if _, err := Check(t.Context(), cfg, CheckOptions{}); !errors.Is(err, store.ErrOtherSchema) {
		t.Errorf("checking older data says %v", err)
	}

	began := time.Now()
	s := startSite(t, cfg)
	if d, _ := s.registry.Device("satu"); d.Plan == nil || d.Plan.Heading != 122 {
		t.Errorf("the camera stands on the plan as %+v", d.Plan)
	}
	if told := toldBy(t, s, "satu"); told.Software == "" || !told.At.Before(began) {
		t.Errorf("what the camera told came back as %+v", told)
	}
	s.recording(t, "satu") // with the password that it had
	s.await(t, "words found again", func() bool {
		found, err := s.journal.Find(t.Context(), journal.Query{Text: "Kamera satu"})
		return err == nil && len(found.Events) > 0
	})
	must(t, s.stop())
	if now := intact(t, cfg); now.Events <= before.Events {
		t.Errorf("%d events, before the way back %d", now.Events, before.Events)
	}

	put := cfg
	put.Data = filepath.Join(t.TempDir(), "data")
	_, err = store.Downgrade(t.Context(), databasePath(saved), older) // as an older program would have written it
	must(t, err)
	rep, err := Restore(t.Context(), put, saved.Data)
	must(t, err)
	if rep.Root != before.Root || rep.Events != before.Events {
		t.Errorf("an older program's backup is proven as %d events %v, want %d %v", rep.Events, rep.Root, before.Events, before.Root)
	}
}

// A program that ends between the change of the schema and the new tables finishes at its next start.
func TestUpgrade_BrokenOffIsFinishedAtTheNextStart(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	_, err := Downgrade(t.Context(), cfg, older)
	must(t, err)
	db, err := store.Open(t.Context(), databasePath(cfg), store.Options{}) // changes the schema, and no more
	must(t, err)
	must(t, db.Close())
	s := startSite(t, cfg)
	if d, _ := s.registry.Device("satu"); d.Plan == nil || d.Plan.Heading != 122 {
		t.Errorf("the camera stands on the plan as %+v", d.Plan)
	}
	must(t, s.stop())
	intact(t, cfg)
}

// Rows that the journal does not explain are found, and made right from it.
func TestRebuild_MakesATableWhatTheJournalSays(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	change(t, databasePath(cfg), `UPDATE devices SET name = 'Kamera palsu' WHERE id = 'satu'`)
	rep, err := Check(t.Context(), cfg, CheckOptions{})
	must(t, err)
	if len(rep.Findings) == 0 {
		t.Fatal("the forged name was not found")
	}
	must(t, Rebuild(t.Context(), cfg, nil))
	intact(t, cfg)
}
