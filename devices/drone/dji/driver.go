// Package dji hears a DJI dock or remote controller and the aircraft behind it over DJI's Cloud API (MQTT).
// It answers what a gateway needs to stay connected, and commands nothing.
package dji

import (
	"encoding/json"
	"fmt"
	"regexp"

	"siaga/devices"
	"siaga/devices/mqttlink"
)

const family = "drone"

// config is the driver's own settings. Secrets: app_key and app_license, which a dock verifies before
// anything else.
type config struct {
	// GatewaySN is the serial number of the dock or remote controller.
	GatewaySN string `json:"gateway_sn"`
	// Aircraft are the serial numbers that may appear behind it. Empty accepts any whose messages name this
	// gateway, which also gives the gateway the right to publish for any serial number.
	Aircraft []string `json:"aircraft,omitempty"`
	// Passive answers nothing: for a gateway that another system serves.
	Passive bool `json:"passive,omitempty"`
	// OrganizationID and OrganizationName are what a dock is told when it asks where it belongs.
	OrganizationID   string `json:"organization_id,omitempty"`
	OrganizationName string `json:"organization_name,omitempty"`
	// AppID is DJI's developer application, an id given as text.
	AppID string `json:"app_id,omitempty"`
	// NTPServer is told to the dock with its configuration.
	NTPServer string `json:"ntp_server,omitempty"`
}

// Driver is the registry's entry for DJI gateways.
func Driver() devices.Driver {
	return devices.Driver{Kind: "dji", New: open, Topics: topics}
}

var serialForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func decode(raw json.RawMessage) (config, error) {
	var c config
	if err := devices.DecodeConfig(raw, &c); err != nil {
		return c, err
	}
	if !serialForm.MatchString(c.GatewaySN) {
		return c, fmt.Errorf(`config key "gateway_sn": want the serial number of the dock or remote controller, got %.80q`, c.GatewaySN)
	}
	if len(c.Aircraft) > maxAircraft {
		return c, fmt.Errorf(`config key "aircraft": %d serial numbers, the limit is %d`, len(c.Aircraft), maxAircraft)
	}
	for _, sn := range c.Aircraft {
		if !serialForm.MatchString(sn) || sn == c.GatewaySN {
			return c, fmt.Errorf(`config key "aircraft": %.80q is not the serial number of an aircraft`, sn)
		}
	}
	if c.OrganizationName == "" {
		c.OrganizationName = "Siaga"
	}
	if c.OrganizationID == "" {
		c.OrganizationID = "siaga"
	}
	return c, nil
}

func open(s devices.Settings) (devices.Device, error) {
	c, err := decode(s.Config)
	if err != nil {
		return nil, err
	}
	st := newState(c, answers{
		config: c, appKey: s.Secrets["app_key"], appLicense: s.Secrets["app_license"],
	})
	gw := "thing/product/" + c.GatewaySN
	filters := []string{
		gw + "/osd", gw + "/state", gw + "/events", gw + "/requests", gw + "/drc/up",
		"sys/product/" + c.GatewaySN + "/status",
	}
	for _, sn := range c.serials() {
		filters = append(filters, "thing/product/"+sn+"/osd", "thing/product/"+sn+"/state")
	}
	return mqttlink.New(s.Link, family, filters, st)
}

// serials are the topic levels of the aircraft.
func (c config) serials() []string {
	if len(c.Aircraft) == 0 {
		return []string{"+"}
	}
	return c.Aircraft
}

func topics(raw json.RawMessage) (devices.Topics, error) {
	c, err := decode(raw)
	if err != nil {
		return devices.Topics{}, err
	}
	gw, sys := "thing/product/"+c.GatewaySN, "sys/product/"+c.GatewaySN
	t := devices.Topics{
		Publish: []string{
			gw + "/osd", gw + "/state", gw + "/events", gw + "/requests", gw + "/services_reply",
			gw + "/property/set_reply", gw + "/drc/up", sys + "/status",
		},
		Subscribe: []string{
			gw + "/events_reply", gw + "/requests_reply", gw + "/services", gw + "/property/set", gw + "/drc/down",
			sys + "/status_reply",
		},
	}
	for _, sn := range c.serials() {
		t.Publish = append(t.Publish, "thing/product/"+sn+"/osd", "thing/product/"+sn+"/state")
	}
	return t, nil
}
