package app

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"siaga/internal/journal"
	"siaga/internal/store"
)

// running asks the program how it is.
func (w *ward) running(ctx context.Context, url string) {
	if url == "" {
		w.add(Note, "ask again in a minute", "the program is starting")
		return
	}
	status, page, err := ask(ctx, url+"/readyz")
	switch {
	case err != nil:
		w.add(Fail, "restart it (systemctl restart siaga) and read its log (journalctl -u siaga)", "a program holds the data directory but does not answer: %v", err)
		return
	case status != http.StatusOK:
		w.add(Fail, "read its log (journalctl -u siaga)", "the program says that it is not ready: %s", page)
	default:
		w.good("the program runs and is ready")
	}
	_, page, err = ask(ctx, url+"/metrics")
	if err != nil {
		w.add(Warn, "", "its figures cannot be read: %v", err)
		return
	}
	w.figures(figures(page))
}

// ask reads a page of the running program. Its certificate is looked at elsewhere; here only the program matters.
func ask(ctx context.Context, url string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*reach)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	const enough = 4 << 20
	page, err := io.ReadAll(io.LimitReader(resp.Body, enough))
	return resp.StatusCode, string(page), err
}

// figures reads a page in the Prometheus text form: name and labels to value. Lines of another form are left out.
func figures(page string) map[string]float64 {
	out := map[string]float64{}
	lines := bufio.NewScanner(strings.NewReader(page))
	for lines.Scan() {
		name, value, ok := cut(lines.Text())
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil {
			out[name] = v
		}
	}
	return out
}

func cut(line string) (name, value string, ok bool) {
	at := strings.LastIndexByte(line, ' ')
	if at < 0 || strings.HasPrefix(line, "#") {
		return "", "", false
	}
	return line[:at], line[at+1:], true
}

// figures judges what the program counts.
func (w *ward) figures(f map[string]float64) {
	if n := f["siaga_record_dropped_total"]; n > 0 {
		w.add(Warn, "the disk is too slow for these cameras: lower their bit rate or take a faster disk", "%.0f frames were not recorded since the start", n)
	}
	if n := f["siaga_record_disk_errors_total"]; n > 0 {
		w.add(Fail, "check the disk with dmesg and smartctl", "%.0f file operations on video failed since the start", n)
	}
	if n := f["siaga_journal_failures_total"]; n > 0 {
		w.add(Warn, "check free space and the disk", "%.0f transactions failed since the start; what they held was refused, not lost", n)
	}
	if n := f["siaga_hub_cuts_total"]; n > 0 {
		w.add(Note, "look at the network of the screens", "slow screens were cut %.0f times; they resumed by themselves", n)
	}
	for name, v := range f {
		if rule, ok := labelOf(name, "siaga_rules_blind_total", "rule"); ok && v > 0 {
			w.add(Warn, "try it with `siaga rules test`", "rule %s could not be evaluated %.0f times", rule, v)
		}
	}
	var down []string
	for name, v := range f {
		if id, ok := labelOf(name, "siaga_device_up", "device"); ok && v == 0 {
			down = append(down, id)
		}
	}
	slices.Sort(down)
	if len(down) > 0 {
		w.add(Warn, "open the device in the dashboard: it says why and what to do", "%d devices are not online: %s", len(down), some(down))
	} else {
		w.good("every enabled device is online")
	}
}

// labelOf is the value of the one label of a figure with this name.
func labelOf(figure, name, label string) (string, bool) {
	rest, ok := strings.CutPrefix(figure, name+"{"+label+`="`)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, `"}`)
}

// some lists the first few of many.
func some(all []string) string {
	const few = 8
	if len(all) <= few {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:few], ", "), len(all)-few)
}

// recent is how far back the log is read.
const recent = 24 * time.Hour

// log reads the newest day of the journal for what people should hear of.
func (w *ward) log(ctx context.Context) {
	if _, err := os.Stat(databasePath(w.cfg)); err != nil {
		return // no start yet
	}
	db, err := store.Open(ctx, databasePath(w.cfg), store.Options{ReadOnly: true})
	if err != nil {
		w.add(Fail, "restore the newest backup (`siaga restore`); docs/ref/files.md tells how", "the database cannot be read: %v", err)
		return
	}
	defer func() { _ = db.Close() }() // it was only read
	kinds := []string{"broker.*", "radio.garbled", "drone.garbled", "sensor.garbled", "integrity.*", "clock.jumped", "gap.opened"}
	events, err := journal.Reader(db, w.cfg.Site.ID).Events(ctx, journal.Query{Kinds: kinds, Since: time.Now().Add(-recent), Newest: true, Limit: 10_000})
	if err != nil {
		w.add(Fail, "run `siaga check`; restore the newest backup if it names a broken record", "the log cannot be read: %v", err)
		return
	}
	seen := map[string][]string{} // kind to devices
	for _, e := range events {
		kind := e.Kind
		if kind == "gap.opened" {
			if !strings.Contains(string(e.Body), `"reason":"unknown"`) {
				continue
			}
			kind = "gap.unknown"
		}
		seen[kind] = append(seen[kind], cmp.Or(e.Device, "no device of ours"))
	}
	w.symptoms(seen)
}

// symptom is what a kind of event in the log of the last day means.
type symptom struct {
	kind  string
	grade Grade
	what  string
	do    string
}

func symptoms() []symptom {
	return []symptom{
		{"integrity.log_broken", Fail, "the log was found broken at a start", "run `siaga check`, keep the database as it is, and call the supervisor"},
		{"broker.topic_unsupported", Warn, "topics with spaces were refused", "rename the sensor without spaces, or use mosquitto (mqtt.url)"},
		{"broker.publish_refused", Warn, "gateways wrote to topics that are not theirs", "compare the topic in the gateway with the one in the dashboard; if it is right, somebody uses its password"},
		{"broker.signin_failed", Warn, "sign-ins to the broker failed", "type the gateway's password again, or give it a new one in the dashboard"},
		{"broker.throttled", Warn, "clients were slowed down because they sent too much", "look for a loop in the gateway; raise mqtt.messages_per_second if it is right"},
		{"broker.store_trouble", Fail, "the broker's store is in trouble", "read the newest broker.store_trouble event; check the disk"},
		{"radio.garbled", Warn, "radio messages could not be read", "open the newest radio.garbled event: it holds the raw bytes and the reason"},
		{"drone.garbled", Warn, "drone messages could not be read", "open the newest drone.garbled event"},
		{"sensor.garbled", Warn, "sensor messages could not be read", "open the newest sensor.garbled event"},
		{"clock.jumped", Warn, "the machine's clock jumped", "switch on a time service; order in the log is not affected"},
		{"gap.unknown", Warn, "video is missing for no known reason", "report it: every gap should have one"},
	}
}

func (w *ward) symptoms(seen map[string][]string) {
	quiet := true
	for _, s := range symptoms() {
		if who := seen[s.kind]; len(who) > 0 {
			quiet = false
			times := len(who)
			slices.Sort(who)
			w.add(s.grade, s.do, "%s: %d times in 24 hours (%s)", s.what, times, some(slices.Compact(who)))
		}
	}
	if quiet {
		w.good("nothing in the log of the last 24 hours needs you")
	}
}
