package auth

import "slices"

// Role is what a person is at the site. The words are the API's.
type Role string

// Roles.
const (
	Guard         Role = "guard"
	Leader        Role = "leader"
	Secretariat   Role = "secretariat"
	Chair         Role = "chair"
	Technician    Role = "technician"
	ITSecurity    Role = "it-security"
	Auditor       Role = "auditor"
	Administrator Role = "administrator"
)

// Roles lists all roles.
func Roles() []Role {
	return []Role{Guard, Leader, Secretariat, Chair, Technician, ITSecurity, Auditor, Administrator}
}

// Right is something a person may do. The words are the API's.
type Right string

// Rights. A right that no row of the matrix gives is one that nobody has.
const (
	RightLiveConsole     Right = "live_console"     // see the console: alerts, wall, map
	RightAcceptAlert     Right = "accept_alert"     // accept and handle alerts
	RightCloseCritical   Right = "close_critical"   // close a critical incident as its second reviewer
	RightPlayIncident    Right = "play_incident"    // play footage of an open incident
	RightPlayAny         Right = "play_any"         // play footage outside an incident, for a stated purpose
	RightPrepareEvidence Right = "prepare_evidence" // prepare an evidence bundle
	RightApproveEvidence Right = "approve_evidence" // approve another person's bundle
	RightHold            Right = "hold"             // place or release a hold, with a second person
	RightViewDevices     Right = "view_devices"     // see the list of devices and their state
	RightDevices         Right = "devices"          // add, change, replace, remove devices
	RightDevicePassword  Right = "device_password"  // see a stored password: nobody
	RightArm             Right = "arm"              // arm, disarm, lock up and open zones
	RightRules           Right = "rules"            // change rules and schedules
	RightStandAlone      Right = "stand_alone"      // stop sharing with the centre
	RightEvents          Right = "events"           // search the history
	RightAudit           Right = "audit"            // read who viewed, exported, changed what
	RightReports         Right = "reports"          // read evaluations and shift reports
	RightProofs          Right = "proofs"           // read proofs and consistency of the log
	RightDeleteRecord    Right = "delete_record"    // edit or delete a record: nobody
	RightErase           Right = "erase"            // blank a body lawfully, with a second person
	RightPeople          Right = "people"           // add and change people and their roles
	RightZones           Right = "zones"            // add and change zones
	RightSettings        Right = "settings"         // change settings of the program
)

// Rights lists all rights.
func Rights() []Right {
	return []Right{
		RightLiveConsole, RightAcceptAlert, RightCloseCritical, RightPlayIncident, RightPlayAny, RightPrepareEvidence,
		RightApproveEvidence, RightHold, RightViewDevices, RightDevices, RightDevicePassword, RightArm, RightRules,
		RightStandAlone, RightEvents, RightAudit, RightReports, RightProofs, RightDeleteRecord, RightErase, RightPeople,
		RightZones, RightSettings,
	}
}

// Scope is how far a right reaches.
type Scope string

// Scopes, widest first.
const (
	ScopeFull    Scope = "full"
	ScopeRead    Scope = "read"    // look, but not touch
	ScopeSquad   Scope = "squad"   // of the own squad
	ScopeCyber   Scope = "siber"   // incidents of category siber only
	ScopeTest    Scope = "test"    // the own device under test, last 60 s
	ScopePropose Scope = "propose" // a second person decides
	ScopeRevoke  Scope = "revoke"  // end a device's identity, nothing else
	ScopePosture Scope = "posture" // health and figures, no pictures
	ScopeOwn     Scope = "own"     // what the person did
	ScopeNone    Scope = ""        // not at all
)

func scopes() []Scope {
	return []Scope{ScopeFull, ScopeRead, ScopeSquad, ScopeCyber, ScopeTest, ScopePropose, ScopeRevoke, ScopePosture, ScopeOwn}
}

type row map[Role]Scope

