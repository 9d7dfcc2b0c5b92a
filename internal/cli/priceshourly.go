package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
)

// hoursOfAYear is that of a mean year of 365.25 days.
const hoursOfAYear = 8766

// owned is a machine that somebody bought, and what it takes to run it.
type owned struct {
	Price float64 `json:"price"`
	Years float64 `json:"years"`
	Watts float64 `json:"watts"`
	PUE   float64 `json:"pue"`
	KWh   float64 `json:"kwh"`
	Use   float64 `json:"use"`
	GPUs  int     `json:"gpus"`
	Cores int     `json:"cores"`
}

// ownedHour is what an hour of use of such a machine costs, step by step.
type ownedHour struct {
	owned
	HoursOwned     float64 `json:"hours_owned"`
	HoursUsed      float64 `json:"hours_used"`
	PurchasePerUse float64 `json:"purchase_per_hour"`
	PowerPerUse    float64 `json:"power_per_hour"`
	PerHour        float64 `json:"per_hour"`
	PerGPUHour     float64 `json:"per_gpu_hour"`
	PerCoreHour    float64 `json:"per_core_hour"`
}

// hourly computes what an hour of use costs: all that the machine costs in its life, over the hours in which it is used.
func (m owned) hourly() ownedHour {
	h := ownedHour{owned: m, HoursOwned: m.Years * hoursOfAYear}
	h.HoursUsed = h.HoursOwned * m.Use
	h.PurchasePerUse = m.Price / h.HoursUsed
	h.PowerPerUse = m.Watts / 1000 * m.PUE * m.KWh / m.Use
	h.PerHour = h.PurchasePerUse + h.PowerPerUse
	h.PerGPUHour = h.PerHour / float64(max(m.GPUs, 1))
	h.PerCoreHour = h.PerHour / float64(max(m.Cores, 1))
	return h
}

// check says what is wrong with the figures, empty if nothing is.
func (m owned) check() string {
	finite := func(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
	switch {
	case !finite(m.Price) || m.Price <= 0 || m.Price > 1e12:
		return "--price is what the machine cost: more than 0."
	case !finite(m.Years) || m.Years <= 0 || m.Years > 100:
		return "--years is how long it is used: more than 0, at most 100."
	case !finite(m.Watts) || m.Watts < 0 || m.Watts > 1e7:
		return "--watts is what it draws on average: from 0 to 10 million."
	case !finite(m.PUE) || m.PUE < 1 || m.PUE > 10:
		return "--pue is the power of the whole room for each watt of the machine: from 1 to 10."
	case !finite(m.KWh) || m.KWh < 0 || m.KWh > 1000:
		return "--kwh is the price of a kilowatt-hour: from 0 to 1000."
	case !finite(m.Use) || m.Use <= 0 || m.Use > 1:
		return "--use is the share of its hours in which it is used: more than 0%, at most 100%."
	case m.GPUs < 0 || m.GPUs > 10_000:
		return "--gpus is how many GPUs it has: from 0 to 10000."
	case m.Cores < 0 || m.Cores > 100_000:
		return "--cores is how many cores it has: from 0 to 100000."
	case m.GPUs > 0 && m.Cores > 0:
		return "Give one of --gpus and --cores: the whole price would be charged twice."
	}
	return ""
}

// share is a flag like "60%" or "0.6".
type share float64

// String returns the share as it can be given.
func (s *share) String() string { return strconv.FormatFloat(float64(*s)*100, 'f', -1, 64) + "%" }

// Type names the kind of value in help texts.
func (s *share) Type() string { return "SHARE" }

// Set reads a share.
func (s *share) Set(text string) error {
	number, factor := strings.TrimSpace(text), 1.0
	if head, ok := strings.CutSuffix(number, "%"); ok {
		number, factor = head, 100
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return fmt.Errorf("%q is no share; write 60%% or 0.6", text)
	}
	*s = share(f / factor)
	return nil
}

func newPricesHourlyCommand() *cobra.Command {
	var o output
	m := owned{Years: 4, PUE: 1.4, KWh: 0.15}
	use := share(0.6)
	cmd := &cobra.Command{
		Use:   "hourly",
		Short: "Work out what an hour of a machine that you own costs",
		Long: `Work out what an hour of use of a machine that you own costs: its purchase and its power over the hours in which it is used. It only
computes; put the result into a list for "lineitem prices import". Rooms and people are not in it.`,
		Example: `  lineitem prices hourly --price 250000 --years 4 --watts 700 --pue 1.4 --kwh 0.15 --use 60% --gpus 8`,
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			m.Use = float64(use)
			if wrong := m.check(); wrong != "" {
				return usage(cmd, "%s", wrong)
			}
			return o.write(cmd, hourlyAnswer(m.hourly()))
		},
	}
	cmd.Flags().Float64Var(&m.Price, "price", 0, "what the machine cost")
	cmd.Flags().Float64Var(&m.Years, "years", m.Years, "how many years it is used")
	cmd.Flags().Float64Var(&m.Watts, "watts", 0, "what the machine draws on average over all its hours, used or not")
	cmd.Flags().Float64Var(&m.PUE, "pue", m.PUE, "power of the whole room for each watt of the machine")
	cmd.Flags().Float64Var(&m.KWh, "kwh", m.KWh, "price of a kilowatt-hour")
	cmd.Flags().Var(&use, "use", "share of its hours in which it is used")
	cmd.Flags().IntVar(&m.GPUs, "gpus", 0, "how many GPUs it has, if they are to carry the price")
	cmd.Flags().IntVar(&m.Cores, "cores", 0, "how many cores it has, if they are to carry the price")
	o.flag(cmd)
	return cmd
}

