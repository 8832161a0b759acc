package rtsp

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"
)

// Parameter sets of a real 768×432 stream.
var (
	testSPS = unhex("674d401fda03006c9a808080a0000003002000000651e306540")
	testPPS = unhex("68ef3c80")
)

func unhex(s string) []byte {
	if len(s)%2 != 0 {
		s += "0"
	}
	b, _ := hex.DecodeString(s)
	return b
}

// taken is what a track emitted.
type taken struct {
	ts   []uint32
	data [][][]byte
	keys []bool
}

func newTestTrack(tb testing.TB, f format.Format) (*track, *taken) {
	tb.Helper()
	t, err := newTrack(f)
	if err != nil {
		tb.Fatal(err)
	}
	got := &taken{}
	t.emit = func(_ *track, ts uint32, data [][]byte, key bool) {
		got.ts, got.data, got.keys = append(got.ts, ts), append(got.data, data), append(got.keys, key)
	}
	return t, got
}

func packet(seq uint16, ts uint32, marker bool, payload ...byte) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: ts, Marker: marker, PayloadType: 96}, Payload: payload}
}

func TestTrack_DatesFramesRightWithoutMarkerBits(t *testing.T) {
	tr, got := newTestTrack(t, &format.H264{PayloadTyp: 96, PacketizationMode: 1})
	for i := range uint32(4) {
		if err := tr.depack.push(packet(uint16(i), 1000+i*3000, false, 0x65, byte(i)), tr); err != nil {
			t.Fatal(err)
		}
	}
	for i, ts := range got.ts {
		if want := 1000 + uint32(i)*3000; ts != want || got.data[i][0][1] != byte(i) {
			t.Errorf("frame %d is stamped %d, want %d", i, ts, want)
		}
	}
	if len(got.ts) != 3 {
		t.Errorf("%d frames, want 3", len(got.ts))
	}
}

func TestTrack_KeepsASecondPictureParameterSetInData(t *testing.T) {
	tr, got := newTestTrack(t, &format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: testSPS, PPS: testPPS})
	other := []byte{0x68, 0x4e, 0x3c, 0x80} // id 1
	for i, n := range [][]byte{{0x09, 0xf0}, testPPS, other, {0x0c, 0xff}, {0x65, 1, 2}} {
		if err := tr.depack.push(packet(uint16(i), 1, i == 4, n...), tr); err != nil {
			t.Fatal(err)
		}
	}
	if len(got.data) != 1 || len(got.data[0]) != 2 || !bytes.Equal(got.data[0][0], other) || !got.keys[0] {
		t.Errorf("Data holds %x", got.data)
	}
}

func TestTrack_IgnoresAParameterSetThatCannotBeRead(t *testing.T) {
	tr, _ := newTestTrack(t, &format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: testSPS, PPS: testPPS})
	before := tr.format
	_ = tr.depack.push(packet(1, 1, true, 0x67, 0xff), tr)
	if tr.format != before {
		t.Error("a broken SPS replaced a good one")
	}
}

func TestTimeline_GoesOnOverWrapAndRestart(t *testing.T) {
	tl := timeline{rate: 90000}
	first := tl.at(0xffff_f000, time.Second)
	if first != 90000 {
		t.Errorf("the first PTS is %d, want the time since PLAY", first)
	}
	if got := tl.at(0x0000_0c00, time.Second+80*time.Millisecond); got != first+0x1c00 {
		t.Errorf("over the wrap: %d after %d", got, first)
	}
	if got := tl.at(0x0000_0c00-3000, time.Second+90*time.Millisecond); got != first+0x1c00-3000 {
		t.Errorf("a B-frame: %d", got)
	}
	before := tl.pts
	if got := tl.at(0x7000_0000, 2*time.Second); got <= before || got > before+90000 {
		t.Errorf("a restarted encoder: %d after %d, want the time that passed", got, before)
	}
}

func TestSenderClock_ReadsNTPFractionsExactly(t *testing.T) {
	now := time.Date(2025, 11, 22, 3, 0, 0, 750_000_000, time.UTC)
	ntp := uint64(now.Unix()+ntpEpoch)<<32 | 3<<30
	c := senderClock{rate: 90000}
	c.report(ntp, 5000, now)
	if at, ok := c.wall(5000+45000, now.Add(500*time.Millisecond)); !ok || !at.Equal(now.Add(500*time.Millisecond)) {
		t.Errorf("got %v %v", at, ok)
	}
	c.report(ntp, 5000, now.Add(700*time.Millisecond))
	if !c.trusted {
		t.Error("a trusted clock was left before it was a second away")
	}
	c.report(ntp, 5000, now.Add(1200*time.Millisecond))
	if at, ok := c.wall(5000, now); ok || !at.Equal(now) {
		t.Error("a clock 1.2 s away is still trusted")
	}
}

// FuzzPackets plays hostile packets into every depacketiser: no panic, no empty frames, formats never edited.
func FuzzPackets(f *testing.F) {
	f.Add(byte(0), append([]byte{0x18, 0, byte(len(testSPS))}, testSPS...))
	f.Add(byte(0), []byte{0x7c, 0x85, 1, 2, 3})
	f.Add(byte(1), []byte{0x62, 0x01, 0x93, 1, 2, 3})
	f.Add(byte(2), []byte{0, 0, 0, 0, 1, 50, 40, 30, 1, 2, 3})
	f.Add(byte(3), []byte{0, 16, 0x08, 0x10, 1, 2})
	f.Add(byte(4), []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, kind byte, stream []byte) {
		formats := []format.Format{
			&format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: testSPS, PPS: testPPS},
			&format.H265{PayloadTyp: 96}, &format.MJPEG{}, aacFormat(), &format.Opus{PayloadTyp: 96, ChannelCount: 2},
		}
		tr, got := newTestTrack(t, formats[int(kind)%len(formats)])
		first := *tr.format
		old := tr.format
		// The stream is cut into packets of 1 to 32 bytes; the first byte of each says how long it is.
		for seq := uint16(0); len(stream) > 1; seq++ {
			n := min(int(stream[0]&31)+1, len(stream)-1)
			_ = tr.depack.push(packet(seq, uint32(seq/3)*3000, stream[0]&32 != 0, bytes.Clone(stream[1:1+n])...), tr)
			stream = stream[1+n:]
		}
		for _, d := range got.data {
			if len(d) == 0 || len(d[0]) == 0 {
				t.Error("an empty frame")
			}
		}
		if !bytes.Equal(old.SPS, first.SPS) || !bytes.Equal(old.PPS, first.PPS) || old.Width != first.Width {
			t.Error("a format was edited")
		}
	})
}

func FuzzJPEGSize(f *testing.F) {
	f.Add(unhex("ffd8ffe000104a46494600010101006000600000ffc0001108016802800301220002110103110"))
	f.Add([]byte{0xff, 0xd8, 0xff, 0xc0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if w, h, ok := jpegSize(b); ok && (w < 0 || w > 65535 || h < 0 || h > 65535) {
			t.Errorf("size %d×%d", w, h)
		}
	})
}
