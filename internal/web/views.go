package web

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"siaga/internal/watch"
)

// kindViewed is the event that says who looked at which pictures, and why.
const kindViewed = "act.viewed"

// What somebody looks at, in the event.
const (
	viewedLive        = "live"
	viewedLivePicture = "live_picture"
	viewedVideo       = "video"
	viewedPicture     = "picture"
	viewedProbe       = "probe"
)

// sameView is the time within which requests for the same pictures are one view: a player fetches a video in parts, a
// wall opens its tiles again after each break.
const sameView = 10 * time.Minute

// noteView journals that somebody looks at pictures, before the first byte goes out.
func (s *Server) noteView(ctx context.Context, who *caller, v playback) error {
	key := fmt.Sprintf("%s %s %s %s %d %d %s %s", who.session.ID, v.what, v.device.ID, v.stream, v.from.UnixMilli(), v.to.UnixMilli(), v.incident, v.purpose)
	if !s.views.begin(key, s.now()) {
		return nil
	}
	body, err := json.Marshal(struct {
		What     string     `json:"what"`
		Stream   string     `json:"stream,omitempty"`
		From     watch.Time `json:"from,omitzero"`
		To       watch.Time `json:"to,omitzero"`
		Incident string     `json:"incident,omitempty"`
		Purpose  string     `json:"purpose,omitempty"`
	}{v.what, v.stream, watch.Time{Time: v.from}, watch.Time{Time: v.to}, v.incident, v.purpose})
	if err != nil {
		return err
	}
	receipt, err := s.opt.Journal.Append(ctx, watch.Draft{
		Kind: kindViewed, Device: v.device.ID, Zone: v.device.Zone, Subject: v.incident, Actor: who.ID, Body: body,
	})
	if err == nil {
		err = receipt.Wait(ctx)
	}
	if err != nil {
		s.views.forget(key)
	}
	return err
}

// views are those under way.
type views struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// maxViews bounds what is remembered; beyond it old views go, and a part that comes later counts anew.
const maxViews = 10_000

func newViews() *views { return &views{last: map[string]time.Time{}} }

// begin reports whether this is a new view.
func (v *views) begin(key string, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	last, ok := v.last[key]
	if len(v.last) >= maxViews {
		for k, at := range v.last {
			if now.Sub(at) > sameView {
				delete(v.last, k)
			}
		}
		if len(v.last) >= maxViews {
			clear(v.last)
		}
	}
	v.last[key] = now
	return !ok || now.Sub(last) > sameView
}

func (v *views) forget(key string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.last, key)
}
