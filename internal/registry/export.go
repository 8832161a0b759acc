package registry

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// Export writes the site as a document that Import takes: zones and devices, without secrets and MQTT identities. The
// same site gives the same bytes. Devices with secrets need them set again where the document is imported anew.
func (r *Registry) Export() ([]byte, error) {
	s := r.live.Load()
	doc := struct {
		Version int      `json:"version"`
		Site    string   `json:"site"`
		Zones   []Zone   `json:"zones"`
		Devices []Device `json:"devices"`
	}{Version: 1, Site: r.opt.Journal.Site(), Zones: s.sortedZones(), Devices: []Device{}}
	for _, id := range s.order {
		d := s.devices[id]
		if d.Parent == "" {
			doc.Devices = append(doc.Devices, d)
			doc.Devices = append(doc.Devices, s.behind(id)...)
		}
	}
	text, err := encode(doc)
	if err != nil {
		return nil, fmt.Errorf("registry: export: %w", err)
	}
	out, err := yaml.JSONToYAML([]byte(strings.ReplaceAll(string(text), "${", "$${")))
	if err != nil {
		return nil, fmt.Errorf("registry: export: %w", err)
	}
	return out, nil
}
