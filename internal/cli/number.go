package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// whole writes an integer for programs.
func whole(n int64) string { return strconv.FormatInt(n, 10) }

// decimal writes a fraction for programs, without an exponent.
func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// moment writes a time for programs; none is empty.
func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// memoryUnits are what a size may end with, longest first where one ends with another.
var memoryUnits = []struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
}

// memorySize is a flag like "2GB" or "512MiB".
type memorySize int64

// String returns the size as it can be given.
func (m *memorySize) String() string {
	if *m == 0 {
		return ""
	}
	return whole(int64(*m))
}

// Type names the kind of value in help texts.
func (m *memorySize) Type() string { return "SIZE" }

// Set reads a size.
func (m *memorySize) Set(text string) error {
	number, factor := strings.TrimSpace(text), 1.0
	for _, unit := range memoryUnits {
		if head, ok := cutSuffixFold(number, unit.name); ok {
			number, factor = strings.TrimSpace(head), unit.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	bytes := math.Round(n * factor)
	if err != nil || !(bytes >= 1) || bytes >= math.MaxInt64 {
		return fmt.Errorf("%q is not an amount of memory; write 2GB or 512MiB", text)
	}
	*m = memorySize(bytes)
	return nil
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || !strings.EqualFold(s[len(s)-len(suffix):], suffix) {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}

// parseTime reads a moment: RFC 3339, a date (its first instant in UTC), or how long ago: "90m", "24h", "7d". Empty is no moment.
func parseTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	ago := text
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			ago = strconv.Itoa(n*24) + "h"
		}
	}
	if d, err := time.ParseDuration(ago); err == nil && d >= 0 {
		return now.Add(-d).UTC(), nil
	}
	return time.Time{}, errors.New("write a time like 2026-11-19, 2026-11-19T08:00:00Z, or how long ago: 24h, 7d")
}
