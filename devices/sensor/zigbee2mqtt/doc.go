// Package zigbee2mqtt reads Zigbee sensors (doors, smoke, water, motion, locks,
// sirens, mains power) through a Zigbee2MQTT gateway and its MQTT broker.
package zigbee2mqtt
