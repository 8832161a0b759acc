package rtsp

import (
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"
)

// BenchmarkDepacketise prints what one access unit of a 1080p15 camera at 2 Mbit/s (16.7 kB in 12 RTP packets) costs
// from its packets to the frame that is handed over.
func BenchmarkDepacketise(b *testing.B) {
	const size, perPacket = 16_700, 1400
	tr, err := newTrack(&format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: testSPS, PPS: testPPS})
	if err != nil {
		b.Fatal(err)
	}
	units := 0
	tr.emit = func(*track, uint32, [][]byte, bool) { units++ }
	body := make([]byte, perPacket)
	pkt := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96}}
	b.SetBytes(size)
	b.ReportAllocs()
	seq := uint16(0)
	for b.Loop() {
		pkt.Timestamp += 6000
		for sent := 0; sent < size; sent += perPacket {
			body[0], body[1] = 0x7c, 0x01 // FU-A of a non-key slice
			if sent == 0 {
				body[1] |= 0x80
			}
			pkt.Marker = sent+perPacket >= size
			if pkt.Marker {
				body[1] |= 0x40
			}
			pkt.SequenceNumber, pkt.Payload = seq, body
			seq++
			if err := tr.depack.push(pkt, tr); err != nil {
				b.Fatal(err)
			}
		}
	}
	if units == 0 {
		b.Fatal("no access unit came out")
	}
}
