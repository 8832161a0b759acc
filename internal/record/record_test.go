package record

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"siaga/internal/watch"
)

// probed is what ffprobe, which knows nothing of us, says about a file after decoding every frame of it.
type probed struct {
	Streams []struct {
		Codec    string `json:"codec_name"`
		Type     string `json:"codec_type"`
		Frames   string `json:"nb_read_frames"`
		Start    string `json:"start_time"`
		Duration string `json:"duration"`
	} `json:"streams"`
	Format struct {
		Duration string `json:"duration"`
	} `json:"format"`
}

// probe decodes a file and fails on whatever the decoder complains about.
func probe(t *testing.T, path string) probed {
	t.Helper()
	var errs strings.Builder
	c := exec.Command("ffprobe", "-v", "warning", "-count_frames", "-show_entries",
		"stream=codec_name,codec_type,nb_read_frames,start_time,duration:format=duration", "-of", "json", path)
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil || errs.Len() > 0 {
		t.Errorf("ffprobe %s: %v %s", path, err, errs.String())
	}
	var p probed
	must(t, json.Unmarshal(out, &p))
	return p
}

func (p probed) frames(kind string) int {
	for _, s := range p.Streams {
		if s.Type == kind {
			n, _ := strconv.Atoi(s.Frames)
			return n
		}
	}
	return -1
}

func TestRecorder_RecordsWhatTheCameraSendsFrameForFrame(t *testing.T) {
	dir := t.TempDir()
	clip := load(t, filepath.Join(footage, "car-detection.mp4"))
	var offered int
	var segments []Segment
	synctest.Test(t, func(t *testing.T) {
		g := start(t, dir)
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		time.Sleep(2 * time.Second)
		offered = clip.play(g.r, "cam-1", 1, 150*time.Second)
		time.Sleep(time.Second)
		g.halt()
		g = start(t, dir)
		synctest.Wait()
		segments = g.segments("cam-1")
		gaps := g.gaps("cam-1")
		if len(gaps) != 2 || gaps[0].Reason != watch.ReasonNotYet || gaps[1].Reason != watch.ReasonShutdown || !gaps[1].End.IsZero() {
			t.Errorf("gaps: %+v", gaps)
		}
		g.verify(VerifyOptions{})
	})
	frames := 0
	for _, s := range segments {
		p := probe(t, filepath.Join(dir, s.Path))
		if int64(p.frames("video")) != s.Frames {
			t.Errorf("%s: %d frames decode, the row says %d", s.Path, p.frames("video"), s.Frames)
		}
		frames += p.frames("video")
		if long := s.End.Sub(s.Start); long > time.Minute {
			t.Errorf("%s is %s long", s.Path, long)
		}
		if p.frames("audio") <= 0 {
			t.Errorf("%s has no audio", s.Path)
		}
	}
	if len(segments) < 3 || frames != offered {
		t.Errorf("%d segments hold %d frames, %d were sent", len(segments), frames, offered)
	}
	rebuilt(t, dir)
}
