package web

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// pictures films a camera with MJPEG until the end of the span, one second apart, and waits until it is recorded.
func (s *site) pictures(from time.Time, n int) {
	s.t.Helper()
	var b bytes.Buffer
	must(s.t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 48)), nil))
	f := &watch.Format{Codec: watch.MJPEG, ClockRate: 90_000, Width: 64, Height: 48}
	for i := range n {
		au := watch.AccessUnit{
			Stream: "main", Run: 1, Formats: []*watch.Format{f}, Format: f, PTS: int64(i) * 90_000,
			At: from.Add(time.Duration(i) * time.Second), Key: true, Data: [][]byte{b.Bytes()},
		}
		s.recorder.Offer("cam-1", au)
		s.view.Offer("cam-1", au)
	}
}

// filmed is a site with a little recorded video of cam-1, and when that begins and ends.
func filmed(t testing.TB) (s *site, from, to time.Time) {
	s = newSite(t)
	s.furnish()
	stop := start(t, s.recorder.Run)
	must(t, s.recorder.StreamExpected("cam-1", "main", time.Now()))
	for {
		changed := s.journal.Changed()
		if s.journaled("recording.expected") {
			break
		}
		<-changed
	}
	s.pictures(time.Now(), 11)
	s.recorder.StreamInterrupted("cam-1", "main", &watch.Fault{Reason: watch.ReasonReset, Doing: "test"}, time.Now())
	stop()
	segments, err := s.recorder.Segments(context.Background(), "cam-1", "main", time.Now().Add(-time.Hour), time.Time{})
	must(t, err)
	if len(segments) != 1 {
		t.Fatalf("%d segments were recorded", len(segments))
	}
	return s, segments[0].Start, segments[0].End
}

// journaled reports whether there is an event of the kind.
func (s *site) journaled(kind string) bool {
	s.t.Helper()
	events, err := s.journal.Events(context.Background(), journal.Query{Kinds: []string{kind}, Limit: 1})
	must(s.t, err)
	return len(events) == 1
}

func span(from, to time.Time) string {
	return "from=" + url.QueryEscape(watch.FormatTime(from)) + "&to=" + url.QueryEscape(watch.FormatTime(to))
}

func TestVideo_PlaysByRangeForAStatedPurposeAndIsNotedOnce(t *testing.T) {
	s, from, to := filmed(t)
	path := prefix + "/cameras/cam-1/video.mp4?" + span(from, to)
	s.problem("chair", get, path, "", http.StatusUnprocessableEntity, "purpose_needed")
	s.problem("chair", get, path+"&purpose=apa", "", http.StatusUnprocessableEntity, "purpose_needed")
	s.problem("guard", get, path+"&purpose=pemeriksaan", "", http.StatusForbidden, "forbidden")
	path += "&purpose=" + url.QueryEscape("laporan warga")
	res, whole := s.do(s.request("chair", get, path, ""))
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "video/mp4" || res.Header.Get("Accept-Ranges") != "bytes" {
		t.Fatalf("%d %v %.200s", res.StatusCode, res.Header, whole)
	}
	if len(whole) < 1000 || whole[4:8] != "ftyp" {
		t.Fatalf("%d bytes that begin %q", len(whole), whole[:min(16, len(whole))])
	}
	for _, c := range []struct {
		ask, want string
		status    int
	}{
		{"bytes=0-99", whole[:100], http.StatusPartialContent},
		{"bytes=100-1099", whole[100:1100], http.StatusPartialContent},
		{"bytes=-50", whole[len(whole)-50:], http.StatusPartialContent},
		{fmt.Sprintf("bytes=%d-", len(whole)-10), whole[len(whole)-10:], http.StatusPartialContent},
	} {
		r := s.request("chair", get, path, "")
		r.Header.Set("Range", c.ask)
		if res, part := s.do(r); res.StatusCode != c.status || part != c.want {
			t.Errorf("%s: %d, %d bytes, want %d", c.ask, res.StatusCode, len(part), len(c.want))
		}
	}
	for _, hostile := range []string{"bytes=99999999999-", "bytes=a-b", "bytes=" + strings.Repeat("0-1,", 5000) + "0-1"} {
		r := s.request("chair", get, path, "")
		r.Header.Set("Range", hostile)
		if res, _ := s.do(r); res.StatusCode >= 500 {
			t.Errorf("range %.30s: %d", hostile, res.StatusCode)
		}
	}
	views, err := s.journal.Events(t.Context(), journal.Query{Kinds: []string{kindViewed}})
	must(t, err)
	if len(views) != 1 || views[0].Actor != s.sign("chair").Person.ID || views[0].Device != "cam-1" || !strings.Contains(string(views[0].Body), "laporan warga") {
		t.Errorf("journaled %+v", views)
	}
}

