package watch_test

import (
	"strings"
	"testing"

	"siaga/internal/watch"
)

func TestDescription_HostileValuesBecomeLegible(t *testing.T) {
	d := watch.Description{
		Vendor: " Son\x00off\r\n", Model: strings.Repeat("é", 5000), Firmware: "1\u202e2\xff3", Software: "\x1b[2Jx",
	}.Clean()
	want := watch.Description{Vendor: "Sonoff", Model: strings.Repeat("é", 128), Firmware: "123", Software: "[2Jx"}
	if d != want {
		t.Errorf("cleaned to %+q", d)
	}
	if d.Clean() != d {
		t.Error("cleaning twice changes something")
	}
}

func TestDescription_AbsentIsNotUnsetButAnotherUnitIsAnother(t *testing.T) {
	known := watch.Description{Vendor: "DJI", Model: "M3TD", Firmware: "10.01.16.20", Serial: "1581F6Q8D"}
	if got := (watch.Description{Vendor: "DJI", Serial: "1581F6Q8D"}).Over(known); got != known {
		t.Errorf("what was left out is gone: %+v", got)
	}
	if got := (watch.Description{Firmware: "10.02.00.01"}).Over(known); got.Firmware != "10.02.00.01" || got.Model != "M3TD" {
		t.Errorf("a new firmware gives %+v", got)
	}
	swapped := watch.Description{Vendor: "DJI", Model: "M3TD", Serial: "1581F0000"}
	if got := swapped.Over(known); got != swapped {
		t.Errorf("another unit inherited %+v", got)
	}
}
