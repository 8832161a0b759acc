package incident

// Statement is the query for a filter, so that a test can ask how SQLite would answer it.
func (f Filter) Statement() (string, []any) {
	c := f.conditions()
	return `SELECT ` + incidentColumns + ` FROM incidents ` + c.where() + ` ORDER BY number DESC LIMIT 50`, c.args
}
