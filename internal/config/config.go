// Package config reads siaga.yaml, strictly: an unknown key is an error that names the file, the key and the nearest
// known key. configs/siaga.yaml lists every key with its default and is the reference.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // small servers often have no zone data of their own

	"siaga/internal/watch"
)

// Config is the whole file. What the site has (zones, devices, people) is not here: it lives in the registry.
type Config struct {
	Site      Site      `yaml:"site"`
	Data      string    `yaml:"data"`
	Rules     string    `yaml:"rules"`
	HTTP      HTTP      `yaml:"http"`
	Live      Live      `yaml:"live"`
	MQTT      MQTT      `yaml:"mqtt"`
	Recording Recording `yaml:"recording"`
	Console   Console   `yaml:"console"`
	Contacts  []Contact `yaml:"contacts"`
	Log       Log       `yaml:"log"`

	File string `yaml:"-"` // it was read from
}

// Site says whose office this is.
type Site struct {
	ID       string `yaml:"id"`        // slug; fixed for the life of the database
	Name     string `yaml:"name"`      // on every screen and export
	Region   string `yaml:"region"`    // region code, "76.05"
	Timezone string `yaml:"timezone"`  // IANA name
	ZoneName string `yaml:"zone_name"` // what clocks show behind the time: WIB, WITA, WIT
	Stage    string `yaml:"stage"`     // election stage, domain of rules
}

// HTTP is the dashboard's and API's door.
type HTTP struct {
	Listen  string `yaml:"listen"`
	TLSCert string `yaml:"tls_cert"`
	TLSKey  string `yaml:"tls_key"`
	// TrustedProxies are the addresses and networks of reverse proxies before the dashboard; see Proxies.
	TrustedProxies []string `yaml:"trusted_proxies"`
}

// Live is the media door of WebRTC.
type Live struct {
	Listen    string   `yaml:"listen"`    // one UDP and one TCP port
	Addresses []string `yaml:"addresses"` // told to browsers; empty: those of the interface listened on
}

// MQTT says which broker devices publish to.
type MQTT struct {
	Listen       string `yaml:"listen"` // embedded broker; empty switches it off
	TLSCert      string `yaml:"tls_cert"`
	TLSKey       string `yaml:"tls_key"`
	MessagesPerS int    `yaml:"messages_per_second"` // of one client, before it is throttled
	URL          string `yaml:"url"`                 // an outside broker instead
	CA           string `yaml:"ca"`
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
}

// Recording is retention and the disk.
type Recording struct {
	KeepDays      int `yaml:"keep_days"`       // age limit of every stream
	KeepLeastDays int `yaml:"keep_least_days"` // what stays while the disk is between 90 and 95 % full; 0: all of KeepDays
	StreamGiB     int `yaml:"stream_gib"`      // size limit of one stream; 0 none
	ReserveMiB    int `yaml:"reserve_mib"`     // kept back so that events fit on a full disk
	SegmentS      int `yaml:"segment_s"`       // longest file, seconds
}

// Console is the check that somebody sits before a console, and who is called when nobody accepts.
type Console struct {
	AskAfterMin   int `yaml:"ask_after_min"`   // without a key or a touch the console asks; 0 never
	AnswerWithinS int `yaml:"answer_within_s"` // then it counts as unattended
	AbsentAfterS  int `yaml:"absent_after_s"`  // without any console; 0 switches the whole check off
	LeaderS       int `yaml:"leader_s"`        // a critical alert that nobody accepts goes to the leader; 0 never
	SecretariatS  int `yaml:"secretariat_s"`
	PoliceS       int `yaml:"police_s"`
}

// Contact says how a party that action cards name is reached.
type Contact struct {
	Who   string `yaml:"who" json:"who"`     // leader, police, …
	Name  string `yaml:"name" json:"name"`   // as on the card
	Phone string `yaml:"phone" json:"phone"` // as dialled here
	Radio string `yaml:"radio" json:"radio"` // call sign or channel
}

// Log is the program's own log.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn, error
	Format string `yaml:"format"` // text, json
}

// Default is what a key that is not written means. configs/siaga.yaml says the same, proved by a test.
func Default() Config {
	return Config{
		Site:      Site{Timezone: "Asia/Makassar", ZoneName: "WITA", Stage: "rutin"},
		Data:      "data",
		Rules:     "rules",
		HTTP:      HTTP{Listen: "127.0.0.1:8443"},
		Live:      Live{Listen: "127.0.0.1:8189"},
		MQTT:      MQTT{Listen: "127.0.0.1:1883", MessagesPerS: 500},
		Recording: Recording{KeepDays: 30, KeepLeastDays: 7, ReserveMiB: 64, SegmentS: 60},
		Console:   Console{AskAfterMin: 30, AnswerWithinS: 300, AbsentAfterS: 30, LeaderS: 60, SecretariatS: 180, PoliceS: 300},
		Contacts:  []Contact{},
		Log:       Log{Level: "info", Format: "text"},
	}
}

