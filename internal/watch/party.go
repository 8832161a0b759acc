package watch

// Parties are those whom an action card may tell to call. What each is called here and how it is reached is the site's.
func Parties() []string {
	return []string{
		"guard", "leader", "secretariat", "chair", "technician", "it-security", "police", "fire", "ambulance", "power", "bawaslu",
	}
}
