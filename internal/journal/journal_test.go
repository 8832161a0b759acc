package journal_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"siaga/internal/journal"
	"siaga/internal/seal"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// site is a journal running on a real file, with a key of its own.
type site struct {
	*journal.Journal
	db       *store.DB
	path     string
	verifier note.Verifier
	stop     func()
}

func keys(t testing.TB) (note.Signer, note.Verifier) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(strings.NewReader(strings.Repeat("k", 64)), journal.Origin("kpu-majene"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

func open(t testing.TB, path string, projections ...journal.Projection) *site {
	t.Helper()
	db, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	signer, verifier := keys(t)
	j, err := journal.Open(t.Context(), db, journal.Options{Site: "kpu-majene", Signer: signer, Verifier: verifier, Projections: projections})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	s := &site{Journal: j, db: db, path: path, verifier: verifier}
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// running is a journal with options of its own, that runs until the test ends, and its database.
func running(t testing.TB, path string, o journal.Options) (*journal.Journal, *store.DB) {
	t.Helper()
	db, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), db, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, db.Close()); err != nil {
			t.Error(err)
		}
	})
	return j, db
}

func fresh(t testing.TB, projections ...journal.Projection) *site {
	return open(t, filepath.Join(t.TempDir(), "siaga.db"), projections...)
}

func add(t testing.TB, j *journal.Journal, kind, body string) uint64 {
	t.Helper()
	r, err := j.Append(t.Context(), watch.Draft{Kind: kind, Device: "ht-pos-2", Zone: "gudang", Body: json.RawMessage(body)})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r.Seq()
}

func TestAppend_SequenceStartsAtOneAndSurvivesReopening(t *testing.T) {
	s := fresh(t)
	for i := 1; i <= 3; i++ {
		if seq := add(t, s.Journal, "radio.emergency", `{"slot":2}`); seq != uint64(i) {
			t.Fatalf("event %d got sequence %d", i, seq)
		}
	}
	s.stop()
	s = open(t, s.path)
	if seq := add(t, s.Journal, "radio.emergency", `{"slot":2}`); seq != 4 {
		t.Fatalf("after reopening the next sequence is %d, want 4", seq)
	}
	events, err := s.Events(t.Context(), journal.Query{Kinds: []string{"radio.*"}, Device: "ht-pos-2"})
	if err != nil || len(events) != 4 || string(events[0].Body) != `{"slot":2}` {
		t.Fatalf("read back %d events, %v", len(events), err)
	}
}

func TestAppend_RefusesWhatIsNoEvent(t *testing.T) {
	s := fresh(t)
	for name, d := range map[string]watch.Draft{
		"kind without family": {Kind: "emergency"},
		"upper case":          {Kind: "Radio.Emergency"},
		"body not JSON":       {Kind: "radio.text", Body: json.RawMessage(`{"a":`)},
		"body too large":      {Kind: "radio.text", Body: json.RawMessage(`"` + strings.Repeat("x", watch.MaxBody) + `"`)},
		"device too long":     {Kind: "radio.text", Device: strings.Repeat("d", 200)},
	} {
		if _, err := s.Append(t.Context(), d); !errors.Is(err, watch.ErrInvalid) {
			t.Errorf("%s: error %v, want ErrInvalid", name, err)
		}
	}
	if s.Head() != 0 {
		t.Errorf("head is %d after refusals only", s.Head())
	}
}

// Every receipt of a storm of appends that races with the stop resolves, and those that resolved well are in the file.
func TestReceipts_AllResolveWhileStopping(t *testing.T) {
	s := fresh(t)
	var mu sync.Mutex
	var durable []uint64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				r, err := s.Append(context.Background(), watch.Draft{Kind: "radio.text"})
				if err != nil {
					if !errors.Is(err, journal.ErrClosed) {
						t.Errorf("append: %v", err)
					}
					return
				}
				err = r.Wait(context.Background())
				if err == nil {
					mu.Lock()
					durable = append(durable, r.Seq())
					mu.Unlock()
				} else if !errors.Is(err, journal.ErrClosed) {
					t.Errorf("receipt: %v", err)
				}
			}
		})
	}
	for s.Head() < 500 { // let the storm get going; the writer always moves the head
	}
	s.stop()
	wg.Wait()
	again := open(t, s.path)
	if again.Head() != uint64(len(durable)) {
		t.Fatalf("%d receipts resolved well, %d events are stored", len(durable), again.Head())
	}
}

