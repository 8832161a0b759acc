package seal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// MaxNote is the largest signed note read, in bytes.
const MaxNote = 64 << 10

const timeForm = "2006-01-02T15:04:05.000Z"

// Checkpoint says: at this time the log of this origin had this size and this root.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   Hash
	At     time.Time
}

// Text is the note text in C2SP tlog-checkpoint form: origin, size, base64 root, and one extension line with the time.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\ntime %s\n", c.Origin, c.Size,
		base64.StdEncoding.EncodeToString(c.Root[:]), c.At.UTC().Format(timeForm))
}

// ParseCheckpoint reads what Text writes; unknown extension lines are ignored, as C2SP asks.
func ParseCheckpoint(text string) (Checkpoint, error) {
	var c Checkpoint
	if len(text) > MaxNote {
		return c, fmt.Errorf("seal: checkpoint of %d bytes, the limit is %d", len(text), MaxNote)
	}
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] == "" {
		return c, errors.New("seal: checkpoint has fewer than three lines")
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] {
		return c, fmt.Errorf("seal: checkpoint line 2: %.40q is not a tree size", lines[1])
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != len(c.Root) {
		return c, fmt.Errorf("seal: checkpoint line 3: %.60q is not a base64 SHA-256", lines[2])
	}
	c.Origin, c.Size, c.Root = lines[0], size, Hash(root)
	for _, l := range lines[3:] {
		if s, ok := strings.CutPrefix(l, "time "); ok {
			if c.At, err = time.Parse(timeForm, s); err != nil {
				return c, fmt.Errorf("seal: checkpoint time %.40q is not RFC 3339 UTC with milliseconds", s)
			}
		}
	}
	return c, nil
}

// Sign returns the checkpoint as a signed note.
func (c Checkpoint) Sign(signer note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.Text()}, signer)
}

// OpenCheckpoint verifies a signed note against the verifier and returns its checkpoint. The origin must be the
// verifier's name.
func OpenCheckpoint(signed []byte, v note.Verifier) (Checkpoint, error) {
	if len(signed) > MaxNote {
		return Checkpoint{}, fmt.Errorf("seal: signed note of %d bytes, the limit is %d", len(signed), MaxNote)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("seal: checkpoint signature: %w", err)
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return c, err
	}
	if c.Origin != v.Name() {
		return c, fmt.Errorf("seal: checkpoint is of %q, not of %q", c.Origin, v.Name())
	}
	return c, nil
}
