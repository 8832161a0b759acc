package view_test

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siaga/internal/view"
	"siaga/internal/watch"
)

// collect reads n fragments and returns the file they make, its MIME type and their count of key frames.
func collect(t *testing.T, f *view.Feed, n int) (file []byte, mime string, keys int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for n > 0 {
		c, err := f.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		switch c.Kind {
		case view.KindInit:
			mime = c.MIME
		case view.KindFragment:
			n--
			if c.Key {
				keys++
			}
		}
		file = append(file, c.Data...)
	}
	return file, mime, keys
}

// decode plays a file with ffmpeg and returns what ffprobe counts; errors in the stream fail the test.
func decode(t *testing.T, file []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "feed.mp4")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-i", name, "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("ffmpeg: %v: %s", err, out)
	}
	out, err = exec.Command("ffprobe", "-v", "error", "-count_frames", "-show_entries",
		"stream=codec_name,nb_read_frames", "-of", "csv=p=0", name).CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe: %v: %s", err, out)
	}
	return string(out)
}

func TestSubscribe_MakesFragmentsThatDecodeWithoutError(t *testing.T) {
	t.Parallel()
	h265 := clip(t, "h265", "-c:v", "libx265", "-x265-params", "log-level=error", "-g", "15", "-tag:v", "hvc1")
	for _, c := range []struct{ dir, clip, mime, codec string }{
		{footage, "forecourt-live", `video/mp4; codecs="avc1.4D401F,mp4a.40.2"`, "h264"},
		{footage, "one-by-one-person-detection", `video/mp4; codecs="avc1.4D40`, "h264"}, // B-frames
		{h265, "h265", `video/mp4; codecs="hvc1.1.6.L`, "hevc"},
	} {
		t.Run(c.clip, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, c.dir, c.clip)
			f, err := s.hub.Subscribe(c.clip, "main")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			file, mime, _ := collect(t, f, 30)
			if !strings.HasPrefix(mime, c.mime) {
				t.Errorf("MIME %s, want %s", mime, c.mime)
			}
			if got := decode(t, file); !strings.HasPrefix(got, c.codec+",") {
				t.Errorf("ffprobe counts %q", got)
			}
		})
	}
}

func TestSubscribe_ASlowViewerSkipsToAKeyFrameAndIsCounted(t *testing.T) {
	t.Parallel()
	s := newSite(t, footage, "room-live")
	f, err := s.hub.Subscribe("room-live", "main")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	collect(t, f, 1)
	key, err := s.hub.KeyFrame("room-live", "main")
	if err != nil {
		t.Fatal(err)
	}
	// A viewer that does not read, on a camera in a hurry: the queue overflows in the middle of a group.
	delta := key
	delta.Key = false
	for i := range 600 {
		delta.PTS = key.PTS + int64(i)*900
		s.hub.Offer("room-live", delta)
	}
	if f.Dropped() == 0 {
		t.Fatal("nothing was dropped")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for resumed := false; !resumed; {
		c, err := f.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		resumed = c.Key
	}
	st, err := s.hub.State("room-live", "main")
	if err != nil || st.Dropped < f.Dropped() {
		t.Errorf("the stream's state counts %d dropped, the viewer %d (%v)", st.Dropped, f.Dropped(), err)
	}
}

func TestSubscribe_EndsWhenTheDeviceIsForgotten(t *testing.T) {
	t.Parallel()
	h := view.New(view.Options{})
	h.Offer("cam-1", mjpegUnit(1))
	f, err := h.Subscribe("cam-1", "main")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c, err := f.Next(t.Context()); err != nil || c.Kind != view.KindJPEG || !bytes.HasPrefix(c.Data, []byte{0xff, 0xd8}) {
		t.Errorf("MJPEG comes as %q (%v), want a picture", c.Kind, err)
	}
	h.Forget("cam-1")
	if _, err := f.Next(t.Context()); !errors.Is(err, view.ErrEnded) {
		t.Errorf("got %v, want ErrEnded", err)
	}
	if _, err := h.Subscribe("cam-1", "main"); err == nil {
		t.Error("a forgotten device can still be viewed")
	}
}

func mjpegUnit(i int64) watch.AccessUnit {
	f := &watch.Format{Codec: watch.MJPEG, ClockRate: 90000, Width: 8, Height: 8}
	return watch.AccessUnit{
		Stream: "main", Run: 1, Formats: []*watch.Format{f}, Format: f, PTS: i * 6000,
		At: time.Now(), Key: true, Data: [][]byte{{0xff, 0xd8, 0xff, 0xd9}},
	}
}

func TestSnapshot_IsAPictureOfTheLastKeyFrame(t *testing.T) {
	t.Parallel()
	s := newSite(t, footage, "room-live")
	begin := time.Now()
	pic, at, err := s.hub.Snapshot(t.Context(), "room-live")
	if err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(bytes.NewReader(pic))
	if err != nil || img.Bounds().Dx() != 768 || img.Bounds().Dy() != 432 {
		t.Fatalf("not the picture: %v", err)
	}
	if age := begin.Sub(at); age < -time.Second || age > 5*time.Second {
		t.Errorf("the picture is dated %v before", age)
	}
	none := view.New(view.Options{FFmpeg: "/nowhere/ffmpeg"})
	key, err := s.hub.KeyFrame("room-live", "main")
	if err != nil {
		t.Fatal(err)
	}
	none.Offer("cam-1", key)
	if _, _, err := none.Snapshot(t.Context(), "cam-1"); !errors.Is(err, view.ErrNoFFmpeg) {
		t.Errorf("without ffmpeg: %v", err)
	}
	key.Data = [][]byte{{0x65, 1, 2, 3, 4}}
	s.hub.Offer("cam-2", key)
	if _, _, err := s.hub.Snapshot(t.Context(), "cam-2"); err == nil {
		t.Error("a key frame that cannot be decoded made a picture")
	}
}

func TestState_TellsRateAgeAndSilence(t *testing.T) {
	t.Parallel()
	s := newSite(t, footage, "forecourt-live")
	eventually(t, 8*time.Second, "a rate near 12.5 fps", func() bool {
		st, err := s.hub.State("forecourt-live", "main")
		return err == nil && st.FPS > 11 && st.FPS < 14 && st.Bitrate > 20_000 && st.AgeMS < 500
	})
	st := s.hub.States()
	if len(st) != 1 || st[0].Codec != watch.H264 || st[0].Width != 768 || st[0].Audio != watch.AAC || st[0].NoWebRTC != "" {
		t.Errorf("states: %+v", st)
	}
	if err := s.cameras.Silence("forecourt-live", true); err != nil {
		t.Fatal(err)
	}
	eventually(t, 4*time.Second, "an age of a second", func() bool {
		st, err := s.hub.State("forecourt-live", "main")
		return err == nil && st.Age > time.Second
	})
}
