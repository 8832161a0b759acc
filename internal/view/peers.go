package view

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// How long a viewer may take to connect, and to be found gone.
const (
	connectTime    = 15 * time.Second
	iceDisconnect  = 5 * time.Second
	iceFailed      = 10 * time.Second
	iceKeepAlive   = 2 * time.Second
	socketBuffer   = 4 << 20
	tcpWriteBuffer = 4 << 20
)

// peers is the WebRTC side: the shared ports and the sessions on them.
type peers struct {
	log   *slog.Logger
	limit int
	wait  sync.WaitGroup // viewers

	mu       sync.Mutex
	settings *webrtc.SettingEngine // nil: not running
	udp      ice.UDPMux
	tcp      ice.TCPMux
	sessions map[string]*viewer
}

// open opens one UDP and one TCP port with the same number.
func (p *peers) open(o Options) error {
	for _, a := range o.Announce {
		if net.ParseIP(a) == nil {
			return fmt.Errorf("announce %q: want an IP address", a)
		}
	}
	tcp, udp, err := openPair(o.Listen)
	if err != nil {
		return err
	}
	s := &webrtc.SettingEngine{}
	s.SetNetworkTypes([]webrtc.NetworkType{
		webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6,
		webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6,
	})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetICETimeouts(iceDisconnect, iceFailed, iceKeepAlive)
	// Loopback is for a browser on this machine. Behind address translation it would take the announced address
	// for itself, so there it counts only when it is all there is.
	s.SetIncludeLoopbackCandidate(len(o.Announce) == 0 || udp.LocalAddr().(*net.UDPAddr).IP.IsLoopback())
	s.DisableActiveTCP(true)
	if len(o.Announce) > 0 {
		err := s.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
			External:        o.Announce,
			AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteReplace,
		})
		if err != nil {
			tcp.Close()
			udp.Close()
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.udp = ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: udp})
	p.tcp = ice.NewTCPMuxDefault(ice.TCPMuxParams{Listener: tcp, ReadBufferSize: 64, WriteBufferSize: tcpWriteBuffer})
	s.SetICEUDPMux(p.udp)
	s.SetICETCPMux(p.tcp)
	p.settings = s
	return nil
}

// openPair opens TCP and UDP on one port. With port 0 the system chooses, and the UDP port may be taken: then again.
func openPair(listen string) (net.Listener, *net.UDPConn, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, nil, err
	}
	for try := 0; ; try++ {
		tcp, err := net.Listen("tcp", listen)
		if err != nil {
			return nil, nil, err
		}
		_, got, _ := net.SplitHostPort(tcp.Addr().String())
		pc, err := net.ListenPacket("udp", net.JoinHostPort(host, got))
		if err == nil {
			udp := pc.(*net.UDPConn)
			// Less than asked for is no reason to stop; a burst then loses packets and the browser asks again.
			_ = udp.SetWriteBuffer(socketBuffer)
			_ = udp.SetReadBuffer(socketBuffer)
			return tcp, udp, nil
		}
		tcp.Close()
		if port != "0" || try == 20 {
			return nil, nil, err
		}
	}
}

// close hangs up every viewer, waits for them and closes the ports.
func (p *peers) close() {
	p.mu.Lock()
	p.settings = nil
	all := make([]*viewer, 0, len(p.sessions))
	for _, v := range p.sessions {
		all = append(all, v)
	}
	udp, tcp := p.udp, p.tcp
	p.mu.Unlock()
	for _, v := range all {
		v.hangUp()
	}
	p.wait.Wait()
	if err := errors.Join(udp.Close(), tcp.Close()); err != nil {
		p.log.Warn("view: closing the media ports", "error", err)
	}
}

// api makes the WebRTC interface for one viewer with exactly the codecs of its stream.
func (p *peers) api(codecs *webrtc.MediaEngine) (*webrtc.API, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.settings == nil {
		return nil, ErrNotRunning
	}
	if len(p.sessions) >= p.limit {
		return nil, ErrTooMany
	}
	chain := &interceptor.Registry{}
	if err := webrtc.ConfigureNack(codecs, chain); err != nil {
		return nil, err
	}
	if err := webrtc.ConfigureRTCPReports(chain); err != nil {
		return nil, err
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(codecs), webrtc.WithInterceptorRegistry(chain),
		webrtc.WithSettingEngine(*p.settings)), nil
}

// add starts a viewer's goroutine, unless the hub is closing.
func (p *peers) add(v *viewer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.settings == nil {
		return ErrNotRunning
	}
	p.sessions[v.id] = v
	p.wait.Go(func() {
		v.run()
		p.mu.Lock()
		delete(p.sessions, v.id)
		p.mu.Unlock()
	})
	return nil
}

// Hangup ends a WHEP session, as its DELETE asks.
func (h *Hub) Hangup(sessionID string) error {
	h.peers.mu.Lock()
	v := h.peers.sessions[sessionID]
	h.peers.mu.Unlock()
	if v == nil {
		return ErrNoSession
	}
	v.hangUp()
	return nil
}
