package message

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// locale is how a language writes dates and numbers; a catalogue's section of that name.
type locale struct {
	decimal, group                    string
	date, datetime, fullDate, weekday string
	months, shortMonths               []string
	days, shortDays                   []string
	first                             time.Weekday
}

func localeOf(p *Printer) locale {
	list := func(key string) []string { return strings.Split(p.T("locale."+key), "|") }
	first, _ := strconv.Atoi(p.T("locale.first_weekday")) // a test sees to it that it is a number
	return locale{
		decimal: p.T("locale.decimal"), group: p.T("locale.group"), date: p.T("locale.date"), datetime: p.T("locale.datetime"),
		fullDate: p.T("locale.full_date"), weekday: p.T("locale.weekday_datetime"), months: list("months"), shortMonths: list("short_months"),
		days: list("days"), shortDays: list("short_days"), first: time.Weekday(first % 7),
	}
}

// FirstWeekday is the day with which weeks begin in calendars.
func (p *Printer) FirstWeekday() time.Weekday { return p.locale.first }

// Month is the name of a month.
func (p *Printer) Month(m time.Month) string { return at(p.locale.months, int(m)-1) }

// ShortMonth is the name of a month where there is little room.
func (p *Printer) ShortMonth(m time.Month) string { return at(p.locale.shortMonths, int(m)-1) }

// Weekday is the name of a day of the week.
func (p *Printer) Weekday(d time.Weekday) string { return at(p.locale.days, int(d)) }

func at(list []string, i int) string {
	if i < 0 || i >= len(list) {
		return ""
	}
	return list[i]
}

// Date is the day of an instant, in the zone t carries.
func (p *Printer) Date(t time.Time) string { return p.format(t, p.locale.date) }

// DateTime is an instant to the minute, in the zone t carries.
func (p *Printer) DateTime(t time.Time) string { return p.format(t, p.locale.datetime) }

// WeekdayTime is an instant with its day of the week.
func (p *Printer) WeekdayTime(t time.Time) string { return p.format(t, p.locale.weekday) }

// FullDate is a day in words.
func (p *Printer) FullDate(t time.Time) string { return p.format(t, p.locale.fullDate) }

// FullTime is an instant in words, to the second, with its zone by its distance from UTC:
// its abbreviation is whatever the zone file says.
func (p *Printer) FullTime(t time.Time) string {
	zone := "UTC"
	if _, offset := t.Zone(); offset != 0 {
		zone += t.Format("-07:00")
	}
	return p.FullDate(t) + ", " + t.Format("15:04:05 ") + zone
}

// format writes a pattern of {day}, {month} and the like.
func (p *Printer) format(t time.Time, pattern string) string {
	var b strings.Builder
	for i, piece := range split(pattern) {
		if i%2 == 1 {
			piece = p.part(t, piece)
		}
		b.WriteString(piece)
	}
	return b.String()
}

func (p *Printer) part(t time.Time, name string) string {
	switch name {
	case "d":
		return strconv.Itoa(t.Day())
	case "mon":
		return at(p.locale.shortMonths, int(t.Month())-1)
	case "month":
		return at(p.locale.months, int(t.Month())-1)
	case "year":
		return strconv.Itoa(t.Year())
	case "time":
		return t.Format("15:04")
	case "dow":
		return at(p.locale.shortDays, int(t.Weekday()))
	case "weekday":
		return at(p.locale.days, int(t.Weekday()))
	}
	return "{" + name + "}"
}

// Count is a whole number with its thousands set apart.
func (p *Printer) Count(n any) string {
	s := fmt.Sprintf("%d", n)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	if len(s) < 4 {
		return sign + s
	}
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteString(p.locale.group)
		}
		b.WriteByte(s[i])
	}
	return sign + b.String()
}

// Number is a number with at most so many digits after the decimal sign; with -1, all it takes.
func (p *Printer) Number(f float64, digits int) string {
	return p.Decimal(strconv.FormatFloat(f, 'f', digits, 64))
}

// Decimal is a number, written with a point, as the language writes it.
func (p *Printer) Decimal(s string) string { return strings.Replace(s, ".", p.locale.decimal, 1) }

// Local is a printer for somebody far away, such as who gets a mail: instants are said
// where the person is, and where that is UTC, it is said.
type Local struct {
	*Printer
	zone *time.Location
}

// At is a printer in a language and a time zone; an unknown zone is UTC.
func At(language, zone string) Local {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		loc = time.UTC
	}
	return Local{In(language), loc}
}

// DateTime is an instant to the minute.
func (l Local) DateTime(t time.Time) string {
	out := l.Printer.DateTime(t.In(l.zone))
	if l.zone == time.UTC {
		out += " UTC"
	}
	return out
}

// Bytes is a size for people, in powers of 1024.
func (p *Printer) Bytes(n int64) string {
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
	return p.Number(value, digits) + " " + []string{"KiB", "MiB", "GiB", "TiB", "PiB"}[unit]
}

// Duration is a span for people: its two largest units.
func (p *Printer) Duration(d time.Duration) string {
	if d < 0 {
		return "-" + p.Duration(-d)
	}
	switch {
	case d < time.Second:
		return p.unit(d.Milliseconds(), "ms")
	case d < time.Minute:
		return p.Number(d.Truncate(100*time.Millisecond).Seconds(), -1) + " " + p.T("unit.s")
	case d < time.Hour:
		return p.pair(d, time.Minute, "min", time.Second, "s")
	case d < 24*time.Hour:
		return p.pair(d, time.Hour, "h", time.Minute, "min")
	}
	return p.pair(d, 24*time.Hour, "d", time.Hour, "h")
}

func (p *Printer) unit(n int64, name string) string {
	return strconv.FormatInt(n, 10) + " " + p.T("unit."+name)
}

func (p *Printer) pair(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	out := p.unit(int64(d/big), bigName)
	if rest := d % big / small; rest > 0 {
		out += " " + p.unit(int64(rest), smallName)
	}
	return out
}
