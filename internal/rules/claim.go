package rules

import (
	"slices"
	"strings"
	"unicode/utf8"

	"siaga/internal/watch"
)

// claim fills in what a rule says about an event.
func (j *Judge) claim(r *Rule, key string, v *view) watch.Claim {
	c := watch.Claim{
		Rule: r.ID, Key: key, Repeat: v.repeat, Count: 1, Priority: r.Priority, Code: r.Code, Category: r.Category,
		Title: r.Title, Device: v.e.Device, Zone: v.e.Zone, Subject: v.e.Subject, Cause: v.e.Seq, At: v.e.At,
		Window: r.Window, Holds: r.holds() && !strings.HasSuffix(key, "/"+restKey),
	}
	if r.priority != nil {
		c.Priority = j.priority(r, v)
	}
	alias, err := r.alias.string(v, "")
	if err != nil {
		j.trouble(r, "alias", v, err)
	}
	if alias == "" {
		_, _ = v.ofDevice("alias") // fills v.device
		if alias = v.device.Alias; alias == "" {
			alias = v.device.Name
		}
	}
	c.Alias = short(alias, 120)
	return c
}

// priority evaluates a rule's priority. One that cannot be evaluated is important: a rule at fault must not be quiet.
func (j *Judge) priority(r *Rule, v *view) watch.Priority {
	word, err := r.priority.string(v, "")
	if p := watch.Priority(word); err == nil && p.Rank() >= 0 {
		return p
	}
	if err == nil {
		err = errNoPriority(word)
	}
	j.trouble(r, "priority", v, err)
	return watch.Important
}

// key groups the claims of a rule. A key that cannot be evaluated is the device.
func (j *Judge) key(r *Rule, x *expression, v *view) string {
	key, err := x.string(v, v.e.Device)
	if err != nil {
		j.trouble(r, "key", v, err)
	}
	return keyOf(r.ID, key)
}

// mutes lists the keys whose activity silences a claim; a key ending in "/*" stands for any of its rule.
func (j *Judge) mutes(r *Rule, v *view) []string {
	var out []string
	for _, s := range r.suppressed {
		if s.key == nil {
			out = append(out, s.rule+"/*")
			continue
		}
		key, err := s.key.string(v, "")
		if err != nil {
			j.trouble(r, "suppressed_by", v, err)
			continue
		}
		out = append(out, keyOf(s.rule, key))
	}
	return out
}

func (j *Judge) muted(keys []string) bool {
	return slices.ContainsFunc(keys, func(k string) bool {
		if rule, any := strings.CutSuffix(k, "/*"); any {
			return j.memory.active[rule] > 0
		}
		en := j.memory.entries[k]
		return en != nil && en.Active
	})
}

func (j *Judge) trouble(r *Rule, where string, v *view, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	t := j.faults[r.ID]
	j.faults[r.ID] = Trouble{Times: t.Times + 1, Last: short(where+" on "+v.e.Kind+": "+err.Error(), 300), At: v.e.At}
}

type errNoPriority string

func (e errNoPriority) Error() string { return "gives " + string(e) + ", which is no priority" }

// short cuts a text to a number of bytes without breaking a character.
func short(s string, limit int) string {
	if len(s) <= limit {
		return strings.ToValidUTF8(s, "�")
	}
	s = s[:limit]
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}
