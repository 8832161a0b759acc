// Package vault keeps the site's keys on disk: the Ed25519 key that signs checkpoints, and the keys that seal
// secret columns. Whoever has only the database file can read no secret and forge no checkpoint.
package vault

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Names of the files inside the key directory.
const (
	signingFile  = "signing.key" // note.GenerateKey's private form, one line
	verifierFile = "signing.pub" // note.GenerateKey's public form, one line; a convenience for people
	secretsFile  = "secrets.key" // one line a version: number, space, base64 of 32 bytes
)

// maxKeyFile bounds what is read from a key file, in bytes.
const maxKeyFile = 64 << 10

// Errors that mean something.
var (
	// ErrExposed means that others than the owner can read or write the keys.
	ErrExposed = errors.New("vault: the keys are open to others")
	// ErrIncomplete means that some of the key files are there and some are not.
	ErrIncomplete = errors.New("vault: key files are missing")
)

// Vault holds opened keys. It may be used from any goroutine.
type Vault struct {
	dir         string
	signer      note.Signer
	verifier    note.Verifier
	verifierKey string
	secrets     *keyring
}

// Exists reports whether dir holds keys. A database without its keys is one restored without them: the caller
// should refuse to create new ones then.
func Exists(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, signingFile))
	return err == nil
}

// Open opens the keys in dir, and creates them at the first start. origin is the name under which the site signs
// (journal.Origin of the site). Keys that others can read are refused with ErrExposed, half a set with ErrIncomplete,
// keys of another site by name.
func Open(dir, origin string) (*Vault, error) {
	if err := checkOrigin(origin); err != nil {
		return nil, err
	}
	found := 0
	for _, f := range [...]string{signingFile, secretsFile} {
		if _, err := os.Lstat(filepath.Join(dir, f)); err == nil {
			found++
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("vault: looking for keys in %s: %w", dir, err)
		}
	}
	switch found {
	case 0:
		if err := create(dir, origin); err != nil {
			return nil, fmt.Errorf("vault: creating keys in %s: %w", dir, err)
		}
	case 1:
		return nil, fmt.Errorf("%w: %s needs both %s and %s; restore the directory from a backup", ErrIncomplete, dir, signingFile, secretsFile)
	}
	return load(dir, origin)
}

func load(dir, origin string) (*Vault, error) {
	if err := checkPrivate(dir, 0o700); err != nil {
		return nil, err
	}
	v := &Vault{dir: dir}
	private, err := readKey(filepath.Join(dir, signingFile))
	if err != nil {
		return nil, err
	}
	if v.signer, err = note.NewSigner(strings.TrimSpace(string(private))); err != nil {
		return nil, fmt.Errorf("vault: %s: not a signing key; restore it from a backup: %w", filepath.Join(dir, signingFile), err)
	}
	if v.signer.Name() != origin {
		return nil, fmt.Errorf("vault: the signing key in %s belongs to %q, this site signs as %q: correct `site.id`, or choose another data directory",
			dir, v.signer.Name(), origin)
	}
	if v.verifierKey, err = publicOf(strings.TrimSpace(string(private))); err != nil {
		return nil, fmt.Errorf("vault: %s: %w", filepath.Join(dir, signingFile), err)
	}
	if v.verifier, err = note.NewVerifier(v.verifierKey); err != nil {
		return nil, fmt.Errorf("vault: public half of %s: %w", filepath.Join(dir, signingFile), err)
	}
	lines, err := readKey(filepath.Join(dir, secretsFile))
	if err != nil {
		return nil, err
	}
	if v.secrets, err = parseKeyring(lines); err != nil {
		return nil, fmt.Errorf("vault: %s: %w", filepath.Join(dir, secretsFile), err)
	}
	return v, nil
}

// Signer signs the site's checkpoints.
func (v *Vault) Signer() note.Signer { return v.signer }

// Verifier checks the site's checkpoints.
func (v *Vault) Verifier() note.Verifier { return v.verifier }

// VerifierKey is the public key in the form that note.NewVerifier reads and people may print and hand on.
func (v *Vault) VerifierKey() string { return v.verifierKey }

// create makes a new set of keys. It is built beside the place and renamed into it, so that a crash leaves either
// no keys or all of them.
func create(dir, origin string) error {
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	if err := removeEmpty(dir); err != nil {
		return err
	}
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return err
	}
	ring := &keyring{}
	if err := ring.add(); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(parent, "keys-new-") // 0700
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }() // gone after the rename
	for _, f := range [...]struct{ name, text string }{
		{signingFile, private + "\n"}, {verifierFile, public + "\n"}, {secretsFile, ring.String()},
	} {
		if err := writeSynced(filepath.Join(temp, f.name), []byte(f.text)); err != nil {
			return err
		}
	}
	if err := syncDir(temp); err != nil {
		return err
	}
	if err := os.Rename(temp, dir); err != nil {
		return err
	}
	return syncDir(parent)
}

// removeEmpty removes a key directory that an installer made in advance; one with contents is not ours to touch.
func removeEmpty(dir string) error {
	err := os.Remove(dir)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("the directory holds other files, move them away: %w", err)
}

func checkOrigin(origin string) error {
	if origin == "" || len(origin) > 128 || strings.ContainsAny(origin, " \t\r\n+") {
		return fmt.Errorf("vault: %.140q cannot be the name of a signing key: want 1 to 128 characters without spaces or +", origin)
	}
	return nil
}
