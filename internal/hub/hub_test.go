package hub

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"siaga/internal/watch"
)

// viewer checks what one client gets: every sequence once, in order, and only what its class may see.
type viewer struct {
	class string
	from  From
	c     *Client
	last  uint64 // last sequence accounted for
	begun bool
	got   int
}

func (v *viewer) take(t testing.TB, batch []*Message) {
	t.Helper()
	for _, m := range batch {
		l := decode(t, m)
		switch {
		case l.Hello != nil:
			if l.Hello.Snapshot != nil {
				v.last = l.Hello.Head
			}
			v.begun = true
		case l.Withheld:
			if l.Seq != v.last+1 || l.Through < l.Seq {
				t.Fatalf("withheld %d to %d after %d", l.Seq, l.Through, v.last)
			}
			v.last = l.Through
		case l.Seq > 0:
			if l.Seq != v.last+1 {
				t.Fatalf("event %d after %d", l.Seq, v.last)
			}
			if v.class == "technician" && l.Kind == "radio.emergency" {
				t.Fatalf("technician was shown %s", m.Data)
			}
			v.last = l.Seq
			v.got++
		}
	}
	if !v.begun {
		t.Fatal("the first message is not a hello")
	}
}

func TestHub_EveryViewerGetsEverySequenceOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newLog()
		l.add(rapid.IntRange(0, 60).Draw(rt, "history"), "door.opened", "radio.emergency", "camera.lost")
		h := newHub(t, l, func(o *Options) {
			o.Ring = rapid.IntRange(1, 40).Draw(rt, "ring")
			o.RingBytes = rapid.SampledFrom([]int{1, 2000, 1 << 20}).Draw(rt, "bytes")
			o.Resume = rapid.SampledFrom([]uint64{1, 20, 10_000}).Draw(rt, "resume")
		})
		ctx := context.Background()
		var viewers []*viewer
		join := func(v *viewer) {
			c, err := h.Join(ctx, []string{v.class}, v.from)
			if err != nil {
				rt.Fatal(err)
			}
			v.c, v.begun, v.last = c, false, v.from.After
		}
		next := func(v *viewer) {
			switch _, _, err := v.c.collectNow(ctx); {
			case errors.Is(err, ErrSlow):
				v.from = From{Resume: true, After: v.last}
				join(v)
			case err != nil:
				rt.Fatal(err)
			default:
				v.take(t, v.c.batch)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				l.add(rapid.IntRange(1, 30).Draw(rt, "n"), "door.opened", "radio.emergency")
			},
			"pump": func(*rapid.T) { h.pump(ctx) },
			"join": func(rt *rapid.T) {
				v := &viewer{class: rapid.SampledFrom([]string{"guard", "technician"}).Draw(rt, "class")}
				v.from.Resume = rapid.Bool().Draw(rt, "resume")
				v.from.After = rapid.Uint64Range(0, l.Head()+3).Draw(rt, "after")
				join(v)
				viewers = append(viewers, v)
			},
			"next": func(rt *rapid.T) {
				if len(viewers) > 0 {
					next(viewers[rapid.IntRange(0, len(viewers)-1).Draw(rt, "viewer")])
				}
			},
		})
		h.pump(ctx)
		for _, v := range viewers {
			for n := 0; v.last < l.Head() || !v.begun; n++ {
				if n > 1000 {
					rt.Fatalf("viewer stands at %d, the head is %d", v.last, l.Head())
				}
				next(v)
			}
		}
	})
}

// collectNow is Next without waiting.
func (c *Client) collectNow(ctx context.Context) (<-chan struct{}, bool, error) {
	c.batch = c.batch[:0]
	if c.hello != nil {
		c.batch, c.hello = append(c.batch, c.hello), nil
		return nil, false, nil
	}
	return c.collect(ctx)
}

func TestHub_ConcurrentViewersMissNothing(t *testing.T) {
	l := newLog()
	l.add(300, "door.opened", "radio.emergency")
	h := newHub(t, l, func(o *Options) { o.Ring = 64 })
	run(t, h)
	const last = 6000
	var wg sync.WaitGroup
	for i := range 60 {
		v := &viewer{class: testClasses[i%2].Name, from: From{Resume: i%3 != 0, After: uint64(i * 5)}}
		wg.Go(func() { follow(t, h, v, last) })
	}
	for l.Head() < last {
		l.add(1 + rand.IntN(20))
	}
	wg.Wait()
}

