package config

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// Option is one setting.
type Option struct {
	// Name is the flag without dashes; the variable is LINEITEM_ and the name in capitals.
	Name string
	// Kind is the word for its value in the help: "address", "amount".
	Kind string
	// Default is as text.
	Default string
	// Usage is a sentence without capital and full stop.
	Usage string
	// Secret values are not shown.
	Secret bool

	set func(c *Config, text string) error
	// defaultFunc finds a default that depends on the environment; Default then describes it.
	defaultFunc func(lookup func(string) (string, bool)) string
}

// Env is the name of the option's environment variable.
func (o Option) Env() string {
	return "LINEITEM_" + strings.ToUpper(strings.ReplaceAll(o.Name, "-", "_"))
}

func options() []Option {
	return []Option{
		{
			Name: "listen", Kind: "address", Default: "127.0.0.1:8470", Usage: "address to listen on; port 0 picks a free one",
			set: func(c *Config, text string) error { c.Listen = text; return nil },
		},
		{
			Name: "data", Kind: "folder", Default: "$XDG_DATA_HOME/lineitem, else ~/.local/share/lineitem", defaultFunc: defaultData,
			Usage: "folder for the database and the logs of processes",
			set:   func(c *Config, text string) error { c.Data = text; return nil },
		},
		{
			Name: "database-url", Kind: "url", Usage: "PostgreSQL database to use instead of SQLite in the data folder", Secret: true,
			set: func(c *Config, text string) error { c.DatabaseURL = text; return nil },
		},
		{
			Name: "public-url", Kind: "url", Usage: "how browsers reach the server, if not at the address that it listens on",
			set: func(c *Config, text string) error { c.PublicURL = strings.TrimRight(text, "/"); return nil },
		},
		{
			Name: "backend", Kind: "name", Default: BackendLocal, Usage: "what runs clusters: local (processes on this machine) or fake (nothing runs; for trying things out)",
			set: func(c *Config, text string) error { c.Backend = text; return nil },
		},
		{
			Name: "python", Kind: "file", Usage: "interpreter for clusters that choose none; empty for .venv/bin/python beside the binary or here, else python3",
			set: func(c *Config, text string) error { c.Python = text; return nil },
		},
		{
			Name: "price-core-hour", Kind: "amount", Default: "0.04", Usage: "price of a core for an hour",
			set: func(c *Config, text string) (err error) { c.PriceCoreHour, err = ParseNanos(text); return err },
		},
		{
			Name: "price-gb-hour", Kind: "amount", Default: "0.005", Usage: "price of 10^9 bytes of memory for an hour",
			set: func(c *Config, text string) (err error) { c.PriceGigabyteHour, err = ParseNanos(text); return err },
		},
		{
			Name: "currency", Kind: "code", Default: "USD", Usage: "currency of the prices, as an ISO 4217 code",
			set: func(c *Config, text string) error { c.Currency = cost.Currency(text); return nil },
		},
		{
			Name: "scheduler-cores", Kind: "number", Default: "1", Usage: "cores that a scheduler is charged for",
			set: func(c *Config, text string) (err error) { c.SchedulerCores, err = parseInt(text); return err },
		},
		{
			Name: "scheduler-memory", Kind: "size", Default: "1GB", Usage: "memory that a scheduler is charged for",
			set: func(c *Config, text string) (err error) { c.SchedulerMemory, err = ParseBytes(text); return err },
		},
		{
			Name: "organisation", Kind: "name", Usage: "name shown in the corner of the pages",
			set: func(c *Config, text string) error { c.Organisation = text; return nil },
		},
		{
			Name: "time-zone", Kind: "name", Default: "UTC", Usage: "time zone of the organisation, as an IANA name",
			set: func(c *Config, text string) error { c.TimeZone = text; return nil },
		},
		{
			Name: "source-text", Kind: "bool", Default: "true", Usage: "store the source text of user code, to show it beside its cost",
			set: func(c *Config, text string) (err error) { c.SourceText, err = parseBool(text); return err },
		},
		{
			Name: "stop-grace", Kind: "duration", Default: "10s", Usage: "how long a process of a cluster may take to end politely",
			set: func(c *Config, text string) (err error) { c.StopGrace, err = parseDuration(text); return err },
		},
		{
			Name: "watched-timeout", Kind: "duration", Default: "5m",
			Usage: "how long a cluster that Lineitem did not start may say nothing before it counts as ended at its last report",
			set:   func(c *Config, text string) (err error) { c.WatchedTimeout, err = parseDuration(text); return err },
		},
		{
			Name: "smtp-address", Kind: "address", Usage: "mail server that weekly reports are sent through, as host:port; empty for no mails",
			set: func(c *Config, text string) error { c.SMTPAddress = text; return nil },
		},
		{
			Name: "smtp-from", Kind: "address", Usage: "who mails are from, as lineitem@example.org",
			set: func(c *Config, text string) error { c.SMTPFrom = text; return nil },
		},
		{
			Name: "smtp-security", Kind: "name", Default: SMTPStartTLS, Usage: "what protects the connection to the mail server: starttls, tls (from the first byte) or none",
			set: func(c *Config, text string) error { c.SMTPSecurity = text; return nil },
		},
		{
			Name: "smtp-user", Kind: "name", Usage: "name to sign in to the mail server with, if it wants one",
			set: func(c *Config, text string) error { c.SMTPUser = text; return nil },
		},
		{
			Name: "smtp-password", Kind: "password", Usage: "password of that name; better given as a variable than as a flag", Secret: true,
			set: func(c *Config, text string) error { c.SMTPPassword = text; return nil },
		},
		{
			Name: "warehouse", Kind: "folder", Usage: "folder of the warehouse's files, which servers that share a database share too; empty for warehouse in the data folder",
			set: func(c *Config, text string) error { c.Warehouse = text; return nil },
		},
		{
			Name: "warehouse-retention", Kind: "months", Default: "lines=0,usage=0,reads=36,packages=36,gpu=36,events=36",
			Usage: "for how many whole months, beside the current one, tables of SQL keep their rows, as lines=24,gpu=6; 0 for ever; a number alone is that of lines, and tables that are not named keep their default",
			set:   func(c *Config, text string) error { return parseRetention(text, &c.WarehouseRetention) },
		},
		{
			Name: "warehouse-bucket", Kind: "address", Usage: "S3-compatible bucket that keeps the warehouse's files, as s3://bucket/prefix or https://host/bucket/prefix, with keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; empty to keep them in the folder",
			set: func(c *Config, text string) error { c.WarehouseBucket = text; return nil },
		},
		{
			Name: "warehouse-cache", Kind: "size", Default: "10GB", Usage: "with a bucket, how large the folder with the files in use may become",
			set: func(c *Config, text string) (err error) { c.WarehouseCache, err = ParseBytes(text); return err },
		},
		{
			Name: "warehouse-memory", Kind: "size", Default: "768MB", Usage: "memory that questions of cost may use; what is larger goes to the warehouse's folder",
			set: func(c *Config, text string) (err error) { c.WarehouseMemory, err = ParseBytes(text); return err },
		},
		{
			Name: "sql-memory", Kind: "size", Default: "512MB", Usage: "memory that a statement of SQL may use; up to four run at a time",
			set: func(c *Config, text string) (err error) { c.SQLMemory, err = ParseBytes(text); return err },
		},
		{
			Name: "sql-time", Kind: "duration", Default: "45s", Usage: "how long a statement of SQL may take",
			set: func(c *Config, text string) (err error) { c.SQLTime, err = parseDuration(text); return err },
		},
		{
			Name: "log-level", Kind: "level", Default: "info", Usage: "least level of records in the log: debug, info, warn or error",
			set: func(c *Config, text string) error { return parseLevel(text, &c.LogLevel) },
		},
		{
			Name: "log-format", Kind: "name", Default: LogText, Usage: "format of the log: text or json",
			set: func(c *Config, text string) error { c.LogFormat = text; return nil },
		},
	}
}

