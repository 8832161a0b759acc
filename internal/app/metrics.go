package app

import (
	"context"
	"time"

	"siaga/internal/watch"
	"siaga/internal/web"
)

// counts are the figures of rooms that the front door does not know, for /metrics: one for every promise.
func (a *App) counts() []web.Count {
	out := []web.Count{
		{Name: "siaga_build_info", Help: "The running program.", Label: "version", Of: a.version, Value: 1},
		{Name: "siaga_journal_waiting", Help: "Submissions waiting for the transaction under way.", Value: float64(a.journal.Waiting())},
	}
	out = append(out, a.lags()...)
	out = append(out, a.recordCounts()...)
	out = append(out, a.deviceCounts()...)
	for id, t := range a.rules.Troubles() {
		out = append(out, web.Count{
			Name: "siaga_rules_blind_total", Help: "Times that a rule's expression could not be evaluated.",
			Label: "rule", Of: id, Value: float64(t.Times), Rising: true,
		})
	}
	return out
}

// lags are how far behind the log its followers are, and whether the site counts as ready.
func (a *App) lags() []web.Count {
	ctx, cancel := context.WithTimeout(context.Background(), readyIn)
	defer cancel()
	ready := 0.0
	if a.ready(ctx) == nil {
		ready = 1
	}
	out := []web.Count{{Name: "siaga_ready", Help: "1 when /readyz says ready.", Value: ready}}
	if late, err := a.judgeLag(ctx); err == nil {
		out = append(out, web.Count{Name: "siaga_judge_lag_seconds", Help: "Age of the oldest event that rules have not seen.", Value: late.Seconds()})
	}
	if late, err := a.sealLag(ctx); err == nil {
		out = append(out, web.Count{Name: "siaga_checkpoint_lag_seconds", Help: "Age of the oldest event that no signed checkpoint covers.", Value: late.Seconds()})
	}
	if c, err := a.journal.LastCheckpoint(ctx); err == nil && !c.At.IsZero() {
		out = append(out, web.Count{Name: "siaga_checkpoint_age_seconds", Help: "Age of the newest signed checkpoint; it only grows while nothing happens.", Value: time.Since(c.At).Seconds()})
	}
	return out
}

func (a *App) recordCounts() []web.Count {
	m := &a.recorder.Metrics
	rising := func(name, help string, v uint64) web.Count {
		return web.Count{Name: name, Help: help, Value: float64(v), Rising: true}
	}
	out := []web.Count{
		rising("siaga_record_bytes_total", "Video written.", m.Bytes.Load()),
		rising("siaga_record_units_total", "Frames and audio units written.", m.Units.Load()),
		rising("siaga_record_segments_total", "Video files closed and journaled.", m.Segments.Load()),
		rising("siaga_record_recovered_total", "Video files finished after a crash.", m.Recovered.Load()),
		rising("siaga_record_dropped_total", "Frames not recorded because the disk was too slow.", m.Dropped.Load()),
		rising("siaga_record_disk_errors_total", "File operations that failed.", m.DiskErrors.Load()),
		rising("siaga_record_expired_total", "Video files deleted by retention.", m.Expired.Load()),
		rising("siaga_record_syncs_total", "Periodic syncs of open video files.", m.Syncs.Load()),
		{Name: "siaga_record_waiting_bytes", Help: "Video waiting for the disk.", Value: float64(a.recorder.Waiting())},
		{Name: "siaga_record_exposure_max_seconds", Help: "The most video that a power cut could have taken.", Value: time.Duration(m.MaxExposure.Load()).Seconds()},
		{Name: "siaga_record_sync_max_seconds", Help: "The slowest sync of a video file.", Value: time.Duration(m.MaxSync.Load()).Seconds()},
	}
	for why, long := range m.Gaps.Total() {
		out = append(out, web.Count{
			Name: "siaga_record_gap_seconds_total", Help: "Time without video, explained, summed over streams.",
			Label: "reason", Of: string(why), Value: long.Seconds(), Rising: true,
		})
	}
	if u, err := a.recorder.Disk(); err == nil {
		out = append(out,
			web.Count{Name: "siaga_disk_total_bytes", Help: "Size of the file system with the video.", Value: float64(u.Total)},
			web.Count{Name: "siaga_disk_free_bytes", Help: "Of it free.", Value: float64(u.Free)})
	}
	full := 0.0
	if a.recorder.DiskFull() {
		full = 1
	}
	return append(out, web.Count{Name: "siaga_disk_full", Help: "1 while no video can be recorded because the disk is full.", Value: full})
}

func (a *App) deviceCounts() []web.Count {
	by := map[watch.Status]float64{
		watch.StatusOnline: 0, watch.StatusOffline: 0, watch.StatusConnecting: 0, watch.StatusDisabled: 0, watch.StatusUnknown: 0,
	}
	var out []web.Count
	for _, d := range a.States() {
		by[d.Status]++
		if d.Status != watch.StatusDisabled && d.Status != watch.StatusUnknown {
			up := 0.0
			if d.Status == watch.StatusOnline {
				up = 1
			}
			out = append(out, web.Count{Name: "siaga_device_up", Help: "1 while a device that was heard of is online.", Label: "device", Of: d.Device, Value: up})
		}
		for _, s := range d.Streams {
			if s.LastFrameAt.IsZero() {
				continue
			}
			out = append(out, web.Count{
				Name: "siaga_stream_frame_age_seconds", Help: "Age of the newest frame of a stream.",
				Label: "stream", Of: d.Device + "." + s.Name, Value: time.Since(s.LastFrameAt.Time).Seconds(),
			})
		}
	}
	for status, n := range by {
		out = append(out, web.Count{Name: "siaga_devices", Help: "Devices by status.", Label: "status", Of: string(status), Value: n})
	}
	return out
}
