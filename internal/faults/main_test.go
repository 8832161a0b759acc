// Package faults breaks what the site stands on, disk, power, network and clock, and proves that it comes through. It
// runs in mount and network namespaces of its own, where there is nothing but loopback. docs/design/0007-faults.md
// says what each test claims; `make fault` runs them large and prints their table.
package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"siaga/internal/faultdisk"
)

func TestMain(m *testing.M) {
	if role := os.Getenv("SIAGA_FAULT_ROLE"); role != "" {
		os.Exit(play(role, os.Getenv("SIAGA_FAULT_DIR")))
	}
	if err := faultdisk.Isolate(); err != nil {
		fmt.Fprintln(os.Stderr, "FAULTS NOT RUN:", err)
		if os.Getenv("SIAGA_FAULT") != "" {
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built) // a leftover is the temporary directory's business
	}
	os.Exit(code)
}

// play is a program that a test starts and breaks.
func play(role, dir string) int {
	roles := map[string]func(string) error{"site": runSite, "check": checkSite, "life": runLife, "query": runQuery}
	do, ok := roles[role]
	if !ok {
		fmt.Fprintf(os.Stderr, "no role %q\n", role)
		return 2
	}
	if err := do(dir); err != nil {
		fmt.Fprintln(os.Stderr, "ERROR", err)
		return 1
	}
	return 0
}

// times is how often something is done: few times in `make test`, as the environment says in `make fault`.
func times(t *testing.T, variable string, few int) int {
	t.Helper()
	s := os.Getenv(variable)
	if s == "" {
		return few
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number", variable, s)
	}
	return n
}

var tableMu sync.Mutex

// tell adds a line to the table of `make fault`: what was done, how often, what was lost and damaged, and the worst.
func tell(t *testing.T, what string, n int, lost, corrupt any, worst string) {
	t.Helper()
	line := strings.Join([]string{what, strconv.Itoa(n), fmt.Sprint(lost), fmt.Sprint(corrupt), worst}, "\t")
	t.Log(line)
	file := os.Getenv("SIAGA_FAULT_TABLE")
	if file == "" {
		return
	}
	tableMu.Lock()
	defer tableMu.Unlock()
	f, err := os.OpenFile(filepath.Clean(file), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(t, err)
	defer f.Close()
	_, err = fmt.Fprintln(f, line)
	must(t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
