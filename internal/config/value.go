package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is one typed place in a Config: it parses strictly and prints what it would parse again.
type value interface {
	set(s string) error
	show() string
	// text turns a decoded TOML value into the form set understands; false when the type is wrong.
	text(v any) (string, bool)
	// wants completes the sentence "must be …".
	wants() string
}

// Secret is a string that prints as "[redacted]"; Reveal is the only way to its content.
type Secret string

const redacted = "[redacted]"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret, and an empty one shows as empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText hides the secret from JSON and other encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Size is a number of bytes. As in OpenProject 1 KB is 1024 bytes.
type Size int64

// Bytes returns the size as a plain number.
func (s Size) Bytes() int64 { return int64(s) }

var units = []struct {
	names []string
	bytes int64
}{
	{[]string{"TiB", "TB"}, 1 << 40},
	{[]string{"GiB", "GB"}, 1 << 30},
	{[]string{"MiB", "MB"}, 1 << 20},
	{[]string{"KiB", "KB"}, 1 << 10},
	{[]string{"B"}, 1},
}

// String prints the size in the largest unit that divides it.
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && int64(s)%u.bytes == 0 && u.bytes > 1 {
			return fmt.Sprintf("%d%s", int64(s)/u.bytes, u.names[1])
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// ParseSize reads "5120KB", "1GiB" or a plain number of bytes.
func ParseSize(s string) (Size, error) {
	digits, factor := s, int64(1)
	for _, u := range units {
		if n, ok := cutUnit(s, u.names); ok {
			digits, factor = n, u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || int64(n) > math.MaxInt64/factor {
		return 0, fmt.Errorf("%q is not a size", s)
	}
	return Size(int64(n) * factor), nil
}

func cutUnit(s string, names []string) (string, bool) {
	for _, name := range names {
		if len(s) > len(name) && strings.EqualFold(s[len(s)-len(name):], name) {
			return strings.TrimSpace(s[:len(s)-len(name)]), true
		}
	}
	return s, false
}

// ParseDuration reads a Go duration ("36h", "90s"), days ("30d") or a plain number of seconds.
func ParseDuration(s string) (time.Duration, error) {
	unit := time.Second
	digits := s
	if d, ok := strings.CutSuffix(s, "d"); ok {
		digits, unit = d, 24*time.Hour
	}
	if n, err := strconv.ParseUint(digits, 10, 32); err == nil {
		if int64(n) > math.MaxInt64/int64(unit) {
			return 0, fmt.Errorf("%q is too long", s)
		}
		return time.Duration(n) * unit, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration", s)
	}
	return d, nil
}

func isString(v any) (string, bool) {
	s, ok := v.(string)
	return s, ok
}

func isStringOrInteger(v any) (string, bool) {
	if n, ok := v.(int64); ok {
		return strconv.FormatInt(n, 10), true
	}
	return isString(v)
}

type textValue struct{ p *string }

func (v textValue) set(s string) error          { *v.p = s; return nil }
func (v textValue) show() string                { return *v.p }
func (v textValue) text(t any) (string, bool)   { return isString(t) }
func (v textValue) wants() string               { return "a text in quotes" }
func text(p *string) value                      { return textValue{p} }
func secret(p *Secret) value                    { return secretValue{p} }
func (v secretValue) set(s string) error        { *v.p = Secret(s); return nil }
func (v secretValue) show() string              { return v.p.String() }
func (v secretValue) text(t any) (string, bool) { return isString(t) }
func (v secretValue) wants() string             { return "a text in quotes" }

type secretValue struct{ p *Secret }

type boolValue struct{ p *bool }

func boolean(p *bool) value { return boolValue{p} }

func (v boolValue) set(s string) error {
	if s != "true" && s != "false" {
		return errors.New("not a boolean")
	}
	*v.p = s == "true"
	return nil
}

func (v boolValue) show() string { return strconv.FormatBool(*v.p) }

func (v boolValue) text(t any) (string, bool) {
	b, ok := t.(bool)
	return strconv.FormatBool(b), ok
}

func (v boolValue) wants() string { return "true or false" }

type intValue struct{ p *int }

func integer(p *int) value { return intValue{p} }

func (v intValue) set(s string) error {
	n, err := strconv.ParseInt(s, 10, 32)
	*v.p = int(n)
	return err
}

func (v intValue) show() string { return strconv.Itoa(*v.p) }

func (v intValue) text(t any) (string, bool) {
	n, ok := t.(int64)
	return strconv.FormatInt(n, 10), ok
}

func (v intValue) wants() string { return "a whole number" }

type durationValue struct{ p *time.Duration }

func duration(p *time.Duration) value { return durationValue{p} }

func (v durationValue) set(s string) (err error) {
	*v.p, err = ParseDuration(s)
	return err
}

func (v durationValue) show() string              { return v.p.String() }
func (v durationValue) text(t any) (string, bool) { return isStringOrInteger(t) }

func (v durationValue) wants() string {
	return `a duration such as "90s", "24h" or "30d", or a number of seconds`
}

type sizeValue struct{ p *Size }

func size(p *Size) value { return sizeValue{p} }

func (v sizeValue) set(s string) (err error) {
	*v.p, err = ParseSize(s)
	return err
}

func (v sizeValue) show() string              { return v.p.String() }
func (v sizeValue) text(t any) (string, bool) { return isStringOrInteger(t) }

func (v sizeValue) wants() string {
	return `a size such as "5120KB" or "1GB", or a number of bytes`
}

type choiceValue struct {
	p  *string
	of []string
}

func choice(p *string, of ...string) value { return choiceValue{p, of} }

func (v choiceValue) set(s string) error {
	if !slices.Contains(v.of, s) {
		return errors.New("not a choice")
	}
	*v.p = s
	return nil
}

func (v choiceValue) show() string              { return *v.p }
func (v choiceValue) text(t any) (string, bool) { return isString(t) }
func (v choiceValue) wants() string             { return "one of " + strings.Join(v.of, ", ") }

type levelValue struct{ p *slog.Level }

func level(p *slog.Level) value { return levelValue{p} }

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

func (v levelValue) set(s string) error {
	l, ok := levels[s]
	if !ok {
		return errors.New("not a level")
	}
	*v.p = l
	return nil
}

func (v levelValue) show() string              { return strings.ToLower(v.p.String()) }
func (v levelValue) text(t any) (string, bool) { return isString(t) }
func (v levelValue) wants() string             { return "one of debug, info, warn, error" }

type listValue struct{ p *[]string }

func list(p *[]string) value { return listValue{p} }

func (v listValue) set(s string) error {
	*v.p = splitList(s)
	return nil
}

func (v listValue) show() string              { return strings.Join(*v.p, ",") }
func (v listValue) text(t any) (string, bool) { return joinArray(t) }
func (v listValue) wants() string             { return "a list of texts" }

func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

func joinArray(t any) (string, bool) {
	items, ok := t.([]any)
	if !ok {
		return isString(t)
	}
	parts := make([]string, len(items))
	for i, item := range items {
		if parts[i], ok = item.(string); !ok {
			return "", false
		}
	}
	return strings.Join(parts, ","), true
}

type prefixesValue struct{ p *[]netip.Prefix }

func prefixes(p *[]netip.Prefix) value { return prefixesValue{p} }

func (v prefixesValue) set(s string) error {
	*v.p = nil
	for _, part := range splitList(s) {
		p, err := parsePrefix(part)
		if err != nil {
			return err
		}
		*v.p = append(*v.p, p)
	}
	return nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && p != p.Masked() {
		return p, fmt.Errorf("%s has bits beyond its mask, the network is %s", p, p.Masked())
	}
	return p, err
}

func (v prefixesValue) show() string {
	parts := make([]string, len(*v.p))
	for i, p := range *v.p {
		parts[i] = p.String()
	}
	return strings.Join(parts, ",")
}

func (v prefixesValue) text(t any) (string, bool) { return joinArray(t) }
func (v prefixesValue) wants() string {
	return `a list of networks such as "10.0.0.0/8" or addresses`
}
