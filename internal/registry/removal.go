package registry

import (
	"errors"
	"slices"
)

// Removal is one thing that a document takes off the site: a device or a zone, by id.
type Removal struct {
	Device string `json:"device"`
	Zone   string `json:"zone"`
}

func (r Removal) what() (kind, id string) {
	if r.Device != "" {
		return "device", r.Device
	}
	return "zone", r.Zone
}

// removeAll takes off what the document says, after everything else: what stands behind a gateway before the gateway,
// devices before zones, inner zones before outer ones. What is not there any more is no problem.
func (c *change) removeAll(d *document, report *ImportReport) error {
	list := slices.Clone(d.gone)
	slices.SortStableFunc(list, func(a, b item[Removal]) int { return c.removalOrder(a.v) - c.removalOrder(b.v) })
	for _, r := range list {
		what, id := r.v.what()
		err := c.item(report, what, id, r.node, func() (string, error) { return c.importRemoval(r.v) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *change) removalOrder(r Removal) int {
	if r.Device == "" {
		return 2 + maxDepth - len(c.st.path(r.Zone))
	}
	if c.st.devices[r.Device].Parent != "" {
		return 0
	}
	return 1
}

func (c *change) importRemoval(r Removal) (string, error) {
	if (r.Device == "") == (r.Zone == "") {
		return "", invalid("", "want either `device` or `zone`, with the id of what is to be removed")
	}
	what, id := r.what()
	remove := c.remove
	if what == "zone" {
		remove = c.removeZone
	}
	if err := remove(id); errors.Is(err, ErrNotFound) {
		return "same", nil
	} else if err != nil {
		return "", err
	}
	return "removed", nil
}
