package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/config"
)

func TestRetention(t *testing.T) {
	t.Parallel()
	const defaults = "lines=0,usage=0,reads=36,packages=36,gpu=36,events=36"
	for text, want := range map[string]string{
		"24":                   "lines=24,usage=0,reads=36,packages=36,gpu=36,events=36",
		"0":                    defaults,
		"gpu=6":                "lines=0,usage=0,reads=36,packages=36,gpu=6,events=36",
		"lines=12 , reads = 0": "lines=12,usage=0,reads=0,packages=36,gpu=36,events=36",
		defaults:               defaults,
		"":                     defaults,
		"lines=1200,usage=1,reads=2,packages=3,gpu=4,events=5": "lines=1200,usage=1,reads=2,packages=3,gpu=4,events=5",
	} {
		got, err := load(t, environment("LINEITEM_WAREHOUSE_RETENTION", text))
		if err != nil || got.WarehouseRetention.String() != want {
			t.Errorf("%q is %s, %v; want %s", text, got.WarehouseRetention, err, want)
		}
	}
	for text, want := range map[string]string{
		"two years":            `keeps lines for "two years" months: give a whole number, 0 for ever`,
		"lines":                `keeps lines for "lines" months`,
		"-1":                   "keeps lines for -1 months: give 0 (for ever) to 1200",
		"gpu=1201":             "keeps gpu for 1201 months",
		"gpu=99999999999999":   "keeps gpu for 99999999999999 months: give 0",
		"gpu=":                 `keeps gpu for "" months`,
		"lines=1.5":            `keeps lines for "1.5" months`,
		"gpus=6":               `names the table "gpus": choose lines, usage, reads, packages, gpu, events`,
		"lines=6,":             `has the part "": give each as table=months`,
		"24,gpu=6":             `has the part "24"`,
		"lines=6,lines=7":      "names lines twice",
		"prices=12":            "names prices, which the books stand on: it is kept for ever, so leave it out",
		"events=1,clusters=12": "names clusters, which the books stand on",
		"=3":                   `names the table ""`,
	} {
		_, err := load(t, environment(), "--warehouse-retention", text)
		var invalid *config.InvalidError
		if !errors.As(err, &invalid) || !strings.HasPrefix(err.Error(), "--warehouse-retention "+want) || !strings.HasSuffix(err.Error(), "; nothing was started") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzRetention holds that every text is a retention, which written down is the same one, or refused with a sentence.
func FuzzRetention(f *testing.F) {
	for _, text := range []string{"24", "lines=24,gpu=6", "gpu=-1", "prices=1", ",,", "=", "lines=+7", "lines=0x10"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := load(t, environment(), "--warehouse-retention="+text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "--warehouse-retention ") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := load(t, environment(), "--warehouse-retention="+c.WarehouseRetention.String())
		if err != nil || again.WarehouseRetention != c.WarehouseRetention || c.Validate() != nil {
			t.Fatalf("%q is %v, and that is %v, %v", text, c.WarehouseRetention, again.WarehouseRetention, err)
		}
	})
}
