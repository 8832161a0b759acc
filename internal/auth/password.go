package auth

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// Limits of a password.
const (
	minPassword = 12  // characters
	maxPassword = 512 // bytes; more only costs time
)

//go:embed worst.txt
var worst []byte

// CheckPassword refuses a password that is easily guessed. There are no rules on what it is made of: a sentence is
// better than a riddle.
func CheckPassword(password, login, name string) error {
	if n := utf8.RuneCountInString(password); n < minPassword {
		return invalid("password", "%d characters long, want at least %d; a short sentence is easy to remember", n, minPassword)
	}
	if len(password) > maxPassword {
		return invalid("password", "%d bytes long, the limit is %d", len(password), maxPassword)
	}
	if !utf8.ValidString(password) {
		return invalid("password", "not valid UTF-8")
	}
	plain := squeeze(password)
	for _, own := range []string{login, name} {
		if o := squeeze(own); len(o) >= 3 && strings.Trim(strings.ReplaceAll(plain, o, ""), "0123456789!.-_@#") == "" {
			return invalid("password", "it is made of the person's own name")
		}
	}
	if len(plain) > 0 && strings.Trim(plain, plain[:1]) == "" {
		return invalid("password", "it is one character again and again")
	}
	for line := range bytes.Lines(worst) {
		if w := strings.TrimSpace(string(line)); w != "" && plain == w {
			return invalid("password", "it is among the first that attackers try")
		}
	}
	return nil
}

// squeeze makes variants that people think different equal: case and spaces.
func squeeze(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }

// cost is what one password check takes.
type cost struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

// hashCost takes some 60 ms of one core and 32 MiB: two at a time fit the smallest server beside its cameras.
const (
	hashMemory  = 32 << 10
	hashTime    = 3
	hashThreads = 1
	saltLength  = 16
	hashLength  = 32
)

func wantedCost() cost { return cost{hashMemory, hashTime, hashThreads} }

// hashPassword gives the PHC string: the parameters travel with the hash, so that they can be raised later.
func hashPassword(password string, c cost) (string, error) {
	salt := make([]byte, saltLength)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("auth: random numbers: %w", err)
	}
	sum := argon2.IDKey([]byte(password), salt, c.time, c.memory, c.threads, hashLength)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.time, c.threads, b64.EncodeToString(salt), b64.EncodeToString(sum)), nil
}

// storedHash is a PHC string taken apart.
type storedHash struct {
	cost
	salt, sum []byte
}

// parseHash reads a PHC string and bounds what checking it may take.
func parseHash(s string) (storedHash, error) {
	var h storedHash
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return h, errors.New("auth: not an argon2id hash")
	}
	var m, t, p uint64
	for i, f := range strings.Split(parts[3], ",") {
		name, value, _ := strings.Cut(f, "=")
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil || i > 2 || name != [...]string{"m", "t", "p"}[i] {
			return h, errors.New("auth: argon2id parameters are not m=,t=,p=")
		}
		*[...]*uint64{&m, &t, &p}[i] = n
	}
	if m < 8 || m > 1<<20 || t < 1 || t > 16 || p < 1 || p > 16 {
		return h, fmt.Errorf("auth: argon2id parameters m=%d,t=%d,p=%d are out of bounds", m, t, p)
	}
	h.cost = cost{uint32(m), uint32(t), uint8(p)}
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	h.sum, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(h.salt) < 8 || len(h.salt) > 64 || len(h.sum) < 16 || len(h.sum) > 64 {
		return h, errors.New("auth: argon2id salt or hash is damaged")
	}
	return h, nil
}

func (h storedHash) matches(password string) bool {
	sum := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// desk lets few password checks run at a time, so that a flood of sign-ins cannot starve recording and alerts.
type desk struct {
	slots   chan struct{}
	waiting atomic.Int32
}

// Sizes of the desk.
const (
	deskSlots = 2
	deskQueue = 32
)

func newDesk() *desk { return &desk{slots: make(chan struct{}, deskSlots)} }

// enter waits for a slot. leave MUST be called after it returned nil.
func (d *desk) enter(ctx context.Context) error {
	if d.waiting.Add(1) > deskQueue {
		d.waiting.Add(-1)
		return &Denied{Code: DeniedBusy, RetryAfter: busyRetry}
	}
	defer d.waiting.Add(-1)
	select {
	case d.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *desk) leave() { <-d.slots }

// NewPassword makes a random password of 80 bits in four groups that can be read out.
func NewPassword() (string, error) {
	raw := make([]byte, 10)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("auth: random numbers: %w", err)
	}
	s := strings.ToLower(base32.StdEncoding.EncodeToString(raw))
	return s[:4] + "-" + s[4:8] + "-" + s[8:12] + "-" + s[12:], nil
}
