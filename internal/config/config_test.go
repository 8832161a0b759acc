package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"siaga/internal/config"
)

const reference = "../../configs/siaga.yaml"

// The annotated sample is the reference: it loads, lists every key, and its values are the real defaults.
func TestReference_ListsEveryKeyWithItsDefault(t *testing.T) {
	c, err := config.Load(reference)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Site.ID, want.Site.Name = c.Site.ID, c.Site.Name
	want.Data, want.Rules = filepath.Join(filepath.Dir(reference), want.Data), filepath.Join(filepath.Dir(reference), want.Rules)
	want.File = reference
	want.Live.Addresses, want.HTTP.TrustedProxies = []string{}, []string{}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("the reference gives\n%+v\nthe defaults are\n%+v", c, want)
	}
	raw, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	missing(t, "", reflect.TypeOf(c), tree)
}

func missing(t *testing.T, prefix string, typ reflect.Type, tree map[string]any) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Tag.Get("yaml") == "-" {
			continue
		}
		v, ok := tree[f.Tag.Get("yaml")]
		if !ok {
			t.Errorf("the reference does not list %s%s", prefix, f.Tag.Get("yaml"))
		}
		if sub, ok := v.(map[string]any); ok && f.Type.Kind() == reflect.Struct {
			missing(t, prefix+f.Tag.Get("yaml")+".", f.Type, sub)
		}
	}
}

func TestLoad_NamesPlaceCauseAndRemedy(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		says []string
	}{
		"unknown key":         {"site:\n  id: a\n  naem: b\n", []string{"siaga.yaml:3:3", `unknown key "naem"`, `did you mean "name"`}},
		"unknown section":     {"sites:\n  id: a\n", []string{`unknown key "sites"`, `"site"`}},
		"wrong type":          {"site: {id: a, name: b}\nrecording: {keep_days: many}\n", []string{"keep_days", "many"}},
		"broken yaml":         {"site: [\n", []string{"siaga.yaml"}},
		"empty":               {"\n", []string{"empty"}},
		"no site":             {"data: x\n", []string{"site.id", "site.name"}},
		"bad slug":            {"site: {id: KPU Majene, name: b}\n", []string{"site.id", "kpu-majene"}},
		"bad zone":            {"site: {id: a, name: b, timezone: WITA}\n", []string{"site.timezone", "Asia/Makassar"}},
		"open without TLS":    {"site: {id: a, name: b}\nhttp: {listen: '0.0.0.0:8443'}\n", []string{"http.listen", "tls_cert"}},
		"password in the URL": {"site: {id: a, name: b}\nmqtt: {listen: '', url: 'tcp://u:p@h:1'}\n", []string{"mqtt.url"}},
		"no broker":           {"site: {id: a, name: b}\nmqtt: {listen: ''}\n", []string{"there is no broker"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "siaga.yaml")
			if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := config.Load(path)
			if err == nil {
				t.Fatal("loaded")
			}
			for _, s := range tc.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q is not in: %v", s, err)
				}
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	raw, err := os.ReadFile(reference)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("a: &a [*a]"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(dir, "siaga.yaml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := config.Load(path); err == nil && c.Site.ID == "" {
			t.Fatal("a config without a site was accepted")
		}
	})
}

func TestProxies_AreAddressesOrNarrowNetworks(t *testing.T) {
	good := config.HTTP{TrustedProxies: []string{"127.0.0.1", "10.7.1.0/28", "::1", "2001:db8:7::/64"}}
	if p, err := good.Proxies(); err != nil || len(p) != 4 || p[0].Bits() != 32 || p[2].Bits() != 128 {
		t.Errorf("%v, %v", p, err)
	}
	for _, bad := range []string{"", "proxy.local", "10.7.1.5/28", "0.0.0.0/0", "10.0.0.0/8", "::/0", "10.7.1.5:80", "fe80::1%eth0", "10.7.1.0/33"} {
		if p, err := (config.HTTP{TrustedProxies: []string{bad}}).Proxies(); err == nil {
			t.Errorf("%q is taken as %v", bad, p)
		}
	}
}
