package ui

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast/holdfast/internal/markup"
	"github.com/holdfast/holdfast/internal/plural"
	"github.com/holdfast/holdfast/internal/web/assets"
)

func funcs() template.FuncMap {
	return template.FuncMap{
		"date": dateOf, "datetime": datetimeOf, "day": Day,
		"bytes": Bytes, "duration": Duration, "count": Count,
		"markdown": markup.Render, "plain": markup.Plain,
		"icon": Icon, "asset": assets.URL,
		"status": Status, "type": Type, "label": Label, "priority": Priority,
		"person": func(p Person) Avatar { return Avatar{Person: p} },
		"link":   Link, "submit": Submit,
	}
}

// timeElement is a <time>. Everything in it comes from formatting, so nothing needs escaping.
func timeElement(machine, full, shown string) template.HTML {
	return template.HTML(`<time datetime="` + machine + `" title="` + full + `">` + shown + `</time>`)
}

// dateOf shows the day of an instant; nothing for the zero time.
func dateOf(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	return timeElement(t.Format(time.RFC3339), fullTime(t), t.Format("2 Jan 2006"))
}

// datetimeOf shows an instant to the minute, in the zone t carries.
func datetimeOf(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	return timeElement(t.Format(time.RFC3339), fullTime(t), t.Format("2 Jan 2006, 15:04"))
}

func fullTime(t time.Time) string { return t.Format("Monday, 2 January 2006, 15:04:05 ") + zone(t) }

// zone names the zone by its distance from UTC: its abbreviation is whatever the zone file says.
func zone(t time.Time) string {
	if _, offset := t.Zone(); offset == 0 {
		return "UTC"
	}
	return "UTC" + t.Format("-07:00")
}

// Day shows a day stored as YYYY-MM-DD; text that is none is shown as it stands.
func Day(day string) template.HTML {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return template.HTML(template.HTMLEscapeString(day))
	}
	return timeElement(day, t.Format("Monday, 2 January 2006"), t.Format("2 Jan 2006"))
}

// Bytes is a size for people, in powers of 1024.
func Bytes(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, unit := float64(n)/1024, 0
	for value >= 1023.95 && unit < 4 {
		value /= 1024
		unit++
	}
	digits := 1
	if value >= 100 {
		digits = 0
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + []string{"KiB", "MiB", "GiB", "TiB", "PiB"}[unit]
}

// Duration is a span for people: its two largest units.
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-d)
	}
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	case d < time.Hour:
		return pair(d, time.Minute, "min", time.Second, "s")
	case d < 24*time.Hour:
		return pair(d, time.Hour, "h", time.Minute, "min")
	}
	return pair(d, 24*time.Hour, "d", time.Hour, "h")
}

func pair(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	out := fmt.Sprintf("%d %s", d/big, bigName)
	if rest := d % big / small; rest > 0 {
		out += fmt.Sprintf(" %d %s", rest, smallName)
	}
	return out
}

// Count is a whole number with its thousands set apart by narrow spaces.
func Count(n any) string {
	s := fmt.Sprintf("%d", n)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteRune('\u202F')
		}
		b.WriteByte(s[i])
	}
	return sign + b.String()
}

// Counted is a number with its noun: 1 file, 2 files.
func Counted(n int64, one string, many ...string) string {
	return Count(n) + " " + plural.Noun(n, one, many...)
}

// Icon is a picture beside a word; those who do not see it miss nothing.
func Icon(name string) template.HTML {
	if name == "" {
		return ""
	}
	ref := template.HTMLEscapeString(assets.URL("icons.svg") + "#" + name)
	return template.HTML(`<svg class="icon" aria-hidden="true" focusable="false"><use href="` + ref + `"></use></svg>`)
}
