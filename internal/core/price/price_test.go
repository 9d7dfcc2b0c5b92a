package price_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/price"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func entry(provider, region string, unit price.Unit, name string, nanos cost.Nanos) price.Entry {
	return price.Entry{
		ID:           strings.Join([]string{provider, region, string(unit), name}, "/"),
		Key:          price.Key{Provider: provider, Region: region, Unit: unit, Name: name, Purchase: price.OnDemand},
		NanosPerHour: nanos, Currency: "USD", ValidFrom: noon, Source: "test", AsOf: noon,
	}
}

func TestTheMostSpecificEntryWins(t *testing.T) {
	t.Parallel()
	spot := entry("aws", "", price.Instance, "m5.xlarge", 7)
	spot.Purchase = price.Spot
	host := entry("gcp", "us-central1", price.Instance, "a2-highgpu-1g", 739_480_000)
	p4d := entry("aws", "us-east-1", price.Instance, "p4d.24xlarge", 21_957_642_000)
	p4d.Accelerator, p4d.Accelerators = "A100", 8
	book := price.NewBook([]price.Entry{
		entry("aws", "", price.Instance, "m5.xlarge", 1),
		entry("aws", "us-east-1", price.Instance, "m5.xlarge", 2),
		entry("aws", "us-east-1a", price.Instance, "m5.xlarge", 3),
		entry("aws", "", price.Node, "ip-10-0-0-1", 4),
		entry("aws", "", price.CoreHour, "", 10),
		entry("aws", "", price.GigabyteHour, "", 100),
		spot, host, p4d,
		entry("gcp", "", price.GPUHour, "NVIDIA A100-SXM4-40GB", 2_933_905_000),
	})
	type m = price.Machine
	for name, tc := range map[string]struct {
		machine m
		want    cost.Nanos
		reason  string
	}{
		"anywhere":           {m{Provider: "aws", Region: "eu-west-1", Type: "m5.xlarge"}, 1, ""},
		"region":             {m{Provider: "aws", Region: "us-east-1", Zone: "us-east-1b", Type: "m5.xlarge"}, 2, ""},
		"zone":               {m{Provider: "aws", Region: "us-east-1", Zone: "us-east-1a", Type: "m5.xlarge"}, 3, ""},
		"by name":            {m{Provider: "AWS", Region: "us-east-1", Type: "m5.xlarge", Node: "ip-10-0-0-1"}, 4, ""},
		"spot":               {m{Provider: "aws", Region: "us-east-1", Type: "m5.xlarge", Purchase: price.Spot}, 7, ""},
		"no reserved price":  {m{Provider: "aws", Region: "us-east-1", Type: "m5.xlarge", Purchase: price.Reserved}, 0, "reserved"},
		"in parts":           {m{Provider: "aws", Type: "x1", Cores: 4, MemoryBytes: 2_500_000_000}, 290, ""},
		"nothing":            {m{Provider: "aws", Type: "x1"}, 0, `no entry prices the type "x1"`},
		"no such provider":   {m{Provider: "lab", Cores: 1}, 0, "a core"},
		"host only":          {m{Provider: "gcp", Region: "us-central1", Type: "a2-highgpu-1g"}, 0, "the host alone"},
		"host and model":     {m{Provider: "gcp", Region: "us-central1", Type: "a2-highgpu-1g", GPUs: 1, GPUModel: "nvidia a100_sxm4 40gb"}, 3_673_385_000, ""},
		"model not priced":   {m{Provider: "gcp", Region: "us-central1", Type: "a2-highgpu-1g", GPUs: 1, GPUModel: "H100"}, 0, "the GPU H100"},
		"model not known":    {m{Provider: "gcp", Region: "us-central1", Type: "a2-highgpu-1g", GPUs: 1}, 0, "not known"},
		"with accelerators":  {m{Provider: "aws", Region: "us-east-1", Type: "p4d.24xlarge", GPUs: 8, GPUModel: "A100"}, 21_957_642_000, ""},
		"fewer than priced":  {m{Provider: "aws", Region: "us-east-1", Type: "p4d.24xlarge", GPUs: 4}, 0, "for 8 GPUs"},
		"GPU type by parts":  {m{Provider: "aws", Type: "p5.48xlarge", Cores: 192}, 0, "nobody said which"},
		"less than nothing":  {m{Provider: "aws", Cores: -1}, 0, "negative"},
		"too dear to add up": {m{Provider: "aws", Cores: 1 << 62}, 0, "too large"},
	} {
		q := book.Quote(tc.machine, noon)
		if q.NanosPerHour != tc.want || q.Known != (tc.reason == "") || !strings.Contains(q.Reason, tc.reason) {
			t.Errorf("%s: %d nano-units, %q; want %d, %q", name, q.NanosPerHour, q.Reason, tc.want, tc.reason)
		}
	}
	if q := book.Quote(m{Provider: "aws", Region: "us-east-1", Type: "m5.xlarge"}, noon.Add(-1)); q.Known {
		t.Errorf("a price was found before it was valid: %+v", q)
	}
}

func TestPartsInTwoCurrenciesDoNotAddUp(t *testing.T) {
	t.Parallel()
	francs := entry("lab", "", price.GigabyteHour, "", 1)
	francs.Currency = "CHF"
	q := price.NewBook([]price.Entry{entry("lab", "", price.CoreHour, "", 1), francs}).Quote(price.Machine{Provider: "lab", Cores: 1, MemoryBytes: 1}, noon)
	if q.Known || !strings.Contains(q.Reason, "USD and CHF") {
		t.Errorf("got %+v", q)
	}
}

func TestQuotesAreExactSumsAndPartsOfOneMachineCostWhatTheCardSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		nanos := rapid.Int64Range(0, 1e12)
		card := cost.Card{Currency: "USD", CoreHour: cost.Nanos(nanos.Draw(t, "core")), GigabyteHour: cost.Nanos(nanos.Draw(t, "gb"))}
		gpu := cost.Nanos(nanos.Draw(t, "gpu"))
		m := price.Machine{
			Provider: "local", Cores: rapid.IntRange(1, 1024).Draw(t, "cores"), MemoryBytes: rapid.Int64Range(1, 1e14).Draw(t, "bytes"),
			GPUs: rapid.IntRange(0, 16).Draw(t, "gpus"), GPUModel: "H200",
		}
		q := price.NewBook([]price.Entry{
			entry("local", "", price.CoreHour, "", card.CoreHour), entry("local", "", price.GigabyteHour, "", card.GigabyteHour),
			entry("local", "", price.GPUHour, "h200", gpu),
		}).Quote(m, noon)
		var sum cost.Nanos
		for _, p := range q.Parts {
			sum += p.Amount
		}
		want := card.Price(m.Cores, m.MemoryBytes).NanosPerHour + gpu*cost.Nanos(m.GPUs)
		if !q.Known || q.NanosPerHour != sum || sum != want {
			t.Fatalf("quote %d, parts %d, want %d (%s)", q.NanosPerHour, sum, want, q.Reason)
		}
	})
}
