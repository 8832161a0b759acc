package faults

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"siaga/internal/journal"
	"siaga/internal/record"
	"siaga/internal/store"
	"siaga/internal/watch"
)

const siteID = "kpu-majene"

// cameras of the site that loses its power.
var cameras = []string{"cam-1", "cam-2", "cam-3"}

// reserveBytes is what the site keeps for events when the disk is full.
const reserveBytes = 1 << 20

// site is journal and recorder as the program has them.
type site struct {
	db       *store.DB
	j        *journal.Journal
	r        *record.Recorder
	verifier note.Verifier
	stop     func() error
}

func openSite(dir string, out *printer) (*site, error) {
	db, err := store.Open(context.Background(), filepath.Join(dir, "siaga.db"), store.Options{ReserveBytes: reserveBytes})
	if err != nil {
		return nil, err
	}
	secret, public, err := note.GenerateKey(strings.NewReader(strings.Repeat("k", 64)), journal.Origin(siteID))
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(context.Background(), db, journal.Options{
		Site: siteID, Signer: signer, Verifier: verifier, Projections: []journal.Projection{record.Projection()},
		OnFull: func(released bool) { out.line("full", fmt.Sprint(released)) },
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	// Files of two lengths: a cut within one, and between two.
	length := []time.Duration{1500 * time.Millisecond, time.Minute}[rand.IntN(2)]
	r, err := record.New(record.Options{Dir: dir, Journal: j, FileLength: length, JanitorEvery: time.Second})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &site{db: db, j: j, r: r, verifier: verifier}
	s.start()
	return s, nil
}

// start runs journal and recorder; stop ends them in order.
func (s *site) start() {
	jctx, jstop := context.WithCancel(context.Background())
	rctx, rstop := context.WithCancel(context.Background())
	jdone, rdone := make(chan error, 1), make(chan error, 1)
	go func() { jdone <- s.j.Run(jctx) }()
	go func() { rdone <- s.r.Run(rctx) }()
	s.stop = func() error {
		rstop()
		err := <-rdone
		_, cerr := s.j.Checkpoint(context.Background())
		jstop()
		return errors.Join(err, cerr, <-jdone, s.db.Close())
	}
}

// printer writes what the site said, one line at a time.
type printer struct{ mu sync.Mutex }

func (p *printer) line(words ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Println(strings.Join(words, " "))
}

// runSite records the cameras and journals facts until its standard input ends. It prints `try ID` before a fact is
// submitted, `ok ID` once its receipt is there, `no ID WHY` when it was refused, and `frame CAMERA MS` for each picture.
func runSite(dir string) error {
	out := &printer{}
	s, err := openSite(dir, out)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var all sync.WaitGroup
	picture, err := noise()
	if err != nil {
		return err
	}
	for i, device := range cameras {
		if err := s.r.StreamExpected(device, "main", time.Time{}); err != nil {
			return err
		}
		all.Go(func() { film(ctx, i, picture, out, s.r) })
	}
	var id atomic.Int64
	id.Store(time.Now().UnixNano())
	for range 3 {
		all.Go(func() { s.facts(ctx, &id, out) })
	}
	all.Go(func() { s.checkpoints(ctx) })
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test
	cancel()
	all.Wait()
	return s.stop()
}

// facts journals as fast as receipts come, with a breath now and then so that there are lone events and bursts.
func (s *site) facts(ctx context.Context, ids *atomic.Int64, out *printer) {
	for ctx.Err() == nil {
		s.fact(fmt.Sprint(ids.Add(1)), out)
		time.Sleep(rand.N(4 * time.Millisecond))
	}
}

// fact journals one fact and prints what became of it.
func (s *site) fact(id string, out *printer) {
	out.line("try", id)
	d := watch.Draft{Kind: "door.opened", Device: "door-1", Body: json.RawMessage(`{"id":"` + id + `"}`)}
	receipt, err := s.j.Append(context.Background(), d)
	if err == nil {
		err = receipt.Wait(context.Background())
	}
	if err != nil {
		out.line("no", id, strings.ReplaceAll(err.Error(), "\n", "; "))
	} else {
		out.line("ok", id)
	}
}

func (s *site) checkpoints(ctx context.Context) {
	for ctx.Err() == nil {
		_, _ = s.j.Checkpoint(ctx) // a disk that fails is the point
		time.Sleep(rand.N(300 * time.Millisecond))
	}
}

// noise is a picture that does not compress, so that a part is many sectors long.
func noise() ([]byte, error) {
	img := image.NewGray(image.Rect(0, 0, 96, 96))
	for i := range img.Pix {
		img.Pix[i] = byte(rand.Uint32())
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, nil)
	return b.Bytes(), err
}

// film offers 25 pictures a second.
func film(ctx context.Context, i int, picture []byte, out *printer, r *record.Recorder) {
	format := &watch.Format{Codec: watch.MJPEG, ClockRate: 90_000}
	formats := []*watch.Format{format}
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	began := time.Now().Add(-time.Duration(i) * 13 * time.Millisecond)
	for {
		select {
		case now := <-tick.C:
			r.Offer(cameras[i], watch.AccessUnit{
				Stream: "main", Run: 1, Formats: formats, Format: format, Key: true, At: now,
				PTS: int64(now.Sub(began)) * 9 / 100_000, Data: [][]byte{picture},
			})
			out.line("frame", cameras[i], fmt.Sprint(now.UnixMilli()))
		case <-ctx.Done():
			return
		}
	}
}

// runLife is a whole life without video: the site opens, journals forty facts and some checkpoints, and closes. Its
// error says whether it noticed what failed.
func runLife(dir string) error {
	out := &printer{}
	s, err := openSite(dir, out)
	if err != nil {
		return err
	}
	began := time.Now().UnixNano()
	for n := range int64(40) {
		s.fact(fmt.Sprint(began+n), out)
		if n%10 == 9 {
			_, _ = s.j.Checkpoint(context.Background()) // a disk that fails is the point
		}
	}
	return s.stop()
}

// verdict is what checkSite found.
type verdict struct {
	Facts    map[string]int   // how often each is in the journal
	VideoEnd map[string]int64 // end of the newest segment of a camera, ms
	Gaps     map[string]int   // closed ones by reason
	Levels   int              // disk.level events
	Findings []string
}

// checkSite starts the site once more, as after a power cut, stops it in order and proves everything.
func checkSite(dir string) error {
	s, err := openSite(dir, &printer{})
	if err != nil {
		return err
	}
	err = s.recovered(dir)
	if err = errors.Join(err, s.stop()); err != nil {
		return err
	}
	db, err := store.Open(context.Background(), filepath.Join(dir, "siaga.db"), store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer db.Close()
	v, err := judge(dir, db, s.verifier)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(v)
}

// recovered waits until every time line ends in an open gap and no file is open: nothing is left of the last run.
func (s *site) recovered(dir string) error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		var lines, open int
		err := s.j.DB().QueryRow(`SELECT (SELECT count(*) FROM recorded_streams),
			(SELECT count(*) FROM gaps WHERE "end" IS NULL AND reason IN ('crash', 'shutdown'))`).Scan(&lines, &open)
		left, gerr := filepath.Glob(filepath.Join(dir, "segments", "*", "*", "*.part"))
		if err == nil && gerr == nil && lines == open && len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d time lines, %d of them resumed, files left %v: %w", lines, open, left, err)
		}
		time.Sleep(5 * time.Millisecond) // the recorder says nothing when it is through
	}
}

