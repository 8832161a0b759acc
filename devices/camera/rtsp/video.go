package rtsp

import (
	"bytes"
	"errors"

	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmjpeg"
	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/pion/rtp"

	"siaga/internal/watch"
)

// h264Video takes H.264 packets (RFC 6184, modes 0 and 1).
type h264Video struct{ join joiner }

func (*h264Video) copies() bool { return true }

func (v *h264Video) push(pkt *rtp.Packet, t *track) error {
	p := pkt.Payload
	if len(p) == 0 {
		return errShort
	}
	j := &v.join
	v.finish(t, j.before(pkt))
	var err error
	switch typ := p[0] & 0x1f; {
	case typ >= 1 && typ <= 23:
		err = j.whole(p)
	case typ == 24: // STAP-A
		err = j.several(p[1:])
	case typ == 28: // FU-A
		if len(p) < 3 {
			err = errShort
		} else {
			err = j.part(pkt.SequenceNumber, p[1], p[2:], p[0]&0xe0|p[1]&0x1f)
		}
	default:
		err = errKind
	}
	v.finish(t, j.after(pkt))
	return err
}

func (v *h264Video) finish(t *track, u *joined) {
	if u == nil {
		return
	}
	if data, key := v.clean(u.nalus, t); len(data) > 0 {
		t.emit(t, u.ts, data, key)
	}
}

// clean takes out what Format carries and what nobody needs, in place, and says whether decoding can begin.
func (v *h264Video) clean(nalus [][]byte, t *track) (data [][]byte, key bool) {
	data = nalus[:0]
	for _, n := range nalus {
		if len(n) == 0 {
			continue
		}
		switch h264.NALUType(n[0] & 0x1f) {
		case h264.NALUTypeAccessUnitDelimiter, h264.NALUTypeFillerData:
		case h264.NALUTypeSPS:
			t.setH264(n, nil)
		case h264.NALUTypePPS:
			if otherSet(n, t.format.PPS, 1) {
				data = append(data, n)
			} else {
				t.setH264(nil, n)
			}
		case h264.NALUTypeIDR:
			key = true
			data = append(data, n)
		default:
			data = append(data, n)
		}
	}
	return data, key
}

// setH264 makes a new Format when a parameter set differs. A set that cannot be read is ignored: the old one
// at least showed pictures.
func (t *track) setH264(sps, pps []byte) {
	old := t.format
	if sps != nil && !bytes.Equal(sps, old.SPS) {
		var p h264.SPS
		if p.Unmarshal(sps) != nil {
			return
		}
		f := *old
		f.SPS, f.Width, f.Height = bytes.Clone(sps), p.Width(), p.Height()
		t.change(&f)
	}
	if pps != nil && !bytes.Equal(pps, old.PPS) {
		f := *t.format
		f.PPS = bytes.Clone(pps)
		t.change(&f)
	}
}

// otherSet reports whether two picture parameter sets carry different ids. head is the NAL header's length.
func otherSet(a, b []byte, head int) bool {
	if len(a) <= head || len(b) <= head {
		return false
	}
	ida, oka := firstGolomb(a[head:])
	idb, okb := firstGolomb(b[head:])
	return oka && okb && ida != idb
}

func firstGolomb(b []byte) (uint32, bool) {
	pos := 0
	v, err := bits.ReadGolombUnsigned(b[:min(len(b), 5)], &pos)
	return v, err == nil
}

// h265Video takes H.265 packets (RFC 7798 without decoding order numbers).
type h265Video struct{ join joiner }

func (*h265Video) copies() bool { return true }

func (v *h265Video) push(pkt *rtp.Packet, t *track) error {
	p := pkt.Payload
	if len(p) < 2 {
		return errShort
	}
	j := &v.join
	v.finish(t, j.before(pkt))
	var err error
	switch typ := p[0] >> 1 & 0x3f; {
	case typ < 48:
		err = j.whole(p)
	case typ == 48: // aggregation packet
		err = j.several(p[2:])
	case typ == 49: // fragmentation unit
		if len(p) < 4 {
			err = errShort
		} else {
			err = j.part(pkt.SequenceNumber, p[2], p[3:], p[0]&0x81|p[2]&0x3f<<1, p[1])
		}
	default:
		err = errKind
	}
	v.finish(t, j.after(pkt))
	return err
}

