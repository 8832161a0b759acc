package app

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"siaga/internal/config"
)

const (
	standbyLook  = 2 * time.Second // how often standby looks whether somebody has put a database back
	standbyAlarm = time.Minute     // how often it repeats itself in the log
)

// Standby is what the program does instead of its work when Open failed with ErrDamaged: it touches nothing, says on
// every page, to every script and in the log what is wrong and what to do, and returns nil as soon as the database was
// put back, so that the caller opens it again. The data directory is not locked, so that `siaga restore` can work.
func Standby(ctx context.Context, cfg config.Config, why error) error {
	l, err := net.Listen("tcp", cfg.HTTP.Listen)
	if err != nil {
		return errors.Join(why, fmt.Errorf("app: standby: %w", err))
	}
	server := &http.Server{Handler: standbyHandler(cfg, why), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() {
		if cfg.HTTP.TLSCert != "" {
			served <- server.ServeTLS(l, cfg.HTTP.TLSCert, cfg.HTTP.TLSKey)
		} else {
			served <- server.Serve(l)
		}
	}()
	err = awaitDatabase(ctx, cfg, why)
	closing := server.Close()
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		closing = errors.Join(closing, e)
	}
	return errors.Join(err, closing)
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
		_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog) // a start anew would not help
		select {
		case <-tick.C:
		case <-ctx.Done():
			return why
		}
		if now, err := os.Stat(databasePath(cfg)); err != nil || was != nil && os.SameFile(was, now) || now.Size() == 0 {
			continue
		}
		if lock, err := lockDir(cfg.Data); err == nil {
			return lock.Close()
		}
	}
}

// standbyHandler answers everything with the alarm.
func standbyHandler(cfg config.Config, why error) http.Handler {
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
			_ = standbyPage.Execute(w, struct{ Site, Why string }{cfg.Site.Name, why.Error()}) // the caller may be gone
		}
	})
	return mux
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
<li>Siaga mulai sendiri setelah itu. Buktikan dengan <b>siaga check</b>.</li></ol></section>
<section lang="en"><h1>Siaga has stopped: the database is damaged</h1>
<p><strong>Nothing is watched and nothing is recorded. Call the IT security officer now.</strong></p>
<ol><li>Delete nothing. Move <b>siaga.db*</b> to another place; it is evidence.</li>
<li>Restore the last backup with the command above.</li><li>Siaga then starts by itself. Prove it with <b>siaga check</b>.</li></ol>
<code>{{.Why}}</code></section></main></body></html>
`))