func judge(dir string, db *store.DB, verifier note.Verifier) (verdict, error) {
	v := verdict{Facts: map[string]int{}, VideoEnd: map[string]int64{}, Gaps: map[string]int{}}
	ctx := context.Background()
	scratch, err := os.MkdirTemp("", "siaga-fault-")
	if err != nil {
		return v, err
	}
	defer os.RemoveAll(scratch)
	rep, err := journal.Verify(ctx, db, journal.VerifyOptions{
		Site: siteID, Verifier: verifier, ScratchDir: scratch, Projections: []journal.Projection{record.Projection()},
	})
	if err != nil {
		return v, err
	}
	for _, f := range rep.Findings {
		v.Findings = append(v.Findings, "journal: "+f.What)
	}
	files, err := record.Verify(ctx, db.Read(), dir, record.VerifyOptions{Hash: true})
	if err != nil {
		return v, err
	}
	v.Findings = append(v.Findings, files.Findings...)
	var sound string
	if err := db.Read().QueryRow(`PRAGMA integrity_check`).Scan(&sound); err != nil || sound != "ok" {
		v.Findings = append(v.Findings, fmt.Sprintf("integrity_check: %s %v", sound, err))
	}
	return v, errors.Join(
		count(db, v.Facts, `SELECT json_extract(CAST(body AS TEXT), '$.id'), count(*) FROM events WHERE kind = 'door.opened' GROUP BY 1`),
		count(db, v.VideoEnd, `SELECT device, max("end") FROM segments GROUP BY 1`),
		count(db, v.Gaps, `SELECT reason, count(*) FROM gaps GROUP BY 1`),
		db.Read().QueryRow(`SELECT count(*) FROM events WHERE kind = 'disk.level'`).Scan(&v.Levels),
	)
}

func count[N int | int64](db *store.DB, into map[string]N, query string) error {
	rows, err := db.Read().Query(query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var key sql.NullString
		var n N
		if err := rows.Scan(&key, &n); err != nil {
			return err
		}
		into[key.String] = n
	}
	return rows.Err()
}
