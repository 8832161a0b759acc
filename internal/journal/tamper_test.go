package journal_test

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	"siaga/internal/journal"
	"siaga/internal/seal"
	"siaga/internal/store"
	"siaga/internal/watch"
)

func databaseBytes(t *testing.T, path string) string {
	t.Helper()
	var all strings.Builder
	for _, p := range []string{path, path + "-wal"} {
		raw, err := os.ReadFile(p)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		all.Write(raw)
	}
	return all.String()
}

// tally is a projection: how many events of each device there are.
type tally struct{}

func (tally) Name() string     { return "tally" }
func (tally) Tables() []string { return []string{"tally"} }
func (tally) Kinds() []string  { return []string{"door.*"} }
func (tally) Apply(tx *sql.Tx, e watch.Event) error {
	if _, err := tx.Exec(`CREATE TABLE IF NOT EXISTS tally (device TEXT PRIMARY KEY, n INTEGER, last INTEGER) STRICT`); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO tally VALUES (?, 1, ?) ON CONFLICT (device) DO UPDATE SET n = n + 1, last = excluded.last`, e.Device, int64(e.Seq))
	return err
}

// Each way of tampering with the file is found by the check, at the right place.
func TestVerify_FindsAndLocatesTampering(t *testing.T) {
	const events, signedAt = 60, 50
	for _, tc := range []struct {
		name    string
		tamper  []string
		against bool // needs the checkpoint kept elsewhere
		seq     uint64
		says    string
	}{
		{name: "untouched"},
		{name: "edited body", tamper: []string{`UPDATE events SET body = CAST('{"n":99}' AS BLOB) WHERE seq = 17`}, seq: 17, says: "was changed"},
		{name: "edited time", tamper: []string{`UPDATE events SET at = at - 60000 WHERE seq = 17`}, seq: 17, says: "was changed"},
		{name: "edited device", tamper: []string{`UPDATE events SET device = 'other' WHERE seq = 17`}, seq: 17, says: "was changed"},
		{name: "deleted", tamper: []string{`DELETE FROM events WHERE seq = 23`}, seq: 23, says: "event 23 is missing"},
		{
			name: "reordered", seq: 30, says: "was changed",
			tamper: []string{`UPDATE events SET seq = -1 WHERE seq = 30`, `UPDATE events SET seq = 30 WHERE seq = 31`, `UPDATE events SET seq = 31 WHERE seq = -1`},
		},
		{
			name: "inserted", seq: 41, says: "was changed",
			tamper: []string{
				`UPDATE events SET seq = -seq - 1 WHERE seq > 40`, `UPDATE events SET seq = -seq WHERE seq < 0`,
				`INSERT INTO events SELECT 41, kind, device, zone, subject, actor, at, device_at, CAST('{"n":1000}' AS BLOB), salt, NULL, tree FROM events WHERE seq = 40`,
			},
		},
		{name: "tail removed", tamper: []string{`DELETE FROM events WHERE seq > 45`}, seq: 45, says: "tail was removed"},
		{
			name: "tail and its checkpoints removed", against: true, seq: 30, says: "kept elsewhere",
			tamper: []string{`DELETE FROM events WHERE seq > 30`, `DELETE FROM checkpoints`},
		},
		{name: "erasure without consent", tamper: []string{`UPDATE events SET body = NULL, salt = NULL, erased = zeroblob(32) WHERE seq = 17`}, seq: 17, says: "was changed"},
		{name: "forged checkpoint", tamper: []string{`UPDATE checkpoints SET note = replace(note, 'A', 'B')`}, seq: signedAt, says: "not valid"},
		{name: "edited projection", tamper: []string{`UPDATE tally SET n = n - 1`}, says: "table tally is not what the journal explains"},
		{name: "row out of nothing", tamper: []string{`INSERT INTO tally VALUES ('ghost', 1, 1)`}, says: "row device=ghost"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := fresh(t, tally{})
			for i := range signedAt {
				add(t, s.Journal, "door.opened", fmt.Sprintf(`{"n":%d}`, i))
			}
			kept, err := s.Checkpoint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i := range events - signedAt {
				add(t, s.Journal, "door.opened", fmt.Sprintf(`{"n":%d}`, i))
			}
			s.stop()
			tamper(t, s.path, tc.tamper)
			rep := verifyFile(t, s, tc.against, kept)
			if tc.tamper == nil {
				if len(rep.Findings) > 0 || rep.Events != events || rep.Rows["tally"] != 1 {
					t.Fatalf("a sound log gave %+v", rep)
				}
				return
			}
			if len(rep.Findings) == 0 {
				t.Fatal("not found")
			}
			if f := rep.Findings[0]; f.Seq != tc.seq || !strings.Contains(f.What, tc.says) {
				t.Fatalf("first finding is %+v, want %q at %d", f, tc.says, tc.seq)
			}
		})
	}
}

// A thief who recomputes the whole tree still meets the root that was signed, if the signature is out of reach.
func TestVerify_FindsARewrittenTree(t *testing.T) {
	s := fresh(t)
	for i := range 20 {
		add(t, s.Journal, "door.opened", fmt.Sprintf(`{"n":%d}`, i))
	}
	kept, err := s.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.stop()
	db, err := sql.Open("sqlite3", s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var tree seal.Tree
	for seq := 1; seq <= 20; seq++ {
		e := seal.Envelope{Seq: uint64(seq), Site: "kpu-majene"}
		body, salt := []byte(`{"n":0}`), make([]byte, seal.SaltSize)
		err := db.QueryRow(`SELECT kind, device, zone, subject, actor, at, device_at FROM events WHERE seq = ?`, seq).
			Scan(&e.Kind, &e.Device, &e.Zone, &e.Subject, &e.Actor, &e.At, &e.DeviceAt)
		if err != nil {
			t.Fatal(err)
		}
		var blob []byte
		for _, h := range tree.Append(seal.LeafHash(e, seal.BodyHash(salt, body))) {
			blob = append(blob, h[:]...)
		}
		if _, err := db.Exec(`UPDATE events SET body = ?, salt = ?, tree = ? WHERE seq = ?`, body, salt, blob, seq); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(`DELETE FROM checkpoints`); err != nil {
		t.Fatal(err)
	}
	if rep := verifyFile(t, s, false, nil); len(rep.Findings) != 0 {
		t.Fatalf("without the kept checkpoint the forgery should look sound, got %v", rep.Findings)
	}
	if rep := verifyFile(t, s, true, kept); len(rep.Findings) != 1 || !strings.Contains(rep.Findings[0].What, "another root") {
		t.Fatalf("findings %v", rep.Findings)
	}
}

func TestVerify_FindsAFileRolledBack(t *testing.T) {
	s := fresh(t)
	add(t, s.Journal, "door.opened", `{}`)
	if err := s.db.Backup(t.Context(), s.path+".old"); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		add(t, s.Journal, "door.opened", `{}`)
	}
	kept, err := s.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.stop()
	for _, p := range []string{s.path + "-wal", s.path + "-shm"} {
		_ = os.Remove(p) // SQLite removes them itself at a clean stop
	}
	if err := os.Rename(s.path+".old", s.path); err != nil {
		t.Fatal(err)
	}
	if rep := verifyFile(t, s, true, kept); len(rep.Findings) != 1 || !strings.Contains(rep.Findings[0].What, "old copy") {
		t.Fatalf("findings %v", rep.Findings)
	}
}

func tamper(t *testing.T, path string, statements []string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func verifyFile(t *testing.T, s *site, against bool, kept []byte) journal.Report {
	t.Helper()
	db, err := store.Open(t.Context(), s.path, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	o := journal.VerifyOptions{Site: "kpu-majene", Verifier: s.verifier, ScratchDir: t.TempDir()}
	if hasTable(t, s.path) {
		o.Projections = []journal.Projection{tally{}}
	}
	if against {
		o.Against = [][]byte{kept}
	}
	rep, err := journal.Verify(t.Context(), db, o)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func hasTable(t *testing.T, path string) bool {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.QueryRow(`SELECT count(*) FROM sqlite_schema WHERE name = 'tally'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n == 1
}
