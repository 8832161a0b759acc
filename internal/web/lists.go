package web

import "slices"

// Page is what every list takes.
type Page struct {
	After string `query:"after" maxLength:"128" doc:"next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

// list is the form of every list.
type list[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next" doc:"goes into ?after=; empty at the end"`
}

// pageOf cuts a page out of a list that is read from memory, in its own order. A page after something that is gone
// begins anew, so that nothing is left out.
func pageOf[T any](p Page, all []T, id func(T) string) list[T] {
	if p.After != "" {
		if i := slices.IndexFunc(all, func(v T) bool { return id(v) == p.After }); i >= 0 {
			all = all[i+1:]
		}
	}
	out := list[T]{Items: all[:min(p.Limit, len(all))]}
	if len(out.Items) < len(all) {
		out.Next = id(out.Items[len(out.Items)-1])
	}
	if out.Items == nil {
		out.Items = []T{}
	}
	return out
}

type reply[T any] struct{ Body T }

func answered[T any](v T) *reply[T] { return &reply[T]{v} }

// orNone is a list that JSON writes as [] and not as null.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
