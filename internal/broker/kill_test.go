package broker_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"siaga/devices"
	"siaga/devices/devicetest"
	"siaga/internal/broker"
)

const childDir = "SIAGA_TEST_BROKER_DIR"

// TestMain turns the test binary into a broker when a test starts it as a child to kill.
func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	s := newSite()
	b, err := broker.Open(broker.Options{Dir: dir, Listen: "127.0.0.1:0", Rate: 1e6, Burst: 1e6, Directory: s, Reporter: s})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println(b.URL(), s.secrets["ht"], s.secrets["siaga"])
	_ = b.Run(context.Background()) // ends by being killed
}

// child starts a broker in a process of its own and returns how the two users reach it.
func child(t *testing.T, dir string) (kill func(), ht, siaga *devices.Link) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // "signal: killed" is what is wanted
	}
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	parts := strings.Fields(line)
	if err != nil || len(parts) != 3 {
		t.Fatalf("child said %q, %v", line, err)
	}
	ht = &devices.Link{URL: parts[0], Username: "ht", Password: parts[1], ClientID: "gw"}
	return kill, ht, &devices.Link{URL: parts[0], Username: "siaga", Password: parts[2], ClientID: "siaga-ht"}
}

// TestKill_LosesNothingThatWasAcknowledged kills the broker under load, again and again, with Siaga away:
// every message that got its PUBACK is delivered in the end.
func TestKill_LosesNothingThatWasAcknowledged(t *testing.T) {
	dir := t.TempDir()
	kill, htLink, siagaLink := child(t, dir)
	siaga := devicetest.MustDial(t, siagaLink)
	subscribe(t, siaga, "mmdvm/#")
	siaga.Cut()
	acked := map[string]bool{}
	for round := range 5 {
		ht := devicetest.MustDial(t, htLink)
		var waits []func() error
		var ids []string
		for i := range 300 {
			id := fmt.Sprintf("%d-%d", round, i)
			wait, err := ht.Begin("mmdvm/json", []byte(id), qos1)
			must(t, err)
			waits, ids = append(waits, wait), append(ids, id)
		}
		for i := range 100 {
			must(t, waits[i]())
		}
		kill() // with 200 under way
		for i, wait := range waits {
			if i < 100 || wait() == nil {
				acked[ids[i]] = true
			}
		}
		kill, htLink, siagaLink = child(t, dir)
	}
	siaga = devicetest.MustDial(t, siagaLink)
	for len(acked) > 0 {
		m := siaga.Next(t)
		delete(acked, string(m.Payload))
		must(t, siaga.Ack(m.ID))
	}
}
