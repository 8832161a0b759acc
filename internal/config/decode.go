package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// MaxFile is the largest config file in bytes.
const MaxFile = 1 << 20

// decode fills into from YAML. Unknown keys are refused with the nearest key that exists.
func decode(path string, raw []byte, into any) error {
	if len(raw) > MaxFile {
		return fmt.Errorf("config %s: %d bytes, the limit is %d", path, len(raw), MaxFile)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return fmt.Errorf("config %s: the file is empty; configs/siaga.yaml is a commented example", path)
	}
	err := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(into)
	if err == nil {
		return nil
	}
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) {
		key := unknown.Token.Value
		pos := unknown.Token.Position
		return fmt.Errorf("config %s:%d:%d: unknown key %q%s\n%s", path, pos.Line, pos.Column, key, nearest(key, keysOf(reflect.TypeOf(into))),
			unknown.FormatError(false, true))
	}
	return fmt.Errorf("config %s: %s", path, strings.TrimSpace(yaml.FormatError(err, false, true)))
}

// keysOf lists every key of a config type, sections and leaves.
func keysOf(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return keysOf(t.Elem())
	case reflect.Struct:
		var out []string
		for i := range t.NumField() {
			if tag := t.Field(i).Tag.Get("yaml"); tag != "" && tag != "-" {
				out = append(append(out, tag), keysOf(t.Field(i).Type)...)
			}
		}
		return out
	}
	return nil
}

// nearest suggests the key with the fewest typing errors, if any is near enough.
func nearest(key string, known []string) string {
	best, least := "", len(key)/2+1
	for _, k := range known {
		if d := distance(strings.ToLower(key), k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// distance is the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
