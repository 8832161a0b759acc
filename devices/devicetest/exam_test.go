package devicetest

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"siaga/devices"
)

const faultName = "SIAGA_TEST_FAULT"

// faulty is a device that does one thing wrong.
type faulty struct{ fault string }

func (f faulty) Run(ctx context.Context, _ devices.Host) error {
	switch f.fault {
	case "deaf":
		time.Sleep(3 * time.Second)
	case "leak":
		go func() { time.Sleep(time.Minute) }()
	case "cheerful":
		<-ctx.Done()
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func faultyDriver(fault string) devices.Driver {
	return devices.Driver{Kind: "faulty", New: func(s devices.Settings) (devices.Device, error) {
		var c struct{}
		if err := devices.DecodeConfig(s.Config, &c); err != nil && fault != "lax" {
			return nil, err
		}
		if fault == "busy" {
			time.Sleep(200 * time.Millisecond)
		}
		return faulty{fault}, nil
	}}
}

// TestFaulty is sat by a child process for the test below, and passes for the driver without a fault.
func TestFaulty(t *testing.T) {
	Exam(t, faultyDriver(os.Getenv(faultName)), devices.Settings{ID: "x"})
}

func TestExam_FailsWhoDoesWrong(t *testing.T) {
	for _, fault := range []string{"deaf", "leak", "cheerful", "lax", "busy"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestFaulty$")
			cmd.Env = append(os.Environ(), faultName+"="+fault)
			if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "--- FAIL: TestFaulty") {
				t.Errorf("the exam lets a %s driver pass: %v\n%s", fault, err, out)
			}
		})
	}
}
