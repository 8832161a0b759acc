package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"siaga/internal/config"
	"siaga/internal/record"
	"siaga/internal/rules"
)

// Grade says how bad a finding of Diagnose is.
type Grade string

// Grades, mildest first.
const (
	Good Grade = "ok"
	Note Grade = "note" // worth knowing
	Warn Grade = "warn" // will hurt
	Fail Grade = "fail" // hurts now
)

// Finding is one thing that Diagnose looked at: what is, and what to do about it.
type Finding struct {
	Grade Grade
	What  string
	Do    string // "" when nothing needs doing
}

// ward collects findings.
type ward struct {
	cfg      config.Config
	findings []Finding
}

func (w *ward) add(g Grade, do, format string, args ...any) {
	w.findings = append(w.findings, Finding{g, fmt.Sprintf(format, args...), do})
}

func (w *ward) good(format string, args ...any) { w.add(Good, "", format, args...) }

// Diagnose looks at the machine, the configuration, the data and, if it runs, the program itself, and says in plain
// words what is wrong and what to do. It changes nothing, and may run beside the program.
func Diagnose(ctx context.Context, cfg config.Config) []Finding {
	w := &ward{cfg: cfg}
	w.dataDir()
	w.diskSpeed()
	w.keys()
	w.clock()
	w.programs()
	w.ruleFolder()
	w.certificates()
	w.outsideBroker(ctx)
	if url, ok := runsAt(cfg.Data); ok {
		w.running(ctx, url)
	} else {
		w.doors()
	}
	w.log(ctx)
	return w.findings
}

const (
	fullWarn, fullFail = 80.0, 90.0 // percent of the disk, as the recorder counts
	enoughInodes       = 10_000
	nfs                = 0x6969
	cifs               = 0xff534d42
	smb2               = 0xfe534d42
	fuse               = 0x65735546
)

