package app

import (
	"fmt"
	"path/filepath"
	"strings"
)

// panicPayload is what an MMDVM gateway publishes when the orange button of Pos 2 is pressed.
const panicPayload = `{"DMR":{"timestamp":"'$(date -u +%FT%T.%3NZ)'","source":"rf","action":"csbk","slot":2,"src_id":5100203,"dst_id":9911,"group":"yes","src_info":"POS 2","csbk_desc":"Call Emergency"}}`

// welcome tells the person at the terminal where to go and what to try.
func welcome(o DemoOptions, f demoFile) {
	var b strings.Builder
	fmt.Fprintf(&b, "\nSiaga demo: KPU Kabupaten Majene, with simulated cameras, radios, a drone and sensors.\n\n")
	fmt.Fprintf(&b, "  Dashboard   %s\n  MQTT        %s\n  Config      %s\n\n", f.URL, f.MQTT, filepath.Join(o.Dir, "siaga.yaml"))
	fmt.Fprintf(&b, "  Sign in as         password\n")
	for _, u := range f.Users {
		fmt.Fprintf(&b, "    %-16s %s\n", u.Name, u.Password)
	}
	for _, d := range f.Devices {
		if d.ID != "ht-gateway" {
			continue
		}
		hostPort := strings.TrimPrefix(f.MQTT, "tcp://")
		host, port, _ := strings.Cut(hostPort, ":")
		fmt.Fprintf(&b, "\n  Press the panic button of Pos 2 by hand:\n    mosquitto_pub -h %s -p %s -u %s -P %s -q 1 -t %s -m '%s'\n",
			host, port, d.MQTTUser, d.MQTTPassword, d.Topic, panicPayload)
	}
	if n := len(f.Spares); n > 0 {
		fmt.Fprintf(&b, "\n  Add a camera by hand: %s (user %s, password %s)\n", f.Spares[n-1].RTSP, cameraUser, cameraPassword)
	}
	fmt.Fprintf(&b, "  Prove the log:        siaga check --config %s\n\n  Ctrl-C stops it.\n\n", filepath.Join(o.Dir, "siaga.yaml"))
	_, _ = fmt.Fprint(o.Out, b.String()) // nobody reads a terminal that is gone
}
