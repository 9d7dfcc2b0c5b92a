package price

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/errs"
)

// Shape is the form of a price list.
type Shape string

// Shapes.
const (
	ShapeLineitem Shape = "lineitem"
	ShapeSkyPilot Shape = "skypilot"
	ShapeOpenCost Shape = "opencost"
)

// Bounds of a list.
const (
	maxRows  = 200_000
	maxField = 200
)

// ownColumns are those of our own lists. The last two are in what "lineitem prices -o csv" prints, so that it can be read again, and say
// nothing more.
var ownColumns = []string{
	"provider", "region", "unit", "name", "purchase", "price", "currency", "valid_from", "valid_to", "source", "as_of", "accelerator", "accelerators",
	"id", "nanos_per_hour",
}

// withdrawn is why a line is left out that has no time.
const withdrawn = "it ends where it begins, so it is never in force"

// ListOptions are what a list does not say itself.
type ListOptions struct {
	// Provider is who a list of the shapes skypilot and opencost is of: neither says.
	Provider string
	// Currency is the organisation's: no other is taken.
	Currency cost.Currency
	// ValidFrom is since when a price is valid of which the list does not say; AsOf, when the list was made.
	ValidFrom, AsOf time.Time
	// Source says in words where the list comes from.
	Source string
}

// List is what was read of a price list.
type List struct {
	Rows []Row
	// LeftOut counts the lines that were not taken, by why.
	LeftOut map[string]int
}

// Read reads a price list of a shape. Its errors are sentences that name the line; nothing of such a list is to be imported.
func Read(shape Shape, from io.Reader, o ListOptions) (List, error) {
	shapes := map[Shape]struct {
		required []string
		row      func(*reader) error
	}{
		ShapeLineitem: {[]string{"provider", "price"}, (*reader).lineitem},
		ShapeSkyPilot: {[]string{"InstanceType", "Region", "Price"}, (*reader).skyPilot},
		ShapeOpenCost: {[]string{"InstanceID", "Region", "AssetClass", "InstanceType", "MarketPriceHourly"}, (*reader).openCost},
	}
	s, ok := shapes[shape]
	if !ok {
		return List{}, errs.New(errs.Invalid, "", "There is no shape of price lists %q. Nothing was imported; choose lineitem, skypilot or opencost.", shape)
	}
	o.Provider = strings.ToLower(o.Provider)
	if shape != ShapeLineitem && !isName(o.Provider) {
		return List{}, errs.New(errs.Invalid, "", "A list of the shape %s does not say whose prices it holds. Nothing was imported; name the provider, like aws.", shape)
	}
	r := &reader{shape: shape, o: o, csv: csv.NewReader(from), list: List{LeftOut: map[string]int{}}, seen: map[Key]int{}}
	r.csv.ReuseRecord = true
	if err := r.header(s.required); err != nil {
		return List{}, err
	}
	for {
		record, err := r.csv.Read()
		if errors.Is(err, io.EOF) {
			return r.list, nil
		}
		if err != nil {
			return List{}, broken(err)
		}
		r.record = record
		r.line, _ = r.csv.FieldPos(0)
		if err := s.row(r); err != nil {
			return List{}, err
		}
		if len(r.list.Rows) > maxRows {
			return List{}, errs.New(errs.TooLarge, "", "The list has more than %d prices. Nothing was imported; import it in parts.", maxRows)
		}
	}
}

// reader reads one list.
type reader struct {
	shape   Shape
	o       ListOptions
	csv     *csv.Reader
	columns map[string]int
	record  []string
	line    int
	list    List
	// seen finds the row of a key in lists that repeat it for each zone.
	seen map[Key]int
}

func (r *reader) header(required []string) error {
	names, err := r.csv.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return errs.New(errs.Invalid, "", "The list is empty. Nothing was imported.")
		}
		return broken(err)
	}
	r.columns = make(map[string]int, len(names))
	for i, name := range names {
		r.columns[strings.TrimSpace(strings.TrimPrefix(name, "\uFEFF"))] = i
	}
	if r.shape == ShapeLineitem { // a column that is misspelt would silently have no effect
		for _, name := range slices.Sorted(maps.Keys(r.columns)) {
			if !slices.Contains(ownColumns, name) {
				return errs.New(errs.Invalid, "", "Line 1 has a column %q, which no list of ours has; there are %s. Nothing was imported.",
					cut(name), strings.Join(ownColumns[:13], ", "))
			}
		}
	}
	for _, name := range required {
		if _, ok := r.columns[name]; !ok {
			return errs.New(errs.Invalid, "", "Line 1 has no column %q, so this is no list of that shape. Nothing was imported.", name)
		}
	}
	return nil
}

func broken(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return errs.New(errs.Invalid, "", "Line %d is no CSV that can be read: %v. Nothing was imported.", parse.Line, parse.Err)
	}
	return fmt.Errorf("read a price list: %w", err)
}

// field returns a field of the current line, empty if there is no such column.
func (r *reader) field(name string) string {
	i, ok := r.columns[name]
	if !ok {
		return ""
	}
	return strings.Clone(strings.TrimSpace(r.record[i]))
}

func (r *reader) wrong(format string, args ...any) error {
	return errs.New(errs.Invalid, "", "Line %d: %s. Nothing was imported.", r.line, fmt.Sprintf(format, args...))
}

