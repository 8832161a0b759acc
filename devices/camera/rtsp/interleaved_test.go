package rtsp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

// chunked is a connection that delivers its bytes in pieces of the given sizes.
type chunked struct {
	net.Conn
	data  []byte
	sizes []byte
	i     int
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := 1
	if len(c.sizes) > 0 {
		n += int(c.sizes[c.i%len(c.sizes)])
		c.i++
	}
	n = copy(p, c.data[:min(n, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

// readAll reads a stream as the library does and returns what passed through and what was taken out on channel 0.
func readAll(t *testing.T, stream, sizes []byte) (passed []byte, taken [][]byte) {
	t.Helper()
	c := newInterleaved(&chunked{data: stream, sizes: sizes})
	table := &directTable{}
	table[0] = func(p []byte) { taken = append(taken, bytes.Clone(p)) }
	c.direct.Store(table)
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		passed = append(passed, buf[:n]...)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			return passed, taken
		}
	}
}

func frame(channel byte, payload ...byte) []byte {
	return append([]byte{'$', channel, byte(len(payload) >> 8), byte(len(payload))}, payload...)
}

func TestInterleaved_TakesPacketsOutAndPassesMessagesOn(t *testing.T) {
	answer := []byte("RTSP/1.0 200 OK\r\nCSeq: 7\r\ncontent-length: 9\r\n\r\n$\x00\x00\x01 body")
	control := frame(1, 1, 2, 3)
	var stream []byte
	// The first packet is copied to the library too, to tell it that the connection lives.
	for _, b := range [][]byte{frame(0, 9), frame(0, 1, 1), answer, control, frame(0, 2, 2), answer, frame(0), frame(0, 3)} {
		stream = append(stream, b...)
	}
	want := bytes.Join([][]byte{frame(0, 9), answer, control, answer}, nil)
	for size := range byte(60) {
		passed, taken := readAll(t, stream, []byte{size})
		if !bytes.Equal(passed, want) {
			t.Fatalf("in pieces of %d passed on: %q", size+1, passed)
		}
		if len(taken) != 5 || !bytes.Equal(taken[4], []byte{3}) {
			t.Fatalf("in pieces of %d taken out: %x", size+1, taken)
		}
	}
}

func TestInterleaved_TakesTheLargestFrameAndTheLongestHeader(t *testing.T) {
	largest := frame(0, bytes.Repeat([]byte{7}, 65535)...)
	answer := []byte("RTSP/1.0 200 OK\r\nX: " + strings.Repeat("x", maxHeader-64) + "\r\n\r\n")
	passed, taken := readAll(t, slices.Concat(frame(0, 1), largest, answer, largest), []byte{255, 0, 100})
	if len(taken) != 3 || len(taken[1]) != 65535 || len(taken[2]) != 65535 {
		t.Errorf("%d packets taken out, want 3 whole ones", len(taken))
	}
	if want := append(frame(0, 1), answer...); !bytes.Equal(passed, want) {
		t.Errorf("%d bytes passed on, want %d", len(passed), len(want))
	}
}

// FuzzInterleaved: whatever a camera sends, every byte is passed on or taken out, in pieces of any size alike.
func FuzzInterleaved(f *testing.F) {
	f.Add(append(frame(0, 1, 2, 3), "RTSP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc$\x01\x00\x01x"...), []byte{3})
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n$$$$"), []byte{})
	f.Add([]byte("$\x00\xff\xff"), []byte{200})
	f.Fuzz(func(t *testing.T, stream, sizes []byte) {
		passed, taken := readAll(t, stream, sizes)
		whole, all := readAll(t, stream, []byte{255})
		if len(taken) != len(all) {
			t.Errorf("%d packets, or %d in large pieces", len(taken), len(all))
		}
		// What is left at the end is an unfinished frame or header, which nobody gets.
		n := len(passed)
		for i, p := range taken {
			if i > 0 { // the first one is passed on as well
				n += 4 + len(p)
			}
		}
		if n > len(stream) || !bytes.HasPrefix(whole, passed) && !bytes.HasPrefix(passed, whole) {
			t.Errorf("%d bytes of %d; passed %q and %q", n, len(stream), passed, whole)
		}
	})
}
