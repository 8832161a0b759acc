package web

import (
	"testing"
	"time"

	"siaga/internal/record"
)

func TestSpanList_JoinsWhatMeetsAndKeepsGaps(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(1_000_000 + int64(ms)) }
	got := spanList([]record.VideoSpan{
		{Offset: 0, From: at(0), To: at(10_000)}, {Offset: 10 * time.Second, From: at(10_100), To: at(20_000)}, {Offset: 20 * time.Second, From: at(60_000), To: at(70_000)},
	})
	if want := "[[0,1000000,1020000],[20000,1060000,1070000]]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := spanList(nil); got != "[]" {
		t.Error(got)
	}
}