// matrix is the table of rights. What is not in it is denied.
var matrix = map[Right]row{
	RightLiveConsole:     {Guard: ScopeFull, Leader: ScopeFull, Secretariat: ScopeFull, Chair: ScopeRead, Technician: ScopeTest, ITSecurity: ScopePosture},
	RightAcceptAlert:     {Guard: ScopeFull, Leader: ScopeFull, Secretariat: ScopeFull, ITSecurity: ScopeCyber},
	RightCloseCritical:   {Leader: ScopeFull, Secretariat: ScopeFull, Chair: ScopeFull, ITSecurity: ScopeCyber},
	RightPlayIncident:    {Guard: ScopeFull, Leader: ScopeFull, Secretariat: ScopeFull, Chair: ScopeFull, Technician: ScopeTest, ITSecurity: ScopeCyber},
	RightPlayAny:         {Leader: ScopeFull, Secretariat: ScopeFull, Chair: ScopeFull},
	RightPrepareEvidence: {Secretariat: ScopeFull, Chair: ScopeFull, ITSecurity: ScopeCyber},
	RightApproveEvidence: {Secretariat: ScopeFull, Chair: ScopeFull},
	RightHold:            {Secretariat: ScopeFull, Chair: ScopeFull},
	RightViewDevices:     {Guard: ScopeRead, Leader: ScopeRead, Secretariat: ScopeRead, Chair: ScopeRead, Technician: ScopeFull, ITSecurity: ScopeRead},
	RightDevices:         {Technician: ScopeFull, ITSecurity: ScopeRevoke},
	RightArm:             {Guard: ScopeFull, Leader: ScopeFull, Secretariat: ScopeFull},
	RightRules:           {Leader: ScopePropose, Secretariat: ScopeFull, Technician: ScopePropose, ITSecurity: ScopeFull},
	RightStandAlone:      {Secretariat: ScopeFull, Chair: ScopeFull, ITSecurity: ScopeFull},
	RightEvents:          {Guard: ScopeFull, Leader: ScopeFull, Secretariat: ScopeFull, Chair: ScopeFull, Technician: ScopeTest, ITSecurity: ScopeCyber, Auditor: ScopeFull},
	RightAudit:           {Guard: ScopeOwn, Leader: ScopeSquad, Secretariat: ScopeFull, Chair: ScopeFull, Technician: ScopeOwn, ITSecurity: ScopeFull, Auditor: ScopeFull},
	RightReports:         {Guard: ScopeOwn, Leader: ScopeFull, Secretariat: ScopeFull, Chair: ScopeFull, Auditor: ScopeFull},
	RightProofs:          {Secretariat: ScopeFull, Chair: ScopeFull, ITSecurity: ScopeFull, Auditor: ScopeFull},
	RightErase:           {Secretariat: ScopeFull, Chair: ScopeFull},
	RightPeople:          {Administrator: ScopeFull},
	RightZones:           {Technician: ScopeFull, Administrator: ScopeFull},
	RightSettings:        {Administrator: ScopeFull},
}

// Can says how far a right of a person reaches: the widest scope any of their roles gives, ScopeNone for somebody who
// may not, is shut out, is not known, or must first choose another password.
func Can(p Person, right Right) Scope {
	if have := Scopes(p, right); len(have) > 0 {
		return have[0]
	}
	return ScopeNone
}

// Scopes lists every scope a person's roles give for a right, widest first. A person of two roles can have two that do
// not contain each other.
func Scopes(p Person, right Right) []Scope {
	if !p.Active || p.MustChange || p.ID == "" {
		return nil
	}
	var out []Scope
	for _, s := range scopes() {
		if slices.ContainsFunc(p.Roles, func(r Role) bool { return matrix[right][r] == s }) {
			out = append(out, s)
		}
	}
	return out
}

// RightsOf lists all rights a person has, with their scope.
func RightsOf(p Person) map[Right]Scope {
	out := map[Right]Scope{}
	for _, r := range Rights() {
		if s := Can(p, r); s != ScopeNone {
			out[r] = s
		}
	}
	return out
}
