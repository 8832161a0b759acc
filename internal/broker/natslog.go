package broker

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// natsLog is nats-server's logger. Rights that it enforces are only ever logged, so this file, and no
// other, reads its sentences; a test pins them.
type natsLog struct {
	b     *Broker
	mu    sync.Mutex
	death error
	warn  string
}

// violation matches `127.0.0.1:40312 - mid:7 - "id" - Publish Violation - Subject "a.b"` and the same for a
// Subscription, which ends in `, SID a.b`.
var violation = regexp.MustCompile(`^(\S+:\d+) - .*?(Publish|Subscription) Violation - Subject ("(?:[^"\\]|\\.)*")`)

// refusal reads one sentence: the gate's own address towards nats-server, what was tried, on which topic.
func refusal(line string) (inner, kind, topic string, ok bool) {
	m := violation.FindStringSubmatch(line)
	if m == nil {
		return "", "", "", false
	}
	subject, err := strconv.Unquote(m[3])
	if err != nil {
		return "", "", "", false
	}
	kind = PublishRefused
	if m[2] == "Subscription" {
		kind = SubscribeRefused
	}
	return m[1], kind, toTopic(subject), true
}

// Errorf is where refusals and store trouble arrive.
func (l *natsLog) Errorf(format string, v ...any) {
	line := fmt.Sprintf(format, v...)
	inner, kind, topic, ok := refusal(line)
	if !ok {
		l.trouble(line)
		return
	}
	r, known := l.b.gate.behind(inner)
	if !known {
		r.Address = inner
	}
	r.Kind, r.Topic, r.At = kind, topic, time.Now()
	r.Detail = "the topic is not among this device's"
	l.b.tally.add(r)
}

// trouble passes on what nats-server calls an error, except about single clients, whose ends are ordinary.
func (l *natsLog) trouble(line string) {
	l.b.opts.Log.Error("broker: nats-server", "says", line)
	if !aboutClient.MatchString(line) {
		l.b.tally.add(Report{Kind: StoreTrouble, Detail: line, At: time.Now()})
	}
}

var aboutClient = regexp.MustCompile(`^\S+:\d+ - mid:`)

// Fatalf keeps the reason; nats-server shuts itself down.
func (l *natsLog) Fatalf(format string, v ...any) {
	err := fmt.Errorf(format, v...)
	l.mu.Lock()
	l.death = err
	l.mu.Unlock()
	l.trouble(err.Error())
}

func (l *natsLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.death
}

// Warnf logs, and keeps the last sentence: it is how a damaged store is announced.
func (l *natsLog) Warnf(format string, v ...any) {
	line := strings.TrimSpace(fmt.Sprintf(format, v...))
	l.mu.Lock()
	l.warn = line
	l.mu.Unlock()
	l.b.opts.Log.Warn("broker: nats-server", "says", line)
}

func (l *natsLog) lastWarning() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.warn
}

// Noticef logs at debug level: nats-server introduces itself at length.
func (l *natsLog) Noticef(format string, v ...any) {
	l.b.opts.Log.Debug("broker: nats-server", "says", fmt.Sprintf(format, v...))
}

// Debugf and Tracef are never called: both are switched off.
func (l *natsLog) Debugf(string, ...any) {}

// Tracef does nothing; see Debugf.
func (l *natsLog) Tracef(string, ...any) {}
