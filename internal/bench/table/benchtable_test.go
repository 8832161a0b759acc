package main

import (
	"strings"
	"testing"
)

const printed = `# command: go test ./bench
# date: 2026-11-22
# load: 0.31 0.2 0.1
# CPU: A | processor
goos: linux
BenchmarkRecording/50/siaga-2     1   0 ns/op  0.08 cpu-s/camera-min  3 MiB-RSS/camera  0.5 load1  50 cameras-recorded
BenchmarkRecording/50/ffmpeg-2    1   0.16 cpu-s/camera-min
BenchmarkRecording/50/floor       1   0.04 cpu-s/camera-min
BenchmarkPanicPath/siaga/200-flood-qos0-2 1 12.5 p99-ms 4 fdatasync-p99-ms 0 lost
--- SKIP: BenchmarkPanicPath/nodered/200-2
    nodered_test.go:31: Node-RED is not installed
--- FAIL: BenchmarkKill9/siaga-2
    kill_test.go:1: x
`

func TestParse_ReadsFiguresFactsSkipsAndFailures(t *testing.T) {
	r := parse("record", printed)
	if got := r.figures["Recording/50/siaga"]["cpu-s/camera-min"]; got != 0.08 {
		t.Errorf("figure %v", got)
	}
	if got := r.figures["Recording/50/floor"]["cpu-s/camera-min"]; got != 0.04 {
		t.Errorf("a name without GOMAXPROCS gave %v", got)
	}
	if got := r.figures["PanicPath/siaga/200-flood-qos0"]["p99-ms"]; got != 12.5 {
		t.Errorf("a name with a number at its end gave %v", got)
	}
	if r.facts["load"] != "0.31 0.2 0.1" {
		t.Errorf("facts %v", r.facts)
	}
	if len(r.failed) != 1 || r.failed[0] != "Kill9/siaga" {
		t.Errorf("failed %v", r.failed)
	}
	if len(r.skipped) != 1 || r.skipped[0] != "PanicPath/nodered/200: Node-RED is not installed" {
		t.Errorf("skipped %q", r.skipped)
	}
}

func TestParse_RepeatedBenchmarksGiveTheMean(t *testing.T) {
	r := parse("x", "BenchmarkA-2 1 10 ns/op\nBenchmarkA-2 1 20 ns/op\nBenchmarkA-2 1 60 ns/op\n")
	if got := r.figures["A"]["ns/op"]; got != 30 {
		t.Errorf("mean %v, want 30", got)
	}
}

func TestPage_SetsPeersAndTargetsBesideOurs(t *testing.T) {
	doc := page([]run{parse("record", printed)})
	for _, want := range []string{
		"| recording, 50 cameras, CPU-s per camera-minute | Recording/50/siaga | 0.08 | ffmpeg -c copy | 0.16 | 0.5 × | ≤ 0.1 | yes | 0.5 |\n",
		"| | | | bare Go RTSP reader | 0.04 | 2 × | | | |\n",
		"| 3 MiB | ffmpeg -c copy | — | — | ≤ 2 | **no** | 0.5 |",
		"| record | `go test ./bench` | 2026-11-22 | 0.31 0.2 0.1 |",
		"- Kill9/siaga failed (group record)",
		"- PanicPath/nodered/200: Node-RED is not installed (group record)",
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("%q is missing in\n%s", want, doc)
		}
	}
	if strings.Contains(doc, "MediaMTX fmp4 | — | — | |") {
		t.Error("a further peer that was not measured has a line")
	}
	if strings.Contains(doc, "| recording, 10 cameras") {
		t.Error("a row of which nothing was measured is there")
	}
}

func TestOnFastDisk_RelaxesTheTargetOnASlowDiskAndSaysSo(t *testing.T) {
	doc := page([]run{parse("panic", printed)})
	if want := "QoS 0 (fdatasync p99 4 ms in this run) | PanicPath/siaga/200-flood-qos0 | 12.5 ms |"; !strings.Contains(doc, want) {
		t.Errorf("%q is missing in\n%s", want, doc)
	}
	bound, note := onFastDisk("x", 10)(run{figures: map[string]figures{"x": {"fdatasync-p99-ms": 5}}})
	if bound.bound != 40 || note == "" {
		t.Errorf("6 × 5 ms + 10 ms gave %v %q", bound, note)
	}
}

func TestPage_WritesAPercentSign(t *testing.T) {
	doc := page([]run{parse("micro", "BenchmarkSeal_Segment-2 1 0.004 %media\n")})
	if want := "| Seal_Segment | 0.004 % | | | | ≤ 0.1 | yes | — |\n"; !strings.Contains(doc, want) {
		t.Errorf("%q is missing in\n%s", want, doc)
	}
}

func TestTarget_Met(t *testing.T) {
	for _, c := range []struct {
		t    target
		v    float64
		want string
	}{{atMost(2), 2, "yes"}, {atMost(2), 2.1, "**no**"}, {atLeast(2), 2, "yes"}, {atLeast(2), 1, "**no**"}, {target{}, 1, ""}} {
		if got := c.t.met(c.v); got != c.want {
			t.Errorf("%v of %v: %q, want %q", c.v, c.t, got, c.want)
		}
	}
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.08123: "0.0812", 12.345: "12.3", 57661.4: "57661", 0.0000123: "0.000012"} {
		if got := short(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}
