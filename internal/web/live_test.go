package web

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"siaga/internal/hub"
	"siaga/internal/watch"
)

// line is a message of the live channel.
type line struct {
	Seq      uint64          `json:"seq"`
	Through  uint64          `json:"through"`
	Withheld bool            `json:"withheld"`
	Kind     string          `json:"kind"`
	Body     json.RawMessage `json:"body"`
	Hello    *struct {
		Head     uint64          `json:"head"`
		Site     Site            `json:"site"`
		Snapshot json.RawMessage `json:"snapshot"`
	} `json:"hello"`
}

// screen is a browser on the live channel that checks that nothing is missing or twice.
type screen struct {
	conn *websocket.Conn
	last uint64
}

func (s *site) dial(role, query string, header http.Header) (*websocket.Conn, *http.Response, error) {
	h := http.Header{"Cookie": {cookieName + "=" + s.token(role)}}
	for k, v := range header {
		h[k] = v
	}
	return websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.url, "http")+prefix+"/live"+query, h)
}

// join opens the live channel and reads the hello. last is the sequence before the first event to come.
func (s *site) join(t testing.TB, role, query string) *screen {
	t.Helper()
	conn, _, err := s.dial(role, query, nil)
	if err != nil {
		t.Fatalf("joining%s: %v", query, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	sc := &screen{conn: conn}
	m, err := sc.read()
	if err != nil || m.Hello == nil {
		t.Fatalf("the first message is not a hello: %+v, %v", m, err)
	}
	if m.Hello.Snapshot != nil {
		sc.last = m.Hello.Head
	} else if _, err := fmt.Sscanf(query, "?after=%d", &sc.last); err != nil {
		t.Fatal(err)
	}
	return sc
}

func (sc *screen) read() (line, error) {
	var m line
	_, data, err := sc.conn.ReadMessage()
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(data, &m)
}

// follow reads until a sequence has come.
func (sc *screen) follow(until uint64) error {
	for sc.last < until {
		m, err := sc.read()
		if err != nil {
			return err
		}
		if m.Seq == 0 {
			continue
		}
		if m.Seq != sc.last+1 {
			return fmt.Errorf("event %d came after %d", m.Seq, sc.last)
		}
		if sc.last = m.Seq; m.Withheld {
			sc.last = m.Through
		}
	}
	return nil
}

func TestLive_FiveHundredClientsReceiveEverythingInOrder(t *testing.T) {
	s := newSite(t)
	const clients, events = 500, 200
	screens := make([]*screen, clients)
	for i := range screens {
		screens[i] = s.join(t, "guard", "")
	}
	var wg sync.WaitGroup
	last := s.journal.Head() + events
	for _, sc := range screens {
		wg.Go(func() {
			if err := sc.follow(last); err != nil {
				t.Error(err)
			}
		})
	}
	s.add("door.opened", events)
	wg.Wait()
	if n := s.hub.Stats().Clients; n != clients {
		t.Errorf("%d clients are counted, want %d", n, clients)
	}
}

func TestLive_CutAndResumedThereIsNoHoleAndNothingTwice(t *testing.T) {
	s := newSite(t, func(_ *Options, h *hub.Options) { h.Ring = 50 })
	const events = 3000
	ctx, stop := context.WithCancel(context.Background())
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := range events {
			r, err := s.journal.Append(ctx, watch.Draft{Kind: "door.opened", Body: fmt.Appendf(nil, `{"n":%d}`, i)})
			if err != nil || r.Wait(ctx) != nil {
				return
			}
		}
	})
	defer func() { stop(); writer.Wait() }()
	var screens sync.WaitGroup
	for range 4 {
		sc := s.join(t, "guard", "")
		screens.Go(func() {
			for sc.last < events {
				until := min(events, sc.last+1+rand.Uint64N(400))
				if err := sc.follow(until); err != nil && !websocket.IsCloseError(err, closeSlow) {
					t.Error(err)
					return
				}
				_ = sc.conn.Close()
				sc = s.join(t, "guard", fmt.Sprintf("?after=%d", sc.last))
			}
		})
	}
	screens.Wait()
}

