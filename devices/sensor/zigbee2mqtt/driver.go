package zigbee2mqtt

import (
	"encoding/json"
	"errors"
	"strings"

	"siaga/devices"
	"siaga/devices/mqttlink"
)

const family = "sensor"

// config is the driver's own settings.
type config struct {
	// Topic is base_topic of the gateway's configuration: "zigbee2mqtt" unless somebody changed it.
	Topic string `json:"topic"`
}

// Driver is the registry's entry for Zigbee2MQTT gateways.
func Driver() devices.Driver {
	return devices.Driver{Kind: "zigbee2mqtt", New: open, Topics: topics}
}

func decode(raw json.RawMessage) (config, error) {
	var c config
	if err := devices.DecodeConfig(raw, &c); err != nil {
		return c, err
	}
	if t := c.Topic; t == "" || len(t) > 128 || strings.ContainsAny(t, "+#\x00") ||
		strings.HasPrefix(t, "$") || strings.HasPrefix(t, "/") || strings.HasSuffix(t, "/") {
		return c, errors.New(`config key "topic": want the gateway's base topic without wildcards, such as "zigbee2mqtt"`)
	}
	return c, nil
}

func open(s devices.Settings) (devices.Device, error) {
	c, err := decode(s.Config)
	if err != nil {
		return nil, err
	}
	// Friendly names may contain slashes, so no narrower filter hears every sensor.
	return mqttlink.New(s.Link, family, []string{c.Topic + "/#"}, newState(c.Topic))
}

func topics(raw json.RawMessage) (devices.Topics, error) {
	c, err := decode(raw)
	if err != nil {
		return devices.Topics{}, err
	}
	// The gateway listens to set, get and request topics, for which MQTT has no narrower filter.
	return devices.Topics{Publish: []string{c.Topic + "/#"}, Subscribe: []string{c.Topic + "/#"}}, nil
}
