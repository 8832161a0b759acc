package sim

import (
	"fmt"
	"time"
)

// cameraFaults is what is wrong with a camera at the moment.
type cameraFaults struct {
	silent bool
	refuse bool
	hidden bool
	offset time.Duration
	loses  uint32 // one RTP packet in so many; 0: none
}

func (s *CameraServer) player(path string) (*player, error) {
	p := s.players[path]
	if p == nil {
		return nil, fmt.Errorf("sim: there is no camera %q", path)
	}
	return p, nil
}

func (s *CameraServer) fault(path string, set func(*cameraFaults)) error {
	p, err := s.player(path)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	set(&p.wrong)
	return nil
}

// Silence makes a camera keep its connections and send nothing, or ends that.
func (s *CameraServer) Silence(path string, on bool) error {
	return s.fault(path, func(f *cameraFaults) { f.silent = on })
}

// RefusePassword makes a camera refuse its own password, as after a change, or ends that. Playing sessions go on.
func (s *CameraServer) RefusePassword(path string, on bool) error {
	return s.fault(path, func(f *cameraFaults) { f.refuse = on })
}

// Hide makes a camera's path unknown (404), or ends that. Playing sessions go on.
func (s *CameraServer) Hide(path string, on bool) error {
	return s.fault(path, func(f *cameraFaults) { f.hidden = on })
}

// ClockOffset sets the camera's clock ahead (or back) of ours in its RTCP sender reports.
func (s *CameraServer) ClockOffset(path string, offset time.Duration) error {
	return s.fault(path, func(f *cameraFaults) { f.offset = offset })
}

// Lose makes a camera lose one RTP packet in so many, as a bad network does; 0 ends that.
func (s *CameraServer) Lose(path string, oneIn int) error {
	return s.fault(path, func(f *cameraFaults) { f.loses = uint32(max(oneIn, 0)) })
}

// Disconnect closes all sessions of a camera.
func (s *CameraServer) Disconnect(path string) error {
	p, err := s.player(path)
	if err != nil {
		return err
	}
	for _, ss := range p.viewers() {
		ss.Close()
	}
	return nil
}

// Viewers is the number of sessions that play a camera or are about to.
func (s *CameraServer) Viewers(path string) int {
	p, err := s.player(path)
	if err != nil {
		return 0
	}
	return len(p.viewers())
}

// ChangeClip makes a camera go on with another clip of the same codecs, as when somebody changes its
// resolution: the parameter sets change in the middle of the stream.
func (s *CameraServer) ChangeClip(path, name string) error {
	p, err := s.player(path)
	if err != nil {
		return err
	}
	k, err := loadClip(s.opts.Footage, name)
	if err != nil {
		return err
	}
	if k.h265 != p.first.h265 {
		return fmt.Errorf("sim: clip %s: the camera's codec cannot change while it plays", name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = k
	return nil
}