func TestLive_SlowClientIsCutAndComesBack(t *testing.T) {
	s := newSite(t, func(_ *Options, h *hub.Options) { h.Ring = 64 })
	sc := s.join(t, "guard", "")
	// More than the sockets' buffers hold, and nobody reads.
	body := []byte(`{"text":"` + strings.Repeat("x", 60_000) + `"}`)
	var head uint64
	for range 400 {
		r, err := s.journal.Append(t.Context(), watch.Draft{Kind: "door.opened", Body: body})
		must(t, err)
		must(t, r.Wait(t.Context()))
		head = r.Seq()
	}
	err := sc.follow(head)
	if err == nil {
		t.Fatal("a client that does not read was never cut")
	}
	if !websocket.IsCloseError(err, closeSlow) {
		t.Logf("the close code was lost on the full line: %v", err)
	}
	back := s.join(t, "guard", fmt.Sprintf("?after=%d", sc.last))
	if err := back.follow(head); err != nil {
		t.Errorf("after coming back: %v", err)
	}
}

func TestLive_WithholdsWhatTheRoleMayNotSee(t *testing.T) {
	s := newSite(t)
	sc := s.join(t, "technician", "")
	s.add("radio.emergency", 3)
	last := s.add("camera.lost", 1)
	m, err := sc.read()
	if err != nil {
		t.Fatal(err)
	}
	for m.Seq == 0 {
		m, err = sc.read()
		must(t, err)
	}
	if !m.Withheld || m.Seq != last-3 || m.Kind != "" || m.Body != nil {
		t.Fatalf("a technician was shown %+v", m)
	}
	sc.last = m.Through
	must(t, sc.follow(last))
}

func TestLive_RefusesOtherSitesAndStrangers(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		name, role, query string
		header            http.Header
		status            int
		code              string
	}{
		{"a page of another site", "guard", "", http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden, "cross_origin"},
		{"an origin that is none", "guard", "", http.Header{"Origin": {"null"}}, http.StatusForbidden, "cross_origin"},
		{"nobody", "", "", nil, http.StatusUnauthorized, "signed_out"},
		{"an ended session", "ended", "", nil, http.StatusUnauthorized, "signed_out"},
		{"a forged place", "guard", "?after=-1", nil, http.StatusUnprocessableEntity, "bad_field"},
		{"a huge place", "guard", "?after=99999999999999999999", nil, http.StatusUnprocessableEntity, "bad_field"},
	} {
		conn, res, err := s.dial(c.role, c.query, c.header)
		if err == nil {
			_ = conn.Close()
			t.Errorf("%s was let in", c.name)
			continue
		}
		if res == nil {
			t.Fatal(err)
		}
		var text strings.Builder
		_, _ = fmt.Fprint(&text, readAll(res))
		checkProblem(t, c.name, res.StatusCode, res.Header, text.String(), c.status, c.code)
	}
	if conn, _, err := s.dial("guard", "", http.Header{"Origin": {s.url}}); err != nil {
		t.Errorf("our own page was refused: %v", err)
	} else {
		_ = conn.Close()
	}
}

func readAll(res *http.Response) string {
	b := make([]byte, 64<<10)
	n, _ := res.Body.Read(b)
	return string(b[:n])
}

func TestLive_WithoutUpgradeItIsAProblem(t *testing.T) {
	s := newSite(t)
	s.problem("guard", get, prefix+"/live", "", http.StatusBadRequest, "bad_request")
	if n := s.hub.Stats().Clients; n != 0 {
		t.Errorf("%d viewers are left behind", n)
	}
}

func TestLive_StopSendsTheLastEventsAndSaysGoodbye(t *testing.T) {
	s := newSite(t)
	sc := s.join(t, "guard", "")
	last := s.add("door.opened", 50)
	stopped := make(chan error, 1)
	go func() { stopped <- s.stopWeb() }()
	must(t, sc.follow(last))
	if _, err := sc.read(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the end came as %v, want 1001", err)
	}
	select {
	case err := <-stopped:
		must(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("the server did not stop")
	}
}
