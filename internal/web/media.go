package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"siaga/internal/auth"
	"siaga/internal/registry"
	"siaga/internal/view"
	"siaga/internal/watch"
)

const sdpType = "application/sdp"

// camera is the registered device of a media path, if the caller may see its live picture.
func (s *Server) camera(r *http.Request) (registry.Device, *Problem) {
	d, ok := s.opt.Registry.Device(r.PathValue("id"))
	if !ok {
		return d, notFound("camera", r.PathValue("id"))
	}
	// A technician has a test view of what he put up himself, and of nothing else.
	who := callerOf(r.Context())
	if !who.can(auth.RightLiveConsole, auth.ScopeFull, auth.ScopeRead) && d.CreatedBy != who.ID {
		return d, problem(http.StatusForbidden, "forbidden", "a test view is for devices that you registered yourself")
	}
	return d, nil
}

// liveStream is the stream that was asked for, or the sub stream where the camera has one.
func (s *Server) liveStream(r *http.Request, device string) (string, *Problem) {
	switch name := r.URL.Query().Get("stream"); name {
	case "main", "sub":
		return name, nil
	case "":
		if _, err := s.opt.View.State(device, "sub"); err == nil {
			return "sub", nil
		}
		return "main", nil
	default:
		return "", badField("query.stream", "%.40q is not a stream; main and sub are", name)
	}
}

// whepOffer takes a browser's offer for a live stream.
func (s *Server) whepOffer(w http.ResponseWriter, r *http.Request) {
	d, p := s.camera(r)
	if p != nil {
		p.write(w)
		return
	}
	name, p := s.liveStream(r, d.ID)
	if p != nil {
		p.write(w)
		return
	}
	offer, err := io.ReadAll(r.Body)
	if err != nil {
		asProblem(err).write(w)
		return
	}
	answer, session, err := s.opt.View.Answer(r.Context(), d.ID, name, string(offer))
	if err != nil {
		liveProblem(err).logged(r).write(w)
		return
	}
	if err := s.noteView(r.Context(), callerOf(r.Context()), playback{device: d, stream: name, what: viewedLive}); err != nil {
		asProblem(errors.Join(err, s.opt.View.Hangup(session))).logged(r).write(w)
		return
	}
	s.calls.add(session, callerOf(r.Context()))
	w.Header().Set("Content-Type", sdpType)
	w.Header().Set("Location", prefix+"/cameras/"+d.ID+"/whep/"+session)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) // the browser went away; view notices
}

