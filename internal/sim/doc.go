// Package sim is a site's equipment without the equipment: cameras, drones, radios and sensors that speak their
// real wire formats to the real front doors. The demo and the tests use it; nothing else may.
package sim
