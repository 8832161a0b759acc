package sim

import (
	"strings"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
)

// cameraHandler answers RTSP requests.
type cameraHandler struct{ s *CameraServer }

// OnDescribe signs in and describes a camera.
func (h *cameraHandler) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return h.admit(ctx.Conn, ctx.Request, ctx.Path)
}

// OnSetup signs in and opens a transport.
func (h *cameraHandler) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if h.s.opts.NoTCP && ctx.Transport == gortsplib.TransportTCP ||
		h.s.opts.NoUDP && ctx.Transport == gortsplib.TransportUDP {
		return &base.Response{StatusCode: base.StatusUnsupportedTransport}, nil, nil
	}
	res, stream, err := h.admit(ctx.Conn, ctx.Request, ctx.Path)
	if stream != nil {
		h.s.players[cameraPath(ctx.Path)].join(ctx.Session)
	}
	return res, stream, err
}

// OnPlay starts to send.
func (h *cameraHandler) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnSessionClose forgets a viewer.
func (h *cameraHandler) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	for _, p := range h.s.players {
		p.leave(ctx.Session)
	}
}

func (h *cameraHandler) admit(conn *gortsplib.ServerConn, req *base.Request, path string) (*base.Response, *gortsplib.ServerStream, error) {
	<-h.s.ready
	p := h.s.players[cameraPath(path)]
	if p == nil || p.stream == nil || p.faults().hidden {
		return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
	}
	if p.camera.User != "" {
		password := p.camera.Password
		if p.faults().refuse {
			password += " changed meanwhile"
		}
		if !conn.VerifyCredentials(req, p.camera.User, password) {
			return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
		}
	}
	return &base.Response{StatusCode: base.StatusOK}, p.stream, nil
}

func cameraPath(path string) string { return strings.Trim(path, "/") }
