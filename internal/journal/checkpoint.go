package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"siaga/internal/seal"
	"siaga/internal/watch"
)

// ErrNotIntact means that the journal does not agree with what it signed.
var ErrNotIntact = errors.New("journal: the log is not intact")

// CheckpointEvery is the longest time an event waits for a signed tree head.
const CheckpointEvery = 10 * time.Second

// Origin is the name under which a site signs, the first line of its checkpoints.
func Origin(site string) string { return "siaga/" + site }

// RunCheckpoints signs the tree head every CheckpointEvery while it grows, and once more when ctx ends. The journal's
// writer MUST still be running then. Each failure is logged; the next round tries again.
func (j *Journal) RunCheckpoints(ctx context.Context) error {
	tick := time.NewTicker(CheckpointEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if _, err := j.Checkpoint(ctx); err != nil && ctx.Err() == nil {
				slog.Error("checkpoint not signed", "err", err)
			}
		case <-ctx.Done():
			_, err := j.Checkpoint(context.WithoutCancel(ctx))
			return err
		}
	}
}

// Checkpoint signs the present head and returns the note. An unchanged size gives the stored note again; an empty
// journal or one without a signer gives none.
func (j *Journal) Checkpoint(ctx context.Context) ([]byte, error) {
	if j.opt.Signer == nil {
		return nil, nil
	}
	j.checkMu.Lock()
	defer j.checkMu.Unlock()
	size := j.Head()
	if size == 0 {
		return nil, nil
	}
	if have, err := j.LastCheckpoint(ctx); err != nil || have.Size == size {
		return []byte(have.Note), err
	}
	root, err := seal.RootAt(size, nodeReader(ctx, j.db.Read()))
	if err != nil {
		return nil, fmt.Errorf("journal: root of size %d: %w", size, err)
	}
	c := seal.Checkpoint{Origin: Origin(j.opt.Site), Size: size, Root: root, At: j.now().UTC().Truncate(time.Millisecond)}
	signed, err := c.Sign(j.opt.Signer)
	if err != nil {
		return nil, fmt.Errorf("journal: signing size %d: %w", size, err)
	}
	err = j.Commit(ctx, func(tx *sql.Tx, _ Appender) error {
		_, err := tx.Exec(`INSERT INTO checkpoints (size, at, note) VALUES (?,?,?) ON CONFLICT DO NOTHING`, int64(size), watch.Millis(c.At), string(signed))
		return err
	})
	return signed, err
}

// StoredCheckpoint is a row of the checkpoint table.
type StoredCheckpoint struct {
	Size uint64
	At   time.Time
	Note string
}

// LastCheckpoint is the newest signed head; the zero value if there is none yet.
func (j *Journal) LastCheckpoint(ctx context.Context) (StoredCheckpoint, error) {
	return lastCheckpoint(ctx, j.db.Read())
}

func lastCheckpoint(ctx context.Context, db queryer) (StoredCheckpoint, error) {
	var c StoredCheckpoint
	var at int64
	err := db.QueryRowContext(ctx, `SELECT size, at, note FROM checkpoints ORDER BY size DESC LIMIT 1`).Scan(&c.Size, &at, &c.Note)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return c, fmt.Errorf("journal: reading the last checkpoint: %w", err)
	}
	c.At = watch.FromMillis(at)
	return c, nil
}

// Inclusion is a proof that an event is in the tree of some size.
type Inclusion struct {
	Seq, Size uint64
	Leaf      seal.Hash
	Proof     []seal.Hash
}

// ProveInclusion proves that event seq is in the tree of the given size (0: the last checkpoint's, or the head's).
func (j *Journal) ProveInclusion(ctx context.Context, seq, size uint64) (Inclusion, error) {
	size, err := j.sizeOr(ctx, size)
	if err != nil {
		return Inclusion{}, err
	}
	read := nodeReader(ctx, j.db.Read())
	proof, err := seal.ProveInclusion(size, seq, read)
	if err != nil {
		return Inclusion{}, err
	}
	leaf, err := read(seq, 0)
	return Inclusion{Seq: seq, Size: size, Leaf: leaf, Proof: proof}, err
}

// ProveConsistency proves that the tree of size older is a prefix of that of size newer (0: as in ProveInclusion).
func (j *Journal) ProveConsistency(ctx context.Context, older, newer uint64) ([]seal.Hash, uint64, error) {
	newer, err := j.sizeOr(ctx, newer)
	if err != nil {
		return nil, 0, err
	}
	proof, err := seal.ProveConsistency(newer, older, nodeReader(ctx, j.db.Read()))
	return proof, newer, err
}

func (j *Journal) sizeOr(ctx context.Context, size uint64) (uint64, error) {
	if size == 0 {
		c, err := j.LastCheckpoint(ctx)
		if err != nil {
			return 0, err
		}
		if size = c.Size; size == 0 {
			size = j.Head()
		}
	}
	if size > j.Head() {
		return 0, fmt.Errorf("journal: tree size %d is beyond the head %d: %w", size, j.Head(), watch.ErrInvalid)
	}
	return size, nil
}

// quickCheck compares the newest checkpoint with the tree: a few reads, at every start. The full proof is Verify.
func (j *Journal) quickCheck(ctx context.Context) error {
	c, err := lastCheckpoint(ctx, j.db.Writer())
	if err != nil || c.Size == 0 || j.opt.Verifier == nil {
		return err
	}
	cp, err := seal.OpenCheckpoint([]byte(c.Note), j.opt.Verifier)
	if err != nil {
		return fmt.Errorf("%w: the checkpoint of size %d: %w", ErrNotIntact, c.Size, err)
	}
	if cp.Size > j.Head() {
		return fmt.Errorf("%w: a checkpoint was signed over %d events, there are %d: the tail was removed or an old copy was put back", ErrNotIntact, cp.Size, j.Head())
	}
	root, err := seal.RootAt(cp.Size, nodeReader(ctx, j.db.Writer()))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotIntact, err)
	}
	if root != cp.Root {
		return fmt.Errorf("%w: the tree of %d events has another root than its checkpoint", ErrNotIntact, cp.Size)
	}
	return nil
}
