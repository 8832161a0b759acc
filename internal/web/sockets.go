package web

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// sockets are the open websockets. Each is waited for.
type sockets struct {
	wg     sync.WaitGroup
	closed [4]atomic.Uint64 // by why, see closedWhy

	mu   sync.Mutex
	open map[*openSocket]struct{}
}

// openSocket is one upgraded connection and whose it is.
type openSocket struct {
	who   *caller
	media bool
	end   context.CancelCauseFunc
	conn  *socket
}

func newSockets() *sockets { return &sockets{open: map[*openSocket]struct{}{}} }

// closedWhy names the counters of sockets that ended.
func closedWhy() [4]string { return [4]string{"done", "session", "slow", "failed"} }

// runSocket upgrades a request and lets write serve it until either side ends. It returns when the connection is closed.
func (s *Server) runSocket(w http.ResponseWriter, r *http.Request, media bool, write func(context.Context, *socket) error) {
	s.sockets.wg.Add(1)
	defer s.sockets.wg.Done()
	conn, err := upgrade(w, r)
	if err != nil {
		return // answered by upgrade
	}
	ctx, end := context.WithCancelCause(context.WithoutCancel(r.Context()))
	defer end(nil)
	o := &openSocket{who: callerOf(r.Context()), media: media, end: end, conn: conn}
	s.sockets.add(o)
	code := conn.serve(ctx, func(ctx context.Context) error { return write(ctx, conn) })
	s.sockets.remove(o)
	s.sockets.count(code)
}

func (k *sockets) add(o *openSocket) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open[o] = struct{}{}
}

func (k *sockets) remove(o *openSocket) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.open, o)
}

func (k *sockets) count(code int) {
	switch code {
	case 1000, 1001:
		k.closed[0].Add(1)
	case closeSessionEnded:
		k.closed[1].Add(1)
	case closeSlow:
		k.closed[2].Add(1)
	default:
		k.closed[3].Add(1)
	}
}

// each calls fn for every open socket.
func (k *sockets) each(fn func(*openSocket)) {
	k.mu.Lock()
	list := make([]*openSocket, 0, len(k.open))
	for o := range k.open {
		list = append(list, o)
	}
	k.mu.Unlock()
	for _, o := range list {
		fn(o)
	}
}

// endMedia lets the sockets go that live from cameras and not from the hub.
func (k *sockets) endMedia() {
	k.each(func(o *openSocket) {
		if o.media {
			o.end(errStopping)
		}
	})
}

// drain waits for all sockets; those open when ctx ends are cut.
func (k *sockets) drain(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.wg.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	left := 0
	k.each(func(o *openSocket) {
		left++
		o.end(errStopping)
		_ = o.conn.raw.SetDeadline(time.Now()) // frees what hangs in a read or write
	})
	<-done
	return fmt.Errorf("web: %d sockets did not end by themselves and were cut", left)
}

// Times of looking after sessions that hold a socket open.
const (
	sessionCheck = 5 * time.Second // one that expired may keep its sockets for so long
	sessionTouch = 5 * time.Minute // watching a console is using it
)

// watchSessions lets sockets go whose session has ended or whose person has other roles now.
func (s *Server) watchSessions(ctx context.Context) {
	check, touch := time.NewTicker(sessionCheck), time.NewTicker(sessionTouch)
	defer check.Stop()
	defer touch.Stop()
	for {
		changed := s.opt.Auth.Changed()
		s.endEnded()
		s.endRefusals(false)
		select {
		case <-changed:
		case <-check.C:
		case <-touch.C:
			s.touchAll(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// endEnded ends the sockets and live pictures of those whose session has ended. Each session is asked for once.
func (s *Server) endEnded() {
	valid := map[string]bool{}
	ended := func(who *caller) bool {
		ok, known := valid[who.session.ID]
		if !known {
			ok = s.stillValid(who)
			valid[who.session.ID] = ok
		}
		return !ok
	}
	s.sockets.each(func(o *openSocket) {
		if ended(o.who) {
			o.end(errSessionEnded)
		}
	})
	// A live picture that ended by itself is gone already.
	for _, session := range s.calls.endOf(ended) {
		_ = s.opt.View.Hangup(session)
	}
}

// touchAll keeps the sessions of open live channels in use.
func (s *Server) touchAll(ctx context.Context) {
	done := map[string]bool{}
	s.sockets.each(func(o *openSocket) {
		if !o.media && !done[o.who.session.ID] {
			done[o.who.session.ID] = true
			s.touch(ctx, o.who)
		}
	})
}
