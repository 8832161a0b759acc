package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"siaga/internal/watch"
)

// Limits of what one description may hold.
const (
	maxName     = 64       // characters of a name or alias
	maxChildKey = 128      // bytes
	maxConfig   = 64 << 10 // bytes
)

func badSlug(field, id string) error {
	return invalid(field, "%.70q: want lower case letters, digits and hyphens, at most 63, not starting with a hyphen", id)
}

// cleanText trims a name and refuses what cannot be shown on one line.
func cleanText(field, s string, least int) (string, error) {
	s = strings.TrimSpace(s)
	if !utf8.ValidString(s) {
		return s, invalid(field, "not valid UTF-8")
	}
	if n := utf8.RuneCountInString(s); n < least || n > maxName {
		return s, invalid(field, "%d characters long, want %d to %d", n, least, maxName)
	}
	if strings.ContainsFunc(s, unprintable) {
		return s, invalid(field, "holds a control character or line break")
	}
	return s, nil
}

// unprintable finds control characters and those that turn the direction of text around.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// fold makes two names that people would take for the same one equal.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

func checkPlace(p *Plan, at *Position) error {
	if p != nil {
		if !between(p.X, 0, 1) || !between(p.Y, 0, 1) {
			return invalid("plan", "x and y are fractions of the plan's size: 0 to 1")
		}
		if !between(p.Heading, 0, 360) || !between(p.FOV, 0, 360) || !between(p.Range, 0, 1) {
			return invalid("plan", "heading and fov are degrees from 0 to 360, range is a fraction of the plan's width: 0 to 1")
		}
		if p.Floor != "" && !watch.ValidSlug(p.Floor) {
			return badSlug("plan.floor", p.Floor)
		}
	}
	if at != nil && (!between(at.Lat, -90, 90) || !between(at.Lon, -180, 180)) {
		return invalid("position", "want lat -90 to 90 and lon -180 to 180, in degrees")
	}
	return nil
}

func between(v, low, high float64) bool { return !math.IsNaN(v) && v >= low && v <= high }

// checkDevice refuses a description that cannot be, and returns it as it is to be stored. The secrets named are those
// that will be set.
func (c *change) checkDevice(d Device, secrets []string) (Device, error) {
	if !watch.ValidSlug(d.ID) {
		return d, badSlug("id", d.ID)
	}
	if !watch.ValidSlug(d.Kind) {
		return d, badSlug("kind", d.Kind)
	}
	var err error
	if d.Name, err = cleanText("name", d.Name, 1); err != nil {
		return d, err
	}
	if d.Alias, err = cleanText("alias", d.Alias, 0); err != nil {
		return d, err
	}
	if _, ok := c.st.zones[d.Zone]; !ok {
		return d, invalid("zone", "there is no zone %.64q; add it first", d.Zone)
	}
	if d.Config, err = cleanConfig(d.Config); err != nil {
		return d, err
	}
	if d.Streams, err = cleanStreams(d); err != nil {
		return d, err
	}
	if err := checkPlace(d.Plan, d.Position); err != nil {
		return d, err
	}
	for _, check := range []func(Device) error{c.checkName, c.checkParent, c.checkAddress} {
		if err := check(d); err != nil {
			return d, err
		}
	}
	if d.Parent != "" {
		return d, nil // its gateway's driver speaks for it
	}
	if err := c.r.opt.Drivers.Check(d.Kind, d.Config, secrets); err != nil {
		return d, invalid("config", "%s", err)
	}
	return d, c.checkTopics(d)
}

func (c *change) checkName(d Device) error {
	if id := c.st.named(d.Name); id != "" && id != d.ID {
		return conflict("name", "device %q has the name %q already; free is %q", id, c.st.devices[id].Name, c.st.suggestName(c.r.opt.NamePrefix, d.Zone))
	}
	return nil
}

