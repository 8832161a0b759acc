package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"siaga/internal/config"
	"siaga/internal/store"
)

// Backup copies database, keys and floor plans into a new folder and proves the copy. It may run beside the program.
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
		err = copyPrivate(filepath.Join(to, "keys"), filepath.Join(cfg.Data, "keys"))
	}
	if _, missing := os.Stat(plansPath(cfg)); err == nil && missing == nil {
		err = copyPrivate(plansPath(copied), plansPath(cfg))
	}
	if err != nil {
		return CheckReport{}, fmt.Errorf("backup: %w", err)
	}
	rep, err := Check(ctx, copied, CheckOptions{Journal: true})
	if err == nil && len(rep.Findings) > 0 {
		err = fmt.Errorf("backup: the copy is not intact: %s", rep.Findings[0])
	}
	return rep, err
}

// Restore proves a backup and puts it where the data directory will be. A data directory that holds a database is left
// alone: somebody must move it away first.
func Restore(ctx context.Context, cfg config.Config, from string) (CheckReport, error) {
	rep, err := checkSaved(ctx, cfg, from)
	if err != nil {
		return rep, fmt.Errorf("restore: %s: %w", from, err)
	}
	if len(rep.Findings) > 0 {
		return rep, fmt.Errorf("restore: %s is not intact: %s", from, rep.Findings[0])
	}
	// SQLite would play what is left of another database's log into the restored one.
	for _, name := range [...]string{databasePath(cfg), databasePath(cfg) + "-wal"} {
		info, err := os.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 && name != databasePath(cfg) {
			continue
		}
		return rep, fmt.Errorf("restore: %s holds a database already (%s); move siaga.db* away first, nothing was changed", cfg.Data, name)
	}
	lock, err := lockDir(cfg.Data)
	if err != nil {
		return rep, err
	}
	defer func() { _ = lock.Close() }() // nothing was written through it
	if err := copyPrivate(cfg.Data, from); err != nil {
		return rep, fmt.Errorf("restore: %w", err)
	}
	return rep, nil
}

// checkSaved proves a backup, of an older program too.
func checkSaved(ctx context.Context, cfg config.Config, from string) (CheckReport, error) {
	scratch, err := os.MkdirTemp("", "siaga-restore-")
	if err != nil {
		return CheckReport{}, err
	}
	defer func() { _ = os.RemoveAll(scratch) }() // a leftover is the temporary directory's business
	saved := cfg
	saved.Data = from
	if saved, err = provable(ctx, saved, scratch); err != nil {
		return CheckReport{}, err
	}
	return Check(ctx, saved, CheckOptions{Journal: true})
}

// copyPrivate copies a folder for the owner's eyes alone; each file is on disk when it returns. A file that is there
// already is left alone if it is the same, as keys are that survived their database, and is an error otherwise.
func copyPrivate(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		src, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = src.Close() }() // it was only read
		dst, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) && sameContent(target, path) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = io.Copy(dst, src)
		return errors.Join(err, dst.Sync(), dst.Close())
	})
}

// sameContent reports whether two small files hold the same.
func sameContent(a, b string) bool {
	one, err := os.ReadFile(a)
	if err != nil {
		return false
	}
	other, err := os.ReadFile(b)
	return err == nil && bytes.Equal(one, other)
}

// VerifierKey is the public key that verifies the site's checkpoints.
func VerifierKey(cfg config.Config) (string, error) {
	v, err := openVault(cfg)
	if err != nil {
		return "", err
	}
	return v.VerifierKey(), nil
}
