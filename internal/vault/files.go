package vault

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// checkPrivate refuses a path that anyone but its owner may read, write or enter.
func checkPrivate(path string, want os.FileMode) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	if info.Mode()&os.ModeSymlink != 0 {
		return fmt.Errorf("%w: %s is a symbolic link; put the real keys there", ErrExposed, path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%w: %s has mode %04o; run `chmod %04o %s`, and if others have had access make new keys",
			ErrExposed, path, mode, want, path)
	}
	return nil
}

func readKey(path string) ([]byte, error) {
	if err := checkPrivate(path, 0o600); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	defer func() { _ = f.Close() }() // opened for reading
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("vault: reading %s: %w", path, err)
	}
	if len(b) > maxKeyFile {
		return nil, fmt.Errorf("vault: %s is larger than %d bytes, that is no key file", path, maxKeyFile)
	}
	return b, nil
}

// writeSynced creates a file of mode 0600, which MUST NOT exist, and returns once its bytes are on the disk.
func writeSynced(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// replaceSynced swaps a file's contents so that a crash leaves the old or the new ones, never a mixture.
func replaceSynced(dir, path string, text []byte) error {
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := writeSynced(temp, text); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// publicOf derives the public form from the private one, so that a lost or altered signing.pub does no harm.
func publicOf(private string) (string, error) {
	parts := strings.SplitN(strings.TrimPrefix(private, "PRIVATE+KEY+"), "+", 3)
	if len(parts) != 3 {
		return "", errors.New("not a signing key")
	}
	seed, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return "", errors.New("not an Ed25519 signing key")
	}
	public, ok := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return "", errors.New("not an Ed25519 signing key")
	}
	return note.NewEd25519VerifierKey(parts[0], public)
}
