package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"siaga/devices"
	"siaga/internal/watch"
)

// A device that tells one new thing about itself after another is heard describeBurst times, and then once in
// describeEvery. What it told last is not lost: it waits.
const (
	describeBurst = 4
	describeEvery = 10 * time.Minute
	// maxUndescribed is how many unregistered children of one gateway are remembered with what they told.
	maxUndescribed = 1024
)

// descriptions are what devices told about themselves, by gateway and by the child's native key ("" for itself).
type descriptions struct {
	mu sync.Mutex
	of map[string]map[string]*described
}

type described struct {
	waiting *watch.Description // told, and not in the journal yet
	limit   *rate.Limiter
}

// tell remembers what a device told until it is journaled. A stranger's is dropped where there are too many.
func (t *descriptions) tell(gateway, child string, stranger bool, d watch.Description) {
	t.mu.Lock()
	defer t.mu.Unlock()
	behind := t.of[gateway]
	if behind == nil {
		behind = map[string]*described{}
		t.of[gateway] = behind
	}
	e := behind[child]
	if e == nil {
		if stranger && len(behind) >= maxUndescribed {
			return
		}
		e = &described{limit: rate.NewLimiter(rate.Every(describeEvery), describeBurst)}
		behind[child] = e
	}
	e.waiting = &d
}

// due is what waits to be journaled and may be now.
func (t *descriptions) due(gateway, child string, now time.Time) (watch.Description, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.of[gateway][child]
	if e == nil || e.waiting == nil || e.limit.TokensAt(now) < 1 {
		return watch.Description{}, false
	}
	return *e.waiting, true
}

// settle ends the waiting of what was due; news counts against the limit.
func (t *descriptions) settle(gateway, child string, now time.Time, news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.of[gateway][child]
	e.waiting = nil
	if news {
		e.limit.AllowN(now, 1)
	}
}

// describe takes what a device tells about itself. It is no sign of life: a gateway lists sensors that are long dead.
func (h *host) describe(ctx context.Context, r watch.Reading, now time.Time) (devices.Receipt, error) {
	var told watch.Description
	if err := json.Unmarshal(r.Body, &told); err != nil {
		return nil, fmt.Errorf("ingest: what %s tells about itself: %w", h.device, err)
	}
	if told = told.Clean(); told == (watch.Description{}) {
		return done{}, nil
	}
	_, _, registered := h.whose(r.Child)
	h.in.told.tell(h.device, r.Child, !registered, told)
	return h.news(ctx, r.Child, now)
}

// whose is the registered device that a child key means, the host's own for none.
func (h *host) whose(child string) (device, zone string, ok bool) {
	if child == "" {
		return h.device, h.in.opt.Site.Zone(h.device), true
	}
	return h.in.opt.Site.Child(h.device, child)
}

// news journals what a device or child told about itself and is not known yet. What an unregistered child tells waits
// until it is registered and heard again.
func (h *host) news(ctx context.Context, child string, now time.Time) (devices.Receipt, error) {
	in := h.in
	told, ok := in.told.due(h.device, child, now)
	if !ok {
		return done{}, nil
	}
	device, zone, ok := h.whose(child)
	if !ok {
		return done{}, nil
	}
	known, err := in.opt.Site.Described(ctx, device)
	if err != nil {
		return nil, fmt.Errorf("ingest: what is known of %s: %w", device, err)
	}
	told = told.Over(known)
	in.told.settle(h.device, child, now, told != known)
	if told == known {
		return done{}, nil
	}
	body, err := json.Marshal(told)
	if err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	d := watch.Draft{Kind: watch.KindDescribed, Device: device, Zone: zone, At: now, Body: body}
	return h.submit(ctx, d, watch.Reading{})
}
