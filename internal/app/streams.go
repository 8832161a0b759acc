package app

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"siaga/devices"
	"siaga/internal/journal"
	"siaga/internal/watch"
)

// subLost is what a camera's driver reports when its small stream broke and the main one goes on.
const subLost = "camera.sub_lost"

// host is a device's host. A run that goes on without one of its streams is no run that ended, so fleet does not learn
// of it; the recorder must, or it would wait for frames that nobody expects.
func (a *App) host(device string) devices.Host {
	if a.remains != nil {
		return onlooker{device, a.view}
	}
	return &streamHost{
		Host: a.ingest.Host(device),
		lost: func(name string, err error, at time.Time) {
			a.recorder.StreamInterrupted(device, name, err, at)
		},
		watched: func(stream string) bool { return a.view.Watched(device, stream) },
	}
}

type streamHost struct {
	devices.Host
	lost    func(name string, err error, at time.Time)
	watched func(stream string) bool
}

// Watched reports whether somebody watches a stream live.
func (h *streamHost) Watched(stream string) bool { return h.watched(stream) }

// Observe hands the reading on, and the loss of a stream to the recorder too.
func (h *streamHost) Observe(ctx context.Context, r watch.Reading) (devices.Receipt, error) {
	if r.Kind == subLost && r.Child == "" {
		var body struct {
			Reason watch.Reason `json:"reason"`
			Error  string       `json:"error"`
		}
		if json.Unmarshal(r.Body, &body) == nil {
			h.lost("sub", &watch.Fault{Reason: body.Reason, Doing: "the small stream", Err: errors.New(body.Error)}, r.Received)
		}
	}
	return h.Host.Observe(ctx, r)
}

// followStreams tells the recorder which streams should be recorded, now and after every change of the registry.
func (a *App) followStreams(ctx context.Context) error {
	for {
		changed := a.registry.Changed()
		a.alignStreams(ctx)
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *App) alignStreams(ctx context.Context) {
	now, recorded := time.Now(), a.recorded
	present := map[string]bool{}
	for _, d := range a.registry.Devices() {
		if d.Parent != "" || a.drivers.Gateway(d.Kind) {
			continue
		}
		present[d.ID] = true
		want := false
		for _, s := range d.Streams {
			if !d.Enabled || !s.Record {
				continue
			}
			want = true
			if err := a.recorder.StreamExpected(d.ID, s.Name, now); err != nil {
				slog.Error("stream not recorded", "device", d.ID, "stream", s.Name, "err", err)
			}
		}
		if was, told := recorded[d.ID]; !want && (was || !told) {
			a.recorder.Stopped(d.ID, a.whoChanged(ctx, d.ID), now)
		}
		recorded[d.ID] = want
	}
	for id := range recorded {
		if !present[id] {
			a.recorder.Removed(id, a.whoChanged(ctx, id), now)
			a.view.Forget(id)
			a.hub.Forget(id)
			delete(recorded, id)
		}
	}
}

// whoChanged is the person behind the newest change of a device, "" for the program itself.
func (a *App) whoChanged(ctx context.Context, device string) string {
	events, err := a.journal.Events(ctx, journal.Query{Device: device, Kinds: []string{"device.*"}, Newest: true, Limit: 1})
	if err != nil || len(events) == 0 {
		return ""
	}
	return events[0].Actor
}

// stateEvery is how often the screens are told how streams are doing.
const stateEvery = 2 * time.Second

// tellStates sends device states to the screens when they changed.
func (a *App) tellStates(ctx context.Context) error {
	tick := time.NewTicker(stateEvery)
	defer tick.Stop()
	told := map[string]string{}
	for {
		for _, s := range a.States() {
			raw, err := json.Marshal(s)
			if err != nil || told[s.Device] == string(raw) {
				continue
			}
			told[s.Device] = string(raw)
			a.hub.State(s)
		}
		select {
		case <-tick.C:
		case <-a.nudge:
		case <-ctx.Done():
			return nil
		}
	}
}

// stateChanged has the screens told at once that a device came or went.
func (a *App) stateChanged(watch.DeviceState) {
	select {
	case a.nudge <- struct{}{}:
	default: // they are about to be told
	}
}

// States are the states of all devices: what fleet knows of the link, view of the pictures, the registry of the rest.
func (a *App) States() []watch.DeviceState {
	known := map[string]watch.DeviceState{}
	for _, s := range a.fleet.States() {
		known[s.Device] = s
	}
	live := map[string][]watch.StreamState{}
	recording := map[string]map[string]bool{}
	for _, d := range a.registry.Devices() {
		recording[d.ID] = map[string]bool{}
		for _, s := range d.Streams {
			recording[d.ID][s.Name] = s.Record && d.Enabled && a.remains == nil
		}
	}
	for _, v := range a.view.States() {
		live[v.Device] = append(live[v.Device], watch.StreamState{
			Name: v.Stream, LastFrameAt: watch.Time{Time: v.LastFrame}, FPS: v.FPS, Bitrate: int64(v.Bitrate), Viewers: v.Viewers,
			Codec: v.Codec, Width: v.Width, Height: v.Height, Recording: recording[v.Device][v.Stream], FallbackReason: v.NoWebRTC,
		})
	}
	var out []watch.DeviceState
	for _, d := range a.registry.Devices() {
		s, ok := known[d.ID]
		if !ok {
			s = watch.DeviceState{Device: d.ID, Status: watch.StatusUnknown}
		}
		if !d.Enabled {
			s = watch.DeviceState{Device: d.ID, Status: watch.StatusDisabled, Since: watch.Time{Time: d.Changed}}
		}
		if s.Streams = live[d.ID]; s.Streams == nil {
			s.Streams = []watch.StreamState{}
		}
		out = append(out, s)
	}
	return out
}
