package app

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"siaga/internal/config"
	"siaga/internal/watch"
	"siaga/internal/web"
)

const (
	standbyLook  = 2 * time.Second // how often standby looks whether somebody has put a database back
	standbyAlarm = time.Minute     // how often it repeats itself in the log
	standbyAgain = 5 * time.Minute // after which it tries again to show what is left
)

// Standby is what the program does instead of its work when Open failed with ErrDamaged: it says in the log, on its page
// and to every script what is wrong and what to do; it reads what is left of the database, and shows that and live pictures
// to who signs in; and it returns nil as soon as the database was put back, so that the caller opens it again. The damaged
// file is not touched, and the data directory not locked, so that `siaga restore` can work.
func Standby(ctx context.Context, cfg config.Config, version string, why error) error {
	work, stop := context.WithCancel(ctx)
	defer stop()
	back := make(chan error, 1)
	go func() {
		back <- awaitDatabase(work, cfg, why)
		stop()
	}()
	s := &standby{cfg: cfg, version: version, why: why}
	if err := s.run(work); err != nil {
		stop()
		<-back
		return errors.Join(why, err)
	}
	return <-back
}

// standby is one time that the site stands by.
type standby struct {
	cfg     config.Config
	version string
	why     error
	aside   *deeds // nil until read
	found   web.Standby
	done    atomic.Int64 // events looked at
	total   atomic.Int64
	blind   atomic.Pointer[error] // why nothing can be shown
}

// run alarms, and lets people look once there is something to look at, until ctx ends.
func (s *standby) run(ctx context.Context) error {
	defer func() {
		if s.aside != nil {
			_ = s.aside.Close() // each line in it is synced
		}
	}()
	for {
		err := s.alarm(ctx, s.read)
		if err == nil {
			err = s.show(ctx)
		}
		if err == nil || ctx.Err() != nil {
			return nil
		}
		slog.Error("what is left of the database cannot be shown", "err", err, "again_in", standbyAgain)
		s.blind.Store(&err)
		if err := s.alarm(ctx, rest); err != nil {
			return err
		}
	}
}

// rest waits before the next try: the disk may have room by then, or the port be free.
func rest(ctx context.Context) error {
	select {
	case <-time.After(standbyAgain):
	case <-ctx.Done():
	}
	return nil
}

// alarm shows the page that says so to everybody, for as long as do takes.
func (s *standby) alarm(ctx context.Context, do func(context.Context) error) error {
	l, err := net.Listen("tcp", s.cfg.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("app: standby: %w", err)
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() {
		if s.cfg.HTTP.TLSCert != "" {
			served <- server.ServeTLS(l, s.cfg.HTTP.TLSCert, s.cfg.HTTP.TLSKey)
		} else {
			served <- server.Serve(l)
		}
	}()
	err = errors.Join(do(ctx), server.Close())
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// read takes over what is left of the database.
func (s *standby) read(ctx context.Context) error {
	var err error
	if s.aside == nil {
		if s.aside, err = beginDeeds(s.cfg, s.why); err != nil {
			return err
		}
	}
	s.found, err = salvage(ctx, s.cfg, func(done, total int64) {
		s.done.Store(done)
		s.total.Store(total)
	})
	s.found.Since = watch.Time{Time: s.aside.since}
	return err
}

// show lets people look at what is left, and at live pictures.
func (s *standby) show(ctx context.Context) error {
	a, err := openRemains(ctx, s.cfg, s.version, remains{deeds: s.aside, notice: s.found})
	if err != nil {
		return err
	}
	slog.Warn("what is left of the damaged database can be looked at", "dashboard", a.URL(),
		"events", s.found.Readable, "unreadable", s.found.Unreadable, "torn", s.found.Torn)
	if err = a.Start(ctx); err == nil {
		err = a.Wait(ctx)
	}
	return errors.Join(err, a.Stop())
}

// awaitDatabase returns nil once the database is another file than at the beginning and nobody works on it, and why if
// ctx ends first.
func awaitDatabase(ctx context.Context, cfg config.Config, why error) error {
	was, _ := os.Stat(databasePath(cfg)) // nil if it is gone
	tick := time.NewTicker(standbyLook)
	defer tick.Stop()
	var loud time.Time
	for {
		if time.Since(loud) >= standbyAlarm {
			loud = time.Now()
			slog.Error("STANDBY: nothing is recorded and nobody is warned until the database is put back", "err", why,
				"remedy", "move siaga.db* out of "+cfg.Data+", then: siaga restore --config FILE --from THE LAST BACKUP")
		}
		_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog) // a start anew would not bring the database back
		select {
		case <-tick.C:
		case <-ctx.Done():
			return why
		}
		now, err := os.Stat(databasePath(cfg))
		if errors.Is(err, fs.ErrNotExist) {
			was = nil // what comes is another, even if it gets the same inode
		}
		if err != nil || was != nil && os.SameFile(was, now) || now.Size() == 0 {
			continue
		}
		if lock, err := lockDir(cfg.Data); err == nil {
			return lock.Close()
		}
	}
}

// handler answers everything with the alarm.
func (s *standby) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") }) // the caller may be gone
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Retry-After", "10")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		switch {
		case strings.HasPrefix(r.URL.Path, "/api/"):
			h.Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintf(w, `{"type":"about:blank","title":"database damaged","status":503,"detail":%q}`+"\n", ErrDamaged.Error()+"; the site stands by, nothing is recorded")
		case r.URL.Path == "/readyz" || r.URL.Path == "/metrics":
			http.Error(w, ErrDamaged.Error()+"; the site stands by", http.StatusServiceUnavailable)
		default:
			h.Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusServiceUnavailable)
			_ = standbyPage.Execute(w, s.page()) // the caller may be gone
		}
	})
	return mux
}

