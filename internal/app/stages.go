package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// stage is one named thing that runs. Stages start in the order of the list and stop in the reverse order, each given
// its own deadline: sources fall silent, workers catch up, sinks drain, the database closes last.
type stage struct {
	name     string
	run      func(context.Context) error
	deadline time.Duration
}

// stages runs a list of stages. One context for all at once would lose exactly the last second, which is the second
// that matters; so each has its own.
type stages struct {
	running []*runningStage
	failed  chan error
	once    sync.Once
}

type runningStage struct {
	stage
	stop context.CancelFunc
	done chan error
}

func newStages() *stages { return &stages{failed: make(chan error, 1)} }

// start runs one more stage.
func (s *stages) start(st stage) {
	ctx, stop := context.WithCancel(context.Background())
	r := &runningStage{stage: st, stop: stop, done: make(chan error, 1)}
	s.running = append(s.running, r)
	go func() {
		err := st.run(ctx)
		if ctx.Err() == nil {
			if err == nil {
				err = errors.New("it ended by itself")
			}
			s.fail(fmt.Errorf("%s: %w", st.name, err))
		}
		r.done <- err
	}()
}

// fail reports the first stage that ended without being told to.
func (s *stages) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// stop ends all stages, last started first. A stage that overruns its deadline is named and left behind. It may be
// called more than once.
func (s *stages) stop() error {
	var errs []error
	s.once.Do(func() {
		for i := len(s.running) - 1; i >= 0; i-- {
			r := s.running[i]
			started := time.Now()
			r.stop()
			t := time.NewTimer(r.deadline)
			select {
			case err := <-r.done:
				if err != nil && !errors.Is(err, context.Canceled) {
					errs = append(errs, fmt.Errorf("stopping %s: %w", r.name, err))
				}
				slog.Debug("stopped", "stage", r.name, "took", time.Since(started))
			case <-t.C:
				errs = append(errs, fmt.Errorf("stopping %s: not done after %s, left behind", r.name, r.deadline))
			}
			t.Stop()
		}
	})
	return errors.Join(errs...)
}
