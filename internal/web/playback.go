package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"siaga/internal/auth"
	"siaga/internal/record"
	"siaga/internal/registry"
	"siaga/internal/watch"
)

// Limits of what one request may ask of the recording.
const (
	longestList  = 7 * 24 * time.Hour
	aroundCase   = time.Hour   // of footage before and after an incident that its number opens
	testView     = time.Minute // how far back a technician looks at a device that he put up
	leastPurpose = 5           // characters
)

type spanQuery struct {
	Slug
	Stream string    `query:"stream" enum:"main,sub" default:"main"`
	From   time.Time `query:"from" doc:"absent: 24 hours before to"`
	To     time.Time `query:"to" doc:"absent: now"`
}

func (q *spanQuery) clean(now time.Time) error {
	if q.To.IsZero() {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-24 * time.Hour)
	}
	if !q.From.Before(q.To) {
		return badField("query.from", "it is not before to")
	}
	if q.To.Sub(q.From) > longestList {
		return badField("query.from", "more than %d days before to; ask for less", longestList/(24*time.Hour))
	}
	return nil
}

// Segment is one recorded file.
type Segment struct {
	Seq    uint64      `json:"seq" doc:"of its segment.closed event; 0 while it is written"`
	Start  watch.Time  `json:"start"`
	End    watch.Time  `json:"end"`
	Bytes  int64       `json:"bytes"`
	SHA256 string      `json:"sha256" doc:"base64; empty while it is written"`
	Codec  watch.Codec `json:"codec"`
	Path   string      `json:"path"`
	Held   bool        `json:"held"`
	Open   bool        `json:"open"`
}

func (s *Server) listSegments(ctx context.Context, in *spanQuery) (*reply[list[Segment]], error) {
	if err := s.cleanSpan(in); err != nil {
		return nil, err
	}
	segments, err := s.opt.Recorder.Segments(ctx, in.ID, in.Stream, in.From, in.To)
	if err != nil {
		return nil, err
	}
	out := list[Segment]{Items: []Segment{}}
	for _, g := range segments {
		v := Segment{Seq: g.Seq, Start: watch.Time{Time: g.Start}, End: watch.Time{Time: g.End}, Bytes: g.Bytes, Path: g.Path, Held: g.Held, Open: g.Open}
		if !g.Open {
			v.SHA256 = base64.StdEncoding.EncodeToString(g.SHA256[:])
		}
		for _, t := range g.Tracks {
			if t.Codec.Video() {
				v.Codec = t.Codec
			}
		}
		out.Items = append(out.Items, v)
	}
	return answered(out), nil
}

func (s *Server) cleanSpan(in *spanQuery) error {
	if _, ok := s.opt.Registry.Device(in.ID); !ok {
		return notFound("camera", in.ID)
	}
	return in.clean(s.now())
}

// Gap is a span without video.
type Gap struct {
	From   watch.Time   `json:"from"`
	To     watch.Time   `json:"to" doc:"null while it lasts"`
	Reason watch.Reason `json:"reason"`
	Detail string       `json:"detail"`
	By     string       `json:"by" doc:"person who switched off"`
}

func (s *Server) listGaps(ctx context.Context, in *spanQuery) (*reply[list[Gap]], error) {
	if err := s.cleanSpan(in); err != nil {
		return nil, err
	}
	gaps, err := s.opt.Recorder.Gaps(ctx, in.ID, in.Stream, in.From, in.To)
	if err != nil {
		return nil, err
	}
	out := list[Gap]{Items: []Gap{}}
	for _, g := range gaps {
		out.Items = append(out.Items, Gap{From: watch.Time{Time: g.Start}, To: watch.Time{Time: g.End}, Reason: g.Reason, Detail: g.Detail, By: g.Who})
	}
	return answered(out), nil
}

// playback is what somebody wants to see of the recording, and on what ground.
type playback struct {
	device   registry.Device
	stream   string
	from, to time.Time
	incident string
	purpose  string
	what     string // viewedVideo or viewedPicture
}

// video is recorded video as one file.
func (s *Server) video(w http.ResponseWriter, r *http.Request) {
	v, p := s.playback(r, viewedVideo)
	if p == nil {
		p = s.mayPlay(r.Context(), callerOf(r.Context()), &v)
	}
	if p != nil {
		p.logged(r).write(w)
		return
	}
	file, err := s.opt.Recorder.OpenVideo(r.Context(), v.device.ID, v.stream, v.from, v.to)
	if err != nil {
		recordProblem(err).logged(r).write(w)
		return
	}
	defer func() { _ = file.Close() }() // only read
	if r.Method == http.MethodGet {
		if err := s.noteView(r.Context(), callerOf(r.Context()), v); err != nil {
			asProblem(err).logged(r).write(w)
			return
		}
	}
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	h.Set(cacheControl, "private, no-store")
	h.Set("ETag", fmt.Sprintf(`"%s.%s-%d-%d-%d"`, v.device.ID, v.stream, v.from.UnixMilli(), v.to.UnixMilli(), file.Size()))
	h.Set("X-Video-End", watch.FormatTime(file.End()))
	h.Set("X-Video-Whole", strconv.FormatBool(file.Whole()))
	h.Set("X-Video-Spans", spanList(file.Spans()))
	http.ServeContent(&patient{w, http.NewResponseController(w)}, r, "", time.Time{}, file)
}

// Neighbouring spans whose times meet within this are told as one; more than maxSpans are not told.
const (
	spansMeet = 400 * time.Millisecond
	maxSpans  = 200
)

