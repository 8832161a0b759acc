package sim

import (
	"bytes"
	"strconv"
	"time"
)

// sendTimeID marks the user data that carries the send time: 5f3c9d2e-77a1-4b0e-9c64-1d8ea2b7f053. It holds no
// two zero bytes in a row, and the time is decimal text, so the NAL unit needs no emulation prevention.
const sendTimeID = "\x5f\x3c\x9d\x2e\x77\xa1\x4b\x0e\x9c\x64\x1d\x8e\xa2\xb7\xf0\x53"

// sendTimeNAL is an H.264 SEI NAL unit (user data, unregistered) with the time in milliseconds since 1970.
// Decoders ignore it.
func sendTimeNAL(t time.Time) []byte {
	text := strconv.FormatInt(t.UnixMilli(), 10)
	n := []byte{6, 5, byte(len(sendTimeID) + len(text))}
	n = append(n, sendTimeID...)
	n = append(n, text...)
	return append(n, 0x80)
}

// SendTime finds the time at which a simulated camera sent an H.264 access unit, to measure delay.
func SendTime(nalus [][]byte) (time.Time, bool) {
	for _, n := range nalus {
		if len(n) < 4 || n[0]&0x1f != 6 || n[1] != 5 {
			continue
		}
		size, rest := int(n[2]), n[3:]
		if len(rest) < size || !bytes.HasPrefix(rest, []byte(sendTimeID)) || size < len(sendTimeID) {
			continue
		}
		ms, err := strconv.ParseInt(string(rest[len(sendTimeID):size]), 10, 64)
		if err == nil {
			return time.UnixMilli(ms), true
		}
	}
	return time.Time{}, false
}
