package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"siaga/internal/config"
	"siaga/internal/journal"
	"siaga/internal/record"
	"siaga/internal/watch"
)

// standbyPath is where a site that stands by keeps what it may write: what it could read of the damaged database, and
// what people did meanwhile.
func standbyPath(cfg config.Config, name string) string {
	return filepath.Join(cfg.Data, "standby", name)
}

// deed is one line of the file of deeds: the beginning of a standby, or what would have become an event during it. The
// journal takes the lines over at the next sound start.
type deed struct {
	At      int64           `json:"at"`            // UTC ms
	Why     string          `json:"why,omitempty"` // of a beginning
	Kind    string          `json:"kind,omitempty"`
	Device  string          `json:"device,omitempty"`
	Zone    string          `json:"zone,omitempty"`
	Subject string          `json:"subject,omitempty"`
	Actor   string          `json:"actor,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"`
}

// deeds is the file of deeds, open for more.
type deeds struct {
	file  *os.File
	since time.Time // the first beginning that no sound start has heard of yet
}

// beginDeeds notes that a standby begins.
func beginDeeds(cfg config.Config, why error) (*deeds, error) {
	dir := standbyPath(cfg, "")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("app: standby: %w", err)
	}
	f, err := os.OpenFile(standbyPath(cfg, "deeds.jsonl"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("app: standby: %w", err)
	}
	d := &deeds{file: f, since: time.Now()}
	err = errors.Join(d.write(deed{At: d.since.UnixMilli(), Why: why.Error()}), record.SyncDir(dir), record.SyncDir(cfg.Data))
	if err == nil {
		err = eachDeed(cfg, func(_ int, line []byte) error {
			var first deed
			if json.Unmarshal(line, &first) == nil && first.Why != "" {
				d.since = time.UnixMilli(first.At)
				return io.EOF
			}
			return nil
		})
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, f.Close())
	}
	return d, nil
}

// eachDeed calls fn with each line and its number, until one fails.
func eachDeed(cfg config.Config, fn func(n int, line []byte) error) error {
	f, err := os.Open(standbyPath(cfg, "deeds.jsonl"))
	if err != nil {
		return fmt.Errorf("app: standby: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 2<<20) // a body is smaller
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		if err := fn(n, lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("app: standby: %w", err)
	}
	return nil
}

// take keeps what would have been journaled; nil means that it is durable.
func (d *deeds) take(drafts []watch.Draft) error {
	lines := make([]deed, len(drafts))
	for i, e := range drafts {
		lines[i] = deed{At: e.At.UnixMilli(), Kind: e.Kind, Device: e.Device, Zone: e.Zone, Subject: e.Subject, Actor: e.Actor, Body: e.Body}
	}
	return d.write(lines...)
}

func (d *deeds) write(lines ...deed) error {
	text := bytes.NewBufferString("\n") // what a full disk cut short before must not swallow this
	for _, line := range lines {
		if err := json.NewEncoder(text).Encode(line); err != nil {
			return fmt.Errorf("app: standby: %w", err)
		}
	}
	if _, err := d.file.Write(text.Bytes()); err != nil {
		return fmt.Errorf("app: standby: %w", err)
	}
	if err := d.file.Sync(); err != nil {
		return fmt.Errorf("app: standby: %w", err)
	}
	return nil
}

// Close closes the file; it stays for the next sound start.
func (d *deeds) Close() error { return d.file.Close() }

// Kinds of events that tell of a standby after it ended.
const (
	kindStandby     = "site.standby" // that it was
	kindStandbyAuth = "auth.standby" // a sign-in, a refusal and the like
	kindStandbyAct  = "act.standby"  // what somebody looked at
)

// adoptDeeds journals what was kept aside while the site stood by, and takes the folder away once all of it is durable.
// Tried again within two days, for which the journal knows what it was handed, nothing is journaled twice.
func (a *App) adoptDeeds(ctx context.Context) error {
	dir := standbyPath(a.cfg, "")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err := eachDeed(a.cfg, func(n int, line []byte) error { return a.adopt(ctx, n, line) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // without it they are journaled already
		return err
	}
	// The deeds first: after a crash in between they must not be there alone.
	err = os.Remove(standbyPath(a.cfg, "deeds.jsonl"))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.RemoveAll(dir)
	}
	if err != nil {
		return fmt.Errorf("app: standby: %w", err)
	}
	return nil
}

// adopt journals one line. One that was cut short by a full disk or a power cut got no answer.
func (a *App) adopt(ctx context.Context, n int, line []byte) error {
	var d deed
	if err := json.Unmarshal(line, &d); err != nil {
		slog.Warn("a line of what was done during the standby cannot be read and is left out", "line", n, "err", err)
		return nil
	}
	draft := watch.Draft{Kind: kindStandbyAct, Device: d.Device, Zone: d.Zone, Subject: d.Subject, Actor: d.Actor}
	body := map[string]any{"at": d.At, "kind": d.Kind, "body": d.Body}
	switch family, _, _ := strings.Cut(d.Kind, "."); family {
	case "":
		draft.Kind, body = kindStandby, map[string]any{"from": d.At, "why": d.Why}
	case "auth":
		draft.Kind = kindStandbyAuth
	}
	var err error
	if draft.Body, err = json.Marshal(body); err != nil {
		return fmt.Errorf("app: standby: %w", err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "standby %d %s", n, line))
	receipt, err := a.journal.AppendOnce(ctx, draft, journal.Delivery{Key: [16]byte(sum[:16]), Resent: true})
	if err != nil {
		return fmt.Errorf("app: standby: %w", err)
	}
	return receipt.Wait(ctx)
}
