package rtsp

import (
	"bytes"
	"cmp"

	"siaga/internal/watch"
)

// softwareOf is what a camera calls the program that speaks RTSP, cleaned: the Server header of its answers, or without
// one the tool that made its session description, or the session's name. RTSP tells no vendor, model or firmware.
func softwareOf(server string, description []byte) string {
	clean := func(s string) string { return watch.Description{Software: s}.Clean().Software }
	tool, name := "", ""
	for line := range bytes.Lines(description[:min(len(description), maxDescription)]) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("m=")) {
			break // what follows is about one medium
		}
		if v, ok := bytes.CutPrefix(line, []byte("a=tool:")); ok && tool == "" {
			tool = clean(string(v))
		}
		if v, ok := bytes.CutPrefix(line, []byte("s=")); ok && name == "" && string(v) != "-" {
			name = clean(string(v))
		}
	}
	return cmp.Or(clean(server), tool, name)
}

// maxDescription is how much of a session description is read for its tool and name.
const maxDescription = 16 << 10
