package broker

import "strings"

// nats-server maps topics to its own subjects: levels are parted by dots, "+" is "*", "#" is ">", a dot is
// written "//", and an empty level "/". These functions are that mapping, for rights and for reading its log.

// subjects are the subjects that an MQTT filter covers: `a/#` is both `a` and `a.>`.
func subjects(filter string) []string {
	s := toSubject(filter)
	if parent, ok := strings.CutSuffix(s, ".>"); ok {
		return []string{parent, s}
	}
	return []string{s}
}

func toSubject(filter string) string {
	levels := strings.Split(filter, "/")
	for i, l := range levels {
		switch l {
		case "":
			levels[i] = "/"
		case "+":
			levels[i] = "*"
		case "#":
			levels[i] = ">"
		default:
			levels[i] = strings.ReplaceAll(l, ".", "//")
		}
	}
	return strings.Join(levels, ".")
}

// toTopic is the inverse of toSubject.
func toTopic(subject string) string {
	levels := strings.Split(subject, ".")
	for i, l := range levels {
		switch l {
		case "/":
			levels[i] = ""
		case "*":
			levels[i] = "+"
		case ">":
			levels[i] = "#"
		default:
			levels[i] = strings.ReplaceAll(l, "//", ".")
		}
	}
	return strings.Join(levels, "/")
}

// supported reports whether nats-server can carry the topic: it cannot map white space.
func supported(topic []byte) bool {
	for _, c := range topic {
		switch c {
		case ' ', '\t', '\n', '\r', '\f', 0x7f, 0:
			return false
		}
	}
	return true
}
