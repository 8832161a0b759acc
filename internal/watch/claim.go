package watch

import "time"

// Words is a short text in the two languages of the screens.
type Words struct {
	ID string `json:"id"`
	EN string `json:"en"`
}

// Claim is what a rule says about an event: that something matters, or that it is over. Whether it raises an alert,
// updates one or changes nothing is for those to say who keep the alerts.
type Claim struct {
	// Rule is the rule's id; Key begins with it and names the alert: at most one per key is active.
	Rule string `json:"rule"`
	Key  string `json:"key"`
	// Clear says that the condition ended; Reason then is "event" or "window".
	Clear  bool   `json:"clear,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Repeat marks a claim from a message that was heard before (`repeat_of`): it may update an open alert, never
	// open or reopen one within its window.
	Repeat bool `json:"repeat,omitempty"`
	// Count is how many occurrences the claim stands for.
	Count    int      `json:"count,omitempty"`
	Priority Priority `json:"priority,omitempty"`
	Code     string   `json:"code,omitempty"`     // the catalogue's code, "ht.panik"
	Category string   `json:"category,omitempty"` // the catalogue's category, "ancaman_orang"
	Title    Words    `json:"title,omitzero"`
	Alias    string   `json:"alias,omitempty"` // the call sign or name of what it is about, for screens
	Device   string   `json:"device,omitempty"`
	Zone     string   `json:"zone,omitempty"`
	Subject  string   `json:"subject,omitempty"` // opaque id, as the event's
	// Cause is the sequence of the event, At the time from which the claim holds.
	Cause uint64    `json:"cause,omitempty"`
	At    time.Time `json:"at,omitzero"`
	// Window is how long a repetition still belongs to the same alert; 0 if there is none.
	Window time.Duration `json:"window,omitempty"`
	// Holds says that only the end of the condition ends the alert; otherwise its window does, or people do.
	Holds bool `json:"holds,omitempty"`
}
