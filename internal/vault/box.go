package vault

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"
)

// A box is: one format byte, the key's version as 4 bytes big-endian, 24 bytes nonce, the sealed text with its tag.
const (
	boxFormat = 1
	boxHeader = 1 + 4
	// MaxPlain is the largest secret in bytes.
	MaxPlain = 64 << 10
)

// ErrBox means that a box cannot be opened: it was altered, belongs to another row, or its key is gone.
var ErrBox = errors.New("vault: the sealed value cannot be opened")

// Place is where a sealed value lives. It is bound into the box: a box copied into another row does not open there.
type Place struct {
	Table, Column, Row string
}

// bind is the associated data: header and place, each part with its length, so that no two places look alike.
func (p Place) bind(header []byte) []byte {
	b := bytes.Clone(header)
	for _, s := range [...]string{p.Table, p.Column, p.Row} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return b
}

// Seal encrypts a secret for one place with the newest key. Sealing twice gives different boxes.
func (v *Vault) Seal(plain []byte, at Place) ([]byte, error) {
	if len(plain) > MaxPlain {
		return nil, fmt.Errorf("vault: a secret of %d bytes is too long, the limit is %d", len(plain), MaxPlain)
	}
	version, aead := v.secrets.newest()
	box := make([]byte, boxHeader+aead.NonceSize(), boxHeader+aead.NonceSize()+len(plain)+aead.Overhead())
	box[0] = boxFormat
	binary.BigEndian.PutUint32(box[1:], version)
	nonce := box[boxHeader:]
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("vault: random numbers: %w", err)
	}
	return aead.Seal(box, nonce, plain, at.bind(box[:boxHeader])), nil
}

// Open decrypts what Seal made for the same place. Every failure wraps ErrBox and says nothing of the contents.
func (v *Vault) Open(box []byte, at Place) ([]byte, error) {
	name := at.Table + "." + at.Column
	if len(box) < boxHeader+chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead || box[0] != boxFormat {
		return nil, fmt.Errorf("%w: %s is not a box", ErrBox, name)
	}
	version := binary.BigEndian.Uint32(box[1:])
	aead, ok := v.secrets.get(version)
	if !ok {
		return nil, fmt.Errorf("%w: %s was sealed with key version %d, which is not in %s; restore the keys that belong to this database",
			ErrBox, name, version, secretsFile)
	}
	nonce, text := box[boxHeader:boxHeader+aead.NonceSize()], box[boxHeader+aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, text, at.bind(box[:boxHeader]))
	if err != nil {
		return nil, fmt.Errorf("%w: %s was altered, moved, or sealed with other keys", ErrBox, name)
	}
	return plain, nil
}

// KeyVersion is the version of the key that Seal uses now.
func (v *Vault) KeyVersion() uint32 { n, _ := v.secrets.newest(); return n }

// BoxVersion is the version of the key a box was sealed with; 0 for what is not a box. Rows with an older
// version than KeyVersion may be opened and sealed again.
func BoxVersion(box []byte) uint32 {
	if len(box) < boxHeader || box[0] != boxFormat {
		return 0
	}
	return binary.BigEndian.Uint32(box[1:])
}

// Rotate adds a key and uses it from now on; what older keys sealed still opens. It returns once the key is on disk.
func (v *Vault) Rotate() (uint32, error) {
	v.secrets.mu.Lock()
	defer v.secrets.mu.Unlock()
	next := &keyring{keys: slices.Clone(v.secrets.keys)}
	if err := next.add(); err != nil {
		return 0, err
	}
	if err := replaceSynced(v.dir, filepath.Join(v.dir, secretsFile), []byte(next.String())); err != nil {
		return 0, fmt.Errorf("vault: storing a new key: %w", err)
	}
	v.secrets.keys = next.keys
	return uint32(len(next.keys)), nil
}

// keyring holds all versions of the secret-column key; version n is keys[n-1].
type keyring struct {
	mu   sync.RWMutex
	keys []sealKey
}

type sealKey struct {
	raw  []byte
	aead cipher.AEAD
}

func (k *keyring) newest() (uint32, cipher.AEAD) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return uint32(len(k.keys)), k.keys[len(k.keys)-1].aead
}

func (k *keyring) get(version uint32) (cipher.AEAD, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if version == 0 || int(version) > len(k.keys) {
		return nil, false
	}
	return k.keys[version-1].aead, true
}

func (k *keyring) add() error {
	raw := make([]byte, chacha20poly1305.KeySize)
	if _, err := rand.Read(raw); err != nil {
		return fmt.Errorf("vault: random numbers: %w", err)
	}
	aead, err := chacha20poly1305.NewX(raw)
	if err != nil {
		return err
	}
	k.keys = append(k.keys, sealKey{raw, aead})
	return nil
}

// String is the file's text. MUST NOT be printed.
func (k *keyring) String() string {
	var b strings.Builder
	for i, key := range k.keys {
		fmt.Fprintf(&b, "%d %s\n", i+1, base64.StdEncoding.EncodeToString(key.raw))
	}
	return b.String()
}

// parseKeyring reads the file's text: versions 1, 2, 3 … in order. Errors never hold a key.
func parseKeyring(text []byte) (*keyring, error) {
	k := &keyring{}
	for line := range strings.Lines(string(text)) {
		number, b64, _ := strings.Cut(strings.TrimSpace(line), " ")
		want := len(k.keys) + 1
		if number != strconv.Itoa(want) {
			return nil, fmt.Errorf("line %d: want key version %d; restore the file from a backup", want, want)
		}
		raw, err := base64.StdEncoding.DecodeString(b64)
		if err != nil || len(raw) != chacha20poly1305.KeySize {
			return nil, fmt.Errorf("line %d: not a key; restore the file from a backup", want)
		}
		aead, err := chacha20poly1305.NewX(raw)
		if err != nil {
			return nil, err
		}
		k.keys = append(k.keys, sealKey{raw, aead})
	}
	if len(k.keys) == 0 {
		return nil, errors.New("no key in it; restore the file from a backup")
	}
	return k, nil
}
