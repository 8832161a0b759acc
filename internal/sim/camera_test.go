package sim

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"
)

const footage = "../../configs/demo/footage"

func TestLoadClip_ReadsTheShippedFootage(t *testing.T) {
	for _, c := range []struct {
		name          string
		video, audio  int
		keys, bframes bool // key frames at most a second apart; pictures out of order
	}{
		{"room-live.mp4", 1394, 0, true, false},
		{"forecourt-live.mp4", 377, 1414, true, false},
		{"one-by-one-person-detection.mp4", 1394, 0, true, true},
		{"car-detection.mp4", 377, 1414, false, false},
	} {
		k, err := loadClip(os.DirFS(footage), c.name)
		if err != nil {
			t.Fatal(err)
		}
		var video, audio int
		var lastKey, lastPTS, gap time.Duration
		back := false
		for _, s := range k.samples {
			if s.audio {
				audio++
				continue
			}
			video++
			if s.key {
				gap, lastKey = max(gap, s.at-lastKey), s.at
			}
			back = back || s.pts < lastPTS
			lastPTS = s.pts
		}
		if video != c.video || audio != c.audio || back != c.bframes || (gap <= time.Second) != c.keys {
			t.Errorf("%s: %d pictures, %d sounds, out of order %v, key frames up to %v apart", c.name, video, audio, back, gap)
		}
	}
}

func TestSendTime_SurvivesTheNALUnit(t *testing.T) {
	at := time.UnixMilli(1763781234567)
	n := sendTimeNAL(at)
	if bytes.Contains(n, []byte{0, 0}) {
		t.Error("the NAL unit needs emulation prevention")
	}
	if got, ok := SendTime([][]byte{{9, 1}, n, {5, 1, 2}}); !ok || !got.Equal(at) {
		t.Errorf("got %v %v", got, ok)
	}
	if _, ok := SendTime([][]byte{{6, 5, 200, 1}, {6}, {}}); ok {
		t.Error("a time was read from nothing")
	}
}

func TestNewCameraServer_NamesWhatIsWrong(t *testing.T) {
	files := os.DirFS(footage)
	for name, c := range map[string]Camera{
		"no such clip": {Path: "a", Clip: "none.mp4"}, "not a clip": {Path: "a", Clip: "README.md"}, "path": {Path: "a b", Clip: "room-live.mp4"},
	} {
		if _, err := NewCameraServer(CameraOptions{Listen: "127.0.0.1:0", Footage: files, Cameras: []Camera{c}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzDecodeClip(f *testing.F) {
	whole, err := os.ReadFile(footage + "/forecourt-live.mp4")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole[:40_000]) // ftyp and moov
	f.Add([]byte("\x00\x00\x00\x08moov"))
	f.Add([]byte("\x00\x00\x00\x10moov\x00\x00\x00\x08trak"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := decodeClip(b); err != nil && !errors.Is(err, errMP4) {
			t.Errorf("an error that is not errMP4: %v", err)
		}
	})
}
