// Package seal is the arithmetic of the tamper-evident log: leaves, the RFC 6962 Merkle tree, proofs
// and signed checkpoints. It is pure: no I/O, no clock. Golden vectors pin every byte.
package seal

import (
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 value in the tree.
type Hash = tlog.Hash

// EnvelopeVersion is the first byte of every leaf.
const EnvelopeVersion = 1

// SaltSize is the length of an event's salt in bytes.
const SaltSize = 16

// Envelope is everything of an event but its body. Times are UTC milliseconds; DeviceAt 0 means none.
type Envelope struct {
	Seq      uint64
	Site     string
	Kind     string
	Device   string
	Zone     string
	Subject  string
	Actor    string
	At       int64
	DeviceAt int64
}

// BodyHash is SHA-256(salt ‖ body), the only trace of a body inside its leaf. With the salt gone, a short
// body cannot be found by guessing.
func BodyHash(salt, body []byte) Hash {
	h := sha256.New()
	h.Write(salt)
	h.Write(body)
	return Hash(h.Sum(nil))
}

// LeafData is the data hashed into the tree: the encoded envelope followed by the body's hash.
//
// The encoding is: one version byte, then the fields in the order of Envelope, each as a big-endian
// uint16 length and that many bytes. Integers are 8 bytes big-endian; a zero DeviceAt has length 0.
func LeafData(e Envelope, bodyHash Hash) []byte {
	size := 1 + 10 + 6*2 + len(e.Site) + len(e.Kind) + len(e.Device) + len(e.Zone) + len(e.Subject) + len(e.Actor) + 20 + len(bodyHash)
	b := make([]byte, 0, size)
	b = append(b, EnvelopeVersion)
	b = appendInt(b, e.Seq)
	for _, s := range [...]string{e.Site, e.Kind, e.Device, e.Zone, e.Subject, e.Actor} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	b = appendInt(b, uint64(e.At))
	if e.DeviceAt == 0 {
		b = binary.BigEndian.AppendUint16(b, 0)
	} else {
		b = appendInt(b, uint64(e.DeviceAt))
	}
	return append(b, bodyHash[:]...)
}

// LeafHash is the RFC 6962 leaf hash SHA-256(0x00 ‖ leaf data) of an event.
func LeafHash(e Envelope, bodyHash Hash) Hash { return tlog.RecordHash(LeafData(e, bodyHash)) }

func appendInt(b []byte, v uint64) []byte {
	b = binary.BigEndian.AppendUint16(b, 8)
	return binary.BigEndian.AppendUint64(b, v)
}
