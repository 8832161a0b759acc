package broker

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// These sentences are nats-server's, version 2.15.2. When an update changes them, refusals go unreported.
func TestNatsLog_ReadsItsSentences(t *testing.T) {
	for line, want := range map[string][3]string{
		`127.0.0.1:40312 - mid:7 - "0a1b" - Publish Violation - Subject "mmdvm.json"`:               {"127.0.0.1:40312", PublishRefused, "mmdvm/json"},
		`127.0.0.1:40312 - mid:7 - "0a1b" - Publish Violation - Subject "a.\"b\".c//d"`:             {"127.0.0.1:40312", PublishRefused, `a/"b"/c.d`},
		`[::1]:40312 - mid:9 - "x" - Subscription Violation - Subject "mmdvm.>", SID mmdvm.>`:       {"[::1]:40312", SubscribeRefused, "mmdvm/#"},
		`127.0.0.1:1 - mid:1 - "Publish Violation" - Subscription Violation - Subject "a.*", SID a`: {"127.0.0.1:1", SubscribeRefused, "a/+"},
	} {
		inner, kind, topic, ok := refusal(line)
		if got := [3]string{inner, kind, topic}; !ok || got != want {
			t.Errorf("%s\nread as %v, %v; want %v", line, got, ok, want)
		}
	}
	if _, _, _, ok := refusal(`127.0.0.1:40312 - mid:7 - "0a1b" - authentication error`); ok {
		t.Error("another sentence was read as a refusal")
	}
}

func TestTopics_MapThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		topic := rapid.StringMatching(`[a-c./$_-]{1,12}`).Draw(t, "topic")
		if back := toTopic(toSubject(topic)); back != topic {
			t.Fatalf("%q became %q became %q", topic, toSubject(topic), back)
		}
	})
}

type noted struct {
	mu   sync.Mutex
	list []Report
}

func (n *noted) Report(r Report) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, r)
}

func (n *noted) all() []Report {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.list)
}

func TestTally_AlikeReportsAreCountedNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var to noted
		ty := newTally(&to)
		ctx, stop := t.Context(), make(chan struct{})
		go func() { ty.run(ctx); close(stop) }()
		for i := range 10_000 {
			ty.add(Report{Kind: PublishRefused, User: "door", Address: fmt.Sprintf("10.0.0.1:%d", i), Topic: "x", At: time.Now()})
		}
		ty.add(Report{Kind: PublishRefused, User: "ht", Topic: "x", At: time.Now()})
		synctest.Wait()
		got := to.all()
		if len(got) != 2 || got[0].Count != 1 || got[0].User != "door" || got[1].User != "ht" {
			t.Fatalf("at once came %+v; want one of each", got)
		}
		time.Sleep(tallyWindow + 2*time.Second)
		synctest.Wait()
		if got = to.all(); len(got) != 3 || got[2].Count != 9_999 {
			t.Fatalf("after the window came %+v; want the other 9,999 in one", got[2:])
		}
	})
}

func TestTally_InventedTopicsDoNotGrowIt(t *testing.T) {
	ty := newTally(&noted{})
	for i := range 100_000 {
		ty.add(Report{Kind: PublishRefused, User: "door", Topic: fmt.Sprint(i), At: time.Now()})
	}
	if len(ty.open) > tallyKeys || len(ty.queue) > tallyQueue {
		t.Errorf("keeps %d keys and %d reports", len(ty.open), len(ty.queue))
	}
}

func TestConnect_RewrittenPacketSaysTheSame(t *testing.T) {
	in := connect{
		level: 4, flags: flagWill | flagUsername | flagPassword | 0x28, keepAlive: [2]byte{0, 60},
		clientID: "gw", willTopic: "a/b", will: []byte{0, 1}, username: "ht", password: strings.Repeat("p", 200),
	}
	raw := in.packet("other", "ht", "inner")
	var buf []byte
	f, err := readFrame(bufio.NewReader(bytes.NewReader(raw)), &buf)
	if err != nil {
		t.Fatal(err)
	}
	out, err := parseConnect(f.body)
	want := in
	want.clientID, want.password = "other", "inner"
	if err != nil || fmt.Sprint(out) != fmt.Sprint(want) {
		t.Errorf("%+v, %v; want %+v", out, err, want)
	}
}

// FuzzPackets feeds the gate's parsers what any stranger on the network may send.
func FuzzPackets(f *testing.F) {
	seeds, _ := filepath.Glob("testdata/*.bin")
	if len(seeds) == 0 {
		f.Fatal("no seeds in testdata")
	}
	for _, name := range seeds {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := bufio.NewReader(bytes.NewReader(raw))
		var buf []byte
		for {
			fr, err := readFrame(r, &buf)
			if err != nil {
				return
			}
			if !bytes.Contains(raw, fr.raw) {
				t.Fatal("a frame is not what was sent")
			}
			switch fr.kind() {
			case typeConnect:
				if c, err := parseConnect(fr.body); err == nil {
					parsed, err := parseConnect(c.packet("id", "user", "pass")[2:])
					if err == nil && parsed.willTopic != c.willTopic {
						t.Error("the will changed on the way")
					}
				}
			case typePublish:
				if topic, n, err := fr.publish(); err == nil && len(topic)+n > len(fr.body) {
					t.Error("a message larger than its packet")
				}
			}
		}
	})
}
