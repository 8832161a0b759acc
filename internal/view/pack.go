package view

import (
	"bytes"

	"github.com/pion/rtp/codecs"

	"siaga/internal/watch"
)

// maxPayload leaves room for RTP, SRTP, TURN-less UDP and a VPN within 1280 bytes, which every path carries.
const maxPayload = 1200

// pack returns the RTP payloads of an H.264 picture, parameter sets first when it is a key frame. They are made
// once and shared by all viewers.
func (u *unit) pack() [][]byte {
	u.once.Do(func() {
		var p codecs.H264Payloader
		if u.au.Key {
			u.packets = append(u.packets, p.Payload(maxPayload, u.au.Format.SPS)...)
			u.packets = append(u.packets, p.Payload(maxPayload, u.au.Format.PPS)...)
		}
		for _, n := range u.au.Data {
			u.packets = append(u.packets, p.Payload(maxPayload, n)...)
		}
	})
	return u.packets
}

// annexB renders a picture as a byte stream with start codes, parameter sets first.
func annexB(au *watch.AccessUnit) []byte {
	var b bytes.Buffer
	write := func(n []byte) {
		if len(n) > 0 {
			b.WriteString("\x00\x00\x00\x01")
			b.Write(n)
		}
	}
	write(au.Format.VPS)
	write(au.Format.SPS)
	write(au.Format.PPS)
	for _, n := range au.Data {
		write(n)
	}
	return b.Bytes()
}
