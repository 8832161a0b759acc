package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func open(t *testing.T, dir string) *Vault {
	t.Helper()
	v, err := Open(dir, "siaga/majene")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOpen_CreatesPrivateKeysOnceAndReadsThemAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site", "keys")
	if Exists(dir) {
		t.Fatal("keys before the first start")
	}
	first := open(t, dir)
	if !Exists(dir) {
		t.Fatal("no keys after the first start")
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, signingFile): 0o600, filepath.Join(dir, secretsFile): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %o", path, info.Mode(), err, want)
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "keys-new-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	box, err := first.Seal([]byte("rahasia"), Place{"t", "c", "r"})
	if err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	if again.VerifierKey() != first.VerifierKey() {
		t.Error("the second start made another signing key")
	}
	if plain, err := again.Open(box, Place{"t", "c", "r"}); err != nil || string(plain) != "rahasia" {
		t.Errorf("after a restart: %q, %v", plain, err)
	}
}

func TestSigner_IsVerifiedByThePrintedKey(t *testing.T) {
	v := open(t, filepath.Join(t.TempDir(), "keys"))
	signed, err := note.Sign(&note.Note{Text: "siaga/majene\n1\nx\n"}, v.Signer())
	if err != nil {
		t.Fatal(err)
	}
	outside, err := note.NewVerifier(v.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed, note.VerifierList(outside)); err != nil {
		t.Errorf("printed key: %v", err)
	}
	if _, err := note.Open(signed, note.VerifierList(v.Verifier())); err != nil {
		t.Errorf("own verifier: %v", err)
	}
	if v.Signer().Name() != "siaga/majene" {
		t.Errorf("signs as %q", v.Signer().Name())
	}
}

func TestOpen_RefusesWhatOthersCanRead(t *testing.T) {
	for _, c := range []struct {
		file string
		mode os.FileMode
	}{{"", 0o750}, {"", 0o701}, {signingFile, 0o640}, {secretsFile, 0o604}, {secretsFile, 0o620}} {
		dir := filepath.Join(t.TempDir(), "keys")
		open(t, dir)
		path := filepath.Join(dir, c.file)
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, "siaga/majene")
		if !errors.Is(err, ErrExposed) || !strings.Contains(err.Error(), "chmod") || !strings.Contains(err.Error(), path) {
			t.Errorf("%q with %o: %v", c.file, c.mode, err)
		}
	}
}

func TestOpen_RefusesHalfASetAnotherSiteAndDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	open(t, dir)
	if _, err := Open(dir, "siaga/bitung"); err == nil || !strings.Contains(err.Error(), "siaga/majene") {
		t.Errorf("another site's keys: %v", err)
	}
	secrets := filepath.Join(dir, secretsFile)
	kept, err := os.ReadFile(secrets)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "2 " + string(kept[2:]), "1 AAAA\n", strings.Repeat("x", maxKeyFile+1)} {
		if err := os.WriteFile(secrets, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, "siaga/majene"); err == nil {
			t.Errorf("opened with a damaged file %.10q", bad)
		} else if strings.Contains(err.Error(), string(kept[2:20])) {
			t.Errorf("the error shows key material: %v", err)
		}
	}
	if err := os.Remove(secrets); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, "siaga/majene"); !errors.Is(err, ErrIncomplete) {
		t.Errorf("half a set: %v", err)
	}
	if _, err := os.Stat(secrets); err == nil {
		t.Error("a lost key was silently replaced")
	}
}

func TestOpen_TakesAnEmptyPreparedDirectoryAndLeavesAFullOneAlone(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	open(t, empty)
	full := filepath.Join(dir, "full")
	if err := os.Mkdir(full, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(full, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(full, "siaga/majene"); err == nil {
		t.Error("keys made among other files")
	}
}

func TestOpenBox_RefusesAnyChangeAndAnyOtherPlace(t *testing.T) {
	v := open(t, filepath.Join(t.TempDir(), "keys"))
	at := Place{"device_secrets", "box", "cam-1/password"}
	box, err := v.Seal([]byte("s3mangka"), at)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(box, []byte("s3mangka")) {
		t.Fatal("the box shows its contents")
	}
	for i := range box {
		bent := bytes.Clone(box)
		bent[i] ^= 1
		if _, err := v.Open(bent, at); !errors.Is(err, ErrBox) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	for n := range box {
		if _, err := v.Open(box[:n], at); !errors.Is(err, ErrBox) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	for _, other := range []Place{
		{"device_secrets", "box", "cam-2/password"}, {"device_secretsbox", "", "cam-1/password"}, {"person_secrets", "box", "cam-1/password"}, {},
	} {
		if _, err := v.Open(box, other); !errors.Is(err, ErrBox) {
			t.Errorf("opened at %v: %v", other, err)
		}
	}
	stranger := open(t, filepath.Join(t.TempDir(), "keys"))
	if _, err := stranger.Open(box, at); !errors.Is(err, ErrBox) {
		t.Errorf("opened with other keys: %v", err)
	}
	twice, err := v.Seal([]byte("s3mangka"), at)
	if err != nil || bytes.Equal(box, twice) {
		t.Errorf("sealing twice gave the same box (%v)", err)
	}
	if _, err := v.Seal(make([]byte, MaxPlain+1), at); err == nil {
		t.Error("sealed more than the limit")
	}
}

func TestRotate_OldBoxesStillOpenAndNewOnesUseTheNewKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	v := open(t, dir)
	at := Place{"t", "c", "r"}
	old, err := v.Seal([]byte("lama"), at)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := v.Rotate(); err != nil || n != 2 || v.KeyVersion() != 2 {
		t.Fatalf("rotate: %d, %v", n, err)
	}
	fresh, err := v.Seal([]byte("baru"), at)
	if err != nil || BoxVersion(fresh) != 2 || BoxVersion(old) != 1 || BoxVersion(nil) != 0 {
		t.Fatalf("versions %d, %d; %v", BoxVersion(old), BoxVersion(fresh), err)
	}
	again := open(t, dir)
	for want, box := range map[string][]byte{"lama": old, "baru": fresh} {
		if plain, err := again.Open(box, at); err != nil || string(plain) != want {
			t.Errorf("%s: %q, %v", want, plain, err)
		}
	}
	if err := checkPrivate(filepath.Join(dir, secretsFile), 0o600); err != nil {
		t.Error(err)
	}
}

func FuzzOpenBox_NeverPanics(f *testing.F) {
	v, err := Open(filepath.Join(f.TempDir(), "keys"), "siaga/majene")
	if err != nil {
		f.Fatal(err)
	}
	box, err := v.Seal([]byte("x"), Place{"t", "c", "r"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(box)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := v.Open(b, Place{"t", "c", "r"}); err == nil && !bytes.Equal(b, box) {
			t.Errorf("opened a forged box %x", b)
		}
	})
}

func FuzzParseKeyring_NeverPanicsAndKeepsWhatItReads(f *testing.F) {
	ring := &keyring{}
	if err := ring.add(); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(ring.String()))
	f.Add([]byte("1 \n2 "))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := parseKeyring(b)
		if err != nil {
			return
		}
		again, err := parseKeyring([]byte(k.String()))
		if err != nil || len(again.keys) != len(k.keys) {
			t.Errorf("round trip of %q: %v", b, err)
		}
	})
}