// follow reads to a sequence, coming back each time it is cut and now and then by itself.
func follow(t testing.TB, h *Hub, v *viewer, last uint64) {
	ctx := t.Context()
	for v.last < last {
		c, err := h.Join(ctx, []string{v.class}, v.from)
		if err != nil {
			t.Error(err)
			return
		}
		v.c, v.begun, v.last = c, false, v.from.After
		for n := 0; v.last < last && n < 100; n++ {
			batch, err := c.Next(ctx)
			if errors.Is(err, ErrSlow) {
				break
			} else if err != nil {
				t.Error(err)
				return
			}
			v.take(t, batch)
		}
		c.Leave()
		v.from = From{Resume: true, After: v.last}
	}
}

func TestHub_HelloCarriesASnapshotOnlyWhenNotResuming(t *testing.T) {
	l := newLog()
	l.add(50)
	h := newHub(t, l, func(o *Options) { o.Resume = 20 })
	for _, c := range []struct {
		from     From
		snapshot bool
	}{
		{From{}, true},
		{From{Resume: true, After: 50}, false},
		{From{Resume: true, After: 30}, false},
		{From{Resume: true, After: 29}, true}, // too old
		{From{Resume: true, After: 51}, true}, // of another life of this site
	} {
		client, err := h.Join(t.Context(), []string{"guard"}, c.from)
		if err != nil {
			t.Fatal(err)
		}
		batch, err := client.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		hi := decode(t, batch[0]).Hello
		if hi == nil || hi.Head != 50 || hi.Site["id"] != "mjn" {
			t.Fatalf("%+v: hello is %s", c.from, batch[0].Data)
		}
		if got := hi.Snapshot != nil; got != c.snapshot {
			t.Errorf("%+v: snapshot %v, want %v", c.from, got, c.snapshot)
		}
		if hi.Snapshot != nil && (len(hi.Snapshot.Alerts) != 1 || hi.Snapshot.Incidents == nil) {
			t.Errorf("snapshot is %s", batch[0].Data)
		}
	}
}

func TestHub_SlowViewerIsCutAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		h := newHub(t, l, func(o *Options) { o.Ring = 10 })
		stop := run(t, h)
		defer stop()
		slow, err := h.Join(t.Context(), []string{"guard"}, From{})
		if err != nil {
			t.Fatal(err)
		}
		v := &viewer{class: "guard", c: slow}
		batch, _ := slow.Next(t.Context())
		v.take(t, batch)
		l.add(5)
		synctest.Wait()
		batch, _ = slow.Next(t.Context())
		v.take(t, batch)
		l.add(30)
		synctest.Wait()
		if _, err := slow.Next(t.Context()); !errors.Is(err, ErrSlow) {
			t.Fatalf("got %v, want ErrSlow", err)
		}
		if s := h.Stats(); s.Cuts != 1 || s.Clients != 0 {
			t.Errorf("stats %+v", s)
		}
		v.from = From{Resume: true, After: v.last}
		follow(t, h, v, 35)
	})
}

func TestHub_StopHandsOutTheLastEvents(t *testing.T) {
	l := newLog()
	h := newHub(t, l, nil)
	stop := run(t, h)
	c, err := h.Join(t.Context(), []string{"guard"}, From{})
	if err != nil {
		t.Fatal(err)
	}
	v := &viewer{class: "guard", c: c}
	l.add(1000)
	stop()
	for {
		batch, err := c.Next(t.Context())
		if errors.Is(err, ErrStopped) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		v.take(t, batch)
	}
	if v.got != 1000 {
		t.Errorf("got %d events before the end, want 1000", v.got)
	}
	if _, err := h.Join(t.Context(), []string{"guard"}, From{}); !errors.Is(err, ErrStopped) {
		t.Errorf("joining a stopped hub: %v", err)
	}
}

func TestHub_ReadErrorIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		h := newHub(t, l, nil)
		defer run(t, h)()
		l.mu.Lock()
		l.broken = errors.New("disk I/O error")
		l.mu.Unlock()
		l.add(3)
		time.Sleep(time.Minute)
		l.mu.Lock()
		l.broken = nil
		l.mu.Unlock()
		time.Sleep(2 * retryEvery)
		if s := h.Stats(); s.Head != 3 {
			t.Errorf("hub stands at %d after the journal can be read again, want 3", s.Head)
		}
	})
}

func TestHub_PingsEveryFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.add(7)
		h := newHub(t, l, nil)
		defer run(t, h)()
		c, err := h.Join(t.Context(), []string{"guard"}, From{})
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		for pings := 0; pings < 3; {
			batch, err := c.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range batch {
				if p := decode(t, m).Ping; p != nil && p.Head == 7 {
					pings++
				}
			}
		}
		if took := time.Since(started); took != 3*PingEvery {
			t.Errorf("three pings took %v", took)
		}
	})
}

