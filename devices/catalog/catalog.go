// Package catalog is the literal list of the drivers in this build.
package catalog

import (
	"siaga/devices"
	"siaga/devices/camera/rtsp"
	"siaga/devices/radio/mmdvm"
)

// Drivers lists every driver.
func Drivers() []devices.Driver {
	return []devices.Driver{rtsp.Driver(), mmdvm.Driver()}
}