func TestCommit_IsAllOrNothingAndAlone(t *testing.T) {
	s := fresh(t)
	boom := errors.New("second thoughts")
	err := s.Commit(t.Context(), func(tx *sql.Tx, add journal.Appender) error {
		if _, err := add(watch.Draft{Kind: "act.noted"}); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("error %v", err)
	}
	err = s.Commit(t.Context(), func(*sql.Tx, journal.Appender) error { panic("in the function") })
	if err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Fatalf("a panic became %v", err)
	}
	if seq := add(t, s.Journal, "radio.text", `{}`); seq != 1 {
		t.Fatalf("the undone event left a hole: next is %d", seq)
	}
	if rep := s.verify(t); len(rep.Findings) > 0 {
		t.Fatal(rep.Findings)
	}
}

func TestAppendOnce_RecognisesRedeliveryAndMarksReplay(t *testing.T) {
	s := fresh(t)
	once := func(del journal.Delivery) uint64 {
		t.Helper()
		r, err := s.AppendOnce(t.Context(), watch.Draft{Kind: "radio.emergency", Body: json.RawMessage(`{"slot":2}`)}, del)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		return r.Seq()
	}
	key := [16]byte{1, 2, 3}
	first := once(journal.Delivery{Key: key, Unique: true})
	if again := once(journal.Delivery{Key: key, Resent: true, Unique: true}); again != first {
		t.Errorf("redelivery made event %d, want the first, %d", again, first)
	}
	if again := once(journal.Delivery{Key: key, Redelivered: true, LinkSince: time.Now().Add(time.Minute)}); again != first {
		t.Errorf("what was heard before the link broke made event %d, want the first, %d", again, first)
	}
	replay := once(journal.Delivery{Key: key, Redelivered: true, LinkSince: time.Now().Add(-time.Minute), Unique: true})
	e, err := s.Event(t.Context(), replay)
	if err != nil || string(e.Body) != fmt.Sprintf(`{"repeat_of":%d,"slot":2}`, first) {
		t.Errorf("replay has body %s, %v", e.Body, err)
	}
	natural := once(journal.Delivery{Key: key})
	if e, _ := s.Event(t.Context(), natural); string(e.Body) != `{"slot":2}` {
		t.Errorf("a message without an id of its own was marked: %s", e.Body)
	}
	s.stop()
	s = open(t, s.path)
	if again := once(journal.Delivery{Key: key, Resent: true}); again != first {
		t.Errorf("after a restart redelivery made event %d, want %d", again, first)
	}
}

func TestEvents_SelectByKindAndLeaveKindsOut(t *testing.T) {
	s := fresh(t)
	for _, k := range []string{"radio.text", "radio.signal", "door.opened", "radiology.x", "radio.signal"} {
		add(t, s.Journal, k, `{}`)
	}
	for name, tc := range map[string]struct {
		q    journal.Query
		want string
	}{
		"family":            {journal.Query{Kinds: []string{"radio.*"}}, "1 2 5"},
		"exact":             {journal.Query{Kinds: []string{"door.opened", "radio.text"}}, "1 3"},
		"left out":          {journal.Query{Kinds: []string{"radio.*"}, NotKinds: []string{"radio.signal"}}, "1"},
		"newest, one only":  {journal.Query{NotKinds: []string{"radio.signal", "radiology.x"}, Newest: true, Limit: 1}, "3"},
		"between sequences": {journal.Query{After: 1, Before: 4}, "2 3"},
	} {
		events, err := s.Events(t.Context(), tc.q)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range events {
			got = append(got, fmt.Sprint(e.Seq))
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %v, want %s", name, got, tc.want)
		}
	}
}

