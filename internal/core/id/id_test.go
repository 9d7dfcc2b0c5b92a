package id_test

import (
	"slices"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/lineitem/lineitem/internal/core/id"
)

func TestNewSortsByTime(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var made []string
	for i := range 5000 {
		made = append(made, id.New("cl", start.Add(time.Duration(i)*time.Millisecond)))
	}
	if !slices.IsSorted(made) {
		t.Error("identifiers of later milliseconds do not sort later")
	}
}

func TestNewNeverRepeats(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	seen := map[string]bool{}
	for range 10_000 {
		text := id.New("us", now)
		if seen[text] {
			t.Fatalf("%s was made twice", text)
		}
		seen[text] = true
		if !id.Valid("us", text) {
			t.Fatalf("%s is not valid", text)
		}
	}
}

// TestNewIsULID reads identifiers with an implementation that is not ours.
func TestNewIsULID(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		time.UnixMilli(0), time.UnixMilli(1), time.Date(2026, 12, 31, 23, 59, 59, 999e6, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		text := id.New("tk", at)
		parsed, err := ulid.ParseStrict(text[len("tk_"):])
		if err != nil {
			t.Fatalf("parse %s: %v", text, err)
		}
		if got := parsed.Time(); got != uint64(at.UnixMilli()) {
			t.Errorf("time of %s = %d, want %d", text, got, at.UnixMilli())
		}
		if parsed.Entropy() == nil || slices.Max(parsed.Entropy()) == 0 {
			t.Errorf("%s has no random part", text)
		}
	}
}

func TestNewBeforeTheEpoch(t *testing.T) {
	t.Parallel()
	if text := id.New("x", time.Time{}); !id.Valid("x", text) {
		t.Errorf("%s is not valid", text)
	}
}

func TestValid(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"cl_01jabcdefghjkmnpqrstvwxyz0":  true,
		"cl_7zzzzzzzzzzzzzzzzzzzzzzzzz":  true,
		"cl_8zzzzzzzzzzzzzzzzzzzzzzzzz":  false,
		"cl_01jabcdefghjkmnpqrstvwxyz":   false,
		"cl_01jabcdefghjkmnpqrstvwxyz00": false,
		"cl_01jabcdefghjkmnpqrstvwxyzu":  false,
		"cl_01JABCDEFGHJKMNPQRSTVWXYZ0":  false,
		"us_01jabcdefghjkmnpqrstvwxyz0":  false,
		"cl_01jabc../fghjkmnpqrstvwxyz0": false,
		"":                               false,
	} {
		if got := id.Valid("cl", text); got != want {
			t.Errorf("Valid(cl, %q) = %v, want %v", text, got, want)
		}
	}
}
