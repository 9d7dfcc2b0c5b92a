package price_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/price"
)

var list = price.ListOptions{Provider: "gcp", Currency: "USD", ValidFrom: noon, AsOf: noon, Source: "vms.csv"}

const (
	skyPilot = `InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,Price,SpotPrice
a2-highgpu-1g,12.0,85.0,,,,us-central1,us-central1-a,0.73948,0.221844
a2-highgpu-1g,12.0,85.0,,,,us-central1,us-central1-b,0.73948,0.3
,,,A100,8.0,"{'Gpus': [{'Name': 'A100'}]}",us-central1,us-central1-a,23.47124,
g5.xlarge,4.0,16.0,A10G,1.0,,us-east-1,,1.006,nan
n2-old,4.0,16.0,,,,us-east-1,,,0
`
	openCost = `EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version
2026-04-17 23:34:22 UTC,m5,us-east-1,node,beta.kubernetes.io/instance-type,m5.xlarge,0.192,v1
2026-05-17 23:34:22 UTC,m5,us-east-1,node,beta.kubernetes.io/instance-type,m5.xlarge,0.2,v1
2026-04-17 23:34:22 UTC,gke-pool-cg69,,node,metadata.name,,0.1337,
2026-04-17 23:34:22 UTC,Quadro_RTX_4000,us-east-1,gpu,nvidia.com/gpu_type,,0.75,
2026-04-17 23:34:22 UTC,pvc-08e1,us-east-1,pv,metadata.name,,0.1,
`
	ours = `provider,region,unit,name,purchase,price,currency,valid_from,valid_to,source,as_of,accelerator,accelerators
aws,us-east-1,,p5.48xlarge,reserved,30.5,USD,2026-01-01,2027-01-01,our contract,2025-12-24,H100,8
local,,core_hour,,,0.0312500001,,,,,,,
`
)

// told writes a list in few words.
func told(l price.List) []string {
	var out []string
	for _, r := range l.Rows {
		out = append(out, fmt.Sprintf("%d: %s %d x%d", r.Line, r.Key, r.NanosPerHour, r.Accelerators))
	}
	return out
}

func TestReadPriceLists(t *testing.T) {
	t.Parallel()
	for shape, tc := range map[price.Shape]struct {
		text    string
		want    []string
		leftOut int
	}{
		price.ShapeSkyPilot: {skyPilot, []string{
			"2: gcp us-central1 a2-highgpu-1g (on_demand) 739480000 x0",
			"2: gcp us-central1 a2-highgpu-1g (spot) 221844000 x0",
			"3: gcp us-central1-b a2-highgpu-1g (spot) 300000000 x0",
			"4: gcp us-central1 a GPU A100 (on_demand) 2933905000 x0",
			"5: gcp us-east-1 g5.xlarge (on_demand) 1006000000 x1",
		}, 2},
		price.ShapeOpenCost: {openCost, []string{
			"3: gcp us-east-1 m5.xlarge (on_demand) 200000000 x0",
			"4: gcp machine gke-pool-cg69 (on_demand) 133700000 x0",
			"5: gcp us-east-1 a GPU Quadro_RTX_4000 (on_demand) 750000000 x0",
		}, 2},
		price.ShapeLineitem: {ours, []string{
			"2: aws us-east-1 p5.48xlarge (reserved) 30500000000 x8",
			"3: local a core (on_demand) 31250000 x0",
		}, 0},
	} {
		got, err := price.Read(shape, strings.NewReader(tc.text), list)
		if err != nil || !slices.Equal(told(got), tc.want) {
			t.Errorf("%s: %v\n%s", shape, err, strings.Join(told(got), "\n"))
		}
		n := 0
		for _, count := range got.LeftOut {
			n += count
		}
		if n != tc.leftOut {
			t.Errorf("%s: %d lines left out: %v", shape, n, got.LeftOut)
		}
	}
}

// The host-only row of a machine with GPUs must not pass for its price; with the accelerator's row of the same list it adds up to the true one.
func TestSkyPilotHostRowsNeedTheirAccelerators(t *testing.T) {
	t.Parallel()
	l, err := price.Read(price.ShapeSkyPilot, strings.NewReader(skyPilot), list)
	if err != nil {
		t.Fatal(err)
	}
	change, err := price.Plan(nil, l.Rows, noon)
	if err != nil {
		t.Fatal(err)
	}
	book := price.NewBook(change.Added)
	m := price.Machine{Provider: "gcp", Region: "us-central1", Type: "a2-highgpu-1g"}
	if q := book.Quote(m, noon); q.Known || !strings.Contains(q.Reason, "host alone") {
		t.Errorf("without accelerators: %+v", q)
	}
	m.GPUs, m.GPUModel = 1, "A100"
	if q := book.Quote(m, noon); q.NanosPerHour != 3_673_385_000 || len(q.Parts) != 2 {
		t.Errorf("with one: %+v", q)
	}
}