func TestFollow_SeesEveryEventOnceAndDrainsAtStop(t *testing.T) {
	s := fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	var seen []uint64
	done := make(chan error, 1)
	go func() {
		done <- s.Follow(ctx, 0, func(_ context.Context, es []watch.Event) error {
			for _, e := range es {
				seen = append(seen, e.Seq)
			}
			return nil
		})
	}()
	for range 300 {
		if _, err := s.Append(t.Context(), watch.Draft{Kind: "radio.text"}); err != nil {
			t.Fatal(err)
		}
	}
	last := add(t, s.Journal, "radio.text", `{}`)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if uint64(len(seen)) != last {
		t.Fatalf("saw %d events of %d", len(seen), last)
	}
	for i, seq := range seen {
		if seq != uint64(i+1) {
			t.Fatalf("place %d holds event %d", i, seq)
		}
	}
}

func TestErase_KeepsEveryProofValid(t *testing.T) {
	s := fresh(t)
	for i := range 20 {
		add(t, s.Journal, "radio.text", fmt.Sprintf(`{"value":"secret %d"}`, i))
	}
	if _, err := s.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, err := s.ProveInclusion(t.Context(), 7, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Erase(t.Context(), 7, "ani", "ani", "no"); err == nil {
		t.Fatal("one person alone erased a body")
	}
	if err := s.Erase(t.Context(), 7, "ani", "budi", "names a voter"); err != nil {
		t.Fatal(err)
	}
	e, err := s.Event(t.Context(), 7)
	if err != nil || !e.Erased || e.Body != nil {
		t.Fatalf("event 7 is %+v %v", e, err)
	}
	after, err := s.ProveInclusion(t.Context(), 7, before.Size)
	if err != nil || after.Leaf != before.Leaf {
		t.Fatalf("leaf changed: %v %v", after, err)
	}
	root := s.rootOf(t)
	if err := seal.CheckInclusion(after.Proof, after.Size, root, 7, after.Leaf); err != nil {
		t.Fatal(err)
	}
	if rep := s.verify(t); len(rep.Findings) > 0 {
		t.Fatal(rep.Findings)
	}
	s.stop()
	if raw := databaseBytes(t, s.path); strings.Contains(raw, "secret 6\"") {
		t.Error("the erased text is still in the database file")
	}
}

func TestCheckpoints_AreConsistentWithEachOther(t *testing.T) {
	s := fresh(t)
	var heads []seal.Checkpoint
	for i := range 40 {
		add(t, s.Journal, "radio.text", `{}`)
		if i%7 != 0 {
			continue
		}
		signed, err := s.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := seal.OpenCheckpoint(signed, s.verifier)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := s.Checkpoint(t.Context())
		if string(again) != string(signed) {
			t.Fatal("a second checkpoint of the same size was signed")
		}
		heads = append(heads, c)
	}
	for i := 1; i < len(heads); i++ {
		proof, _, err := s.ProveConsistency(t.Context(), heads[i-1].Size, heads[i].Size)
		if err != nil {
			t.Fatal(err)
		}
		if err := seal.CheckConsistency(proof, heads[i].Size, heads[i].Root, heads[i-1].Size, heads[i-1].Root); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpen_RefusesAnotherSitesDatabase(t *testing.T) {
	s := fresh(t)
	s.stop()
	db, err := store.Open(t.Context(), s.path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = journal.Open(t.Context(), db, journal.Options{Site: "kpu-bitung"})
	if err == nil || !strings.Contains(err.Error(), "kpu-majene") {
		t.Fatalf("error %v does not name the owner", err)
	}
}

func (s *site) rootOf(t *testing.T) seal.Hash {
	t.Helper()
	c, err := s.LastCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cp, err := seal.OpenCheckpoint([]byte(c.Note), s.verifier)
	if err != nil {
		t.Fatal(err)
	}
	return cp.Root
}

func (s *site) verify(t *testing.T, against ...[]byte) journal.Report {
	t.Helper()
	rep, err := journal.Verify(t.Context(), s.db, journal.VerifyOptions{
		Site: "kpu-majene", Verifier: s.verifier, Against: against, ScratchDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}
