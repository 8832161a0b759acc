package watch

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// KindDescribed is the kind of the event that says what a device told about itself. Its body is a Description.
const KindDescribed = "device.described"

// maxTold bounds each value of a Description, in characters.
const maxTold = 128

// Description is what a device tells about itself. What it does not tell is empty.
type Description struct {
	Vendor   string `json:"vendor,omitempty"`
	Model    string `json:"model,omitempty"`
	Firmware string `json:"firmware,omitempty"`
	Serial   string `json:"serial,omitempty"`
	Software string `json:"software,omitempty"` // the name of a program that it runs, no version of the device
}

// Clean is d fit for the journal and for screens: spaces at the ends and control characters gone, each value at most
// 128 characters.
func (d Description) Clean() Description {
	return Description{legible(d.Vendor), legible(d.Model), legible(d.Firmware), legible(d.Serial), legible(d.Software)}
}

func legible(s string) string {
	if len(s) > utf8.UTFMax*maxTold { // the rest would be cut anyway
		s = s[:utf8.UTFMax*maxTold]
	}
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s))
	n := 0
	for i := range s {
		if n == maxTold {
			return s[:i]
		}
		n++
	}
	return s
}

// Over is d with what it leaves out taken from what was known before: devices tell their properties a few at a time. What
// was known of another unit, by its serial number, vendor or model, counts for nothing.
func (d Description) Over(known Description) Description {
	if other(d.Serial, known.Serial) || other(d.Vendor, known.Vendor) || other(d.Model, known.Model) {
		return d
	}
	for _, f := range []struct{ have, known *string }{
		{&d.Vendor, &known.Vendor},
		{&d.Model, &known.Model},
		{&d.Firmware, &known.Firmware},
		{&d.Serial, &known.Serial},
		{&d.Software, &known.Software},
	} {
		if *f.have == "" {
			*f.have = *f.known
		}
	}
	return d
}

func other(a, b string) bool { return a != "" && b != "" && a != b }

// Reading is the reading that tells d, of a device itself or of a child behind it.
func (d Description) Reading(child string) Reading {
	raw, _ := json.Marshal(d.Clean()) // strings only: cannot fail
	return Reading{Kind: KindDescribed, Child: child, Body: raw}
}
