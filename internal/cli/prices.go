package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/internal/cli/pricelists"
	"github.com/lineitem/lineitem/sdk"
)

func newPricesCommand(c *connection) *cobra.Command {
	cmd := newPricesListCommand(c)
	cmd.Use = "prices"
	cmd.Long = `Show the price book: what machines and their parts cost an hour, since when, and who says so. "lineitem prices" alone lists it.

Clusters of the backend "local" are priced by the book once it has entries of the provider "local" for a core_hour and a gb_hour.`
	cmd.AddCommand(newPricesListCommand(c), newPricesImportCommand(c), newPricesCoverageCommand(c), newPricesHourlyCommand())
	return cmd
}

func newPricesListCommand(c *connection) *cobra.Command {
	var o output
	var ask sdk.PricesOptions
	var at string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the price book",
		Long:  "Show the prices that are in force now, or at another moment, or those of all times.",
		Example: `  lineitem prices list --provider aws --region us-east-1 --instance m5.xlarge
  lineitem prices list --all -o csv`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if ask.At, err = parseTime(at, time.Now()); err != nil {
				return usage(cmd, "--at %q is not understood: %v", at, err)
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			list, err := client.Prices(cmd.Context(), ask)
			if err != nil {
				return err
			}
			return o.write(cmd, pricesAnswer(list))
		},
	}
	cmd.Flags().StringVar(&ask.Provider, "provider", "", "only this provider, like aws or local")
	cmd.Flags().StringVar(&ask.Region, "region", "", "only this region or zone")
	cmd.Flags().StringVar(&ask.Instance, "instance", "", "only this instance type, machine or model of a GPU")
	cmd.Flags().StringVar(&at, "at", "", "prices in force at this moment: 2026-11-19, 7d (default: now)")
	cmd.Flags().BoolVar(&ask.All, "all", false, "prices of all times, ended ones too")
	cmd.Flags().IntVar(&ask.Limit, "limit", 0, "at most so many (default 500)")
	o.flag(cmd)
	return cmd
}

var priceColumns = []string{
	"provider", "region", "unit", "name", "purchase", "price", "currency", "valid_from", "valid_to", "source", "as_of", "accelerator", "accelerators",
	"id", "nanos_per_hour",
}

// priceRow writes an entry for programs; its columns are those of a list that "lineitem prices import" takes.
func priceRow(e sdk.PriceEntry) []string {
	return []string{
		e.Provider, e.Region, e.Unit, e.Name, e.Purchase, exactAmount(e.NanosPerHour), e.Currency, moment(&e.ValidFrom), moment(e.ValidTo), e.Source,
		moment(&e.AsOf), e.Accelerator, accelerators(e), e.ID, whole(e.NanosPerHour),
	}
}

func accelerators(e sdk.PriceEntry) string {
	if e.Accelerators == 0 {
		return ""
	}
	return whole(int64(e.Accelerators))
}

