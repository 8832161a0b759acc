package faults

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"siaga/internal/faultdisk"
)

// rig is a disk that can fail and what the site on it has promised so far.
type rig struct {
	t    *testing.T
	disk *faultdisk.Disk
	dir  string // where it is mounted
	rand *rand.Rand

	ended    int64           // ms: when the last program ended
	tried    map[string]bool // submitted
	receipts map[string]bool // told durable
	refused  map[string]bool // told not durable, and the program lived on
}

func newRig(t *testing.T, capacity int64) *rig {
	t.Helper()
	seed := rand.Uint64()
	g := &rig{
		t: t, disk: faultdisk.New(capacity), dir: t.TempDir(), rand: rand.New(rand.NewPCG(seed, 1)),
		tried: map[string]bool{}, receipts: map[string]bool{}, refused: map[string]bool{},
	}
	t.Cleanup(func() {
		if err := g.disk.Unmount(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	must(t, g.disk.Mount(g.dir))
	return g
}

// program is a process on the disk.
type program struct {
	g    *rig
	cmd  *exec.Cmd
	in   io.WriteCloser
	errs bytes.Buffer
	done chan struct{}

	mu     sync.Mutex
	last   map[string]int64 // by camera: when its last picture was offered, ms
	first  map[string]int64
	oks    int
	full   int
	latest time.Time // of the last receipt
}

// start runs a role on the disk and follows what it prints.
func (g *rig) start(role string) *program {
	g.t.Helper()
	p := &program{g: g, cmd: command(role, g.dir), done: make(chan struct{}), first: map[string]int64{}, last: map[string]int64{}}
	p.cmd.Stderr = &p.errs
	var err error
	p.in, err = p.cmd.StdinPipe()
	must(g.t, err)
	out, err := p.cmd.StdoutPipe()
	must(g.t, err)
	must(g.t, p.cmd.Start())
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			p.hear(strings.SplitN(lines.Text(), " ", 3))
		}
	}()
	return p
}

func command(role, dir string) *exec.Cmd {
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), "SIAGA_FAULT_ROLE="+role, "SIAGA_FAULT_DIR="+dir)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

func (p *program) hear(words []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(words) < 2 {
		return
	}
	switch id := words[1]; words[0] {
	case "try":
		p.g.tried[id] = true
	case "ok":
		p.g.receipts[id] = true
		p.oks++
		p.latest = time.Now()
	case "no":
		p.g.refused[id] = true
	case "full":
		p.full++
	case "frame":
		var ms int64
		if n, _ := fmt.Sscan(words[2], &ms); n == 1 {
			if p.first[id] == 0 {
				p.first[id] = ms
			}
			p.last[id] = ms
		}
	}
}

// seen reads what was heard so far.
func (p *program) seen(read func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	read()
}

// until waits for something that the program prints.
func (p *program) until(what string, long time.Duration, cond func() bool) {
	p.g.t.Helper()
	deadline := time.Now().Add(long)
	for ok := false; !ok; {
		p.seen(func() { ok = cond() })
		if !ok && time.Now().After(deadline) {
			p.g.t.Fatalf("not within %s: %s\n%s", long, what, tail(p.errs.String()))
		}
		time.Sleep(5 * time.Millisecond) // another process
	}
}

// kill ends the program as a power cut would.
func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.done
	_ = p.cmd.Wait() // that it was killed is the point
}

// stop ends the program in order.
func (p *program) stop() {
	p.g.t.Helper()
	if err := p.wait(); err != nil {
		p.g.t.Errorf("it did not stop in order: %v\n%s", err, tail(p.errs.String()))
	}
}

// wait tells the program to end and returns how it did.
func (p *program) wait() error {
	_ = p.in.Close() // it may have ended by itself
	late := time.AfterFunc(30*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	<-p.done
	return p.cmd.Wait()
}

func tail(s string) string {
	if len(s) > 3000 {
		s = "…" + s[len(s)-3000:]
	}
	return s
}

// check starts the site again, lets it recover and proves everything; nil if it did not even start.
func (g *rig) check() *verdict {
	g.t.Helper()
	c := command("check", g.dir)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		g.t.Errorf("after the fault the site does not start: %v\n%s", err, tail(errs.String()))
		return nil
	}
	var v verdict
	last := out.Bytes()[bytes.LastIndexByte(bytes.TrimSpace(out.Bytes()), '\n')+1:]
	must(g.t, json.Unmarshal(last, &v))
	for _, f := range v.Findings {
		g.t.Error("check: ", f)
	}
	return &v
}

// lost compares what was promised with what is there: facts that are gone or doubled.
func (g *rig) lost(v *verdict) (lost int) {
	g.t.Helper()
	for id := range g.receipts {
		if v.Facts[id] != 1 {
			lost++
		}
	}
	if lost > 0 {
		g.t.Errorf("of %d facts with a receipt %d are not in the journal, or more than once", len(g.receipts), lost)
	}
	for id, n := range v.Facts {
		if n > 1 || !g.tried[id] {
			g.t.Errorf("fact %s is %d times in the journal", id, n)
		}
	}
	return lost
}
