package main

import (
	"regexp"
	"strconv"
	"strings"
)

// run is what one group printed.
type run struct {
	group   string
	facts   map[string]string // "# name: value" lines
	figures map[string]figures
	failed  []string // benchmarks that failed, and commands that did
	skipped []string // benchmarks that could not run here, with the reason
	known   map[string]bool
}

// figures are a benchmark's metrics by unit.
type figures map[string]float64

var (
	factLine = regexp.MustCompile(`^# ([A-Za-z][\w -]*): (.+)$`)
	// The number behind the name is GOMAXPROCS.
	figureLine = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.+)$`)
	failLine   = regexp.MustCompile(`^--- FAIL: Benchmark(\S+)`)
	skipLine   = regexp.MustCompile(`^--- SKIP: Benchmark(\S+)`)
)

// parse reads the output of `go test -bench` and the facts between. A benchmark that ran several times (-count) gives
// the mean of each of its metrics. Lines that say nothing are passed over.
func parse(group, text string) run {
	r := run{group: group, facts: map[string]string{}, figures: map[string]figures{}, known: map[string]bool{}}
	times := map[string]float64{}
	reason := false // the line after a skip says why
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \r")
		if reason {
			r.skipped = append(r.skipped[:len(r.skipped)-1], r.skipped[len(r.skipped)-1]+": "+afterPosition(line))
			reason = false
			continue
		}
		if m := factLine.FindStringSubmatch(line); m != nil {
			r.facts[m[1]] = m[2]
		} else if m := failLine.FindStringSubmatch(line); m != nil {
			r.failed = append(r.failed, trimProcs(m[1]))
		} else if m := skipLine.FindStringSubmatch(line); m != nil {
			r.skipped = append(r.skipped, trimProcs(m[1]))
			reason = true
		} else if m := figureLine.FindStringSubmatch(line); m != nil {
			r.add(m[1], m[2], times)
		}
	}
	return r
}

var (
	procs    = regexp.MustCompile(`-\d+$`)
	position = regexp.MustCompile(`^\s*\S+\.go:\d+: `)
)

func trimProcs(name string) string { return procs.ReplaceAllString(name, "") }

func afterPosition(line string) string { return position.ReplaceAllString(line, "") }

// add takes a line's pairs of value and unit into the mean.
func (r *run) add(name, pairs string, times map[string]float64) {
	f := strings.Fields(pairs)
	if r.figures[name] == nil {
		r.figures[name] = figures{}
	}
	n := times[name]
	times[name] = n + 1
	for i := 0; i+1 < len(f); i += 2 {
		v, err := strconv.ParseFloat(f[i], 64)
		if err != nil {
			return
		}
		r.figures[name][f[i+1]] = (r.figures[name][f[i+1]]*n + v) / (n + 1)
	}
}