// exactAmount writes nano-units as a decimal amount.
func exactAmount(nanos int64) string {
	text := fmt.Sprintf("%d.%09d", nanos/1e9, nanos%1e9)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// pricesAnswer lists entries of the price book.
func pricesAnswer(list sdk.PriceList) answer {
	a := answer{json: list, header: priceColumns}
	for _, e := range list.Items {
		a.rows = append(a.rows, priceRow(e))
	}
	if len(list.Items) == 0 {
		a.text = "The price book has no such price. Put a list into it with \"lineitem prices import\".\n"
		return a
	}
	a.table = pricesTable(list.Items)
	if list.More {
		a.notes = append(a.notes, fmt.Sprintf("These are the first %d; narrow the question, or raise --limit.", len(list.Items)))
	}
	return a
}

func pricesTable(items []sdk.PriceEntry) *format.Table {
	table := format.NewTable(
		format.Header{Name: "provider"}, format.Header{Name: "region"}, format.Header{Name: "what"}, format.Header{Name: "purchase"},
		format.Header{Name: "price", Align: format.Right}, format.Header{Name: "from"}, format.Header{Name: "to"}, format.Header{Name: "source"},
		format.Header{Name: "as of"})
	for _, e := range items {
		region := e.Region
		if region == "" {
			region = "any"
		}
		to := format.Dash
		if e.ValidTo != nil {
			to = day(*e.ValidTo)
		}
		table.Row(e.Provider, region, pricedThing(e), strings.ReplaceAll(e.Purchase, "_", " "), exactAmount(e.NanosPerHour)+" "+e.Currency+"/h",
			day(e.ValidFrom), to, e.Source, day(e.AsOf))
	}
	return table
}

// pricedThing says in words what an hour of is priced.
func pricedThing(e sdk.PriceEntry) string {
	switch e.Unit {
	case "core_hour":
		return "a core"
	case "gb_hour":
		return "1 GB of memory"
	case "gpu_hour":
		return "a GPU " + e.Name
	case "node":
		return "machine " + e.Name
	}
	if e.Accelerators > 0 {
		return fmt.Sprintf("%s (with %d %s)", e.Name, e.Accelerators, e.Accelerator)
	}
	return e.Name
}

// day writes a moment to the minute, without its time where that is midnight UTC.
func day(t time.Time) string {
	t = t.UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04Z")
}

func newPricesImportCommand(c *connection) *cobra.Command {
	var o output
	var options sdk.ImportPricesOptions
	var validFrom, asOf, builtin string
	cmd := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Put a price list into the price book",
		Long: `Put a price list into the price book: all of it, or nothing if a line is wrong. Only admins may. FILE may be - for standard input;
--builtin aws is the list of AWS (on demand, us-east-1) that this program carries.

The past keeps its prices: where a price differs from that in the book, the old one ends where the new one begins, which must be now or later.
The same file again changes nothing. --dry-run shows what would change.`,
		Example: `  lineitem prices import ours.csv --dry-run
  lineitem prices import --builtin aws
  lineitem prices import vms.csv --shape skypilot --provider aws --as-of 2026-11-01`,
		Args: rangeArgs(0, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if builtin != "" && (len(args) > 0 || cmd.Flags().Changed("shape") || options.Provider != "" || options.Source != "" || asOf != "") {
				return usage(cmd, "The list that --builtin names says all that FILE, --shape, --provider, --source and --as-of would; leave them out.")
			}
			if builtin == "" && len(args) == 0 {
				return usage(cmd, "FILE is missing.")
			}
			now := time.Now()
			var err error
			if options.ValidFrom, err = parseTime(validFrom, now); err != nil {
				return usage(cmd, "--valid-from %q is not understood: %v", validFrom, err)
			}
			if options.AsOf, err = parseTime(asOf, now); err != nil {
				return usage(cmd, "--as-of %q is not understood: %v", asOf, err)
			}
			var list []byte
			if builtin != "" {
				var ok bool
				if list, ok = pricelists.List(builtin); !ok {
					return usage(cmd, "there is no list %q; there is %s.", builtin, strings.Join(pricelists.Names(), ", "))
				}
			} else {
				if list, err = readList(cmd.InOrStdin(), args[0]); err != nil {
					return err
				}
				if options.Source == "" && args[0] != "-" {
					options.Source = filepath.Base(args[0])
				}
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			done, err := client.ImportPrices(cmd.Context(), list, options)
			if err != nil {
				return err
			}
			return o.write(cmd, importAnswer(done))
		},
	}
	cmd.Flags().StringVar(&builtin, "builtin", "", "a list that this program carries: "+strings.Join(pricelists.Names(), ", "))
	cmd.Flags().StringVar(&options.Shape, "shape", "lineitem", "lineitem (our own), skypilot (a vms.csv) or opencost")
	cmd.Flags().StringVar(&options.Provider, "provider", "", "whose prices they are, where the shape does not say it: aws, gcp, azure")
	cmd.Flags().StringVar(&validFrom, "valid-from", "", "since when prices hold of which the list does not say (default: now)")
	cmd.Flags().StringVar(&asOf, "as-of", "", "when the list was made (default: now)")
	cmd.Flags().StringVar(&options.Source, "source", "", "where the list comes from, in words (default: the name of the file)")
	cmd.Flags().BoolVar(&options.DryRun, "dry-run", false, "only show what would change")
	o.flag(cmd)
	return cmd
}

// maxListBytes is what the server takes.
const maxListBytes = 32 << 20

func readList(stdin io.Reader, name string) ([]byte, error) {
	from := stdin
	if name != "-" {
		var file io.ReadCloser // read only: its Close has nothing to say
		var err error
		if file, err = os.Open(name); err != nil {
			return nil, fmt.Errorf("open the price list: %w", err)
		}
		defer file.Close()
		from = file
	}
	list, err := io.ReadAll(io.LimitReader(from, maxListBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the price list: %w", err)
	}
	if len(list) > maxListBytes {
		return nil, fmt.Errorf("%s is larger than %d bytes; nothing was imported, import it in parts", name, maxListBytes)
	}
	return list, nil
}

// importAnswer says what an import changed, or would change.
func importAnswer(in sdk.PriceImport) answer {
	a := answer{json: in, header: append([]string{"change"}, priceColumns...)}
	for _, part := range []struct {
		change string
		items  []sdk.PriceEntry
	}{{"added", in.AddedItems}, {"ended", in.EndedItems}} {
		for _, e := range part.items {
			a.rows = append(a.rows, append([]string{part.change}, priceRow(e)...))
		}
	}
	verb := "Imported"
	if in.DryRun {
		verb = "This would be imported"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %d added, %d ended, %d unchanged.\n", verb, in.Added, in.Ended, in.Unchanged)
	for _, l := range in.LeftOut {
		fmt.Fprintf(&text, "Left out %d lines: %s.\n", l.Lines, l.Reason)
	}
	if in.DryRun {
		for _, part := range []struct {
			title string
			count int
			items []sdk.PriceEntry
		}{{"Added", in.Added, in.AddedItems}, {"Ended", in.Ended, in.EndedItems}} {
			if len(part.items) == 0 {
				continue
			}
			fmt.Fprintf(&text, "\n%s:\n", part.title)
			_, _ = pricesTable(part.items).WriteTo(&text) // a Builder takes everything
			if more := part.count - len(part.items); more > 0 {
				fmt.Fprintf(&text, "and %d more\n", more)
			}
		}
	}
	a.text = text.String()
	return a
}

func newPricesCoverageCommand(c *connection) *cobra.Command {
	var o output
	var since, until string
	cmd := &cobra.Command{
		Use:   "coverage",
		Short: "Show how much of the time of machines has a price, and whose",
		Long: `Show how many machine-hours have a price and where it comes from, and how many have none, and why. Machines are the schedulers and
workers of clusters that you may see.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			window, err := costWindow(cmd, since, until, time.Now())
			if err != nil {
				return err
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			coverage, err := client.PriceCoverage(cmd.Context(), window)
			if err != nil {
				return err
			}
			return o.write(cmd, coverageAnswer(coverage))
		},
	}
	windowFlags(cmd, &since, &until)
	o.flag(cmd)
	return cmd
}

// coverageAnswer says how much time has a price.
func coverageAnswer(c sdk.PriceCoverage) answer {
	a := answer{json: c, header: []string{"provider", "gpu", "priced", "hours", "source", "as_of", "reason"}}
	for _, item := range c.Items {
		a.rows = append(a.rows, []string{item.Provider, item.GPU, fmt.Sprint(item.Priced), decimal(item.Hours), item.Source, moment(item.AsOf), item.Reason})
	}
	if len(c.Items) == 0 {
		a.text = "No machine of a cluster that you may see ran in that time.\n"
		return a
	}
	a.text = fmt.Sprintf("%.1f of %.1f machine-hours have a price, from %s to %s", c.PricedHours, c.PricedHours+c.UnpricedHours, day(c.Start), day(c.End))
	if c.UnpricedGPUHours > 0 {
		a.text += fmt.Sprintf("; %.1f of %.1f GPU-hours in them have none", c.UnpricedGPUHours, c.UnpricedGPUHours+c.PricedGPUHours)
	}
	a.text += ".\n\n"
	a.table = format.NewTable(format.Header{Name: "provider"}, format.Header{Name: "of"}, format.Header{Name: "hours", Align: format.Right}, format.Header{Name: "price from"},
		format.Header{Name: "as of"})
	for _, item := range c.Items {
		from, asOf := item.Source, format.Dash
		if !item.Priced {
			from = "no price: " + item.Reason
		}
		if item.AsOf != nil {
			asOf = day(*item.AsOf)
		}
		what := "machines"
		if item.GPU != "" {
			what = "GPU " + item.GPU
		}
		a.table.Row(item.Provider, what, fmt.Sprintf("%.1f", item.Hours), from, asOf)
	}
	return a
}