func TestVideo_WhatWasNotRecordedIsSaid(t *testing.T) {
	s, from, _ := filmed(t)
	ago := from.Add(-48 * time.Hour)
	path := prefix + "/cameras/cam-1/video.mp4?purpose=pemeriksaan&"
	s.problem("chair", get, path+span(ago, ago.Add(time.Minute)), "", http.StatusNotFound, "no_video")
	s.problem("chair", get, path+span(ago, from), "", http.StatusUnprocessableEntity, "bad_field")
	s.problem("chair", get, path+span(from, from), "", http.StatusUnprocessableEntity, "bad_field")
	s.problem("chair", get, path+"from=0&to=9", "", http.StatusUnprocessableEntity, "bad_field")
	s.problem("chair", get, path+"from=0001-01-01T00:00:00Z&to=9999-01-01T00:00:00Z", "", http.StatusUnprocessableEntity, "bad_field")
	s.problem("chair", get, path+span(from, from.Add(time.Second))+"&stream=../../etc", "", http.StatusUnprocessableEntity, "bad_field")
	views, err := s.journal.Events(t.Context(), journal.Query{Kinds: []string{kindViewed}})
	must(t, err)
	if len(views) != 0 {
		t.Errorf("%d views of nothing are journaled", len(views))
	}
}

func TestSegmentsAndGaps_ListWhatIsThere(t *testing.T) {
	s, from, _ := filmed(t)
	var segments list[Segment]
	s.call("guard", get, prefix+"/cameras/cam-1/segments", "", http.StatusOK, &segments)
	if len(segments.Items) != 1 || segments.Items[0].Codec != watch.MJPEG || segments.Items[0].SHA256 == "" || !segments.Items[0].Start.Equal(from) {
		t.Errorf("segments %+v", segments.Items)
	}
	var gaps list[Gap]
	s.call("guard", get, prefix+"/cameras/cam-1/gaps", "", http.StatusOK, &gaps)
	if len(gaps.Items) == 0 || gaps.Items[len(gaps.Items)-1].Reason == "" {
		t.Errorf("gaps %+v", gaps.Items)
	}
	s.problem("guard", get, prefix+"/cameras/cam-9/segments", "", http.StatusNotFound, "not_found")
	s.problem("guard", get, prefix+"/cameras/cam-1/segments?from=2001-01-01T00:00:00Z", "", http.StatusUnprocessableEntity, "bad_field")
}

func TestSnapshot_NewestIsFreeAndRecordedNeedsAPurpose(t *testing.T) {
	s, from, _ := filmed(t)
	res, picture := s.do(s.request("guard", get, prefix+"/cameras/cam-1/snapshot.jpg", ""))
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(picture, "\xff\xd8") || res.Header.Get("X-Picture-Time") == "" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	at := prefix + "/cameras/cam-1/snapshot.jpg?at=" + url.QueryEscape(watch.FormatTime(from.Add(100*time.Millisecond)))
	s.problem("chair", get, at, "", http.StatusUnprocessableEntity, "purpose_needed")
	res, picture = s.do(s.request("chair", get, at+"&purpose=pemeriksaan", ""))
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(picture, "\xff\xd8") {
		t.Errorf("%d %.100s", res.StatusCode, picture)
	}
	if got := res.Header.Get("X-Picture-Time"); got != watch.FormatTime(from) {
		t.Errorf("the picture is of %s, the last before the moment asked for is of %s", got, watch.FormatTime(from))
	}
}

func TestTechnician_SeesOnlyWhatHePutUp(t *testing.T) {
	s, _, _ := filmed(t)
	s.problem("technician", get, prefix+"/cameras/cam-1/snapshot.jpg", "", http.StatusForbidden, "forbidden")
	s.call("technician", post, prefix+"/devices", `{"id":"cam-2","driver":"rtsp","name":"MJN-GUD-02","zone":"gudang","config":{"url":"rtsp://127.0.0.1/y"},"secrets":{"password":"x"}}`, http.StatusCreated, nil)
	s.problem("technician", get, prefix+"/cameras/cam-2/snapshot.jpg", "", http.StatusConflict, "not_live")
}

func TestLiveMP4_SendsTheCodingThenPictures(t *testing.T) {
	s, _, _ := filmed(t)
	address := "ws" + strings.TrimPrefix(s.url, "http") + prefix + "/cameras/cam-1/live.mp4?stream=main"
	h := http.Header{"Cookie": {cookieName + "=" + s.token("guard")}}
	s.pictures(time.Now(), 1)
	conn, res, err := websocket.DefaultDialer.Dial(address, h)
	if err != nil {
		t.Fatalf("%v %v", err, res)
	}
	defer conn.Close()
	kind, data, err := conn.ReadMessage()
	must(t, err)
	var head feedHead
	must(t, json.Unmarshal(data, &head))
	if kind != websocket.TextMessage || head.MIME != "image/jpeg" || head.Reason == "" {
		t.Errorf("first message %d %s", kind, data)
	}
	kind, data, err = conn.ReadMessage()
	must(t, err)
	if kind != websocket.BinaryMessage || binary.BigEndian.Uint16(data) != 0xffd8 {
		t.Errorf("second message %d, %d bytes", kind, len(data))
	}
	h.Set("Origin", "https://evil.example")
	if conn, res, err := websocket.DefaultDialer.Dial(address, h); err == nil {
		_ = conn.Close()
		t.Error("a page of another site sees the picture")
	} else if res.StatusCode != http.StatusForbidden {
		t.Errorf("another site's page: %d", res.StatusCode)
	}
}
