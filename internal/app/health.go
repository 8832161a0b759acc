package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"siaga/internal/incident"
)

const (
	// readyIn is how long the journal may take to answer before the site counts as not ready.
	readyIn = 2 * time.Second
	// judgeLate is how long an event may wait to be judged, and sealLate how long to be covered by a checkpoint.
	judgeLate = 15 * time.Second
	sealLate  = time.Minute
)

// ready tells the truth: every stage runs, the journal takes a transaction within readyIn, events are judged and sealed,
// and video has somewhere to go. The error lists everything that is wrong.
func (a *App) ready(ctx context.Context) error {
	if a.remains != nil {
		return fmt.Errorf("%w; the site stands by: nothing is recorded and nobody is warned", ErrDamaged)
	}
	if len(a.stages.failed) > 0 {
		return errors.New("a stage of the program has failed; see the log")
	}
	ctx, cancel := context.WithTimeout(ctx, readyIn)
	defer cancel()
	if err := a.journal.Ping(ctx); err != nil {
		return fmt.Errorf("the journal takes no transaction: %w (is the disk full or very slow?)", err)
	}
	var wrong []error
	if doubt := a.doubt.Load(); doubt != nil {
		wrong = append(wrong, fmt.Errorf("the log is not intact: %w; run `siaga check`", *doubt))
	}
	if late, err := a.judgeLag(ctx); err != nil || late > judgeLate {
		wrong = append(wrong, errors.Join(fmt.Errorf("events wait %s to be judged; alerts are late", late.Round(time.Second)), err))
	}
	if late, err := a.sealLag(ctx); err != nil || late > sealLate {
		wrong = append(wrong, errors.Join(fmt.Errorf("no checkpoint was signed for %s although events came", late.Round(time.Second)), err))
	}
	if a.recorder.DiskFull() {
		wrong = append(wrong, errors.New("the disk is full and nothing may be deleted: no video is recorded; free space or release holds"))
	}
	return errors.Join(wrong...)
}

// judgeLag is how long the oldest event that is not judged yet has waited; 0 when all are.
func (a *App) judgeLag(ctx context.Context) (time.Duration, error) {
	cursor, err := a.journal.Cursor(ctx, incident.Follower)
	if err != nil {
		return 0, err
	}
	return a.waited(ctx, cursor)
}

// sealLag is how long the oldest event that no checkpoint covers has waited; 0 when all are covered.
func (a *App) sealLag(ctx context.Context) (time.Duration, error) {
	last, err := a.journal.LastCheckpoint(ctx)
	if err != nil {
		return 0, err
	}
	return a.waited(ctx, last.Size)
}

// waited is how long the event after a sequence has been in the journal; 0 when there is none.
func (a *App) waited(ctx context.Context, after uint64) (time.Duration, error) {
	if after >= a.journal.Head() {
		return 0, nil
	}
	e, err := a.journal.Event(ctx, after+1)
	if err != nil {
		return 0, err
	}
	return max(time.Since(e.At), 0), nil
}