// whepHangup ends what whepOffer began.
func (s *Server) whepHangup(w http.ResponseWriter, r *http.Request) {
	session := r.PathValue("session")
	if !s.calls.remove(session, callerOf(r.Context())) {
		notFound("live view", session).write(w)
		return
	}
	// It may have ended by itself in the meantime, which is what was wanted.
	if err := s.opt.View.Hangup(session); err != nil && !errors.Is(err, view.ErrNoSession) {
		asProblem(err).logged(r).write(w)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// liveProblem says why there is no live picture.
func liveProblem(err error) *Problem {
	var needs *view.NeedsFMP4
	var notLive *view.NotLive
	switch {
	case errors.As(err, &needs):
		return problem(http.StatusConflict, "needs_fmp4", "%s", needs.Reason)
	case errors.As(err, &notLive):
		return problem(http.StatusConflict, "not_live", "%s", notLive.Error())
	case errors.Is(err, view.ErrOffer):
		return problem(http.StatusUnprocessableEntity, "bad_offer", "%s", err.Error())
	case errors.Is(err, view.ErrTooMany):
		return problem(http.StatusServiceUnavailable, "too_many", "%s", err.Error())
	case errors.Is(err, view.ErrNotRunning):
		return problem(http.StatusServiceUnavailable, "stopping", "live view is not running")
	case errors.Is(err, view.ErrNoFFmpeg):
		return problem(http.StatusServiceUnavailable, "no_decoder", "%s", err.Error())
	}
	return asProblem(err)
}

// liveMP4 is the live picture for what WebRTC cannot carry: a text with the media type, then fragments.
func (s *Server) liveMP4(w http.ResponseWriter, r *http.Request) {
	d, p := s.camera(r)
	if p != nil {
		p.write(w)
		return
	}
	name, p := s.liveStream(r, d.ID)
	if p != nil {
		p.write(w)
		return
	}
	if !sameOrigin(r) {
		problem(http.StatusForbidden, "cross_origin", "the live picture is for pages of this site").write(w)
		return
	}
	feed, err := s.opt.View.Subscribe(d.ID, name)
	if err != nil {
		liveProblem(err).logged(r).write(w)
		return
	}
	defer feed.Close()
	if err := s.noteView(r.Context(), callerOf(r.Context()), playback{device: d, stream: name, what: viewedLive}); err != nil {
		asProblem(err).logged(r).write(w)
		return
	}
	state, _ := s.opt.View.State(d.ID, name)
	s.runSocket(w, r, true, func(ctx context.Context, conn *socket) error {
		return passFeed(ctx, conn, feed, state.NoWebRTC)
	})
}

// feedHead is the text before the fragments.
type feedHead struct {
	MIME   string `json:"mime"`
	Reason string `json:"reason"` // why WebRTC cannot carry it
}

func passFeed(ctx context.Context, conn *socket, feed *view.Feed, reason string) error {
	mime := ""
	for {
		c, err := nextChunk(ctx, feed)
		if errors.Is(err, context.DeadlineExceeded) {
			if err := conn.flush(); err != nil { // nothing to show; the ping goes out
				return err
			}
			continue
		} else if err != nil {
			return err
		}
		if c.Kind == view.KindJPEG {
			c.MIME = "image/jpeg"
		}
		if mime != "" && c.MIME != "" && c.MIME != mime {
			return nil // a player takes one coding; it comes back for the other
		}
		if c.MIME != "" && mime == "" {
			mime = c.MIME
			head, err := json.Marshal(feedHead{MIME: mime, Reason: reason})
			if err != nil {
				return err
			}
			if err := conn.add(textFrame(head)); err != nil {
				return err
			}
		}
		if err := conn.add(binaryFrame(c.Data)); err != nil {
			return err
		}
		if err := conn.flush(); err != nil {
			return err
		}
	}
}

// nextChunk waits no longer than a ping may be put off.
func nextChunk(ctx context.Context, feed *view.Feed) (view.Chunk, error) {
	limited, cancel := context.WithTimeout(ctx, socketPing)
	defer cancel()
	c, err := feed.Next(limited)
	if err != nil && ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	return c, err
}

// snapshot is the newest picture, or with ?at= one out of the recording.
func (s *Server) snapshot(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("at") {
		s.recordedPicture(w, r)
		return
	}
	d, p := s.camera(r)
	if p != nil {
		p.write(w)
		return
	}
	jpeg, at, err := s.opt.View.Snapshot(r.Context(), d.ID)
	if err != nil {
		liveProblem(err).logged(r).write(w)
		return
	}
	if err := s.noteView(r.Context(), callerOf(r.Context()), playback{device: d, what: viewedLivePicture}); err != nil {
		asProblem(err).logged(r).write(w)
		return
	}
	writePicture(w, jpeg, at)
}

func writePicture(w http.ResponseWriter, jpeg []byte, at time.Time) {
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Content-Length", strconv.Itoa(len(jpeg)))
	w.Header().Set("X-Picture-Time", watch.FormatTime(at))
	_, _ = w.Write(jpeg) // the browser went away
}

// parseTime reads a time of a query.
func parseTime(name, text string) (time.Time, *Problem) {
	// A plus sign that was not encoded arrives as a space.
	at, err := time.Parse(time.RFC3339Nano, strings.ReplaceAll(text, " ", "+"))
	if err != nil || at.Year() < 2000 || at.Year() > 2200 {
		return at, badField("query."+name, "%.60q is not a time as 2026-11-22T14:15:08.123Z", text)
	}
	return at.UTC(), nil
}
