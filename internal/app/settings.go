package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"siaga/internal/config"
	"siaga/internal/web"
)

// settings lists what the program was started with, key by key as in siaga.yaml. All of it is read at start, so a change
// takes effect with the next one. Files with secrets are named there, never their contents.
func settings(cfg config.Config) func() []web.Setting {
	have, usual := flat(cfg), flat(config.Default())
	return func() []web.Setting {
		var out []web.Setting
		for _, key := range slices.Sorted(maps.Keys(have)) {
			out = append(out, web.Setting{Key: key, Value: have[key], Default: have[key] == usual[key], Applies: "restart"})
		}
		return out
	}
}

// flat is a config as dotted keys.
func flat(cfg config.Config) map[string]string {
	out := map[string]string{}
	text, err := yaml.Marshal(cfg)
	var tree map[string]any
	if err != nil || yaml.Unmarshal(text, &tree) != nil {
		return out // a config that was read can be written
	}
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		branch, ok := v.(map[string]any)
		if !ok {
			out[strings.TrimPrefix(prefix, ".")] = plainValue(v)
			return
		}
		for key, below := range branch {
			walk(prefix+"."+key, below)
		}
	}
	walk("", tree)
	return out
}

func plainValue(v any) string {
	if _, ok := v.([]any); ok {
		text, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(text)
	}
	return fmt.Sprint(v)
}
