// Package watch holds the words of the site as types: readings, events, media, faults.
// It is "watch" as in guard duty. It imports nothing of ours and has no behaviour beyond validation.
package watch