// Load reads and checks a file. Relative paths inside it are relative to the file.
func Load(path string) (Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("config: %w (give the file with --config; configs/siaga.yaml is a commented example)", err)
	}
	c := Default()
	c.File = path
	if err := decode(path, raw, &c); err != nil {
		return Config{}, err
	}
	base := filepath.Dir(path)
	for _, p := range []*string{&c.Data, &c.Rules, &c.HTTP.TLSCert, &c.HTTP.TLSKey, &c.MQTT.TLSCert, &c.MQTT.TLSKey, &c.MQTT.CA, &c.MQTT.PasswordFile} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("config %s: %w", path, err)
	}
	return c, nil
}

// Again reads the file anew: it may have been edited since. A config that came from no file is itself.
func (c *Config) Again() (Config, error) {
	if c.File == "" {
		return *c, nil
	}
	return Load(c.File)
}

// Fault is what is wrong with one key, and the remedy.
type Fault struct{ Key, Why string }

func (f *Fault) Error() string { return f.Key + ": " + f.Why }

// Validate checks what the decoder cannot; the error joins everything that is wrong, each a *Fault.
func (c *Config) Validate() error {
	var errs []error
	for _, f := range c.Faults() {
		errs = append(errs, &f)
	}
	return errors.Join(errs...)
}

// Stages are the stages of an election, as site.stage names them.
func Stages() []string {
	return []string{"rutin", "pendaftaran", "logistik_terima", "logistik_distribusi", "pungut_hitung", "rekapitulasi", "sengketa"}
}

// Faults lists everything that is wrong.
func (c *Config) Faults() []Fault {
	var out []Fault
	wrong := func(key, format string, args ...any) {
		out = append(out, Fault{key, fmt.Sprintf(format, args...)})
	}
	if !watch.ValidSlug(c.Site.ID) {
		wrong("site.id", "%q is not a slug: use lower case letters, digits and hyphens, such as kpu-majene", c.Site.ID)
	}
	if c.Site.Name == "" {
		wrong("site.name", "is empty: write the office's name as it stands on its letters")
	}
	if _, err := time.LoadLocation(c.Site.Timezone); err != nil || c.Site.Timezone == "" {
		wrong("site.timezone", "%q is not a time zone: use Asia/Jakarta, Asia/Pontianak, Asia/Makassar or Asia/Jayapura", c.Site.Timezone)
	}
	if !oneOf(c.Site.Stage, Stages()...) {
		wrong("site.stage", "%q: use one of %s", c.Site.Stage, strings.Join(Stages(), ", "))
	}
	c.validateDoors(wrong)
	for key, v := range map[string]struct{ have, low, high int }{
		"recording.keep_days":       {c.Recording.KeepDays, 1, 3650},
		"recording.keep_least_days": {c.Recording.KeepLeastDays, 0, 3650},
		"recording.stream_gib":      {c.Recording.StreamGiB, 0, 1 << 20},
		"recording.reserve_mib":     {c.Recording.ReserveMiB, 8, 1 << 16},
		"recording.segment_s":       {c.Recording.SegmentS, 5, 60},
		"mqtt.messages_per_second":  {c.MQTT.MessagesPerS, 1, 1 << 20},
		"console.ask_after_min":     {c.Console.AskAfterMin, 0, 24 * 60},
		"console.answer_within_s":   {c.Console.AnswerWithinS, 10, 3600},
		"console.absent_after_s":    {c.Console.AbsentAfterS, 0, 3600},
		"console.leader_s":          {c.Console.LeaderS, 0, 86_400},
		"console.secretariat_s":     {c.Console.SecretariatS, 0, 86_400},
		"console.police_s":          {c.Console.PoliceS, 0, 86_400},
	} {
		if v.have < v.low || v.have > v.high {
			wrong(key, "%d is out of range: use %d to %d", v.have, v.low, v.high)
		}
	}
	c.validateContacts(wrong)
	if !oneOf(c.Log.Level, "debug", "info", "warn", "error") {
		wrong("log.level", "%q: use debug, info, warn or error", c.Log.Level)
	}
	if !oneOf(c.Log.Format, "text", "json") {
		wrong("log.format", "%q: use text or json", c.Log.Format)
	}
	return out
}

