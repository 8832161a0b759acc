package incident

import (
	"fmt"
	"strings"
	"time"
)

// Clock writes times as the site's people read them.
type Clock struct {
	Location *time.Location // nil: UTC
	Zone     string         // what stands behind a time: WIB, WITA, WIT; "": UTC
}

func (c Clock) local(t time.Time) (time.Time, string) {
	if c.Location == nil || c.Zone == "" {
		return t.UTC(), "UTC"
	}
	return t.In(c.Location), c.Zone
}

// Time is 22.15.08 WITA.
func (c Clock) Time(t time.Time) string {
	local, zone := c.local(t)
	return local.Format("15.04.05") + " " + zone
}

// Long is "Minggu, 22 November 2026, 22.15.08 WITA".
func (c Clock) Long(t time.Time, english bool) string {
	local, zone := c.local(t)
	day, month := local.Weekday().String(), local.Month().String()
	if !english {
		days := [...]string{"Minggu", "Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu"}
		months := [...]string{"Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November", "Desember"}
		day, month = days[local.Weekday()], months[local.Month()-1]
	}
	return fmt.Sprintf("%s, %d %s %d, %s %s", day, local.Day(), month, local.Year(), local.Format("15.04.05"), zone)
}

// Span is "2 menit 5 detik": the two largest units.
func Span(d time.Duration, english bool) string {
	left := int64(max(0, d) / time.Second)
	units := [...]struct {
		seconds int64
		id, en  string
	}{{86_400, "hari", "day"}, {3600, "jam", "hour"}, {60, "menit", "minute"}, {1, "detik", "second"}}
	var parts []string
	for _, u := range units {
		n := left / u.seconds
		left %= u.seconds
		if n == 0 {
			if len(parts) > 0 {
				break
			}
			continue
		}
		word := u.id
		if english {
			word = u.en
		}
		if english && n != 1 {
			word += "s"
		}
		if parts = append(parts, fmt.Sprintf("%d %s", n, word)); len(parts) == 2 {
			break
		}
	}
	if len(parts) == 0 {
		if english {
			return "0 seconds"
		}
		return "0 detik"
	}
	return strings.Join(parts, " ")
}
