package journal

import (
	"context"

	"siaga/internal/watch"
)

// Since returns at most limit events after a sequence, oldest first.
func (j *Journal) Since(ctx context.Context, after uint64, limit int) ([]watch.Event, error) {
	return j.Events(ctx, Query{After: after, Limit: limit})
}

// Changed returns a channel that is closed at the next commit. Take it before looking at Head, or a commit between
// the two is missed.
func (j *Journal) Changed() <-chan struct{} { return j.awaken() }