func (w *ward) dataDir() {
	info, err := os.Stat(w.cfg.Data)
	switch {
	case errors.Is(err, os.ErrNotExist):
		w.add(Note, "", "the data directory %s does not exist yet; the first start makes it", w.cfg.Data)
		return
	case err != nil:
		w.add(Fail, "let the user that runs siaga own the directory", "the data directory cannot be read: %v", err)
		return
	case !info.IsDir():
		w.add(Fail, "write a directory behind `data:` in the configuration", "%s is a file", w.cfg.Data)
		return
	case info.Mode().Perm()&0o077 != 0:
		w.add(Warn, "chmod 700 "+w.cfg.Data, "other users of this machine can look into %s (mode %o)", w.cfg.Data, info.Mode().Perm())
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(w.cfg.Data, &fs); err != nil {
		w.add(Fail, "check the disk with dmesg and smartctl", "the file system does not answer: %v", err)
		return
	}
	if kind := int64(fs.Type) & 0xffffffff; slices.Contains([]int64{nfs, cifs, smb2, fuse}, kind) {
		w.add(Fail, "move `data:` to a disk inside this machine", "the data lies on a network or user-space file system, where locks and fsync do not hold what they promise")
	}
	if fs.Files > 0 && fs.Ffree < enoughInodes {
		w.add(Fail, "make the file system anew with more inodes, or raise recording.segment_s", "the file system has room for only %d more files", fs.Ffree)
	}
	w.space()
}

func (w *ward) space() {
	u, err := record.DiskUsage(w.cfg.Data)
	if err != nil {
		w.add(Fail, "check the disk with dmesg and smartctl", "the disk does not tell how full it is: %v", err)
		return
	}
	used := u.Percent()
	switch gib := float64(u.Free) / (1 << 30); {
	case used >= fullFail:
		w.add(Fail, "lower recording.keep_days or recording.stream_gib, release holds that are no longer needed, or add a disk", "the disk is %.0f %% full (%.1f GiB free): the oldest video is being deleted early", used, gib)
	case used >= fullWarn:
		w.add(Warn, "plan for a larger disk or a lower recording.keep_days", "the disk is %.0f %% full (%.1f GiB free)", used, gib)
	default:
		w.good("disk: %.0f %% used, %.1f GiB free", used, gib)
	}
}

// A sync slower than these makes alerts late; a disk this slow is failing or shared.
const (
	syncWarn, syncFail = 20 * time.Millisecond, 200 * time.Millisecond
	syncTries          = 50
)

// diskSpeed times small durable writes, which every alert waits for.
func (w *ward) diskSpeed() {
	if _, err := os.Stat(w.cfg.Data); err != nil {
		return // said already
	}
	f, err := os.CreateTemp(w.cfg.Data, ".doctor-")
	if err != nil {
		w.add(Fail, "let the user that runs siaga write there; check for a read-only mount", "nothing can be written into the data directory: %v", err)
		return
	}
	defer func() { _, _ = f.Close(), os.Remove(f.Name()) }() // it holds nothing
	var took []time.Duration
	for range syncTries {
		began := time.Now()
		_, err := f.Write(make([]byte, 4096))
		if err = errors.Join(err, unix.Fdatasync(int(f.Fd()))); err != nil {
			w.add(Fail, "check the disk with dmesg and smartctl", "the disk refuses a write: %v", err)
			return
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	worst := took[len(took)*95/100]
	switch {
	case worst >= syncFail:
		w.add(Fail, "replace the disk, or keep other programs off it; events wait this long", "durable writes take %s (95th percentile)", worst.Round(time.Millisecond))
	case worst >= syncWarn:
		w.add(Warn, "an SSD answers within 5 ms; alerts wait for this", "durable writes take %s (95th percentile)", worst.Round(time.Millisecond))
	default:
		w.good("durable writes take %s (95th percentile of %d)", worst.Round(100*time.Microsecond), syncTries)
	}
}

func (w *ward) keys() {
	if _, err := os.Stat(databasePath(w.cfg)); err != nil {
		return // a first start makes both
	}
	if _, err := openVault(w.cfg); err != nil {
		w.add(Fail, "put the keys back from the backup, or mend what the message names", "the keys cannot be used: %v", err)
		return
	}
	w.good("keys: present, readable by nobody else")
}

// clock asks the kernel whether something keeps its clock right.
func (w *ward) clock() {
	var t unix.Timex
	if state, err := unix.Adjtimex(&t); err != nil || state == unix.TIME_ERROR {
		w.add(Warn, "switch on systemd-timesyncd or chrony, with the office's time server; set the clock by hand where there is none", "nothing keeps this machine's clock right; times in reports may be off")
		return
	}
	w.good("the clock is kept right")
}

func (w *ward) programs() {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		w.add(Fail, "apt install ffmpeg", "ffmpeg is missing: no still pictures, and tests of cameras show none")
	} else {
		w.good("ffmpeg is there")
	}
	var files unix.Rlimit
	const wanted = 4096
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err == nil && files.Max < wanted {
		w.add(Warn, fmt.Sprintf("set LimitNOFILE=%d in the unit", wanted), "only %d files may be open at once; many cameras and screens need more", files.Max)
	}
}

func (w *ward) ruleFolder() {
	set, warnings, err := rules.Load(os.DirFS(filepath.Dir(w.cfg.Rules)), filepath.Base(w.cfg.Rules))
	if err != nil {
		w.add(Fail, "mend the rule that the message names, or put configs/rules back", "the rules do not load: %v", err)
		return
	}
	for _, warning := range warnings {
		w.add(Note, "", "rule: %v", warning)
	}
	w.good("%d rules load", len(set.Rules()))
}

// certificates looks at what browsers and gateways will refuse.
func (w *ward) certificates() {
	for _, pair := range [][3]string{{"dashboard", w.cfg.HTTP.TLSCert, w.cfg.HTTP.TLSKey}, {"broker", w.cfg.MQTT.TLSCert, w.cfg.MQTT.TLSKey}} {
		if pair[1] == "" {
			continue
		}
		both, err := tls.LoadX509KeyPair(pair[1], pair[2])
		if err != nil {
			w.add(Fail, "put a matching certificate and key there", "the %s's certificate cannot be used: %v", pair[0], err)
			continue
		}
		c, err := x509.ParseCertificate(both.Certificate[0])
		if err != nil {
			w.add(Fail, "put another certificate there", "the %s's certificate cannot be read: %v", pair[0], err)
			continue
		}
		switch left := time.Until(c.NotAfter); {
		case left <= 0:
			w.add(Fail, "renew it", "the %s's certificate ended on %s", pair[0], c.NotAfter.Format(time.DateOnly))
		case left < 30*24*time.Hour:
			w.add(Warn, "renew it", "the %s's certificate ends on %s", pair[0], c.NotAfter.Format(time.DateOnly))
		default:
			w.good("the %s's certificate is good until %s", pair[0], c.NotAfter.Format(time.DateOnly))
		}
	}
}

// reach is how long a door may take to answer.
const reach = 3 * time.Second

func (w *ward) outsideBroker(ctx context.Context) {
	u, err := url.Parse(w.cfg.MQTT.URL)
	if w.cfg.MQTT.URL == "" || err != nil {
		return
	}
	c, err := (&net.Dialer{Timeout: reach}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		w.add(Fail, "start the broker, or check mqtt.url and the firewall", "the MQTT broker does not answer: %v", err)
		return
	}
	_ = c.Close() // it was only knocked at
	w.good("the MQTT broker at %s answers", u.Host)
}

// doors tries whether the addresses can be listened on.
func (w *ward) doors() {
	if _, err := os.Stat(standbyPath(w.cfg, "deeds.jsonl")); err == nil {
		w.add(Fail, "move siaga.db* away and restore the last backup: docs/ref/files.md, When the database is damaged",
			"the site stands by, or stood by and has not started since: its database is damaged")
		return
	}
	w.add(Note, "", "siaga does not run on this data directory now")
	for key, addr := range map[string]string{"http.listen": w.cfg.HTTP.Listen, "mqtt.listen": w.cfg.MQTT.Listen, "live.listen": w.cfg.Live.Listen} {
		if addr == "" || key == "mqtt.listen" && w.cfg.MQTT.URL != "" {
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			w.add(Fail, "stop the other program (`ss -ltnp` names it) or choose another port", "%s cannot be used: %v", key, err)
			continue
		}
		_ = l.Close() // it was only tried
	}
}
