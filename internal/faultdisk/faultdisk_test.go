package faultdisk_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"siaga/internal/faultdisk"
)

// TestMain runs everything in namespaces of its own, and is also the program on the disk: with a script in the
// environment it does what it says, since the test must not use the disk that it serves.
func TestMain(m *testing.M) {
	if s := os.Getenv("FAULTDISK_SCRIPT"); s != "" {
		if err := script(s); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if err := faultdisk.Isolate(); err != nil {
		fmt.Fprintln(os.Stderr, "NOT RUN:", err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// script does one step a line: write FILE TEXT, append FILE TEXT, sync FILE, syncdir DIR, rename A B, remove A,
// mkdir A, fill FILE BYTE, cat FILE.
func script(s string) error {
	for _, line := range strings.Split(s, "\n") {
		w := strings.Fields(line)
		var err error
		switch w[0] {
		case "write":
			err = os.WriteFile(w[1], []byte(w[2]), 0o600)
		case "append":
			err = with(w[1], os.O_WRONLY|os.O_APPEND, func(f *os.File) error {
				n, err := f.WriteString(w[2])
				if err != nil {
					return fmt.Errorf("%w after %d", err, n)
				}
				return nil
			})
		case "sync":
			err = with(w[1], os.O_RDWR, (*os.File).Sync)
		case "syncdir":
			err = with(w[1], os.O_RDONLY, (*os.File).Sync)
		case "rename":
			err = os.Rename(w[1], w[2])
		case "remove":
			err = os.Remove(w[1])
		case "mkdir":
			err = os.Mkdir(w[1], 0o700)
		case "fill":
			err = os.WriteFile(w[1], bytes.Repeat([]byte(w[2]), 100_000), 0o600)
		case "cat":
			var b []byte
			b, err = os.ReadFile(w[1])
			fmt.Printf("%s=%.40s\n", filepath.Base(w[1]), b)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
	}
	return nil
}

func with(name string, flags int, do func(*os.File) error) error {
	f, err := os.OpenFile(name, flags, 0)
	if err != nil {
		return err
	}
	return errors.Join(do(f), f.Close())
}

// run runs a script on the disk; @ stands for where it is mounted.
func run(t *testing.T, dir, s string) (string, error) {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), "FAULTDISK_SCRIPT="+strings.ReplaceAll(strings.TrimSpace(s), "@", dir))
	out, err := c.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func mount(t *testing.T, d *faultdisk.Disk) string {
	t.Helper()
	dir := t.TempDir()
	if err := d.Mount(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func cut(t *testing.T, d *faultdisk.Disk, seed uint64) {
	t.Helper()
	d.Cut()
	if err := d.Unmount(); err != nil {
		t.Fatal(err)
	}
	if err := d.Recover(rand.New(rand.NewPCG(seed, 0))); err != nil {
		t.Fatal(err)
	}
}

func TestDisk_KeepsWhatWasSyncedAndOnlySometimesTheRest(t *testing.T) {
	kept, lost, stayed, torn := 0, 0, 0, 0
	for seed := range uint64(40) {
		d := faultdisk.New(0)
		dir := mount(t, d)
		out, err := run(t, dir, "write @/a safe\nsync @/a\nsyncdir @\nfill @/b x\nwrite @/c new\nappend @/c -more\nremove @/b\nfill @/a y")
		if err != nil {
			t.Fatal(out)
		}
		cut(t, d, seed)
		dir = mount(t, d)
		out, err = run(t, dir, "cat @/a")
		if err != nil {
			t.Fatalf("a synced file is gone: %s", out)
		}
		switch {
		case out == "a=safe":
			lost++
		case strings.HasPrefix(out, "a="+strings.Repeat("y", 40)):
			stayed++
		default:
			torn++
		}
		if out, err = run(t, dir, "cat @/c"); err != nil {
			lost++
		} else if out == "c=new-more" {
			kept++
		}
		if err := d.Unmount(); err != nil {
			t.Fatal(err)
		}
	}
	if kept == 0 || lost == 0 || stayed == 0 || torn == 0 {
		t.Errorf("40 cuts are too tame: kept %d, lost %d, overwritten %d, torn %d", kept, lost, stayed, torn)
	}
}

func TestDisk_FailsTheCallItWasToldTo(t *testing.T) {
	for _, c := range []struct {
		fault *faultdisk.Fault
		step  string
	}{
		{&faultdisk.Fault{Op: faultdisk.Create}, "write @/new text"},
		{&faultdisk.Fault{Op: faultdisk.Open}, "cat @/old"},
		{&faultdisk.Fault{Op: faultdisk.Read}, "cat @/old"},
		{&faultdisk.Fault{Op: faultdisk.Write}, "append @/old text"},
		{&faultdisk.Fault{Op: faultdisk.Write, Short: true}, "append @/old text"},
		{&faultdisk.Fault{Op: faultdisk.Truncate}, "write @/old text"},
		{&faultdisk.Fault{Op: faultdisk.Sync, In: "old"}, "sync @/old"},
		{&faultdisk.Fault{Op: faultdisk.SyncDir}, "syncdir @"},
		{&faultdisk.Fault{Op: faultdisk.Rename}, "rename @/old @/other"},
		{&faultdisk.Fault{Op: faultdisk.Remove}, "remove @/old"},
		{&faultdisk.Fault{Op: faultdisk.Mkdir}, "mkdir @/dir"},
	} {
		d := faultdisk.New(0)
		dir := mount(t, d)
		if out, err := run(t, dir, "write @/old before"); err != nil {
			t.Fatal(out)
		}
		f := c.fault
		f.Err, f.Times = syscall.EIO, 1
		if f.Op == faultdisk.Read {
			f.Times = 2 // the kernel reads ahead, and then again without that
		}
		if f.Op == faultdisk.Read || f.Op == faultdisk.Open {
			if err := d.Unmount(); err != nil { // the kernel has it in memory
				t.Fatal(err)
			}
			if err := d.Mount(dir); err != nil {
				t.Fatal(err)
			}
		}
		d.Inject(f)
		out, err := run(t, dir, c.step)
		if err == nil || !strings.Contains(out, "input/output error") || f.Hits() != f.Times {
			t.Errorf("%s: %d hits, %q", f.Op, f.Hits(), out)
		}
		if out, err := run(t, dir, c.step); err != nil {
			t.Errorf("%s: it does not work again: %q", f.Op, out)
		}
	}
}

func TestDisk_IsFullAtItsSizeAndHasRoomAgain(t *testing.T) {
	d := faultdisk.New(150_000)
	dir := mount(t, d)
	out, err := run(t, dir, "fill @/a x\nfill @/b x")
	if err == nil || !strings.Contains(out, "no space left") {
		t.Fatalf("200,000 bytes on a disk of 150,000: %q", out)
	}
	if out, err := run(t, dir, "remove @/a\nfill @/b x\ncat @/b"); err != nil {
		t.Fatal(out)
	}
	if d.Used() != 100_000 {
		t.Errorf("%d bytes in use", d.Used())
	}
}
