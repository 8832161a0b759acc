package registry

import (
	"encoding/json"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Names of what an address may carry and a config may not.
const (
	userKey     = "username"
	passwordKey = "password"
)

// secretKey finds config keys that look as if they held a secret.
var secretKey = regexp.MustCompile(`(?i)(^|[_-])(pass(word|wd|phrase)?|secret|token|api_?key|private_?key|pin|psk)$`)

// takeSecrets moves a password out of an address in the config into the secrets, and refuses one that stands anywhere
// else. It returns the config and secrets to go on with and what to tell the person. Errors never hold the address.
func takeSecrets(config json.RawMessage, secrets map[string]string) (json.RawMessage, map[string]string, []string, error) {
	config, err := cleanConfig(config)
	if err != nil {
		return nil, nil, nil, err
	}
	object, err := decodeObject(config)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := refuseSecretKeys("config", object); err != nil {
		return nil, nil, nil, err
	}
	secrets = maps.Clone(secrets)
	var notes []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		text, ok := object[key].(string)
		if !ok || !strings.Contains(text, "://") {
			continue
		}
		bare, user, password, err := splitUser("config."+key, text)
		if err != nil {
			return nil, nil, nil, err
		}
		if bare == text {
			continue
		}
		object[key] = bare
		if err := put(object, &secrets, user, password); err != nil {
			return nil, nil, nil, err
		}
		notes = append(notes, "config."+key+": user and password were moved out of the address, into `username` and the sealed secret `password`")
	}
	if notes == nil {
		return config, secrets, nil, nil
	}
	config, err = encodeConfig(object)
	return config, secrets, notes, err
}

// put stores what an address carried, unless something else was given beside it.
func put(object map[string]any, secrets *map[string]string, user, password string) error {
	if have, ok := object[userKey].(string); ok && have != "" && have != user && user != "" {
		return invalid("config."+userKey, "the address names another user; give user and password only in their own fields")
	}
	if user != "" {
		object[userKey] = user
	}
	if password == "" {
		return nil
	}
	if have := (*secrets)[passwordKey]; have != "" && have != password {
		return invalid("secrets."+passwordKey, "the address carries another password; give user and password only in their own fields")
	}
	if *secrets == nil {
		*secrets = map[string]string{}
	}
	(*secrets)[passwordKey] = password
	return nil
}

func refuseSecretKeys(place string, v any) error {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if text, ok := v[key].(string); ok && text != "" && secretKey.MatchString(key) {
				return invalid(place+"."+key, "a secret does not belong into the config, which is journaled and shown; put it into `secrets`")
			}
			if err := refuseSecretKeys(place+"."+key, v[key]); err != nil {
				return err
			}
		}
	case []any:
		for _, item := range v {
			if err := refuseSecretKeys(place, item); err != nil {
				return err
			}
		}
	case string:
		lower := strings.ToLower(v)
		if strings.Contains(v, "://") && (strings.Contains(lower, "password=") || strings.Contains(lower, "passwd=") || strings.Contains(lower, "pwd=")) {
			return invalid(place, "the address carries a password in its path, where it would be shown; use an address without it")
		}
	}
	return nil
}

// splitUser takes user and password out of an address. Both may hold percent escapes, or characters that should have
// been escaped: everything up to the last @ before the path belongs to them.
func splitUser(field, address string) (bare, user, password string, err error) {
	scheme, rest, _ := strings.Cut(address, "://")
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	at := strings.LastIndex(authority, "@")
	if at < 0 {
		// rtsp://admin:pa/ss@host/1: the password holds a slash, and what looks like a port is none.
		if _, port, ok := strings.Cut(authority, ":"); ok && strings.Contains(path, "@") && strings.Trim(port, "0123456789") != "" {
			return "", "", "", invalid(field, "not an address; give user and password in their own fields, the password holds characters that break an address")
		}
		return address, "", "", nil
	}
	user, password, _ = strings.Cut(authority[:at], ":")
	return scheme + "://" + authority[at+1:] + path, unescape(user), unescape(password), nil
}

func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s // a stray % is a character of the password
}

// addresses lists the pictures a config points at, in a form in which equal ones are equal bytes. Brokers are not
// among them: many gateways share one.
func addresses(config json.RawMessage) []string {
	var object map[string]any
	if json.Unmarshal(config, &object) != nil {
		return nil
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if text, ok := object[key].(string); ok {
			if a := canonical(text); a != "" && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

func canonical(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	port, ok := map[string]string{"rtsp": "554", "rtsps": "322", "http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	if !ok {
		return ""
	}
	if p := u.Port(); p != "" {
		port = p
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port) + "/" + strings.Trim(u.EscapedPath(), "/") + "?" + u.RawQuery
}

// checkAddress refuses a camera whose address another one has: two technicians may be adding it together.
func (c *change) checkAddress(d Device) error {
	for _, a := range addresses(d.Config) {
		id := c.st.addressed(a)
		if id == "" || id == d.ID {
			continue
		}
		other := c.st.devices[id]
		return conflict("config.url", "device %q (%s) has this address already, registered %s by %s",
			id, other.Name, other.Created.Format("2006-01-02 15:04:05 UTC"), someone(other.CreatedBy))
	}
	return nil
}

func someone(actor string) string {
	if actor == "" {
		return "the program"
	}
	return actor
}

// NewMachine names the first machine that a changed config points at and the old one did not; "" if there is none. A
// stored secret MUST NOT go there: it would be a way to read it.
func NewMachine(before, after json.RawMessage) string {
	known := machines(before)
	for _, m := range machines(after) {
		if !slices.Contains(known, m) {
			return m
		}
	}
	return ""
}

func machines(config json.RawMessage) []string {
	var object map[string]any
	if json.Unmarshal(config, &object) != nil {
		return nil
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		text, _ := object[key].(string)
		if u, err := url.Parse(text); err == nil && u.Hostname() != "" {
			out = append(out, strings.ToLower(u.Hostname()))
		}
	}
	return out
}

// keepSecretsHome refuses to send a stored secret to a machine that it was not entered for.
func keepSecretsHome(before Device, config json.RawMessage, given map[string]string) error {
	machine := NewMachine(before.Config, config)
	if machine == "" {
		return nil
	}
	for _, name := range before.Secrets {
		if _, ok := given[name]; !ok {
			return invalid("secrets."+name, "the address now is another machine, %.100s; enter it again, a stored one is only ever sent to the machine it was entered for", machine)
		}
	}
	return nil
}
