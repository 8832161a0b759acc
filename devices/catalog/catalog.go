// Package catalog is the literal list of the drivers in this build, and what technicians are told of each.
package catalog

import (
	"siaga/devices"
	"siaga/devices/camera/rtsp"
	"siaga/devices/drone/dji"
	"siaga/devices/radio/mmdvm"
	"siaga/devices/sensor/zigbee2mqtt"
)

// Entry is one driver and how it is shown.
type Entry struct {
	devices.Driver
	Title string
	// Schema is the JSON Schema of the driver's config, for forms. The driver itself is the judge.
	Schema string
}

// Drivers lists every driver.
func Drivers() []Entry {
	return []Entry{
		{rtsp.Driver(), "Kamera RTSP", `{"type":"object","additionalProperties":false,"required":["url"],"properties":{
			"url":{"type":"string","format":"uri","description":"rtsp:// or rtsps:// address of the main stream, without user and password"},
			"sub_url":{"type":"string","format":"uri","description":"address of the small stream for tiles"},
			"transport":{"enum":["auto","tcp","udp"]},
			"username":{"type":"string"},
			"tls_fingerprint":{"type":"string","description":"SHA-256 of the camera's certificate, for rtsps:// with a certificate of its own"}}}`},
		{mmdvm.Driver(), "Gateway radio MMDVM", `{"type":"object","additionalProperties":false,"required":["topic"],"properties":{
			"topic":{"type":"string","description":"Name of MMDVM-Host: mmdvm until May 2026, host since"},
			"dmrgateway":{"type":"string","description":"Name of DMRGateway beside it"}}}`},
		{dji.Driver(), "Dok atau remote DJI", `{"type":"object","additionalProperties":false,"required":["gateway_sn"],"properties":{
			"gateway_sn":{"type":"string","description":"serial number of the dock or remote controller"},
			"aircraft":{"type":"array","items":{"type":"string"},"description":"serial numbers of its aircraft"}}}`},
		{zigbee2mqtt.Driver(), "Gateway sensor Zigbee2MQTT", `{"type":"object","additionalProperties":false,"required":["topic"],"properties":{
			"topic":{"type":"string","description":"base topic: zigbee2mqtt"}}}`},
	}
}

// PathHint is a pair of stream paths that cameras of a vendor commonly have.
type PathHint = rtsp.Hint

// Hints are the common stream paths of a vendor; all for "".
func Hints(vendor string) []PathHint { return rtsp.Hints(vendor) }
