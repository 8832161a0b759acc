package devices

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxConfig is the largest driver config in bytes.
const MaxConfig = 64 << 10

// DecodeConfig decodes a driver's JSON config strictly: an unknown key, a wrong type or trailing data is
// an error naming the key.
func DecodeConfig(raw json.RawMessage, into any) error {
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	if len(raw) > MaxConfig {
		return fmt.Errorf("config has %d bytes, the limit is %d", len(raw), MaxConfig)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		var typed *json.UnmarshalTypeError
		if errors.As(err, &typed) {
			return fmt.Errorf("config key %q: want %s, got %s", typed.Field, typed.Type, typed.Value)
		}
		return fmt.Errorf("config: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("config: text after the closing brace")
	}
	return nil
}
