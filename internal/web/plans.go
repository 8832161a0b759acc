package web

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"siaga/internal/registry"
	"siaga/internal/watch"
)

// pictureTypes are the media types a floor plan may say it has. What it is, the bytes decide.
const pictureTypes = "image/png image/jpeg application/octet-stream"

// picturePolicy keeps a picture that is opened by itself from being anything but a picture.
const picturePolicy = "default-src 'none'; sandbox; frame-ancestors 'none'"

// FloorPlan is the picture of a zone that devices stand on.
type FloorPlan struct {
	Zone      string            `json:"zone" doc:"the zone it shows; devices name it as the floor of their plan"`
	Picture   string            `json:"picture" doc:"where the picture is; another picture has another address"`
	SHA256    string            `json:"sha256"`
	Type      string            `json:"type"`
	Width     int               `json:"width" doc:"pixels"`
	Height    int               `json:"height" doc:"pixels"`
	Bytes     int64             `json:"bytes"`
	Anchors   []registry.Anchor `json:"anchors" nullable:"false" doc:"two points whose place on earth is known, or none"`
	ChangedAt watch.Time        `json:"changed_at"`
	Revision  uint64            `json:"revision"`
}

func planOf(p registry.FloorPlan) FloorPlan {
	return FloorPlan{
		Zone: p.Zone, Picture: prefix + "/plans/" + p.Zone + "/picture?v=" + p.SHA256[:12], SHA256: p.SHA256, Type: p.Type,
		Width: p.Width, Height: p.Height, Bytes: p.Bytes, Anchors: orNone(p.Anchors), ChangedAt: watch.Time{Time: p.Changed}, Revision: p.Revision,
	}
}

func (s *Server) listPlans(_ context.Context, in *struct{ Page }) (*reply[list[FloorPlan]], error) {
	var all []FloorPlan
	for _, p := range s.opt.Registry.FloorPlans() {
		all = append(all, planOf(p))
	}
	return answered(pageOf(in.Page, all, func(p FloorPlan) string { return p.Zone })), nil
}

// planPicture sends a picture. Browsers keep it, and ask each time whether it is still the one.
func (s *Server) planPicture(w http.ResponseWriter, r *http.Request) {
	p, data, err := s.opt.Registry.Picture(r.PathValue("id"))
	if err != nil {
		asProblem(err).logged(r).write(w)
		return
	}
	h := w.Header()
	h.Set(cacheControl, "private, no-cache")
	h.Set("ETag", `"`+p.SHA256+`"`)
	h.Set("Content-Security-Policy", picturePolicy)
	h.Set("Content-Disposition", `inline; filename="denah"`)
	h.Set("Content-Type", p.Type)
	if r.Header.Get("If-None-Match") == h.Get("ETag") {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data) // the browser went away
}

func (s *Server) setPlanPicture(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		asProblem(err).write(w)
		return
	}
	who := by(r.Context(), r.URL.Query().Get("reason"))
	if text := r.URL.Query().Get("revision"); text != "" {
		if who.Seen, err = strconv.ParseUint(text, 10, 64); err != nil {
			badField("query.revision", "%.20q is not a revision", text).write(w)
			return
		}
	}
	p, err := s.opt.Registry.SetPicture(r.Context(), who, r.PathValue("id"), data)
	if err != nil {
		s.named(asProblem(err)).logged(r).write(w)
		return
	}
	writeJSON(w, http.StatusOK, planOf(p))
}

// PlanPlace is where on earth a plan lies.
type PlanPlace struct {
	Anchors  []registry.Anchor `json:"anchors" maxItems:"2" doc:"two, or none"`
	Reason   string            `json:"reason,omitempty" maxLength:"1000"`
	Revision uint64            `json:"revision,omitempty" doc:"what the caller looked at; refused with 409 changed if it has moved"`
}

func (s *Server) anchorPlan(ctx context.Context, in *struct {
	Slug
	Body PlanPlace
},
) (*reply[FloorPlan], error) {
	who := by(ctx, in.Body.Reason)
	who.Seen = in.Body.Revision
	p, err := s.opt.Registry.AnchorPlan(ctx, who, in.ID, in.Body.Anchors)
	if err != nil {
		return nil, err
	}
	return answered(planOf(p)), nil
}

func (s *Server) removePlan(ctx context.Context, in *struct {
	Slug
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"1000"`
},
) (*struct{}, error) {
	return nil, s.opt.Registry.RemovePlan(ctx, by(ctx, in.Reason), in.ID)
}

// Marks are places of devices on one plan.
type Marks struct {
	Marks  []PlacedDevice `json:"marks" maxItems:"10000"`
	Reason string         `json:"reason,omitempty" maxLength:"1000"`
}

// PlacedDevice is one device and where it stands.
type PlacedDevice struct {
	Device   string         `json:"device" maxLength:"63"`
	At       *registry.Plan `json:"at,omitempty" doc:"absent: take it off the plan. floor is not needed"`
	Revision uint64         `json:"revision,omitempty" doc:"of the device, as the caller looked at it"`
}

func (s *Server) placeDevices(ctx context.Context, in *struct {
	Slug
	Body Marks
},
) (*reply[list[Device]], error) {
	var marks []registry.Placement
	for _, m := range in.Body.Marks {
		marks = append(marks, registry.Placement{Device: m.Device, At: m.At, Seen: m.Revision})
	}
	placed, err := s.opt.Registry.Place(ctx, by(ctx, in.Body.Reason), in.ID, marks)
	if err != nil {
		return nil, err
	}
	told, err := s.opt.Registry.AllTold(ctx)
	if err != nil {
		return nil, err
	}
	states := s.states()
	out := list[Device]{Items: []Device{}}
	for _, d := range placed {
		shown := s.deviceOf(d, states)
		shown.Info = infoOf(told[d.ID])
		out.Items = append(out.Items, shown)
	}
	return answered(out), nil
}