func TestErrorsOfListsNameTheLine(t *testing.T) {
	t.Parallel()
	const header = "provider,region,unit,name,purchase,price,currency,valid_from,valid_to,accelerator,accelerators\n"
	for text, want := range map[string]string{
		"":                           "empty",
		"provider,unit\n":            `no column "price"`,
		header + "aws,,,a,,x,,,,,\n": `Line 2: price is "x"`,
		header + "aws,,,a,,1,,,,,\naws,,,a,,-1,,,,,\n":              `Line 3: price is "-1"`,
		header + "aws,,,a,,1e7,,,,,\n":                              "to a million",
		header + "aws,,,a,,1\n":                                     "Line 2 is no CSV",
		header + "aws,,,a,,1,EUR,,,,\n":                             "counts in USD",
		header + "aws,,,,,1,,,,,\n":                                 "needs a name",
		header + "aws,,core_hour,a,,1,,,,,\n":                       "has no name",
		header + "aws,,lightyear,a,,1,,,,,\n":                       "unit is",
		header + "aws,,,a,gift,1,,,,,\n":                            "purchase is",
		header + "aws,,,a,,1,,yesterday,,,\n":                       "no time",
		header + "aws,,,a,,1,,2026-02-01,2026-01-31,,\n":            "before its beginning",
		"provider,price,valid_form\n":                               `column "valid_form"`,
		header + "aws,,,a,,1,,,,H100,\n":                            "both are given or none",
		header + "aws,,core_hour,,,1,,,,H100,8\n":                   "only whole machines",
		header + "a ws,,,a,,1,,,,,\n":                               "no name of a provider",
		header + "aws,,,a\x07b,,1,,,,,\n":                           "cannot be printed",
		header + "aws,,," + strings.Repeat("a", 300) + ",,1,,,,,\n": "longer than",
	} {
		_, err := price.Read(price.ShapeLineitem, strings.NewReader(text), list)
		if !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Nothing was imported") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := price.Read("excel", strings.NewReader(""), list); !errs.Is(err, errs.Invalid) {
		t.Errorf("shape excel: %v", err)
	}
	if _, err := price.Read(price.ShapeSkyPilot, strings.NewReader(skyPilot), price.ListOptions{}); !errs.Is(err, errs.Invalid) {
		t.Errorf("no provider: %v", err)
	}
}

// Whatever comes in: an error that says nothing was imported, or rows that plan without harm and that keep every rule of an entry.
func FuzzRead(f *testing.F) {
	f.Add(0, ours)
	f.Add(1, skyPilot)
	f.Add(2, openCost)
	f.Add(1, "InstanceType,AcceleratorName,AcceleratorCount,Region,AvailabilityZone,Price,SpotPrice\n,T4,1e9,r,z,1e-9,1\n")
	shapes := []price.Shape{price.ShapeLineitem, price.ShapeSkyPilot, price.ShapeOpenCost}
	f.Fuzz(func(t *testing.T, n int, text string) {
		if n < 0 {
			n = -(n + 1)
		}
		l, err := price.Read(shapes[n%len(shapes)], strings.NewReader(text), list)
		if err != nil {
			if k := errs.KindOf(err); k != errs.Invalid && k != errs.TooLarge || !strings.Contains(err.Error(), "Nothing was imported") {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, r := range l.Rows {
			if r.NanosPerHour < 0 || r.NanosPerHour > cost.Nanos(1e15) || r.Currency != "USD" || r.Line < 2 || r.Provider == "" || r.ValidFrom.IsZero() {
				t.Fatalf("row %+v", r)
			}
		}
		rows := slices.Clone(l.Rows)
		change, err := price.Plan(nil, l.Rows, noon)
		if err != nil {
			if !errs.Is(err, errs.Invalid) {
				t.Fatal(err)
			}
			return
		}
		again, err := price.Plan(apply(nil, change), rows, noon)
		if err != nil || len(again.Added)+len(again.Ended) != 0 {
			t.Fatalf("the same list again: %+v, %v", again, err)
		}
	})
}