func TestHub_BusyViewerGetsTheNewestOfEachSample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		h := newHub(t, l, nil)
		defer run(t, h)()
		c, err := h.Join(t.Context(), []string{"guard"}, From{Resume: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			body, _ := json.Marshal(map[string]int{"n": i})
			h.Live(watch.Event{Kind: "drone.position", Device: "drone-1", Body: body})
			h.Live(watch.Event{Kind: "drone.battery", Device: "drone-1", Body: body})
			h.State(watch.DeviceState{Device: "cam-1", Status: watch.StatusOnline})
		}
		h.State(watch.DeviceState{Device: "cam-1", Status: watch.StatusOffline})
		batch, err := c.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) != 3 {
			t.Fatalf("%d messages, want the newest of two samples and one state", len(batch))
		}
		for _, m := range batch[:2] {
			if s := string(decode(t, m).Sample); !strings.Contains(s, `"n":999`) {
				t.Errorf("sample is %s", m.Data)
			}
		}
		if s := decode(t, batch[2]).State; s == nil || s.Status != "offline" {
			t.Errorf("state is %s", batch[2].Data)
		}
	})
}

func TestHub_SnapshotHasTheNewestSamples(t *testing.T) {
	h := newHub(t, newLog(), nil)
	h.Live(watch.Event{Kind: "drone.position", Device: "drone-1", Body: []byte(`{"n":1}`)})
	h.Live(watch.Event{Kind: "drone.position", Device: "drone-1", Body: []byte(`{"n":2}`)})
	h.Live(watch.Event{Kind: "radio.emergency", Device: "ht-1", Body: []byte(`{}`)})
	h.Live(watch.Event{Kind: "radio.rssi", Device: "ht-2", Body: []byte(`{}`)})
	h.Forget("ht-2")
	c, err := h.Join(t.Context(), []string{"technician"}, From{})
	if err != nil {
		t.Fatal(err)
	}
	batch, _ := c.Next(t.Context())
	samples := decode(t, batch[0]).Hello.Snapshot.Samples
	if len(samples) != 1 || !strings.Contains(string(samples["drone-1"]["drone.position"]), `"body":{"n":2}`) {
		t.Errorf("samples are %s", batch[0].Data)
	}
}

func TestHub_HostileBodiesStayOnTheirOwnLine(t *testing.T) {
	for _, e := range []watch.Event{
		{Seq: 1, Kind: "mqtt.garbled", Body: []byte("{\"raw\":\"\xff\xfe\xc3(\"}")},
		{Seq: 2, Kind: "mqtt.garbled", Subject: "a\"\\\n\u2028\xff", Body: []byte(`{}`)},
		{Seq: 3, Kind: "mqtt.garbled", Body: []byte(`{"half":`)},
		{Seq: 4, Kind: "mqtt.garbled", Erased: true},
	} {
		m := newEntry(e, 1).message()
		if !utf8.Valid(m.Data) {
			t.Errorf("event %d: the browser would drop the line over %q", e.Seq, m.Data)
		}
		if l := decode(t, m); l.Seq != e.Seq {
			t.Errorf("event %d came out as %s", e.Seq, m.Data)
		}
	}
}

func TestHub_EventIsEncodedOnceForAllViewers(t *testing.T) {
	l := newLog()
	h := newHub(t, l, nil)
	l.add(1)
	h.pump(t.Context())
	var first *Message
	for i := range 10 {
		c, err := h.Join(t.Context(), []string{testClasses[i%2].Name}, From{Resume: true})
		if err != nil {
			t.Fatal(err)
		}
		var got []*Message
		for len(got) < 2 {
			batch, err := c.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, batch...)
		}
		if first == nil {
			first = got[1]
		}
		if got[1] != first {
			t.Fatalf("viewer %d got a copy of its own", i)
		}
	}
}

func TestHub_RefusesUnknownClassesAndTooManyViewers(t *testing.T) {
	h := newHub(t, newLog(), func(o *Options) { o.MaxClients = 1 })
	if _, err := h.Join(t.Context(), []string{"stranger"}, From{}); err == nil {
		t.Error("a class without rights was let in")
	}
	c, err := h.Join(t.Context(), []string{"guard"}, From{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Join(t.Context(), []string{"guard"}, From{}); !errors.Is(err, ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	c.Leave()
	if _, err := h.Join(t.Context(), []string{"guard"}, From{}); err != nil {
		t.Errorf("after one left: %v", err)
	}
}