// Flags holds the flags of a command until they are parsed.
type Flags struct {
	values map[string]*flagValue
}

// AddFlags adds a flag for every setting.
func AddFlags(fs *pflag.FlagSet) *Flags {
	f := &Flags{values: map[string]*flagValue{}}
	for _, o := range options() {
		value := &flagValue{kind: o.Kind, text: o.Default}
		f.values[o.Name] = value
		flag := fs.VarPF(value, o.Name, "", o.Usage)
		flag.DefValue = o.Default
		if o.Kind == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
	return f
}

// flagValue keeps the text of a flag; Load gives it its type, so that all complaints come together.
type flagValue struct {
	kind, text string
	given      bool
}

func (v *flagValue) String() string { return v.text }
func (v *flagValue) Type() string   { return v.kind }

func (v *flagValue) Set(text string) error {
	v.text, v.given = text, true
	return nil
}

// Load makes the settings from the parsed flags, the environment and the defaults, in this order. It returns an *InvalidError
// that lists everything wrong. An empty variable counts as not set.
func (f *Flags) Load(lookup func(string) (string, bool)) (Config, error) {
	c := Default(lookup)
	var problems []Problem
	broken := map[string]bool{}
	spelled := map[string]string{}
	for _, o := range options() {
		text, setting := "", ""
		if v, ok := lookup(o.Env()); ok && v != "" {
			text, setting = v, o.Env()
		}
		if v := f.values[o.Name]; v != nil && v.given {
			text, setting = v.text, "--"+o.Name
		}
		if setting == "" {
			continue
		}
		spelled["--"+o.Name] = setting
		if err := o.set(&c, text); err != nil {
			problems = append(problems, Problem{setting, err})
			broken["--"+o.Name] = true
		}
	}
	var invalid *InvalidError
	if err := c.Validate(); errors.As(err, &invalid) {
		for _, p := range invalid.Problems {
			if broken[p.Setting] {
				continue
			}
			if s, ok := spelled[p.Setting]; ok {
				p.Setting = s
			}
			problems = append(problems, p)
		}
	}
	if len(problems) > 0 {
		return Config{}, &InvalidError{Problems: problems}
	}
	return c, nil
}

func parseInt(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("is %q: give a whole number", text)
	}
	return n, nil
}

func parseBool(text string) (bool, error) {
	b, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("is %q: give true or false", text)
	}
	return b, nil
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("is %q: give a duration like 10s or 2m", text)
	}
	return d, nil
}

func parseLevel(text string, level *slog.Level) error {
	switch strings.ToLower(text) {
	case "debug", "info", "warn", "error":
		return level.UnmarshalText([]byte(text))
	default:
		return fmt.Errorf("is %q: choose debug, info, warn or error", text)
	}
}
