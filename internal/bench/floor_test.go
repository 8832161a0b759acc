package bench

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// floor is the least that a recorder in Go can cost: RTSP over TCP read with a large buffer, the payload of every packet
// copied once, and one write a camera a second. There is no container, no index, no live view and nothing is synced.
func floor(dir string, urls []string) error {
	var all sync.WaitGroup
	errs := make(chan error, len(urls))
	for i, u := range urls {
		all.Go(func() { errs <- floorCamera(u, filepath.Join(dir, fmt.Sprint(i))) })
	}
	all.Wait()
	return <-errs
}

func floorCamera(address, file string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	if err := onlyLoopback(u.Host); err != nil {
		return err
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	in := bufio.NewReaderSize(conn, 256<<10)
	if err := play(conn, in, address); err != nil {
		return err
	}
	held := make([]byte, 0, 1<<20)
	packet := make([]byte, 64<<10)
	for next := time.Now().Add(time.Second); ; {
		channel, n, err := nextPacket(in, packet)
		if err != nil {
			return err
		}
		if channel == 0 && n > 12 {
			held = append(held, packet[12:n]...)
		}
		if now := time.Now(); now.After(next) {
			next = now.Add(time.Second)
			if _, err := out.Write(held); err != nil {
				return err
			}
			held = held[:0]
		}
	}
}

// play asks for the first track on channels 0 and 1.
func play(conn net.Conn, in *bufio.Reader, address string) error {
	head, body, err := ask(conn, in, 1, "DESCRIBE", address, "Accept: application/sdp")
	if err != nil {
		return err
	}
	base := head.Get("Content-Base")
	if base == "" {
		base = address + "/"
	}
	_, media, _ := strings.Cut(body, "m=video")
	_, control, _ := strings.Cut(media, "a=control:")
	control, _, _ = strings.Cut(control, "\r\n")
	if !strings.HasPrefix(control, "rtsp://") {
		control = base + control
	}
	head, _, err = ask(conn, in, 2, "SETUP", control, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
	if err != nil {
		return err
	}
	session, _, _ := strings.Cut(head.Get("Session"), ";")
	_, _, err = ask(conn, in, 3, "PLAY", base, "Session: "+session)
	return err
}

func ask(conn net.Conn, in *bufio.Reader, seq int, method, address, header string) (textproto.MIMEHeader, string, error) {
	if _, err := fmt.Fprintf(conn, "%s %s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n\r\n", method, address, seq, header); err != nil {
		return nil, "", err
	}
	lines := textproto.NewReader(in)
	status, err := lines.ReadLine()
	if err != nil {
		return nil, "", err
	}
	if !strings.Contains(status, " 200 ") {
		return nil, "", fmt.Errorf("bench: %s %s: %s", method, address, status)
	}
	head, err := lines.ReadMIMEHeader()
	if err != nil {
		return nil, "", err
	}
	n, _ := strconv.Atoi(head.Get("Content-Length")) // absent is none
	body := make([]byte, min(n, 64<<10))
	_, err = io.ReadFull(in, body)
	return head, string(body), err
}

// nextPacket reads one interleaved packet and passes over answers.
func nextPacket(in *bufio.Reader, into []byte) (channel byte, n int, err error) {
	for {
		c, err := in.ReadByte()
		if err != nil {
			return 0, 0, err
		}
		if c != '$' {
			continue
		}
		var head [3]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return 0, 0, err
		}
		n := int(binary.BigEndian.Uint16(head[1:]))
		_, err = io.ReadFull(in, into[:n])
		return head[0], n, err
	}
}
