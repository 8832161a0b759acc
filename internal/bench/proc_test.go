package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clockTick is the unit of /proc/PID/stat on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuOf is the processor time that processes have used, user and system, ended children included.
func cpuOf(b *testing.B, pids []int) time.Duration {
	b.Helper()
	var sum time.Duration
	for _, pid := range pids {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			b.Fatalf("process %d is gone: %v", pid, err)
		}
		t, err := cpuIn(raw)
		must(b, err)
		sum += t
	}
	return sum
}

// cpuIn reads utime, stime, cutime and cstime, which stand 12 to 15 places behind the name's closing bracket.
func cpuIn(stat []byte) (time.Duration, error) {
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 15 {
		return 0, fmt.Errorf("bench: /proc/PID/stat has only %d fields", len(fields))
	}
	var sum time.Duration
	for _, f := range fields[11:15] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n) * clockTick
	}
	return sum, nil
}

func TestCPUIn_ReadsFourFieldsBehindAnyName(t *testing.T) {
	got, err := cpuIn([]byte("42 (a) (b) S 1 42 42 0 -1 4194304 100 0 0 0 7 3 2 1 20 0 1 0 500"))
	if err != nil || got != 130*time.Millisecond {
		t.Errorf("%v %v, want 130ms", got, err)
	}
	if _, err := cpuIn([]byte("42 (a) S 1")); err == nil {
		t.Error("a short line was taken")
	}
}

// memoryOf is resident and proportional memory in MiB. The second shares out what processes have in common.
func memoryOf(b *testing.B, pids []int) (rss, pss float64) {
	b.Helper()
	for _, pid := range pids {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			b.Fatalf("process %d is gone: %v", pid, err)
		}
		for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); {
			var kib float64
			if _, err := fmt.Sscanf(s.Text(), "Rss: %f kB", &kib); err == nil {
				rss += kib / 1024
			} else if _, err := fmt.Sscanf(s.Text(), "Pss: %f kB", &kib); err == nil {
				pss += kib / 1024
			}
		}
	}
	return rss, pss
}
