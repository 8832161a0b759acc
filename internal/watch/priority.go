package watch

// Priority is how fast people must look. The values are the API's; screens translate them.
type Priority string

// Priorities, lowest first.
const (
	Info      Priority = "info"
	Caution   Priority = "caution"
	Important Priority = "important"
	Critical  Priority = "critical"
)

// Rank orders priorities: 0 info … 3 critical, -1 for an unknown word.
func (p Priority) Rank() int {
	switch p {
	case Info:
		return 0
	case Caution:
		return 1
	case Important:
		return 2
	case Critical:
		return 3
	}
	return -1
}

// State is where an incident stands.
type State string

// Incident states and exits.
const (
	StateNew          State = "new"
	StateAcknowledged State = "acknowledged"
	StateHandling     State = "handling"
	StateEscalated    State = "escalated"
	StateResolved     State = "resolved"
	StateClosed       State = "closed"
	StateFalseAlarm   State = "false_alarm"
	StateDuplicate    State = "duplicate"
	StateDrill        State = "drill"
)

// Open reports whether an incident in this state still wants people.
func (s State) Open() bool {
	switch s {
	case StateNew, StateAcknowledged, StateHandling, StateEscalated:
		return true
	}
	return false
}
