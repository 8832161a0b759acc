package web

import "context"

type fakeAccounts struct{}

func (fakeAccounts) Find(_ context.Context, token string) (*caller, error) {
	if token == "" || token == "ended" {
		return &caller{}, nil
	}
	c := &caller{id: "p-" + token, classes: []string{token}, session: token, rights: []right{liveConsole, liveVideo, readDevices, readProofs, readIncidents, handleAlerts, manageDevices, manageZones, switchZones}}
	return c, nil
}

func (s *site) token(role string) string { return role }
