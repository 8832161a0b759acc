// Package rtsp drives a camera over RTSP: one main stream and, if there is one, a sub stream.
//
// Transport. "auto" asks for TCP first and takes UDP when the camera will not do TCP: a recorder wants every
// packet, and one busy switch loses more UDP than a site would believe. "udp" asks for UDP and takes TCP when
// the camera refuses it or when nothing arrives within 3 s. "tcp" never changes. RTSPS is always TCP.
//
// Access units. Data never holds access unit delimiters, filler, or the parameter sets that Format already
// carries: fMP4 wants those outside the samples, and WebRTC puts Format's own in front of a key frame. A
// parameter set with another id than the one in Format (a second PPS) stays in Data. When a set changes, every
// later unit carries a new Format. Nothing is delivered before the first key frame of a connection.
//
// Time. PTS counts from the moment PLAY was answered. At is our arrival time, or the camera's own time by its
// sender reports while its clock is within half a second of ours (left again beyond one second).
//
// Readings: camera.online and camera.format_changed (facts, main stream), camera.sub_online and
// camera.sub_lost (facts), camera.clock and camera.packets_lost (samples), and device.described with the name of the
// program that the camera runs, which is all that RTSP tells of it.
package rtsp

import (
	"context"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"siaga/devices"
	"siaga/internal/watch"
)

// Driver returns the driver of kind "rtsp".
func Driver() devices.Driver {
	return devices.Driver{Kind: "rtsp", New: open}
}

func open(s devices.Settings) (devices.Device, error) {
	c, err := readConfig(s.Config)
	if err != nil {
		return nil, err
	}
	if err := c.addSecrets(s.Secrets); err != nil {
		return nil, err
	}
	return &device{config: c}, nil
}

// device is one camera. It is safe to Run again after Run returned, and to Probe while it runs.
type device struct {
	config config
	runs   atomic.Uint64 // connections made so far, of both streams
}

// How long the sub stream rests after it failed. A refused password rests longer, so that the camera does not
// lock us out.
const (
	subRest        = 10 * time.Second
	subRestRefused = 30 * time.Second
)

// Run plays the main stream until it breaks; the sub stream comes and goes beside it and never ends the run.
// It returns a *watch.Fault, or ctx.Err() when it was told to stop.
func (d *device) Run(ctx context.Context, host devices.Host) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reports := newReporter(host)
	var sub, rest sync.WaitGroup
	rest.Go(reports.run)
	main := d.session("main", d.config.main, host.Media, reports)
	main.watched = audienceOf(host)
	if d.config.sub != nil {
		sub.Go(func() { d.keepSub(ctx, main.online, host, reports) })
	}
	err := main.run(ctx)
	cancel()
	sub.Wait()
	reports.close()
	rest.Wait()
	return err
}

// keepSub plays the sub stream until ctx ends. It waits for the main stream first: two logins with a wrong
// password at once lock some cameras.
func (d *device) keepSub(ctx context.Context, mainOnline <-chan struct{}, host devices.Host, reports *reporter) {
	select {
	case <-mainOnline:
	case <-ctx.Done():
		return
	}
	lost := false
	for ctx.Err() == nil {
		s := d.session("sub", d.config.sub, host.Media, reports)
		s.watched = audienceOf(host)
		err := s.run(ctx)
		if ctx.Err() != nil {
			return
		}
		rest := subRest
		if watch.ReasonOf(err) == watch.ReasonRefused {
			rest = subRestRefused
		}
		if wasOnline(s) || !lost {
			reports.subLost(ctx, err, rest)
			lost = true
		}
		pause(ctx, rest)
	}
}

func wasOnline(s *session) bool {
	select {
	case <-s.online:
		return true
	default:
		return false
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// audienceOf says whether somebody watches a stream. A host that does not know gets every picture at once.
func audienceOf(host devices.Host) func(stream string) bool {
	if a, ok := host.(devices.Audience); ok {
		return a.Watched
	}
	return func(string) bool { return true }
}

func (d *device) session(stream string, u *url.URL, media func(watch.AccessUnit), reports *reporter) *session {
	return &session{
		config: d.config, stream: stream, url: u, nextRun: func() uint64 { return d.runs.Add(1) },
		media: media, reports: reports, watched: audienceOf(nil), online: make(chan struct{}), news: make(chan struct{}, 1),
		broken: make(chan struct{}),
	}
}
