package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"siaga/internal/config"
	"siaga/internal/store"
)

// Backup copies database and keys into a new folder and proves the copy. It may run beside the program.
func Backup(ctx context.Context, cfg config.Config, to string) (CheckReport, error) {
	if err := os.Mkdir(to, 0o700); err != nil {
		return CheckReport{}, fmt.Errorf("backup: %w (choose a folder that does not exist, below one that does)", err)
	}
	db, err := store.Open(ctx, databasePath(cfg), store.Options{ReadOnly: true})
	if err != nil {
		return CheckReport{}, err
	}
	copied := cfg
	copied.Data = to
	err = errors.Join(db.Backup(ctx, databasePath(copied)), db.Close())
	if err == nil {
		err = os.CopyFS(filepath.Join(to, "keys"), os.DirFS(filepath.Join(cfg.Data, "keys")))
	}
	if err != nil {
		return CheckReport{}, fmt.Errorf("backup: %w", err)
	}
	// CopyFS keeps file modes but not the folder's.
	if err := os.Chmod(filepath.Join(to, "keys"), 0o700); err != nil {
		return CheckReport{}, fmt.Errorf("backup: %w", err)
	}
	rep, err := Check(ctx, copied, CheckOptions{Journal: true})
	if err == nil && len(rep.Findings) > 0 {
		err = fmt.Errorf("backup: the copy is not intact: %s", rep.Findings[0])
	}
	return rep, err
}

// VerifierKey is the public key that verifies the site's checkpoints.
func VerifierKey(cfg config.Config) (string, error) {
	v, err := openVault(cfg)
	if err != nil {
		return "", err
	}
	return v.VerifierKey(), nil
}
