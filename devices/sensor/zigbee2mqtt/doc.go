// Package zigbee2mqtt reads Zigbee sensors (doors, smoke, water, motion, locks, sirens, mains power) through a
// Zigbee2MQTT gateway and its MQTT broker. The gateway must publish JSON, which is its default.
//
// Zigbee2MQTT publishes the merged state of a sensor again and again, so only a change is an event. What is
// heard first after a start is a baseline, with three rules:
//
//   - a value that is no alarm (closed, no smoke) is told once, by the first live message, with `"baseline": true`: what
//     was raised before the restart may be over, and must not stand for ever;
//   - an alarm in a live message does make one: what cannot be compared must not be swallowed;
//   - in a message that the broker kept, of unknown age, only an open door, smoke, water, tampering and a lost
//     contact make one, with `"baseline": true` in the body so that a rule can tell. Any other alarm is
//     remembered as unannounced, and the first live message that repeats it makes the event. Numbers and
//     button presses in kept messages are left out.
//
// Later on, a kept message that differs from what is known is a change that was missed: it is reported, with
// `"baseline": true`, if it ends an alarm or is one of those above.
//
// A body carries `name` (the friendly name, which is also the child's key), the wire's own key and value
// (`"contact": false`), `linkquality` where told, and `previous` where known.
package zigbee2mqtt
