package broker_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"siaga/devices/devicetest"
	"siaga/internal/broker"
)

// TestOpen_ServesWithADamagedStore: after a power cut the queue may be damaged. The site must not stand still
// for it: what counts is in the journal.
func TestOpen_ServesWithADamagedStore(t *testing.T) {
	for name, spoil := range map[string]func([]byte) []byte{
		"empty": func([]byte) []byte { return nil },
		"half":  func(b []byte) []byte { return b[:len(b)/2] },
		"noise": func(b []byte) []byte {
			for i := range b {
				b[i] ^= 0x5a
			}
			return b
		},
	} {
		for _, pattern := range []string{"*.blk", "meta.*", "*.db", "o.dat", "*"} {
			t.Run(name+" "+pattern, func(t *testing.T) { damage(t, pattern, spoil) })
		}
	}
}

// damage spoils a store with one message queued, opens it again, and wants to be served.
func damage(t *testing.T, pattern string, spoil func([]byte) []byte) {
	s := newSite()
	dir := t.TempDir()
	b, stop := serve(t, s, broker.Options{Dir: dir})
	siaga := devicetest.MustDial(t, s.link(b, "siaga", "siaga-ht"))
	subscribe(t, siaga, "mmdvm/#")
	siaga.Cut()
	ht := devicetest.MustDial(t, s.link(b, "ht", "gw"))
	must(t, ht.Publish("mmdvm/json", []byte("before"), qos1))
	must(t, ht.Publish("mmdvm/kept", []byte("kept"), devicetest.Flags{QoS: 1, Retain: true}))
	stop()
	if spoilFiles(t, dir, pattern, spoil) == 0 {
		t.Fatal("nothing was spoilt")
	}
	b, _ = serve(t, s, broker.Options{Dir: dir})
	siaga = devicetest.MustDial(t, s.link(b, "siaga", "siaga-ht"))
	subscribe(t, siaga, "mmdvm/#")
	ht = devicetest.MustDial(t, s.link(b, "ht", "gw"))
	must(t, ht.Publish("mmdvm/json", []byte("after"), qos1))
	var got []string
	for len(got) == 0 || got[len(got)-1] != "after" {
		got = append(got, string(siaga.Next(t).Payload))
	}
	if keeps := pattern == "o.dat" || pattern == "*.db"; keeps && !slices.Contains(got, "before") {
		t.Errorf("received %v; a message that lies there unharmed was lost", got)
	}
	if pattern == "meta.*" {
		s.await(t, broker.StoreTrouble)
	}
}

func spoilFiles(t *testing.T, dir, pattern string, spoil func([]byte) []byte) (n int) {
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ok, _ := filepath.Match(pattern, d.Name()); err != nil || d.IsDir() || !ok {
			return err
		}
		n++
		raw, err := os.ReadFile(path)
		must(t, err)
		return os.WriteFile(path, spoil(raw), 0o600)
	}))
	return n
}