func (v *h265Video) finish(t *track, u *joined) {
	if u == nil {
		return
	}
	if data, key := v.clean(u.nalus, t); len(data) > 0 {
		t.emit(t, u.ts, data, key)
	}
}

func (v *h265Video) clean(nalus [][]byte, t *track) (data [][]byte, key bool) {
	data = nalus[:0]
	for _, n := range nalus {
		if len(n) < 2 {
			continue
		}
		switch typ := h265.NALUType(n[0] >> 1 & 0x3f); typ {
		case h265.NALUType_AUD_NUT, h265.NALUType_FD_NUT:
		case h265.NALUType_VPS_NUT:
			t.setH265(n, nil, nil)
		case h265.NALUType_SPS_NUT:
			t.setH265(nil, n, nil)
		case h265.NALUType_PPS_NUT:
			if otherSet(n, t.format.PPS, 2) {
				data = append(data, n)
			} else {
				t.setH265(nil, nil, n)
			}
		default:
			key = key || typ >= h265.NALUType_BLA_W_LP && typ <= h265.NALUType_CRA_NUT
			data = append(data, n)
		}
	}
	return data, key
}

func (t *track) setH265(vps, sps, pps []byte) {
	f := *t.format
	switch {
	case vps != nil && !bytes.Equal(vps, f.VPS):
		f.VPS = bytes.Clone(vps)
	case pps != nil && !bytes.Equal(pps, f.PPS):
		f.PPS = bytes.Clone(pps)
	case sps != nil && !bytes.Equal(sps, f.SPS):
		var p h265.SPS
		if p.Unmarshal(sps) != nil {
			return
		}
		f.SPS, f.Width, f.Height = bytes.Clone(sps), p.Width(), p.Height()
	default:
		return
	}
	t.change(&f)
}

// mjpegVideo takes JPEG packets; every frame is a key frame.
type mjpegVideo struct{ dec rtpmjpeg.Decoder }

func (*mjpegVideo) copies() bool { return false }

func (v *mjpegVideo) push(pkt *rtp.Packet, t *track) error {
	frame, err := v.dec.Decode(pkt)
	if err != nil {
		if errors.Is(err, rtpmjpeg.ErrMorePacketsNeeded) || errors.Is(err, rtpmjpeg.ErrNonStartingPacketAndNoPrevious) {
			return nil
		}
		return err
	}
	if w, h, ok := jpegSize(frame); ok && (w != t.format.Width || h != t.format.Height) {
		f := *t.format
		f.Width, f.Height = w, h
		t.change(&f)
	}
	t.emit(t, pkt.Timestamp, [][]byte{frame}, true)
	return nil
}

// jpegSize reads width and height from a JPEG's frame header.
func jpegSize(b []byte) (width, height int, ok bool) {
	for i := 2; i+9 < len(b) && b[i] == 0xff; {
		marker := b[i+1]
		if marker >= 0xc0 && marker <= 0xc3 {
			return int(b[i+7])<<8 | int(b[i+8]), int(b[i+5])<<8 | int(b[i+6]), true
		}
		if marker == 0xda {
			break
		}
		i += 2 + (int(b[i+2])<<8 | int(b[i+3]))
	}
	return 0, 0, false
}

// complete reports whether a format holds what a decoder needs.
func complete(f *watch.Format) bool {
	switch f.Codec {
	case watch.H264:
		return len(f.SPS) > 0 && len(f.PPS) > 0
	case watch.H265:
		return len(f.SPS) > 0 && len(f.PPS) > 0 && len(f.VPS) > 0
	}
	return true
}
