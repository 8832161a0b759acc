// Package archtest holds the laws of the house as tests: who may import whom, which outsider may be used where, and
// where a goroutine may be started. A room without a row fails them.
package archtest
