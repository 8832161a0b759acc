package bench

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// roleEnv makes this test binary a peer: a program beside Siaga that does the least there is to do.
const roleEnv = "SIAGA_BENCH_ROLE"

func TestMain(m *testing.M) {
	var err error
	switch role := os.Getenv(roleEnv); role {
	case "":
		code := m.Run()
		if bin, err := build(); err == nil {
			_ = os.RemoveAll(filepath.Dir(bin)) // a folder of ours in the temporary directory
		}
		os.Exit(code)
	case "floor":
		err = floor(os.Args[1], os.Args[2:])
	case "fan":
		err = fan()
	default:
		err = fmt.Errorf("bench: there is no role %q", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// build compiles the program once per test binary.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "siaga-bench-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "siaga")
	out, err := exec.Command("go", "build", "-tags", "sqlite_fts5", "-o", bin, "siaga/cmd/siaga").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return bin, nil
})

// quick is the rehearsal: counts and times so small that the figures mean nothing.
func quick() bool { return os.Getenv("SIAGA_BENCH_QUICK") != "" }

// span is how long something is measured.
func span(full, rehearsal time.Duration) time.Duration {
	if quick() {
		return rehearsal
	}
	return full
}

// sizes are the numbers of cameras to record: SIAGA_BENCH_CAMERAS="10 50 100".
func sizes(b *testing.B) []int {
	text := os.Getenv("SIAGA_BENCH_CAMERAS")
	if text == "" && quick() {
		text = "2"
	} else if text == "" {
		text = "10 50 100"
	}
	var out []int
	for _, f := range strings.Fields(text) {
		n, err := strconv.Atoi(f)
		if err != nil || n < 1 || n > 200 {
			b.Fatalf("SIAGA_BENCH_CAMERAS=%q: want numbers from 1 to 200", text)
		}
		out = append(out, n)
	}
	return out
}

// onlyLoopback refuses every other address: benchmarks load what they touch, and must never touch a site.
func onlyLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("bench: address %q: %w", address, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("bench: %s is not this machine's loopback; benchmarks run on nothing else", address)
	}
	return nil
}

func TestOnlyLoopback_RefusesEverythingElse(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "10.0.0.1:80": false, "0.0.0.0:80": false, "localhost:80": false,
		"example.org:443": false, "127.0.0.1": false, ":80": false,
	} {
		if err := onlyLoopback(address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// freeAddress is a loopback address that nothing listened on a moment ago, for programs that cannot say which port they took.
func freeAddress(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	defer l.Close()
	return l.Addr().String()
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// poll waits until done, or fails after patience.
func poll(b *testing.B, what string, patience time.Duration, done func() bool) {
	b.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) { // other processes tell nobody
		if time.Now().After(end) {
			b.Fatalf("no %s within %v", what, patience)
		}
	}
}

// share is the value below which a part of all lies; sorted MUST be in order and not empty.
func share[T any](sorted []T, part float64) T {
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*part))]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// spread reports the least, the middle and the most of some times in seconds.
func spread(b *testing.B, what string, all []time.Duration) {
	b.Helper()
	if len(all) == 0 {
		b.Fatalf("nothing to report for %s", what)
	}
	slices.Sort(all)
	b.ReportMetric(all[0].Seconds(), what+"-min-s")
	b.ReportMetric(share(all, 0.5).Seconds(), what+"-med-s")
	b.ReportMetric(all[len(all)-1].Seconds(), what+"-max-s")
}

// reportLoad reports how busy the machine was before a benchmark, and takes away the time that means nothing here.
func reportLoad(b *testing.B) {
	raw, err := os.ReadFile("/proc/loadavg")
	must(b, err)
	load, err := strconv.ParseFloat(strings.Fields(string(raw))[0], 64)
	must(b, err)
	b.ReportMetric(load, "load1")
	b.ReportMetric(0, "ns/op")
}
