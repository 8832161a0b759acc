package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"
)

// How full the disk may be, in percent.
const (
	levelWarn  = 80 // told
	levelPrune = 90 // what retention allows goes
	levelForce = 95 // the oldest that is not held goes
	relax      = 2  // a level is left this far below it
	pruneTo    = 88
	forceTo    = 93
)

// fullLook is how often the disk is looked at while video has stopped because it is full.
const fullLook = 2 * time.Second

// janitor applies retention until ctx ends.
func (r *Recorder) janitor(ctx context.Context) {
	every := time.NewTicker(r.opt.JanitorEvery)
	defer every.Stop()
	for {
		if err := r.clean(ctx); err != nil && ctx.Err() == nil {
			slog.Error("retention", "err", err)
		}
		var soon <-chan time.Time
		if r.full.Load() { // somebody makes room, and video waits for it
			soon = time.After(fullLook)
		}
		select {
		case <-every.C:
		case <-soon:
		case <-r.pressure:
			select { // a full disk is not looked at more often than this
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		case <-ctx.Done():
			return
		}
	}
}

// clean is one round: by age, by bytes, and by what the disk says.
func (r *Recorder) clean(ctx context.Context) error {
	if err := r.collect(ctx); err != nil { // what an earlier round or run left
		return err
	}
	streams, err := r.recorded(ctx)
	if err != nil {
		return err
	}
	policy := r.retention.Load()
	for _, k := range streams {
		p := policy.of(k)
		if p.MaxAge > 0 {
			if err := r.expireOlder(ctx, k, p.MaxAge, whyAge); err != nil {
				return err
			}
		}
		if p.MaxBytes > 0 {
			if err := r.expireBeyond(ctx, k, p.MaxBytes); err != nil {
				return err
			}
		}
	}
	return r.relieve(ctx, streams, policy)
}

// recorded lists the streams that have segments or may have.
func (r *Recorder) recorded(ctx context.Context) ([]key, error) {
	rows, err := r.opt.Journal.DB().QueryContext(ctx, `SELECT device, stream FROM recorded_streams ORDER BY device, stream`)
	if err != nil {
		return nil, fmt.Errorf("record: listing streams: %w", err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	var out []key
	for rows.Next() {
		var k key
		if err := rows.Scan(&k.device, &k.stream); err != nil {
			return nil, fmt.Errorf("record: listing streams: %w", err)
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

const ofStream = `s.device = ? AND s.stream = ?`

func (r *Recorder) expireOlder(ctx context.Context, k key, age time.Duration, why string) error {
	limit := r.clock.site() - age.Milliseconds()
	for {
		n, _, err := r.expire(ctx, why, ofStream+` AND s.start < ? AND s."end" <= ?`, expireBatch, k.device, k.stream, limit, limit)
		if err != nil || n < expireBatch {
			return err
		}
	}
}

// expireBeyond deletes the oldest until the stream is within its bytes, never more than needed.
func (r *Recorder) expireBeyond(ctx context.Context, k key, most int64) error {
	var have int64
	err := r.opt.Journal.DB().QueryRowContext(ctx, `SELECT coalesce(sum(bytes), 0) FROM segments WHERE device = ? AND stream = ?`,
		k.device, k.stream).Scan(&have)
	if err != nil {
		return fmt.Errorf("record: adding up %s: %w", k, err)
	}
	for have > most {
		upTo, err := r.fewest(ctx, k, have-most)
		if err != nil || upTo == 0 {
			return err
		}
		n, bytes, err := r.expire(ctx, whyBytes, ofStream+` AND s.start <= ?`, expireBatch, k.device, k.stream, upTo)
		if err != nil || n == 0 {
			return err
		}
		have -= bytes
	}
	return nil
}

// fewest returns the start of the last segment that must go to free excess bytes, 0 if none may go.
func (r *Recorder) fewest(ctx context.Context, k key, excess int64) (int64, error) {
	rows, err := r.opt.Journal.DB().QueryContext(ctx, `SELECT s.start, s.bytes FROM segments s WHERE `+ofStream+` AND `+notHeld+`
		ORDER BY s.start LIMIT ?`, k.device, k.stream, expireBatch)
	if err != nil {
		return 0, fmt.Errorf("record: choosing what expires: %w", err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	var upTo int64
	for excess > 0 && rows.Next() {
		var bytes int64
		if err := rows.Scan(&upTo, &bytes); err != nil {
			return 0, fmt.Errorf("record: choosing what expires: %w", err)
		}
		excess -= bytes
	}
	return upTo, rows.Err()
}

// relieve looks at the disk: 80 % is told, at 90 % what the policies do not promise goes, at 95 % the oldest that is
// not held, and if there is nothing left to delete then, video stops.
func (r *Recorder) relieve(ctx context.Context, streams []key, policy *Retention) error {
	u, err := r.Disk()
	if err != nil {
		return fmt.Errorf("record: looking at the disk: %w", err)
	}
	r.tellLevel(ctx, u)
	if u.Percent() >= levelPrune {
		for _, k := range streams {
			if p := policy.of(k); p.MinAge > 0 {
				if u, err = r.expireWhile(ctx, u, pruneTo, ofStream+` AND s."end" <= ?`, k.device, k.stream, r.clock.site()-p.MinAge.Milliseconds()); err != nil {
					return err
				}
			}
		}
	}
	if u.Percent() >= levelForce {
		if u, err = r.expireWhile(ctx, u, forceTo, `s.start < ?`, int64(math.MaxInt64)); err != nil {
			return err
		}
	}
	switch percent := u.Percent(); {
	case percent >= levelForce && !r.full.Swap(true):
		slog.Error("the disk is full and nothing on it may be deleted: video stops, events go on", "percent", percent)
	case percent < levelForce && r.full.Swap(false):
		slog.Info("there is room again: video goes on", "percent", percent)
	}
	r.tellLevel(ctx, u)
	return nil
}

// expireWhile deletes the oldest that match until the disk is below percent or nothing matches. It looks at the disk
// again after each batch and takes no larger one than that needs.
func (r *Recorder) expireWhile(ctx context.Context, u Usage, percent float64, where string, args ...any) (Usage, error) {
	for u.Percent() >= percent {
		n, bytes, err := r.expire(ctx, whyDisk, where, r.batchFor(ctx, u, percent), args...)
		if err != nil || n == 0 {
			return u, err
		}
		before := u
		if u, err = r.Disk(); err != nil {
			return u, fmt.Errorf("record: looking at the disk: %w", err)
		}
		if u.Free <= before.Free && bytes > 0 {
			return u, nil // the room does not come back at once (snapshots, open readers); the next round looks again
		}
	}
	return u, nil
}

// batchFor estimates how many files of average size must go.
func (r *Recorder) batchFor(ctx context.Context, u Usage, percent float64) int {
	var mean sql.NullFloat64
	err := r.opt.Journal.DB().QueryRowContext(ctx, `SELECT avg(bytes) FROM (SELECT bytes FROM segments ORDER BY start LIMIT 100)`).Scan(&mean)
	if err != nil || mean.Float64 < 1 {
		return 1
	}
	excess := (u.Percent() - percent) / 100 * float64(u.Total)
	return int(max(1, min(expireBatch, math.Ceil(excess/mean.Float64))))
}

// Disk levels as they stand in disk.level events; 0 is below every one.
func (r *Recorder) tellLevel(ctx context.Context, u Usage) {
	have, percent := r.level.Load(), u.Percent()
	var now int32
	for _, l := range [...]int32{levelWarn, levelPrune, levelForce} {
		if percent >= float64(l) || have >= l && percent >= float64(l-relax) {
			now = l
		}
	}
	if now == have {
		return
	}
	state := "raised"
	if now < have {
		state = "eased"
	}
	d, err := r.draft(KindDiskLevel, "", map[string]any{
		"level": now, "state": state, "percent": math.Round(percent*10) / 10, "free_bytes": u.Free, "total_bytes": u.Total,
		"video_stopped": r.full.Load(),
	})
	if err == nil {
		_, err = r.opt.Journal.Append(ctx, d)
	}
	if err != nil {
		slog.Error("disk level not journaled", "percent", percent, "err", err)
		return
	}
	r.level.Store(now)
}

// DiskFull reports whether video has stopped because nothing on the full disk may be deleted.
func (r *Recorder) DiskFull() bool { return r.full.Load() }

// Disk is how full the disk with the video is, or will be: before Run has made the folder, the disk it will be made on.
func (r *Recorder) Disk() (Usage, error) {
	u, err := r.disk.usage(filepath.Join(r.opt.Dir, folder))
	if errors.Is(err, os.ErrNotExist) {
		return r.disk.usage(r.opt.Dir)
	}
	return u, err
}
