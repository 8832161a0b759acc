package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Bounds of what a proxy may say of the way a request took.
const (
	maxForwarded = 1024 // bytes
	maxHops      = 16
)

// fromProxy puts the browser's own address into a request that a trusted proxy passed on, so that limits, lock-outs and
// the journal are about the browser. Of the addresses that the header lists, the last that is no trusted proxy counts:
// what stands before it anybody may have written. A header that is not a plain list of addresses changes nothing.
func (s *Server) fromProxy(r *http.Request) *http.Request {
	if len(s.opt.TrustedProxies) == 0 || !s.trusted(remoteIP(r)) {
		return r
	}
	said := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	hops := strings.Split(said, ",")
	if said == "" || len(said) > maxForwarded || len(hops) > maxHops {
		return r
	}
	client := ""
	for i := len(hops) - 1; i >= 0; i-- {
		ip, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil || ip.Zone() != "" {
			return r
		}
		if client = ip.Unmap().String(); !s.trusted(client) {
			break
		}
	}
	out := r.Clone(r.Context())
	out.RemoteAddr = net.JoinHostPort(client, "0")
	return out
}

// trusted reports whether an address is that of a proxy that tells the truth.
func (s *Server) trusted(address string) bool {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	for _, p := range s.opt.TrustedProxies {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// secure reports whether the browser's own connection is encrypted: ours, or the one to the proxy before us.
func (s *Server) secure(r *http.Request) bool {
	return s.tls() || s.trusted(remoteIP(r)) && r.Header.Get("X-Forwarded-Proto") == "https"
}
