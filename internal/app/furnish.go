package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"siaga/configs"
	"siaga/internal/auth"
	"siaga/internal/registry"
	"siaga/internal/sim"
)

// furnish brings the demo's site, identities and people to what the demo promises. Doing it again changes only what differs.
func (a *App) furnish(ctx context.Context, cameras *sim.CameraServer, old demoFile) (demoFile, error) {
	f := demoFile{URL: a.URL(), MQTT: a.MQTT()}
	vars := map[string]string{"CAMERA_USER": cameraUser, "CAMERA_PASSWORD": cameraPassword, "CAMERA_5_SUB": cameras.URL(subCamera)}
	for i := range cameraCount {
		vars[fmt.Sprintf("CAMERA_%d", i+1)] = cameras.URL(fmt.Sprintf("cam%d", i+1))
	}
	rep, err := a.registry.Import(ctx, registry.By{Reason: "demo"}, configs.DemoSite(), registry.ImportOptions{Variables: vars})
	if err != nil {
		return f, demoImportError(err, rep)
	}
	if err := a.demoPlan(ctx); err != nil {
		return f, err
	}
	f.Cameras, f.Spares = a.demoCameraList(cameras)
	for _, d := range a.registry.Devices() {
		publish, _, speaks := a.registry.Topics(d.ID)
		if !speaks || len(publish) == 0 {
			continue
		}
		issued, err := a.registry.IssueCredential(ctx, registry.By{Reason: "demo"}, d.ID)
		if err != nil {
			return f, err
		}
		f.Devices = append(f.Devices, demoDevice{
			ID: d.ID, Kind: d.Kind, Topic: gatewayTopic(d.Kind, publish[0]), MQTTUser: issued.User, MQTTPassword: issued.Password,
		})
	}
	f.Users, err = a.demoPeople(ctx, old)
	return f, err
}

// demoCameraList tells the simulated cameras that are devices of the site from those that wait to be added by hand.
func (a *App) demoCameraList(cameras *sim.CameraServer) (used, spare []demoCamera) {
	devices := map[string]string{} // address to device
	for _, d := range a.registry.Devices() {
		var c struct{ URL string }
		if d.Kind == "rtsp" && json.Unmarshal(d.Config, &c) == nil {
			devices[c.URL] = d.ID
		}
	}
	for i := range cameraCount + spareCameras {
		name := fmt.Sprintf("cam%d", i+1)
		c := demoCamera{ID: name, RTSP: cameras.URL(name), User: cameraUser, Password: cameraPassword}
		if id, ok := devices[c.RTSP]; ok {
			c.ID = id
			used = append(used, c)
			continue
		}
		spare = append(spare, c)
	}
	return used, spare
}

// demoFloor is the zone whose plan shows the whole demo site.
const demoFloor = "kantor"

// demoPlan hangs up the demo's floor plan. Its picture is drawn at 0.2 m a pixel around the drone's dock.
func (a *App) demoPlan(ctx context.Context) error {
	by := registry.By{Reason: "demo"}
	if _, err := a.registry.SetPicture(ctx, by, demoFloor, configs.DemoPlan()); err != nil {
		return fmt.Errorf("demo: floor plan: %w", err)
	}
	_, err := a.registry.AnchorPlan(ctx, by, demoFloor, []registry.Anchor{
		{X: 0.1, Y: 0.9, Lat: -3.541023, Lon: 118.969548}, {X: 0.9, Y: 0.1, Lat: -3.539577, Lon: 118.971852},
	})
	if err != nil {
		return fmt.Errorf("demo: floor plan: %w", err)
	}
	return nil
}

// gatewayTopic is where a gateway of this kind sends what matters: what a person would publish to by hand.
func gatewayTopic(kind, filter string) string {
	base := strings.TrimSuffix(filter, "/#")
	if kind == "mmdvm" {
		return base + "/json"
	}
	return base
}

func demoImportError(err error, rep registry.ImportReport) error {
	errs := []error{fmt.Errorf("demo: importing the site: %w", err)}
	for _, p := range rep.Problems {
		errs = append(errs, fmt.Errorf("line %d, %s: %s: %s", p.Row, p.ID, p.Field, p.Message))
	}
	return errors.Join(errs...)
}

// demoPeople makes one person per role. A person of an earlier demo keeps the password that demo.json had.
func (a *App) demoPeople(ctx context.Context, old demoFile) ([]demoUser, error) {
	had := map[string]string{}
	for _, u := range old.Users {
		had[u.Name] = u.Password
	}
	ids := map[string]string{}
	for _, p := range a.auth.People() {
		ids[p.Login] = p.ID
	}
	var out []demoUser
	for _, p := range []auth.NewPerson{
		{Login: "admin", Name: "Administrator Demo", Roles: []auth.Role{auth.Administrator}},
		{Login: "penjaga", Name: "Rahmat", Roles: []auth.Role{auth.Guard}},
		{Login: "danru", Name: "Sulaiman", Roles: []auth.Role{auth.Leader}},
		{Login: "ketua", Name: "Hj. Nurhayati", Roles: []auth.Role{auth.Chair}},
		{Login: "teknisi", Name: "Andi Fajar", Roles: []auth.Role{auth.Technician}},
		{Login: "ti", Name: "Irwan", Roles: []auth.Role{auth.ITSecurity}},
		{Login: "auditor", Name: "Wulandari", Roles: []auth.Role{auth.Auditor}},
	} {
		u := demoUser{Name: p.Login, Role: string(p.Roles[0]), Password: had[p.Login]}
		id, known := ids[p.Login]
		var err error
		switch {
		case known && u.Password != "":
		case known:
			if u.Password, err = auth.NewPassword(); err == nil {
				err = a.auth.SetPassword(ctx, auth.By{Reason: "demo"}, id, u.Password)
			}
		default:
			if u.Password, err = auth.NewPassword(); err == nil {
				p.Password = u.Password
				_, err = a.auth.AddPerson(ctx, auth.By{Reason: "demo"}, p)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("demo: person %s: %w", p.Login, err)
		}
		out = append(out, u)
	}
	return out, nil
}
