package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Event is a reading or an act in the journal.
type Event struct {
	Seq      uint64          `json:"seq"`
	Kind     string          `json:"kind"`
	At       watch.Time      `json:"at" doc:"receive time by the site's clock"`
	DeviceAt watch.Time      `json:"device_at" doc:"the device's clock, null if it sent none"`
	OffsetMS int64           `json:"offset_ms" doc:"device_at less at"`
	Device   string          `json:"device"`
	Zone     string          `json:"zone"`
	Subject  string          `json:"subject"`
	Actor    string          `json:"actor" doc:"person id"`
	Body     json.RawMessage `json:"body"`
	Erased   bool            `json:"erased"`
}

func eventOf(e watch.Event) Event {
	out := Event{
		Seq: e.Seq, Kind: e.Kind, At: watch.Time{Time: e.At}, DeviceAt: watch.Time{Time: e.DeviceAt},
		Device: e.Device, Zone: e.Zone, Subject: e.Subject, Actor: e.Actor, Body: e.Body, Erased: e.Erased,
	}
	if !e.DeviceAt.IsZero() {
		out.OffsetMS = e.DeviceAt.Sub(e.At).Milliseconds()
	}
	if len(e.Body) == 0 || !json.Valid(e.Body) {
		out.Body = json.RawMessage("null")
	}
	return out
}

