package devicetest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"siaga/devices"
)

// prompt is how fast Run must return once told to.
const prompt = time.Second

// ErrJournal is the refusal the exam gives.
var ErrJournal = errors.New("devicetest: the journal refuses")

// Running is a device under test.
type Running struct {
	Host *Host
	stop context.CancelFunc
	done chan error
}

// Start runs the device until the test ends.
func Start(t testing.TB, d devices.Device, h *Host) *Running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &Running{Host: h, stop: stop, done: make(chan error, 1)}
	go func() { r.done <- d.Run(ctx, h) }()
	t.Cleanup(func() { stop(); r.wait(patience) })
	return r
}

func (r *Running) wait(d time.Duration) (error, bool) {
	select {
	case err := <-r.done:
		r.done <- err
		return err, true
	case <-time.After(d):
		return nil, false
	}
}

// Ended waits for Run to return by itself and gives its error.
func (r *Running) Ended(t testing.TB) error {
	t.Helper()
	err, ok := r.wait(patience)
	if !ok {
		t.Fatal("Run did not return")
	}
	return err
}

// Stop ends the context; Run must return within a second.
func (r *Running) Stop(t testing.TB) {
	t.Helper()
	r.stop()
	if _, ok := r.wait(prompt); !ok {
		t.Fatalf("Run did not return within %v of its context's end", prompt)
	}
}

// Make builds a device or fails the test.
func Make(t testing.TB, d devices.Driver, s devices.Settings) devices.Device {
	t.Helper()
	dev, err := d.New(s)
	if err != nil {
		t.Fatalf("%s: New refuses valid settings: %v", d.Kind, err)
	}
	return dev
}

// Exam checks what every driver must do, whatever it speaks. settings must be valid and must point at a
// peer that answers nothing, so that Run is caught while connecting or listening.
func Exam(t *testing.T, d devices.Driver, settings devices.Settings) {
	t.Run("unknown config keys are refused by name", func(t *testing.T) {
		var c map[string]any
		if err := json.Unmarshal(orEmpty(settings.Config), &c); err != nil {
			t.Fatal(err)
		}
		c["no_such_key"] = 1
		bad := settings
		bad.Config, _ = json.Marshal(c)
		if _, err := d.New(bad); err == nil || !strings.Contains(err.Error(), "no_such_key") {
			t.Fatalf("New with an unknown key: %v; want an error naming it", err)
		}
	})
	t.Run("New starts nothing", func(t *testing.T) {
		before := goleak.IgnoreCurrent()
		begin := time.Now()
		Make(t, d, settings)
		if took := time.Since(begin); took > 100*time.Millisecond {
			t.Errorf("New took %v; it must do no I/O", took)
		}
		goleak.VerifyNone(t, before)
	})
	t.Run("Run ends with its context and leaves no goroutine", func(t *testing.T) {
		before := goleak.IgnoreCurrent()
		r := Start(t, Make(t, d, settings), NewHost())
		r.Stop(t)
		goleak.VerifyNone(t, before)
	})
	t.Run("Run returns at once when its context has already ended", func(t *testing.T) {
		before := goleak.IgnoreCurrent()
		ctx, stop := context.WithCancel(context.Background())
		stop()
		if err := Make(t, d, settings).Run(ctx, NewHost()); !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v; want context.Canceled", err)
		}
		goleak.VerifyNone(t, before)
	})
}

func orEmpty(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}