// hourlyAnswer shows the arithmetic.
func hourlyAnswer(h ownedHour) answer {
	a := answer{
		json:   h,
		header: []string{"hours_owned", "hours_used", "purchase_per_hour", "power_per_hour", "per_hour", "per_gpu_hour", "per_core_hour"},
		rows: [][]string{{
			decimal(h.HoursOwned), decimal(h.HoursUsed), decimal(h.PurchasePerUse), decimal(h.PowerPerUse), decimal(h.PerHour), decimal(h.PerGPUHour),
			decimal(h.PerCoreHour),
		}},
		table: format.NewTable(format.Header{}, format.Header{Align: format.Right}, format.Header{}),
	}
	a.table.Row("Hours used", fmt.Sprintf("%.0f", h.HoursUsed), fmt.Sprintf("= %v years x %d hours x %s", h.Years, hoursOfAYear, format.Share(h.Use)))
	a.table.Row("Purchase", fmt.Sprintf("%.4f/h", h.PurchasePerUse), fmt.Sprintf("= %.2f / %.0f hours used", h.Price, h.HoursUsed))
	a.table.Row("Power", fmt.Sprintf("%.4f/h", h.PowerPerUse),
		fmt.Sprintf("= %v kW x PUE %v x %v a kWh / %s: it also draws while it is not used", h.Watts/1000, h.PUE, h.KWh, format.Share(h.Use)))
	a.table.Row("An hour of use", fmt.Sprintf("%.4f/h", h.PerHour), "= purchase + power")
	const asList = "As a price list for \"lineitem prices import\""
	if h.GPUs > 0 {
		a.table.Row("A GPU-hour", fmt.Sprintf("%.4f/h", h.PerGPUHour), fmt.Sprintf("= %.4f / %d GPUs", h.PerHour, h.GPUs))
		a.notes = append(a.notes, "", asList+", with the GPU's model in place of MODEL:", "provider,unit,name,price",
			fmt.Sprintf("local,gpu_hour,MODEL,%.9f", h.PerGPUHour))
	}
	if h.Cores > 0 {
		a.table.Row("A core-hour", fmt.Sprintf("%.4f/h", h.PerCoreHour), fmt.Sprintf("= %.4f / %d cores", h.PerHour, h.Cores))
		a.notes = append(a.notes, "", asList+"; the cores carry the memory:", "provider,unit,price",
			fmt.Sprintf("local,core_hour,%.9f", h.PerCoreHour), "local,gb_hour,0")
	}
	return a
}