// spanList says which part of a video shows which time, as [[offset, from, to], …] in ms: gaps are skipped in a video.
func spanList(spans []record.VideoSpan) string {
	out := [][3]int64{}
	var end time.Time
	for _, v := range spans {
		if n := len(out); n > 0 && v.From.Sub(end).Abs() <= spansMeet {
			out[n-1][2] = v.To.UnixMilli()
		} else if n < maxSpans {
			out = append(out, [3]int64{v.Offset.Milliseconds(), v.From.UnixMilli(), v.To.UnixMilli()})
		}
		end = v.To
	}
	text, err := json.Marshal(out)
	if err != nil {
		return "[]" // numbers cannot fail
	}
	return string(text)
}

// patient gives each write of a long answer its own time, instead of one for the whole.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(answerTime))
	return p.ResponseWriter.Write(b)
}

// recordedPicture is a picture out of the recording.
func (s *Server) recordedPicture(w http.ResponseWriter, r *http.Request) {
	v, p := s.playback(r, viewedPicture)
	if p == nil {
		p = s.mayPlay(r.Context(), callerOf(r.Context()), &v)
	}
	if p != nil {
		p.logged(r).write(w)
		return
	}
	unit, err := s.opt.Recorder.Frame(r.Context(), v.device.ID, v.stream, v.from)
	if err != nil {
		recordProblem(err).logged(r).write(w)
		return
	}
	jpeg, err := s.opt.View.JPEG(r.Context(), unit)
	if err != nil {
		liveProblem(err).logged(r).write(w)
		return
	}
	if err := s.noteView(r.Context(), callerOf(r.Context()), v); err != nil {
		asProblem(err).logged(r).write(w)
		return
	}
	writePicture(w, jpeg, unit.At)
}

func recordProblem(err error) *Problem {
	if errors.Is(err, record.ErrNoVideo) {
		return problem(http.StatusNotFound, "no_video", "there is no video in this span; gaps says why")
	}
	return asProblem(err)
}

// playback reads the query of a request for recorded video or a picture.
func (s *Server) playback(r *http.Request, what string) (playback, *Problem) {
	q := r.URL.Query()
	v := playback{stream: q.Get("stream"), incident: q.Get("incident"), purpose: strings.TrimSpace(q.Get("purpose")), what: what}
	var ok bool
	if v.device, ok = s.opt.Registry.Device(r.PathValue("id")); !ok {
		return v, notFound("camera", r.PathValue("id"))
	}
	if v.stream == "" {
		v.stream = "main"
	}
	if v.stream != "main" && v.stream != "sub" {
		return v, badField("query.stream", "%.40q is not a stream; main and sub are", v.stream)
	}
	if len(v.incident) > 64 || len(v.purpose) > 500 {
		return v, badField("query.purpose", "at most 500 bytes")
	}
	var p *Problem
	if what == viewedPicture {
		v.from, p = parseTime("at", q.Get("at"))
		v.to = v.from
		return v, p
	}
	if v.from, p = parseTime("from", q.Get("from")); p != nil {
		return v, p
	}
	if v.to, p = parseTime("to", q.Get("to")); p != nil {
		return v, p
	}
	if !v.from.Before(v.to) {
		return v, badField("query.to", "it is not after from")
	}
	if v.to.Sub(v.from) > record.LongestVideo {
		return v, badField("query.to", "a video spans at most %v; ask for less", record.LongestVideo)
	}
	return v, nil
}

// mayPlay checks the ground on which somebody wants to see a recording: an incident, a purpose, or a technician's test.
func (s *Server) mayPlay(ctx context.Context, who *caller, v *playback) *Problem {
	switch {
	case v.incident != "":
		return s.mayPlayIncident(ctx, who, v)
	case len([]rune(v.purpose)) < leastPurpose:
		return problem(http.StatusUnprocessableEntity, "purpose_needed", "say for which incident= or purpose= (at least %d characters); it is kept in the log of views", leastPurpose)
	case who.can(auth.RightPlayAny, auth.ScopeFull):
		return nil
	case who.can(auth.RightPlayIncident, auth.ScopeTest) && v.device.CreatedBy == who.ID && s.now().Sub(v.from) <= testView+10*time.Second:
		return nil // the request has been under way for a few seconds
	}
	return forbidden(who, auth.RightPlayAny)
}

func (s *Server) mayPlayIncident(ctx context.Context, who *caller, v *playback) *Problem {
	d, err := s.opt.Desk.Detail(ctx, v.incident)
	if err != nil {
		return asProblem(caseError(err))
	}
	if !who.concerns(d.Incident.Category) {
		return notFound("incident", v.incident)
	}
	if !who.can(auth.RightPlayIncident, auth.ScopeFull, auth.ScopeCyber) {
		return forbidden(who, auth.RightPlayIncident)
	}
	v.incident = d.Incident.ID
	if who.can(auth.RightPlayAny, auth.ScopeFull) {
		return nil
	}
	if !d.Incident.State.Open() {
		return problem(http.StatusForbidden, "forbidden", "incident %s is not open any more; its footage needs the right %s", d.Incident.Number, auth.RightPlayAny)
	}
	if v.from.Before(d.From.Add(-aroundCase)) || v.to.After(s.now().Add(aroundCase)) {
		return problem(http.StatusForbidden, "outside_incident", "incident %s opens footage from %s on", d.Incident.Number, watch.FormatTime(d.From.Add(-aroundCase)))
	}
	return nil
}