// maxContacts and maxContact bound what a card can show.
const (
	maxContacts = 50
	maxContact  = 120 // bytes of each field
)

func (c *Config) validateContacts(wrong func(key, format string, args ...any)) {
	if len(c.Contacts) > maxContacts {
		wrong("contacts", "%d are more than a guard can choose from: keep at most %d", len(c.Contacts), maxContacts)
	}
	for i, k := range c.Contacts {
		key := fmt.Sprintf("contacts[%d]", i)
		if !oneOf(k.Who, watch.Parties()...) {
			wrong(key+".who", "%q: use one of %s", k.Who, strings.Join(watch.Parties(), ", "))
		}
		if k.Name == "" || k.Phone == "" && k.Radio == "" {
			wrong(key, "needs a name, and a phone or a radio")
		}
		if max(len(k.Name), len(k.Phone), len(k.Radio)) > maxContact {
			wrong(key, "at most %d bytes in each field", maxContact)
		}
	}
}

func (c *Config) validateDoors(wrong func(key, format string, args ...any)) {
	for key, v := range map[string]string{"http.listen": c.HTTP.Listen, "live.listen": c.Live.Listen, "mqtt.listen": c.MQTT.Listen} {
		if v == "" && key == "mqtt.listen" {
			continue
		}
		if _, _, err := net.SplitHostPort(v); err != nil {
			wrong(key, "%q is not host:port, such as 10.7.1.5:8443", v)
		}
	}
	if _, err := c.HTTP.Proxies(); err != nil {
		wrong("http.trusted_proxies", "%v", err)
	}
	if (c.HTTP.TLSCert == "") != (c.HTTP.TLSKey == "") {
		wrong("http.tls_cert", "tls_cert and tls_key come together")
	}
	if c.HTTP.TLSCert == "" && !loopback(c.HTTP.Listen) {
		wrong("http.listen", "%q can be reached from other machines: give http.tls_cert and http.tls_key, or listen on 127.0.0.1", c.HTTP.Listen)
	}
	if (c.MQTT.TLSCert == "") != (c.MQTT.TLSKey == "") {
		wrong("mqtt.tls_cert", "tls_cert and tls_key come together")
	}
	if c.MQTT.Listen != "" && c.MQTT.TLSCert == "" && !loopback(c.MQTT.Listen) {
		wrong("mqtt.listen", "%q can be reached from other machines: give mqtt.tls_cert and mqtt.tls_key, or listen on 127.0.0.1", c.MQTT.Listen)
	}
	if c.MQTT.URL == "" && c.MQTT.Listen == "" {
		wrong("mqtt.url", "there is no broker: set mqtt.listen for the embedded one, or mqtt.url for one of yours")
	}
	if c.MQTT.URL != "" {
		u, err := url.Parse(c.MQTT.URL)
		if err != nil || !oneOf(u.Scheme, "tcp", "ssl") || u.Port() == "" || u.User != nil {
			wrong("mqtt.url", "%q: use tcp://host:1883 or ssl://host:8883; user and password have keys of their own", c.MQTT.URL)
		}
		if c.MQTT.Listen != "" {
			wrong("mqtt.url", "set mqtt.listen to \"\" when mqtt.url names an outside broker")
		}
	}
}

// Proxies are the trusted proxies as networks. A network so wide that it would hold strangers, or one written with bits
// of a host, is an error.
func (h HTTP) Proxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range h.TrustedProxies {
		if ip, err := netip.ParseAddr(text); err == nil && ip.Zone() == "" {
			ip = ip.Unmap()
			out = append(out, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is neither an address nor a network: use 10.7.1.2 or 10.7.1.0/28", text)
		case p != p.Masked():
			return nil, fmt.Errorf("%q has bits of a host: write %s, or the address alone", text, p.Masked())
		case p.Addr().Is4() && p.Bits() < 16, p.Addr().Is6() && p.Bits() < 48:
			return nil, fmt.Errorf("%q is too wide: whoever is in it could pass for anybody; name the proxies themselves", text)
		}
		out = append(out, p)
	}
	return out, nil
}

// Location is the site's time zone; Validate proved that it exists.
func (s Site) Location() *time.Location {
	loc, err := time.LoadLocation(s.Timezone)
	if err != nil {
		return time.UTC
	}
	return loc
}

func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func oneOf(s string, words ...string) bool {
	for _, w := range words {
		if s == w {
			return true
		}
	}
	return false
}
