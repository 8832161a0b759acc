package app

import (
	"context"
	"fmt"
	"os"

	"siaga/internal/config"
	"siaga/internal/journal"
	"siaga/internal/record"
	"siaga/internal/registry"
	"siaga/internal/seal"
	"siaga/internal/store"
)

// CheckOptions say what Check compares with.
type CheckOptions struct {
	Against  [][]byte // signed checkpoints kept elsewhere
	Hashes   bool     // read every video file
	Journal  bool     // only the journal, its rows and the floor plans, no video files
	Progress func(done, total uint64)
}

// CheckReport is what Check proved, and what is wrong.
type CheckReport struct {
	Events      uint64
	Root        seal.Hash
	Checkpoints int
	Rows        map[string]int
	Files       int
	Plans       int      // pictures of floor plans
	Findings    []string // empty: intact
}

// Check proves every invariant of the store. It only reads, and may run beside the program.
func Check(ctx context.Context, cfg config.Config, o CheckOptions) (CheckReport, error) {
	db, err := store.Open(ctx, databasePath(cfg), store.Options{ReadOnly: true})
	if err != nil {
		return CheckReport{}, err
	}
	defer func() { _ = db.Close() }() // it was only read
	if err := db.Current(ctx); err != nil {
		return CheckReport{}, err
	}
	keys, err := openVault(cfg)
	if err != nil {
		return CheckReport{}, err
	}
	scratch, err := os.MkdirTemp("", "siaga-check-")
	if err != nil {
		return CheckReport{}, fmt.Errorf("check: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }() // a leftover is the temporary directory's business
	rep, err := journal.Verify(ctx, db, journal.VerifyOptions{
		Site: cfg.Site.ID, Verifier: keys.Verifier(), Against: o.Against, Projections: projections(), ScratchDir: scratch, Progress: o.Progress,
	})
	if err != nil {
		return CheckReport{}, err
	}
	out := CheckReport{Events: rep.Events, Root: rep.Root, Checkpoints: rep.Checkpoints, Rows: rep.Rows}
	for _, f := range rep.Findings {
		out.Findings = append(out.Findings, f.What)
	}
	plans, bad, err := registry.VerifyPlans(ctx, db.Read(), plansPath(cfg))
	out.Plans, out.Findings = plans, append(out.Findings, bad...)
	if err != nil || o.Journal {
		return out, err
	}
	// A program that runs, or was killed, has files open and spans not yet told; the next start tells them.
	open, err := unfinished(ctx, db, cfg)
	if err != nil {
		return out, err
	}
	files, err := record.Verify(ctx, db.Read(), cfg.Data, record.VerifyOptions{Hash: o.Hashes, Running: open})
	out.Files, out.Findings = files.Segments, append(out.Findings, files.Findings...)
	return out, err
}

// unfinished reports whether the program runs or ended without an orderly stop.
func unfinished(ctx context.Context, db *store.DB, cfg config.Config) (bool, error) {
	last, err := journal.Reader(db, cfg.Site.ID).Events(ctx, journal.Query{Kinds: []string{"site.*"}, Newest: true, Limit: 1})
	return err == nil && len(last) == 1 && last[0].Kind != "site.stopping", err
}