type eventQuery struct {
	After  uint64    `query:"after" maximum:"9223372036854775807" doc:"sequence, exclusive; with order=desc the list goes on downwards from it"`
	Before uint64    `query:"before" maximum:"9223372036854775807"`
	Kind   []string  `query:"kind,explode" maxItems:"40" doc:"a kind, or a family as radio.*; may repeat"`
	Device string    `query:"device" maxLength:"128"`
	Zone   []string  `query:"zone,explode" maxItems:"20" doc:"a zone and those that lie in it; may repeat"`
	Text   string    `query:"text" maxLength:"200" doc:"words that the body holds; the last may be unfinished"`
	Actor  string    `query:"actor" maxLength:"128"`
	Subj   string    `query:"subject" maxLength:"128"`
	Since  time.Time `query:"since" doc:"receive time, inclusive"`
	Until  time.Time `query:"until" doc:"receive time, exclusive"`
	Order  string    `query:"order" enum:"asc,desc" default:"asc"`
	Limit  int       `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

// maxPages bounds the pages read for one answer when the caller may see few of the events.
const maxPages = 8

// listEvents answers with the events that the caller may see. Next is where reading stopped, so that a page may hold
// fewer than limit without being the last.
func (s *Server) listEvents(ctx context.Context, in *eventQuery) (*reply[list[Event]], error) {
	for i, k := range in.Kind {
		if !validKindFilter(k) {
			return nil, badField("query.kind["+strconv.Itoa(i)+"]", "%.80q is not a kind or a family as radio.*", k)
		}
	}
	q := journal.Query{
		After: in.After, Before: in.Before, Kinds: in.Kind, Device: in.Device, Zones: s.zonesWithin(in.Zone), Text: in.Text, Actor: in.Actor,
		Subject: in.Subj, Since: in.Since, Until: in.Until, Newest: in.Order == "desc", Limit: in.Limit,
	}
	if q.Newest && q.After > 0 {
		if q.Before == 0 || q.After < q.Before {
			q.Before = q.After
		}
		q.After = 0
	}
	sees := s.sees(callerOf(ctx))
	out := list[Event]{Items: []Event{}}
	for range maxPages {
		page, err := s.opt.Journal.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Events {
			if sees(&page.Events[i]) {
				out.Items = append(out.Items, eventOf(page.Events[i]))
			}
			if len(out.Items) == in.Limit {
				out.Next = strconv.FormatUint(page.Events[i].Seq, 10)
				return answered(out), nil
			}
		}
		if out.Next = ""; page.Next == 0 {
			return answered(out), nil
		}
		out.Next = strconv.FormatUint(page.Next, 10)
		if len(page.Events) < in.Limit {
			return answered(out), nil // it looked at as much as one answer may
		}
		if q.Newest {
			q.Before = page.Next
		} else {
			q.After = page.Next
		}
	}
	return answered(out), nil
}

// zonesWithin are the zones named and all that lie in them.
func (s *Server) zonesWithin(named []string) []string {
	out := slices.Clone(named)
	for _, z := range s.opt.Registry.Zones() {
		if slices.ContainsFunc(named, func(n string) bool { return n != z.ID && s.opt.Registry.Within(z.ID, n) }) {
			out = append(out, z.ID)
		}
	}
	return out
}

// validKindFilter takes family.name, family.name.more and family.*.
func validKindFilter(k string) bool {
	if n := len(k); n > 2 && k[n-2:] == ".*" {
		return watch.ValidKind(k[:n-1] + "x")
	}
	return watch.ValidKind(k)
}

// SeqPath is the sequence of an event in a path.
type SeqPath struct {
	Seq uint64 `path:"seq" minimum:"1" maximum:"9223372036854775807"`
}

func (s *Server) getEvent(ctx context.Context, in *SeqPath) (*reply[Event], error) {
	e, err := s.visibleEvent(ctx, in.Seq)
	if err != nil {
		return nil, err
	}
	return answered(eventOf(e)), nil
}

// visibleEvent is an event, if it exists and the caller may see it; to who may not, it does not exist.
func (s *Server) visibleEvent(ctx context.Context, seq uint64) (watch.Event, error) {
	if seq > s.opt.Journal.Head() {
		return watch.Event{}, notFound("event", strconv.FormatUint(seq, 10))
	}
	e, err := s.opt.Journal.Event(ctx, seq)
	if err != nil {
		return e, err
	}
	if !s.sees(callerOf(ctx))(&e) {
		return watch.Event{}, notFound("event", strconv.FormatUint(seq, 10))
	}
	return e, nil
}

// InclusionProof proves that an event is in the tree of a size.
type InclusionProof struct {
	Seq    uint64   `json:"seq"`
	Size   uint64   `json:"size"`
	Leaf   string   `json:"leaf" doc:"base64"`
	Hashes []string `json:"hashes" nullable:"false" doc:"base64, RFC 6962 order"`
}

func (s *Server) proveEvent(ctx context.Context, in *struct {
	SeqPath
	Size uint64 `query:"size" maximum:"9223372036854775807" doc:"tree size; absent: that of the newest checkpoint, or the head when the event is newer"`
},
) (*reply[InclusionProof], error) {
	if _, err := s.visibleEvent(ctx, in.Seq); err != nil {
		return nil, err
	}
	size := in.Size
	if size == 0 {
		// An event that no checkpoint covers yet is proved against the head.
		last, err := s.opt.Journal.LastCheckpoint(ctx)
		if err != nil {
			return nil, err
		}
		if size = last.Size; size < in.Seq {
			size = s.opt.Journal.Head()
		}
	}
	if size < in.Seq {
		return nil, badField("query.size", "a tree of %d events does not hold event %d", size, in.Seq)
	}
	p, err := s.opt.Journal.ProveInclusion(ctx, in.Seq, size)
	if err != nil {
		return nil, err
	}
	return answered(InclusionProof{Seq: p.Seq, Size: p.Size, Leaf: base64.StdEncoding.EncodeToString(p.Leaf[:]), Hashes: hashes(p.Proof)}), nil
}

func hashes[H ~[32]byte](list []H) []string {
	out := make([]string, len(list))
	for i, h := range list {
		out[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return out
}

// ConsistencyProof proves that an older tree is a prefix of a newer one.
type ConsistencyProof struct {
	From   uint64   `json:"from"`
	To     uint64   `json:"to"`
	Hashes []string `json:"hashes" nullable:"false" doc:"base64, RFC 6962 order"`
}

func (s *Server) proveConsistency(ctx context.Context, in *struct {
	From uint64 `query:"from" required:"true" minimum:"1" maximum:"9223372036854775807"`
	To   uint64 `query:"to" maximum:"9223372036854775807" doc:"absent: the newest checkpoint's size"`
},
) (*reply[ConsistencyProof], error) {
	if head := s.opt.Journal.Head(); in.From > head || in.To > head {
		return nil, badField("query.from", "the journal has %d events, there is no tree of that size", head)
	}
	if in.To != 0 && in.From > in.To {
		return nil, badField("query.from", "%d is larger than to, which is %d", in.From, in.To)
	}
	proof, to, err := s.opt.Journal.ProveConsistency(ctx, in.From, in.To)
	if err != nil {
		return nil, err
	}
	return answered(ConsistencyProof{From: in.From, To: to, Hashes: hashes(proof)}), nil
}

// checkpoint is the newest signed note, as text.
func (s *Server) checkpoint(w http.ResponseWriter, r *http.Request) {
	c, err := s.opt.Journal.LastCheckpoint(r.Context())
	switch {
	case err != nil:
		asProblem(err).logged(r).write(w)
	case c.Size == 0:
		problem(http.StatusNotFound, "not_found", "nothing was signed yet; the first checkpoint comes within %v of the first event", journal.CheckpointEvery).write(w)
	default:
		text(w, c.Note)
	}
}

// checkpointKey is what the note is checked with.
func (s *Server) checkpointKey(w http.ResponseWriter, _ *http.Request) {
	if s.opt.VerifierKey == "" {
		problem(http.StatusNotFound, "not_found", "this site signs no checkpoints").write(w)
		return
	}
	text(w, s.opt.VerifierKey+"\n")
}

func text(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(body)) // the client went away
}
