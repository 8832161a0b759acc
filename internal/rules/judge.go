package rules

import (
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"siaga/internal/watch"
)

// Judge applies a set of rules to events in their order. What it claims depends on the rules, the events, the site and
// its memory alone, so the same events from the same memory give the same claims. It is for one goroutine, except
// where a function says otherwise.
type Judge struct {
	set    atomic.Pointer[Set]
	using  *Set // the set of the memory; lags behind set until the next event
	site   Site
	memory *memory
	claims []watch.Claim

	mu     sync.Mutex
	faults map[string]Trouble
}

// Trouble counts how often a rule's expression could not be evaluated: such a rule is blind.
type Trouble struct {
	Times uint64    `json:"times"`
	Last  string    `json:"last"` // the last error, with the key of the file at fault
	At    time.Time `json:"at"`
}

// NewJudge makes a judge with an empty memory.
func NewJudge(set *Set, site Site) *Judge {
	j := &Judge{using: set, site: site, memory: newMemory(), faults: map[string]Trouble{}}
	j.set.Store(set)
	return j
}

// Use changes the rules from the next event on. It may be called from any goroutine.
func (j *Judge) Use(set *Set) { j.set.Store(set) }

// Reads reports whether any rule looks at events of a kind. It may be called from any goroutine.
func (j *Judge) Reads(kind string) bool { return j.set.Load().Reads(kind) }

// Troubles lists the rules that could not be evaluated, by id. It may be called from any goroutine.
func (j *Judge) Troubles() map[string]Trouble {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make(map[string]Trouble, len(j.faults))
	for k, v := range j.faults {
		out[k] = v
	}
	return out
}

// Restore replaces the memory by what Changed gave over time: the last value of each key.
func (j *Judge) Restore(stored map[string][]byte) error {
	j.using = j.set.Load()
	m, err := restore(j.using, stored)
	if err != nil {
		return err
	}
	j.memory = m
	return nil
}

// Changed returns what of the memory changed since the last call, by key; nil stands for a forgotten key. Whoever
// stores it MUST do so in the same transaction as the effects of the claims made since.
func (j *Judge) Changed() (map[string][]byte, error) { return j.memory.take() }

// Dirty reports whether Changed has anything to give.
func (j *Judge) Dirty() bool { return len(j.memory.changed) > 0 }

// Due is the time of the earliest timer, if there is one.
func (j *Judge) Due() (time.Time, bool) {
	t := j.memory.first()
	return watch.FromMillis(t), t != 0
}

// Tick judges the timers that are due at the site's time now. Every durable event up to now SHOULD have been judged.
func (j *Judge) Tick(now time.Time) []watch.Claim {
	j.claims = nil
	j.adopt()
	j.timers(millis(now))
	return j.claims
}

// Judge gives what the rules claim of one event: first the timers that were due before it, then the event.
func (j *Judge) Judge(e watch.Event) []watch.Claim {
	j.claims = nil
	j.adopt()
	if e.Kind == "clock.jumped" {
		j.clockJumped(e.Body)
	}
	if len(j.memory.alarms) > 0 {
		j.timers(millis(e.At))
	}
	if own(e.Kind) {
		if e.Kind == "alert.cleared" {
			j.settled(e.Body)
		}
		return j.claims
	}
	// Most events end here; they cost a look-up.
	if repeat := repeated(e.Body); repeat || j.using.Reads(e.Kind) {
		j.read(e, repeat)
	}
	return j.claims
}

// read judges an event that rules look at.
func (j *Judge) read(e watch.Event, repeat bool) {
	v := &view{e: &e, site: j.site, repeat: repeat}
	for _, d := range j.using.duties(e.Kind, repeat) {
		if d.clear && !repeat {
			j.clear(d.rule, v)
		}
		if d.fires {
			j.fire(d.rule, v)
		}
	}
}

// adopt takes over a changed set: entries keep their place under the rule of the same id.
func (j *Judge) adopt() {
	set := j.set.Load()
	if set == j.using {
		return
	}
	j.using = set
	for key, en := range j.memory.entries {
		if r := set.byID[en.rule.ID]; r != nil {
			en.rule = r
			continue
		}
		delete(j.memory.entries, key)
		j.memory.changed[key] = true
		j.memory.keys[en.rule.ID]--
		if en.Active {
			j.memory.active[en.rule.ID]--
		}
	}
	j.memory.rewind()
}

// fire judges an event that a rule reads.
func (j *Judge) fire(r *Rule, v *view) {
	v.count = 1
	ok, err := r.when.boolean(v)
	if err != nil {
		j.trouble(r, "when", v, err)
	}
	if !ok {
		return
	}
	key, en := j.memory.at(r, j.key(r, r.key, v))
	at := millis(v.e.At)
	switch {
	case r.SilentFor > 0:
		j.signOfLife(key, en, v, at)
	case r.For > 0 && !en.Active:
		if en.Waiting == nil && !v.repeat {
			c := j.claim(r, key, v)
			en.Waiting, en.Due, en.Muted = &c, at+r.For.Milliseconds(), j.mutes(r, v)
		}
	case r.Within > 0 && !j.counted(r, en, v, at):
	default:
		if c := j.claim(r, key, v); !j.muted(j.mutes(r, v)) {
			j.say(en, c, at)
		}
	}
	j.memory.touch(key, en)
}

