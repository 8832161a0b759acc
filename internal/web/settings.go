package web

import (
	"context"
	"encoding/json"

	"siaga/internal/auth"
)

// settings lists the configuration as it stands, with names for who changed it.
func (s *Server) settings() []Setting {
	out := []Setting{}
	if s.opt.Settings != nil {
		out = append(out, s.opt.Settings()...)
	}
	for i := range out {
		if out[i].By != "" {
			out[i].ByName = s.opt.Auth.Name(out[i].By)
		}
	}
	return out
}

func (s *Server) listSettings(context.Context, *struct{}) (*reply[list[Setting]], error) {
	return answered(list[Setting]{Items: s.settings()}), nil
}

// SettingKey is a key in a path.
type SettingKey struct {
	Key string `path:"key" maxLength:"64"`
}

// SettingChange is what a setting is to be.
type SettingChange struct {
	Value    json.RawMessage `json:"value" doc:"as in siaga.yaml: a text, a number, or the list of contacts"`
	Reason   string          `json:"reason" minLength:"1" maxLength:"1000"`
	Revision uint64          `json:"revision" doc:"what the caller looked at, 0 for a key that nobody changed yet; refused with 409 changed if it has moved"`
}

func (s *Server) changeSetting(ctx context.Context, in *struct {
	SettingKey
	Body SettingChange
},
) (*reply[Setting], error) {
	who := by(ctx, in.Body.Reason)
	who.Seen = in.Body.Revision
	if err := s.opt.Registry.ChangeSetting(ctx, who, in.Key, in.Body.Value); err != nil {
		return nil, err
	}
	return s.setting(in.Key)
}

func (s *Server) resetSetting(ctx context.Context, in *struct {
	SettingKey
	Reason   string `query:"reason" maxLength:"1000"`
	Revision uint64 `query:"revision" doc:"as in a change"`
},
) (*reply[Setting], error) {
	who := by(ctx, in.Reason)
	who.Seen = in.Revision
	if err := s.opt.Registry.ResetSetting(ctx, who, in.Key); err != nil {
		return nil, err
	}
	return s.setting(in.Key)
}

func (s *Server) setting(key string) (*reply[Setting], error) {
	for _, one := range s.settings() {
		if one.Key == key {
			return answered(one), nil
		}
	}
	return nil, notFound("setting", key)
}

func settingRoutes() []route {
	const tag, path = "settings", prefix + "/settings/{key}"
	return []route{
		{method: get, path: prefix + "/settings", right: auth.RightSettings, or: auth.RightDevices, id: "list-settings", about: "What the program runs with, where it comes from, and when a change takes effect", tag: tag, serve: call((*Server).listSettings)},
		{method: put, path: path, right: auth.RightSettings, id: "change-setting", about: "Change a setting while the program runs; needs a reason", tag: tag, serve: call((*Server).changeSetting)},
		{method: del, path: path, right: auth.RightSettings, id: "reset-setting", about: "Let siaga.yaml decide again; needs a reason", tag: tag, serve: call((*Server).resetSetting)},
	}
}
