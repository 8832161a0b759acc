package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/auth"
)

// CameraOptions says which cameras one server plays.
type CameraOptions struct {
	// Listen is the RTSP address, for example "127.0.0.1:0". UDP ports are found beside it.
	Listen string
	// Footage holds the clips by name: MP4 files with H.264 or H.265 video and AAC audio or none.
	Footage fs.FS
	Cameras []Camera
	// Auth is the sign-in that cameras with a user ask for: "digest" (also when empty), "basic" or "sha256".
	Auth string
	// TLS makes it an RTSPS server.
	TLS *tls.Config
	// NoTCP and NoUDP make cameras that refuse a transport.
	NoTCP, NoUDP bool
}

// Camera is one looping stream.
type Camera struct {
	Path           string        // "cam1"; answers to rtsp://HOST/cam1
	Clip           string        // name in Footage
	Offset         time.Duration // where in the clip it starts
	User, Password string        // empty user: anybody may watch
	Audio          bool          // play the clip's audio too
}

// CameraServer plays cameras. Its methods may be called at any time between NewCameraServer and the end of Run.
type CameraServer struct {
	opts   CameraOptions
	server *gortsplib.Server
	tcp    net.Listener
	udp    [2]net.PacketConn

	players map[string]*player // by path; fixed after NewCameraServer
	ready   chan struct{}      // closed when the players' streams are there
}

// NewCameraServer reads the clips and opens the ports, so that URL is known at once. Run MUST be called to
// serve and to close them again.
func NewCameraServer(o CameraOptions) (*CameraServer, error) {
	s := &CameraServer{opts: o, players: map[string]*player{}, ready: make(chan struct{})}
	clips := map[string]*clip{}
	for _, c := range o.Cameras {
		if c.Path == "" || strings.ContainsAny(c.Path, " ?#") {
			return nil, fmt.Errorf("sim: camera path %q: want a plain word", c.Path)
		}
		if s.players[c.Path] != nil {
			return nil, fmt.Errorf("sim: camera path %q is there twice", c.Path)
		}
		if clips[c.Clip] == nil {
			k, err := loadClip(o.Footage, c.Clip)
			if err != nil {
				return nil, err
			}
			clips[c.Clip] = k
		}
		s.players[c.Path] = newPlayer(c, clips[c.Clip])
	}
	if err := s.openPorts(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *CameraServer) openPorts() error {
	tcp, err := net.Listen("tcp", s.opts.Listen)
	if err != nil {
		return fmt.Errorf("sim: cameras: %w", err)
	}
	if s.opts.TLS != nil {
		tcp = tls.NewListener(tcp, s.opts.TLS)
	}
	s.tcp = tcp
	if s.opts.NoUDP || s.opts.TLS != nil {
		return nil
	}
	host, _, _ := net.SplitHostPort(s.opts.Listen)
	if s.udp, err = evenPair(host); err != nil {
		tcp.Close()
		return err
	}
	return nil
}

// evenPair opens two neighbouring UDP ports, the first one even, as RTP wants them.
func evenPair(host string) ([2]net.PacketConn, error) {
	var last error
	for range 200 {
		a, err := net.ListenPacket("udp4", net.JoinHostPort(host, "0"))
		if err != nil {
			return [2]net.PacketConn{}, fmt.Errorf("sim: cameras: %w", err)
		}
		port := a.LocalAddr().(*net.UDPAddr).Port
		other := port ^ 1
		b, err := net.ListenPacket("udp4", net.JoinHostPort(host, fmt.Sprint(other)))
		if err != nil {
			a.Close()
			last = err
			continue
		}
		if other < port {
			a, b = b, a
		}
		return [2]net.PacketConn{a, b}, nil
	}
	return [2]net.PacketConn{}, fmt.Errorf("sim: cameras: no pair of UDP ports: %w", last)
}

// URL is a camera's address.
func (s *CameraServer) URL(path string) string {
	scheme := "rtsp"
	if s.opts.TLS != nil {
		scheme = "rtsps"
	}
	return scheme + "://" + s.tcp.Addr().String() + "/" + path
}

// Run serves until ctx ends. It returns nil then, or why it could not serve.
func (s *CameraServer) Run(ctx context.Context) error {
	if err := s.start(); err != nil {
		return err
	}
	var wait sync.WaitGroup
	if err := s.openStreams(); err != nil {
		s.server.Close()
		return err
	}
	playing, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, p := range s.players {
		wait.Go(func() { p.run(playing) })
	}
	stop := make(chan struct{})
	wait.Go(func() {
		select {
		case <-ctx.Done():
			s.server.Close()
		case <-stop:
		}
	})
	err := s.server.Wait()
	close(stop)
	cancel()
	wait.Wait()
	for _, p := range s.players {
		p.stream.Close()
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("sim: cameras: %w", err)
}

// openStreams lets requests through when it is done; the server takes connections before that.
func (s *CameraServer) openStreams() error {
	defer close(s.ready)
	for _, p := range s.players {
		if err := p.open(s.server); err != nil {
			return fmt.Errorf("sim: camera %s: %w", p.camera.Path, err)
		}
	}
	return nil
}

func (s *CameraServer) start() error {
	methods := map[string]auth.VerifyMethod{
		"": auth.VerifyMethodDigestMD5, "digest": auth.VerifyMethodDigestMD5,
		"basic": auth.VerifyMethodBasic, "sha256": auth.VerifyMethodDigestSHA256,
	}
	method, ok := methods[s.opts.Auth]
	if !ok {
		s.closePorts()
		return fmt.Errorf("sim: sign-in %q: want digest, basic or sha256", s.opts.Auth)
	}
	s.server = &gortsplib.Server{
		RTSPAddress: s.tcp.Addr().String(), Handler: &cameraHandler{s}, AuthMethods: []auth.VerifyMethod{method},
		WriteQueueSize: 2048, DisableRTCPSenderReports: true, // the library's NTP fraction is wrong; ours are sent by player
		Listen: func(string, string) (net.Listener, error) { return s.tcp, nil },
	}
	if s.udp[0] != nil {
		s.server.UDPRTPAddress, s.server.UDPRTCPAddress = s.udp[0].LocalAddr().String(), s.udp[1].LocalAddr().String()
		open := slices.Clone(s.udp[:])
		s.server.ListenPacket = func(string, string) (net.PacketConn, error) {
			if len(open) == 0 {
				return nil, errors.New("sim: no more ports")
			}
			pc := open[0]
			open = open[1:]
			return pc, nil
		}
	}
	if err := s.server.Start(); err != nil {
		s.closePorts()
		return fmt.Errorf("sim: cameras: %w", err)
	}
	return nil
}

func (s *CameraServer) closePorts() {
	s.tcp.Close()
	for _, u := range s.udp {
		if u != nil {
			u.Close()
		}
	}
}
