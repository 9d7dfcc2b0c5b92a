// Command seedyear makes a data folder that holds a year of a made-up organisation, for `lineitem server --data` to serve: people, groups and
// clusters in the database, what they spent in the warehouse, written by the same code as the server's own. docs/seed-year.md has the recipe.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lineitem/lineitem/internal/config"
	"github.com/lineitem/lineitem/internal/core/cost"
	"github.com/lineitem/lineitem/internal/core/profile"
	"github.com/lineitem/lineitem/internal/seed"
)

// settings are what the command line says.
type settings struct {
	data   string
	zone   *time.Location
	memory int64
	seed.Options
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "seedyear: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, time.Now(), stderr)
	if err != nil {
		return err
	}
	org, err := seed.New(s.Options)
	if err != nil {
		return err
	}
	w, err := open(ctx, s, stderr)
	if err != nil {
		return err
	}
	err = w.write(ctx, org)
	if err = errors.Join(err, w.close()); err != nil {
		return fmt.Errorf("%w; %s is not complete: remove it and start again", err, s.data)
	}
	return w.report(org, stdout)
}

// parse reads the command line. The year ends with the last day that is over, if no other end is given.
func parse(args []string, now time.Time, stderr io.Writer) (settings, error) {
	defaults := config.Default(func(string) (string, bool) { return "", false })
	flags := flag.NewFlagSet("seedyear", flag.ContinueOnError)
	flags.SetOutput(stderr)
	data := flags.String("data", "", "the data folder to make; it must not hold a database yet")
	rows := flags.String("rows", "100M", "about how many line-hours: a number, or one with k or M")
	number := flags.Uint64("seed", 1, "what chance is drawn from: the same number gives the same organisation")
	until := flags.String("until", now.UTC().Format(time.DateOnly), "the first day that is not there any more")
	days := flags.Int("days", 365, "how many days")
	users := flags.Int("users", 2000, "how many people and accounts")
	groups := flags.Int("groups", 80, "how many groups")
	zone := flags.String("time-zone", defaults.TimeZone, "the organisation's time zone: give the server the same")
	currency := flags.String("currency", string(defaults.Currency), "give the server the same")
	memory := flags.Int64("memory", 0, "megabytes that the warehouse may use while writing; 0 for its default")
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	s := settings{memory: *memory << 20, Options: seed.Options{
		Seed: *number, Days: *days, Users: *users, Groups: *groups, Currency: cost.Currency(*currency), RulesVersion: profile.Default().Version(),
	}}
	var failures [3]error
	s.Rows, failures[0] = parseRows(*rows)
	if s.Until, failures[1] = time.Parse(time.DateOnly, *until); failures[1] != nil {
		failures[1] = fmt.Errorf("--until is %q: give a day as 2026-11-01", *until)
	}
	if s.zone, failures[2] = time.LoadLocation(*zone); failures[2] != nil {
		failures[2] = fmt.Errorf("--time-zone is %q: give an IANA name like Europe/Berlin", *zone)
	}
	if *data == "" || flags.NArg() > 0 {
		return settings{}, errors.New("say which folder to make, as --data .lineitem/year, and nothing beside the options")
	}
	if err := errors.Join(failures[:]...); err != nil {
		return settings{}, fmt.Errorf("%w; nothing was made", err)
	}
	var err error
	if s.data, err = filepath.Abs(*data); err != nil {
		return settings{}, fmt.Errorf("find the data folder: %w", err)
	}
	return s, nil
}

// parseRows reads "100M", "250k" or "1000".
func parseRows(text string) (int64, error) {
	factor, digits := int64(1), text
	if n, ok := strings.CutSuffix(text, "M"); ok {
		factor, digits = 1_000_000, n
	} else if n, ok := strings.CutSuffix(text, "k"); ok {
		factor, digits = 1000, n
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 || n > seed.MaxRows/factor {
		return 0, fmt.Errorf("--rows is %q: give a number up to %d, like 100M or 250k", text, int64(seed.MaxRows))
	}
	return n * factor, nil
}
