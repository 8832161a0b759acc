package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"siaga/internal/auth"
	"siaga/internal/config"
	"siaga/internal/incident"
	"siaga/internal/journal"
	"siaga/internal/record"
	"siaga/internal/registry"
	"siaga/internal/rules"
	"siaga/internal/vault"
)

func databasePath(cfg config.Config) string { return filepath.Join(cfg.Data, "siaga.db") }

// plansPath is where the pictures of floor plans are.
func plansPath(cfg config.Config) string { return filepath.Join(cfg.Data, "plans") }

// openVault opens the site's keys, and makes them for a site that has no database yet. A database whose keys are gone
// is not given new ones: its checkpoints could never be verified again.
func openVault(cfg config.Config) (*vault.Vault, error) {
	dir := filepath.Join(cfg.Data, "keys")
	if _, err := os.Stat(databasePath(cfg)); err == nil && !vault.Exists(dir) {
		return nil, fmt.Errorf("app: %s has a database but no keys in %s: put the keys back from where they were saved", cfg.Data, dir)
	}
	return vault.Open(dir, journal.Origin(cfg.Site.ID))
}

// projections lists everything that lives from events. The order is that of application within one event.
func projections() []journal.Projection {
	return []journal.Projection{registry.Projection(), registry.SettingsProjection(), auth.Projection(), record.Projection(), incident.Projection()}
}

// namePrefix begins suggested device names: the last word of the site's id, "MJN" of kpu-majene.
func namePrefix(cfg config.Config) string {
	word := cfg.Site.ID[strings.LastIndexByte(cfg.Site.ID, '-')+1:]
	var b strings.Builder
	for i, r := range word {
		if i == 0 || !strings.ContainsRune("aeiou", r) {
			b.WriteRune(r)
		}
	}
	return strings.ToUpper(b.String()[:min(3, b.Len())])
}

// knowledge tells rules what the site has.
type knowledge struct{ *registry.Registry }

// Zone is what rules may know about a zone.
func (k knowledge) Zone(id string) rules.Zone {
	z, ok := k.Registry.Zone(id)
	if !ok {
		return rules.Zone{ID: id}
	}
	return rules.Zone{ID: z.ID, Name: z.Name, Kind: z.Kind, Armed: z.Armed.On, Locked: z.Locked.On, Special: z.Special}
}

// Device is what rules may know about a device.
func (k knowledge) Device(id string) rules.Device {
	d, ok := k.Registry.Device(id)
	if !ok {
		return rules.Device{ID: id}
	}
	return rules.Device{ID: d.ID, Name: d.Name, Kind: d.Kind, Alias: d.Alias, Gateway: d.Parent}
}

// lineage tells the desk which zones lie around a zone.
type lineage struct{ registry *registry.Registry }

// Lineage lists a zone and those it lies in, from the inside out.
func (l lineage) Lineage(zone string) []string {
	if zone == "" {
		return nil
	}
	return append([]string{zone}, l.registry.Ancestors(zone)...)
}
