package broker

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// NewSecret generates a password of 192 random bits, with the salt and hash to keep. The password itself is
// shown once and kept nowhere.
func NewSecret() (secret string, salt, hash []byte) {
	var raw [24]byte
	salt = make([]byte, 16)
	_, _ = rand.Read(raw[:]) // never fails; see crypto/rand
	_, _ = rand.Read(salt)
	secret = base64.RawURLEncoding.EncodeToString(raw[:])
	return secret, salt, HashSecret(salt, secret)
}

// HashSecret is SHA-256(salt ‖ secret). That is enough because secrets are generated, never chosen: there is
// nothing to guess. It MUST NOT be used for passwords of people.
func HashSecret(salt []byte, secret string) []byte {
	h := sha256.New()
	h.Write(salt)
	h.Write([]byte(secret))
	return h.Sum(nil)
}

// proves reports in constant time whether secret is the identity's.
func (id *Identity) proves(secret string) bool {
	return len(id.Hash) == sha256.Size && subtle.ConstantTimeCompare(HashSecret(id.Salt, secret), id.Hash) == 1
}
