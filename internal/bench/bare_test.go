package bench

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// startBareFan runs the bare websocket server in a process of its own.
func startBareFan(b *testing.B) (address string, pid int) {
	b.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), roleEnv+"=fan")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.StdoutPipe()
	must(b, err)
	must(b, c.Start())
	b.Cleanup(func() {
		_ = c.Process.Kill() // it may be gone already
		_ = c.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	must(b, err)
	address = strings.TrimSpace(line)
	must(b, onlyLoopback(address))
	return address, c.Process.Pid
}