func (c *change) checkParent(d Device) error {
	if d.Parent == "" {
		if d.ChildKey != "" {
			return invalid("child_key", "only equipment behind a gateway has one; name the gateway in `parent`")
		}
		if c.st.kids[d.ID] > 0 && !c.r.opt.Drivers.Gateway(d.Kind) {
			return conflict("kind", "equipment stands behind %q, and a device of kind %q cannot be a gateway", d.ID, d.Kind)
		}
		return nil
	}
	gateway, ok := c.st.devices[d.Parent]
	switch {
	case !ok:
		return invalid("parent", "there is no device %.64q; register the gateway first", d.Parent)
	case d.Parent == d.ID:
		return invalid("parent", "a device cannot stand behind itself")
	case gateway.Parent != "":
		return invalid("parent", "%q stands behind a gateway itself; name that gateway, %q", d.Parent, gateway.Parent)
	case !c.r.opt.Drivers.Gateway(gateway.Kind):
		return invalid("parent", "%q is of kind %q, which is no gateway", d.Parent, gateway.Kind)
	case c.st.kids[d.ID] > 0:
		return conflict("parent", "equipment stands behind %q, so it cannot stand behind another", d.ID)
	case len(d.Streams) > 0:
		return invalid("streams", "only a device that connects itself has streams")
	}
	if d.ChildKey == "" || len(d.ChildKey) > maxChildKey || !utf8.ValidString(d.ChildKey) || strings.ContainsFunc(d.ChildKey, unprintable) {
		return invalid("child_key", "want the gateway's own name for it (DMR number, friendly name), 1 to %d bytes on one line", maxChildKey)
	}
	if have, ok := c.st.children[childKey{d.Parent, d.ChildKey}]; ok && have != d.ID {
		return conflict("child_key", "%q behind %q is device %q (%s) already", d.ChildKey, d.Parent, have, c.st.devices[have].Name)
	}
	return nil
}

// cleanConfig brings a config into one form, so that equal configs are equal bytes, and refuses what is no object.
func cleanConfig(raw json.RawMessage) (json.RawMessage, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return json.RawMessage("{}"), nil
	}
	if len(raw) > maxConfig {
		return nil, invalid("config", "%d bytes long, the limit is %d", len(raw), maxConfig)
	}
	object, err := decodeObject(raw)
	if err != nil {
		return nil, err
	}
	return encodeConfig(object)
}

// decodeObject keeps numbers as they are written.
func decodeObject(raw json.RawMessage) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil || object == nil {
		return nil, invalid("config", "not a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, invalid("config", "text after the closing brace")
	}
	return object, nil
}

func encodeConfig(object map[string]any) (json.RawMessage, error) {
	b, err := encode(object)
	if err != nil {
		return nil, invalid("config", "%s", err)
	}
	return b, nil
}

// encode is json.Marshal that leaves & < > as they are: an address is compared byte by byte.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// cleanStreams sorts the streams and fills in what was left out. A device with a video address that names none gets
// main, recorded, and sub if it has an address for it.
func cleanStreams(d Device) ([]Stream, error) {
	out := slices.Clone(d.Streams)
	if out == nil && d.Parent == "" {
		out = streamsOf(d.Config)
	}
	for i := range out {
		s := &out[i]
		if s.Name != "main" && s.Name != "sub" {
			return nil, invalid("streams", "%.40q is not main or sub", s.Name)
		}
		if s.Retention == "" {
			s.Retention = DefaultRetention
		}
		if !watch.ValidSlug(s.Retention) {
			return nil, badSlug("streams.retention", s.Retention)
		}
	}
	slices.SortFunc(out, func(a, b Stream) int { return strings.Compare(a.Name, b.Name) })
	if len(out) == 2 && out[0].Name == out[1].Name || len(out) > 2 {
		return nil, invalid("streams", "each of main and sub at most once")
	}
	return out, nil
}

func streamsOf(config json.RawMessage) []Stream {
	var addresses struct {
		URL    string `json:"url"`
		SubURL string `json:"sub_url"`
	}
	// A config of another shape simply has no such addresses.
	if json.Unmarshal(config, &addresses) != nil || !strings.HasPrefix(addresses.URL, "rtsp") {
		return nil
	}
	out := []Stream{{Name: "main", Record: true}}
	if addresses.SubURL != "" {
		out = append(out, Stream{Name: "sub"})
	}
	return out
}

func sameDevice(a, b Device) bool {
	return a.ID == b.ID && a.Kind == b.Kind && a.Name == b.Name && a.Alias == b.Alias && a.Zone == b.Zone && a.Parent == b.Parent &&
		a.ChildKey == b.ChildKey && bytes.Equal(a.Config, b.Config) && a.Enabled == b.Enabled && slices.Equal(a.Streams, b.Streams) &&
		samePlace(a.Plan, b.Plan) && samePlace(a.Position, b.Position)
}
