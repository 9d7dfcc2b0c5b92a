package pricelists_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/cli/pricelists"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/price"
)

// The list of AWS imports whole, says when it was made, and prices what is known to cost so much; types whose accelerators it does not name stay unknown.
func TestAWS(t *testing.T) {
	t.Parallel()
	text, ok := pricelists.List("aws")
	if !ok || !slices.Equal(pricelists.Names(), []string{"aws"}) {
		t.Fatalf("lists: %v", pricelists.Names())
	}
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	list, err := price.Read(price.ShapeLineitem, bytes.NewReader(text), price.ListOptions{Currency: "USD", ValidFrom: now, AsOf: now})
	if err != nil || len(list.LeftOut) != 0 || len(list.Rows) != 1367 {
		t.Fatalf("%d rows, left out %v, %v", len(list.Rows), list.LeftOut, err)
	}
	change, err := price.Plan(nil, list.Rows, now)
	if err != nil || len(change.Added) != len(list.Rows) {
		t.Fatalf("%d of %d added, %v", len(change.Added), len(list.Rows), err)
	}
	book := price.NewBook(change.Added)
	for name, want := range map[string]cost.Nanos{
		"m5.xlarge": 192_000_000, "g5.xlarge": 1_006_000_000, "g6.xlarge": 804_800_000, "p4d.24xlarge": 21_957_642_000,
		"p5.48xlarge": 55_040_000_000, "p6-b200.48xlarge": 113_932_800_000,
	} {
		q := book.Quote(price.Machine{Provider: "aws", Region: "us-east-1", Type: name}, now)
		if q.NanosPerHour != want || q.Parts[0].Entry.AsOf.Format(time.DateOnly) != "2026-07-20" {
			t.Errorf("%s: %+v, want %d", name, q, want)
		}
	}
	for _, m := range []price.Machine{
		{Provider: "aws", Region: "us-east-1", Type: "trn1.2xlarge"},
		{Provider: "aws", Region: "eu-west-1", Type: "m5.xlarge"},
		{Provider: "aws", Region: "us-east-1", Type: "p5.48xlarge", GPUs: 4},
	} {
		if q := book.Quote(m, now); q.Known || strings.TrimSpace(q.Reason) == "" {
			t.Errorf("%+v: %+v", m, q)
		}
	}
}