// page is what the alarm says.
func (s *standby) page() any {
	p := struct {
		Site, Why, Blind string
		Percent          int64
	}{Site: s.cfg.Site.Name, Why: s.why.Error()}
	if blind := s.blind.Load(); blind != nil {
		p.Blind = (*blind).Error()
	}
	if total := s.total.Load(); total > 0 && total < math.MaxInt64 {
		p.Percent = s.done.Load() * 100 / total
	}
	return p
}

// standbyPage is meant to be seen across a room. It reloads itself, so that the dashboard comes back alone.
var standbyPage = template.Must(template.New("standby").Parse(`<!doctype html>
<html lang="id"><head><meta charset="utf-8"><meta http-equiv="refresh" content="10"><meta name="viewport" content="width=device-width">
<title>SIAGA BERHENTI – {{.Site}}</title>
<style>body{margin:0;background:#7f1018;color:#fff;font:1.25rem/1.5 system-ui,sans-serif}main{max-width:46rem;margin:auto;padding:2rem}
h1{font-size:2.5rem;line-height:1.15;margin:0 0 1rem}code{display:block;background:#2b0508;padding:.75rem 1rem;margin:.5rem 0;overflow-wrap:anywhere;font-size:1rem}
section+section{margin-top:2rem;border-top:2px solid #fff;padding-top:1rem}</style></head><body><main role="alert">
<section><h1>Siaga berhenti: basis data rusak</h1>
<p><strong>{{.Site}} tidak dipantau dan tidak direkam. Jaga dengan mata dan HT, hubungi petugas keamanan TI sekarang.</strong></p>
<ol><li>Jangan hapus apa pun. Pindahkan <b>siaga.db*</b> ke tempat lain; berkas itu barang bukti.</li>
<li>Kembalikan cadangan terakhir:<code>siaga restore --config siaga.yaml --from FOLDER-CADANGAN</code></li>
<li>Siaga mulai sendiri setelah itu. Buktikan dengan <b>siaga check</b>.</li></ol>
<p>{{if .Blind}}Sisa data tidak dapat ditampilkan. Rekaman tetap ada di folder <b>segments</b> dan dapat diputar dengan pemutar video.{{else}}Sisa data sedang dibaca: {{.Percent}}%. Sesudah itu riwayat yang terbaca dan gambar langsung dapat dilihat di halaman ini.{{end}}</p></section>
<section lang="en"><h1>Siaga has stopped: the database is damaged</h1>
<p><strong>Nothing is watched and nothing is recorded. Call the IT security officer now.</strong></p>
<ol><li>Delete nothing. Move <b>siaga.db*</b> to another place; it is evidence.</li>
<li>Restore the last backup with the command above.</li><li>Siaga then starts by itself. Prove it with <b>siaga check</b>.</li></ol>
<p>{{if .Blind}}What is left cannot be shown. The recordings are in the folder <b>segments</b>; any player plays them.{{else}}What is left is being read: {{.Percent}}%. After that, the readable history and live pictures can be seen on this page.{{end}}</p>
<code>{{.Why}}</code>{{with .Blind}}<code>{{.}}</code>{{end}}</section></main></body></html>
`))