// counted adds an occurrence and reports whether there are enough of them.
func (j *Judge) counted(r *Rule, en *entry, v *view, at int64) bool {
	en.Times = slices.DeleteFunc(en.Times, func(t int64) bool { return t <= at-r.Within.Milliseconds() })
	if len(en.Times) == maxCount {
		en.Times = en.Times[1:]
	}
	en.Times = append(en.Times, at)
	slices.Sort(en.Times)
	v.count = len(en.Times)
	return v.count >= r.AtLeast
}

// signOfLife ends a silence and begins the waiting for the next one.
func (j *Judge) signOfLife(key string, en *entry, v *view, at int64) {
	if v.repeat {
		return
	}
	c := j.claim(en.rule, key, v)
	en.Waiting, en.Due, en.Muted = &c, at+en.rule.SilentFor.Milliseconds(), j.mutes(en.rule, v)
	if en.Active {
		j.end(en, c, at)
	}
}

// say claims, or keeps the repetition for later if one was told just now.
func (j *Judge) say(en *entry, c watch.Claim, at int64) {
	repeat := c.Repeat
	if !c.Holds && c.Window > 0 {
		en.Window = at + c.Window.Milliseconds()
	}
	if en.Active {
		if en.Told != nil {
			c.Repeat = c.Repeat && en.Told.Repeat
		}
		c.Count += en.Owed
		higher := c.Priority.Rank() > en.Priority.Rank()
		if since := at - en.Updated; !higher && since >= 0 && since < tellEvery.Milliseconds() {
			en.Owed, en.Told = c.Count, &c
			return
		}
		en.Owed, en.Told, en.Updated = 0, nil, at
		if higher {
			en.Priority = c.Priority
		}
	} else if !repeat {
		j.memory.setActive(en, true)
		en.Priority = c.Priority
	}
	j.claims = append(j.claims, c)
}

// clear judges an event that may end a rule's condition.
func (j *Judge) clear(r *Rule, v *view) {
	ok, err := r.clearWhen.boolean(v)
	if err != nil {
		j.trouble(r, "clear.when", v, err)
	}
	if !ok {
		return
	}
	key := j.key(r, r.clearKey, v)
	c := watch.Claim{
		Rule: r.ID, Key: key, Clear: true, Reason: "event", Device: v.e.Device, Zone: v.e.Zone, Cause: v.e.Seq, At: v.e.At,
	}
	en := j.memory.entries[key]
	if en == nil {
		// Told all the same: the alert may stand although the judge forgot it.
		j.claims = append(j.claims, c)
		return
	}
	en.Waiting, en.Due, en.Muted = nil, 0, nil
	j.end(en, c, millis(v.e.At))
	j.memory.touch(key, en)
}

// end claims that the condition is over, with the repetitions not yet told.
func (j *Judge) end(en *entry, c watch.Claim, at int64) {
	c.Clear, c.Count = true, en.Owed
	if c.Reason == "" {
		c.Reason = "event"
	}
	j.memory.setActive(en, false)
	en.Owed, en.Told, en.Window = 0, nil, 0
	j.claims = append(j.claims, c)
}

// timers judges everything that is due, in the order of time.
func (j *Judge) timers(now int64) {
	for {
		key, en, due := j.memory.due(now)
		if en == nil {
			return
		}
		switch {
		case en.Waiting != nil && en.Due == due:
			c, muted := *en.Waiting, en.Muted
			c.At = watch.FromMillis(due)
			en.Waiting, en.Due, en.Muted = nil, 0, nil
			if !j.muted(muted) {
				j.say(en, c, due)
			}
		case en.Owed > 0 && en.Updated+tellEvery.Milliseconds() == due:
			c := *en.Told
			en.Owed, en.Told, en.Updated = 0, nil, due
			j.claims = append(j.claims, c)
		case en.Window == due:
			id := en.rule.ID
			j.end(en, watch.Claim{Rule: id, Key: key, Reason: "window", At: watch.FromMillis(due)}, due)
		default:
			en.Times = nil
		}
		j.memory.touch(key, en)
	}
}

// settled hears that people ended an alert. What was not told yet came before; it is told, since nobody saw it.
func (j *Judge) settled(raw []byte) {
	var body struct {
		Alert struct {
			Key string `json:"key"`
			By  string `json:"cleared_by"`
		} `json:"alert"`
	}
	if json.Unmarshal(raw, &body) != nil || body.Alert.By != "act" {
		return
	}
	en := j.memory.entries[body.Alert.Key]
	if en == nil || !en.Active {
		return
	}
	owed := en.Told
	j.memory.setActive(en, false)
	en.Owed, en.Told = 0, nil
	if owed != nil {
		j.claims = append(j.claims, *owed)
		j.memory.setActive(en, true)
		en.Priority = owed.Priority
	}
	j.memory.touch(body.Alert.Key, en)
}

// clockJumped moves the timers with the site's clock, so that a wait of a minute stays one.
func (j *Judge) clockJumped(raw []byte) {
	var body struct {
		By float64 `json:"jump_ms"`
	}
	if json.Unmarshal(raw, &body) == nil && body.By != 0 {
		j.memory.shift(int64(body.By))
	}
}
