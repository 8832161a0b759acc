// Package zigbee2mqtt hears the doors, movement, smoke, leak and power sensors of a Zigbee2MQTT bridge.
package zigbee2mqtt

import (
	"encoding/json"
	"fmt"
	"strings"

	"siaga/devices"
	"siaga/devices/mqttlink"
)

const family = "sensor"

// config is the driver's own settings.
type config struct {
	// Topic is the bridge's base topic, "zigbee2mqtt" unless changed there.
	Topic string `json:"topic"`
}

// Driver is the registry's entry for Zigbee2MQTT bridges.
func Driver() devices.Driver {
	return devices.Driver{Kind: "zigbee2mqtt", New: open, Topics: topics}
}

func decode(raw json.RawMessage) (config, error) {
	var c config
	if err := devices.DecodeConfig(raw, &c); err != nil {
		return c, err
	}
	if c.Topic == "" || len(c.Topic) > 128 || strings.ContainsAny(c.Topic, "+#\x00") || strings.HasPrefix(c.Topic, "$") || strings.HasSuffix(c.Topic, "/") {
		return c, fmt.Errorf("config key \"topic\": want the bridge's base topic without wildcards, such as \"zigbee2mqtt\"")
	}
	return c, nil
}

func open(s devices.Settings) (devices.Device, error) {
	c, err := decode(s.Config)
	if err != nil {
		return nil, err
	}
	return mqttlink.New(s.Link, family, []string{c.Topic + "/#"}, newState(c.Topic))
}

func topics(raw json.RawMessage) (devices.Topics, error) {
	c, err := decode(raw)
	if err != nil {
		return devices.Topics{}, err
	}
	return devices.Topics{Publish: []string{c.Topic + "/#"}, Subscribe: []string{c.Topic + "/#"}}, nil
}
