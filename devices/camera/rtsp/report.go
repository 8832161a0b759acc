package rtsp

import (
	"context"
	"encoding/json"
	"time"

	"siaga/devices"
	"siaga/internal/watch"
)

// reportGrace is how long the last readings of a run may wait for a full queue.
const reportGrace = 700 * time.Millisecond

// reporter hands readings to the host from its own goroutine, because Observe may block and neither a packet
// callback nor the watchdog may.
type reporter struct {
	host   devices.Host
	queue  chan watch.Reading
	ctx    context.Context
	cancel context.CancelFunc
	grace  *time.Timer
}

func newReporter(host devices.Host) *reporter {
	ctx, cancel := context.WithCancel(context.Background())
	return &reporter{host: host, queue: make(chan watch.Reading, 64), ctx: ctx, cancel: cancel}
}

// run hands over readings until close was called and the queue is empty, or the grace is over.
func (r *reporter) run() {
	for reading := range r.queue {
		// A refused reading is the host's to count; a camera goes on regardless.
		_, _ = r.host.Observe(r.ctx, reading)
	}
	if r.grace != nil {
		r.grace.Stop()
	}
	r.cancel()
}

// close lets run end. Nobody may report after it.
func (r *reporter) close() {
	r.grace = time.AfterFunc(reportGrace, r.cancel)
	close(r.queue)
}

// fact queues a reading that must not be lost; it waits while the queue is full.
func (r *reporter) fact(ctx context.Context, kind string, body any) {
	reading := watch.Reading{Kind: kind, Received: time.Now(), Body: encode(body)}
	select {
	case r.queue <- reading:
	case <-ctx.Done():
	}
}

// sample queues a periodic value, or drops it when the queue is full.
func (r *reporter) sample(kind string, at time.Time, body any) {
	select {
	case r.queue <- watch.Reading{Kind: kind, At: at, Received: time.Now(), Body: encode(body), Sample: true}:
	default:
	}
}

func (r *reporter) subLost(ctx context.Context, err error, rest time.Duration) {
	r.fact(ctx, "camera.sub_lost", subLostBody{
		Reason: watch.ReasonOf(err), Error: err.Error(), RetrySeconds: int(rest / time.Second),
	})
}

// encode renders a body; the bodies below cannot fail to encode.
func encode(body any) json.RawMessage {
	b, err := json.Marshal(body)
	if err != nil {
		return json.RawMessage("{}")
	}
	return b
}

// onlineBody is the body of camera.online, camera.sub_online and camera.format_changed.
type onlineBody struct {
	Stream     string      `json:"stream"`
	Run        uint64      `json:"run"`
	Codec      watch.Codec `json:"codec"`
	Width      int         `json:"width"`
	Height     int         `json:"height"`
	Audio      watch.Codec `json:"audio,omitempty"`
	AudioNot   string      `json:"audio_unsupported,omitempty"` // a coding that is not carried
	Transport  string      `json:"transport"`                   // tcp or udp
	Secure     bool        `json:"secure"`
	FromSender bool        `json:"from_sender"` // frames are dated by the camera's clock
}

// subLostBody is the body of camera.sub_lost. The main stream goes on; the driver tries again by itself.
type subLostBody struct {
	Reason       watch.Reason `json:"reason"`
	Error        string       `json:"error"`
	RetrySeconds int          `json:"retry_s"`
}

// clockBody is the body of camera.clock.
type clockBody struct {
	Stream   string `json:"stream"`
	OffsetMS int64  `json:"offset_ms"` // camera's clock minus ours
	Trusted  bool   `json:"trusted"`   // frames are dated by it
}

// lossBody is the body of camera.packets_lost.
type lossBody struct {
	Stream  string `json:"stream"`
	Lost    uint64 `json:"lost"`    // RTP packets since the last reading
	Broken  uint64 `json:"broken"`  // packets that could not be read since then
	Total   uint64 `json:"total"`   // RTP packets lost in this run
	Seconds int    `json:"seconds"` // of this run
}
