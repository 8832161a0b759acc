package faultdisk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inside marks a process that Isolate has started.
const inside = "SIAGA_FAULT_INSIDE"

// Isolate runs this program again in a mount and a network namespace of its own, where it is root, and exits with its
// code; inside it returns nil. What is mounted there nobody else sees, it is gone with the last process, and there is
// no network but loopback: faults cannot reach anything real. An error means that the system does not allow it.
func Isolate() error {
	if os.Getenv(inside) != "" {
		return furnish()
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		return fmt.Errorf("faultdisk: %w (fault tests need FUSE: in a container give it /dev/fuse and the right to mount)", err)
	}
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), inside+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
	if os.Getuid() != 0 {
		c.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	runtime.LockOSThread() // the child dies with the thread that started it
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("faultdisk: own namespaces: %w (in a container give it the right to make them)", err)
	}
	os.Exit(c.ProcessState.ExitCode())
	return nil
}

// furnish cuts the namespaces off from those outside and switches loopback on.
func furnish() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("faultdisk: mounts of our own: %w", err)
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("faultdisk: loopback: %w", err)
	}
	defer func() { _ = unix.Close(s) }() // nothing was sent
	request := struct {
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: unix.IFF_UP | unix.IFF_RUNNING}
	copy(request.name[:], "lo")
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return fmt.Errorf("faultdisk: loopback: %w", errno)
	}
	return nil
}
