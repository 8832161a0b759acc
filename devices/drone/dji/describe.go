package dji

import (
	"siaga/internal/watch"
)

// typeName is DJI's name for a device key, domain-type-subtype; the key itself where it is not in the reference.
func typeName(key string) string {
	switch key {
	case "0-60-0":
		return "M300 RTK"
	case "0-89-0":
		return "M350 RTK"
	case "0-67-0":
		return "M30"
	case "0-67-1":
		return "M30T"
	case "0-77-0":
		return "M3E"
	case "0-77-1":
		return "M3T"
	case "0-77-2":
		return "M3M"
	case "0-91-0":
		return "M3D"
	case "0-91-1":
		return "M3TD"
	case "2-56-0":
		return "RC"
	case "2-119-0":
		return "RC Plus"
	case "2-144-0":
		return "RC Pro"
	case "3-2-0":
		return "Dock 2"
	}
	return key
}

// describe tells what a unit said about itself, when that is more or other than before.
func (o *out) describe(u *unit) {
	firmware, _ := u.props.Text("firmware_version")
	now := watch.Description{Vendor: "DJI", Model: typeName(u.model), Firmware: firmware, Serial: u.sn}.Clean()
	if now == u.told || now.Model == "" && now.Firmware == "" {
		return
	}
	u.told = now
	child := ""
	if u.role == aircraft {
		child = u.sn
	}
	o.d.Readings = append(o.d.Readings, now.Reading(child))
}

// dockedModel learns what the aircraft of a dock is from the dock's own properties.
func (o *out) dockedModel() {
	sub, ok := o.e.data.Object("sub_device")
	if !ok {
		return
	}
	u := o.s.units[short(sub, "device_sn")]
	key := short(sub, "device_model_key")
	if u == nil || u.role != aircraft || key == "" {
		return
	}
	u.model = key
	o.describe(u)
}
