package main

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

const head = `# Figures

Written by ` + "`make bench`" + `; read [design/0007-figures.md](design/0007-figures.md) first. A ratio is our figure divided by the
peer's of the same run; below 1 is less time, processor or memory than the peer takes, and for a rate above 1 is more.
"Load" is the machine's load average before the row's benchmark began: figures from a busy machine say little.

`

// page is the whole document.
func page(runs []run) string {
	var b strings.Builder
	b.WriteString(head)
	b.WriteString(machine(runs))
	b.WriteString("\n| what | benchmark | Siaga | peer | peer's figure | ratio | target | met | load |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, w := range rows() {
		for _, r := range runs {
			if r.group == w.group {
				b.WriteString(w.lines(r))
			}
		}
	}
	b.WriteString("\n## Runs\n\n| group | command | when | load at its start |\n|---|---|---|---|\n")
	for _, r := range runs {
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", r.group, r.fact("command"), r.fact("date"), r.fact("load"))
	}
	b.WriteString(troubles(runs))
	b.WriteString(everything(runs))
	return b.String()
}

func (r run) fact(name string) string {
	if v := r.facts[name]; v != "" {
		return v
	}
	return "?"
}

// machine is the facts that all figures depend on, of the newest run that has them.
func machine(runs []run) string {
	var b strings.Builder
	b.WriteString("| machine | |\n|---|---|\n")
	for _, name := range []string{"CPU", "cores", "memory", "kernel", "file system", "Go", "SQLite", "ffmpeg", "mosquitto", "Node", "MediaMTX", "revision"} {
		for i := len(runs) - 1; i >= 0; i-- {
			if v := runs[i].facts[name]; v != "" {
				fmt.Fprintf(&b, "| %s | %s |\n", name, strings.ReplaceAll(v, "|", "/"))
				break
			}
		}
	}
	for _, r := range runs {
		if d := r.figures["Disk"]; d != nil {
			fmt.Fprintf(&b, "| fdatasync of 4 KiB | p50 %s ms, p99 %s ms |\n", short(d["fdatasync-p50-ms"]), short(d["fdatasync-p99-ms"]))
		}
	}
	return b.String()
}

// troubles lists what failed or could not run.
func troubles(runs []run) string {
	var b strings.Builder
	for _, r := range runs {
		for _, f := range r.failed {
			fmt.Fprintf(&b, "- %s failed (group %s)\n", f, r.group)
		}
		for _, s := range r.skipped {
			fmt.Fprintf(&b, "- %s (group %s)\n", s, r.group)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n## Not measured\n\n" + b.String()
}

// everything is each benchmark's line, so that what no row shows can be read too.
func everything(runs []run) string {
	var b strings.Builder
	b.WriteString("\n## All figures\n\n")
	for _, r := range runs {
		names := make([]string, 0, len(r.figures))
		for n := range r.figures {
			names = append(names, n)
		}
		sort.Strings(names)
		for _, n := range names {
			units := make([]string, 0, len(r.figures[n]))
			for u := range r.figures[n] {
				if u != "ns/op" || len(r.figures[n]) == 1 || r.figures[n][u] != 0 {
					units = append(units, u)
				}
			}
			sort.Strings(units)
			for i, u := range units {
				units[i] = short(r.figures[n][u]) + " " + u
			}
			fmt.Fprintf(&b, "- `%s`: %s\n", n, strings.Join(units, ", "))
		}
	}
	return b.String()
}

// short writes three significant digits, and whole numbers from a hundred on.
func short(v float64) string {
	if v >= 100 || v <= -100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	s := strconv.FormatFloat(v, 'g', 3, 64)
	if strings.ContainsRune(s, 'e') {
		return strconv.FormatFloat(v, 'f', 6, 64)
	}
	return s
}
