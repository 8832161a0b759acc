// Package mmdvm hears a handy-talky gateway run by MMDVM-Host (DMR, YSF, D-Star, P25, NXDN, POCSAG, FM),
// and DMRGateway beside it, over MQTT. Both generations of key names are understood.
package mmdvm

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"siaga/devices"
	"siaga/devices/mqttlink"
)

const family = "radio"

// config is the driver's own settings.
type config struct {
	// Topic is the Name of MMDVM-Host: "mmdvm" until May 2026, "host" since.
	Topic string `json:"topic"`
	// DMRGateway is the Name of DMRGateway, if one runs beside it: "dmr-gateway".
	DMRGateway string `json:"dmrgateway,omitempty"`
}

// Driver is the registry's entry for radio gateways.
func Driver() devices.Driver {
	return devices.Driver{Kind: "mmdvm", New: open, Topics: topics}
}

func decode(raw json.RawMessage) (config, error) {
	var c config
	if err := devices.DecodeConfig(raw, &c); err != nil {
		return c, err
	}
	if err := checkName("topic", c.Topic); err != nil {
		return c, err
	}
	if c.DMRGateway != "" {
		if err := checkName("dmrgateway", c.DMRGateway); err != nil {
			return c, err
		}
		if c.DMRGateway == c.Topic {
			return c, errors.New(`config key "dmrgateway": must differ from "topic"`)
		}
	}
	return c, nil
}

func checkName(key, v string) error {
	if v == "" || len(v) > 128 || strings.ContainsAny(v, "+#\x00") || strings.HasPrefix(v, "$") || strings.HasSuffix(v, "/") {
		return fmt.Errorf("config key %q: want the gateway's topic prefix without wildcards, such as \"mmdvm\"", key)
	}
	return nil
}

func open(s devices.Settings) (devices.Device, error) {
	c, err := decode(s.Config)
	if err != nil {
		return nil, err
	}
	filters := []string{c.Topic + "/json"}
	if c.DMRGateway != "" {
		filters = append(filters, c.DMRGateway+"/json")
	}
	return mqttlink.New(s.Link, family, filters, newState())
}

func topics(raw json.RawMessage) (devices.Topics, error) {
	c, err := decode(raw)
	if err != nil {
		return devices.Topics{}, err
	}
	// Log, display and response topics are not read, but a gateway that publishes them does no wrong.
	t := devices.Topics{
		Publish:   []string{c.Topic + "/#"},
		Subscribe: []string{c.Topic + "/command", c.Topic + "/display-in"},
	}
	if c.DMRGateway != "" {
		t.Publish = append(t.Publish, c.DMRGateway+"/#")
		t.Subscribe = append(t.Subscribe, c.DMRGateway+"/command")
	}
	return t, nil
}