func (r *reader) leaveOut(why string) { r.list.LeftOut[why]++ }

func (r *reader) price(column string) (cost.Nanos, error) {
	nanos, ok := parseAmount(r.field(column))
	if !ok {
		return 0, r.wrong("%s is %q, which is no amount from 0 to a million", column, cut(r.field(column)))
	}
	return nanos, nil
}

func (r *reader) time(column string, otherwise time.Time) (time.Time, error) {
	text := r.field(column)
	if text == "" {
		return otherwise, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02 15:04:05 MST"} {
		// No calendar of ours goes further than what a database keeps as microseconds.
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1970 && t.Year() < 10_000 {
			return t.UTC().Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, r.wrong("%s is %q, which is no time like 2026-11-01 or 2026-11-01T00:00:00Z", column, cut(text))
}

// entry starts an entry of the current line.
func (r *reader) entry(k Key, nanos cost.Nanos) Entry {
	return Entry{Key: k, NanosPerHour: nanos, Currency: r.o.Currency, ValidFrom: r.o.ValidFrom, Source: r.o.Source, AsOf: r.o.AsOf}
}

// keep checks an entry and takes it.
func (r *reader) keep(e Entry) error {
	switch {
	case !isName(e.Provider):
		return r.wrong("%q is no name of a provider", cut(e.Provider))
	case e.Region != "" && !isName(e.Region):
		return r.wrong("%q is no name of a region", cut(e.Region))
	case !isText(e.Name) || !isText(e.Accelerator) || !isText(e.Source):
		return r.wrong("a text in it is longer than %d bytes, or holds characters that cannot be printed", maxField)
	case (e.Unit == CoreHour || e.Unit == GigabyteHour) != (e.Name == ""):
		if e.Name == "" {
			return r.wrong("a price of the unit %s needs a name: of the instance type, the machine or the GPU's model", e.Unit)
		}
		return r.wrong("a price of the unit %s has no name, and here it has %q", e.Unit, e.Name)
	case e.Accelerators > 0 && e.Unit != Instance && e.Unit != Node:
		return r.wrong("only whole machines have accelerators in their price")
	case !e.ValidTo.IsZero() && e.ValidTo.Before(e.ValidFrom):
		return r.wrong("it ends at %s, before its beginning at %s", moment(e.ValidTo), moment(e.ValidFrom))
	case e.ValidTo.Equal(e.ValidFrom):
		r.leaveOut(withdrawn)
		return nil
	}
	r.list.Rows = append(r.list.Rows, Row{Entry: e, Line: r.line})
	return nil
}

// lineitem reads a line of a list of our own.
func (r *reader) lineitem() error {
	nanos, err := r.price("price")
	if err != nil {
		return err
	}
	k := Key{
		Provider: strings.ToLower(r.field("provider")), Region: r.field("region"), Unit: Unit(r.field("unit")), Name: r.field("name"),
		Purchase: Purchase(r.field("purchase")),
	}
	if k.Unit == "" {
		k.Unit = Instance
	}
	if !slices.Contains([]Unit{Node, Instance, CoreHour, GigabyteHour, GPUHour}, k.Unit) {
		return r.wrong("unit is %q; choose instance, node, core_hour, gb_hour or gpu_hour", cut(string(k.Unit)))
	}
	if k.Purchase == "" {
		k.Purchase = OnDemand
	}
	if !slices.Contains([]Purchase{OnDemand, Spot, Reserved}, k.Purchase) {
		return r.wrong("purchase is %q; choose on_demand, spot or reserved", cut(string(k.Purchase)))
	}
	e := r.entry(k, nanos)
	if c := r.field("currency"); c != "" && cost.Currency(c) != e.Currency {
		return r.wrong("it is in %q, and this organisation counts in %s", cut(c), e.Currency)
	}
	if source := r.field("source"); source != "" {
		e.Source = source
	}
	e.Accelerator = r.field("accelerator")
	if e.Accelerators, err = r.count("accelerators"); err != nil {
		return err
	}
	if (e.Accelerator == "") != (e.Accelerators == 0) {
		return r.wrong("accelerator and accelerators say which GPUs and how many, so both are given or none")
	}
	if e.ValidFrom, err = r.time("valid_from", e.ValidFrom); err != nil {
		return err
	}
	if e.ValidTo, err = r.time("valid_to", time.Time{}); err != nil {
		return err
	}
	if e.AsOf, err = r.time("as_of", e.AsOf); err != nil {
		return err
	}
	return r.keep(e)
}

// count reads a small whole number; lists that programs wrote have "8.0".
func (r *reader) count(column string) (int, error) {
	text := r.field(column)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(strings.TrimSuffix(text, ".0"))
	if err != nil || n < 0 || n > 10_000 {
		return 0, r.wrong("%s is %q, which is no number from 0 to 10000", column, cut(text))
	}
	return n, nil
}

// isName reports whether a text can name a provider or a region.
func isName(s string) bool {
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, func(c rune) bool {
		return c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-_./", c)
	})
}

func isText(s string) bool {
	return len(s) <= maxField && utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}

// cut shortens what is quoted in an error.
func cut(s string) string {
	if s = strings.ToValidUTF8(s, "\uFFFD"); len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
