// Package config holds the settings of a server: one table gives flags, environment variables, help and the reference page
// (docs/reference/configuration.md). A flag goes before its variable, a variable before the default.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the machine may have no time zones, and --time-zone is checked against them

	"github.com/lineitem/lineitem/internal/core/cost"
)

// Config is the settings of a server, with their types. Load makes one; a Config made otherwise should be checked by Validate.
type Config struct {
	// Listen is the address to listen on, "host:port". Port 0 picks a free one.
	Listen string
	// Data is the folder that holds the database, the logs of processes and the lock.
	Data string
	// DatabaseURL is a PostgreSQL URL; empty for SQLite in the data folder.
	DatabaseURL string
	// PublicURL is how browsers reach the server; empty for the address that it listens on.
	PublicURL string
	// Backend is what runs clusters: "local" or "fake".
	Backend string
	// Python is the interpreter of clusters that choose none; empty to look for one.
	Python string
	// PriceCoreHour and PriceGigabyteHour are the prices of this machine.
	PriceCoreHour, PriceGigabyteHour cost.Nanos
	Currency                         cost.Currency
	// SchedulerCores and SchedulerMemory are what a scheduler is charged for.
	SchedulerCores  int
	SchedulerMemory int64
	// Organisation is shown in the corner of the pages.
	Organisation string
	// TimeZone is the organisation's IANA time zone.
	TimeZone string
	// SourceText allows the source text of user code to be stored.
	SourceText bool
	// StopGrace is how long a process may take to end politely.
	StopGrace time.Duration
	// WatchedTimeout is how long a cluster that Lineitem did not start may say nothing before it counts as ended at its last report.
	WatchedTimeout time.Duration
	// SMTPAddress is the mail server, host:port; empty for no mails. SMTPFrom is who they are from.
	SMTPAddress, SMTPFrom string
	// SMTPSecurity is starttls, tls or none.
	SMTPSecurity           string
	SMTPUser, SMTPPassword string
	// Warehouse is the folder of the warehouse's files; empty for one in the data folder.
	Warehouse string
	// WarehouseRetention is for how long each table of SQL keeps its rows.
	WarehouseRetention Retention
	// WarehouseBucket is the address of an S3-compatible bucket that keeps the warehouse's files; empty to keep them in the folder. WarehouseCache is how large the
	// folder may become then.
	WarehouseBucket string
	WarehouseCache  int64
	// WarehouseMemory bounds the memory of questions of cost.
	WarehouseMemory int64
	// SQLMemory and SQLTime bound each statement of SQL.
	SQLMemory int64
	SQLTime   time.Duration
	LogLevel  slog.Level
	// LogFormat is "text" or "json".
	LogFormat string
}

// Bounds of the warehouse's settings.
const (
	minWarehouseMemory = 128_000_000
	minWarehouseCache  = 100_000_000
	minSQLMemory       = 64_000_000
	maxSQLTime         = time.Hour
)

// minWatchedTimeout is a few times as long as a scheduler waits between two reports.
const minWatchedTimeout = 30 * time.Second

// What protects the connection to the mail server.
const (
	SMTPStartTLS = "starttls"
	SMTPTLS      = "tls"
	SMTPNone     = "none"
)

// Backends that can be chosen.
const (
	BackendLocal = "local"
	BackendFake  = "fake"
)

// Log formats that can be chosen.
const (
	LogText = "text"
	LogJSON = "json"
)

// Default returns the settings of a server that was told nothing, given the variables of its environment.
func Default(lookup func(string) (string, bool)) Config {
	var c Config
	for _, o := range options() {
		text := o.Default
		if o.defaultFunc != nil {
			text = o.defaultFunc(lookup)
		}
		if err := o.set(&c, text); err != nil {
			// The defaults are ours, and a test sets them all.
			panic("default of --" + o.Name + ": " + err.Error())
		}
	}
	return c
}

// Card returns the prices as a rate card.
func (c Config) Card() cost.Card {
	return cost.Card{
		Currency: c.Currency, CoreHour: c.PriceCoreHour, GigabyteHour: c.PriceGigabyteHour,
		SchedulerCore: c.SchedulerCores, SchedulerMem: c.SchedulerMemory,
		Source: "Configured for this machine with --price-core-hour and --price-gb-hour.",
	}
}

// InvalidError lists everything that is wrong with the settings.
type InvalidError struct {
	Problems []Problem
}

// Problem is one wrong setting.
type Problem struct {
	// Setting is as its author wrote it: "--listen" or "LINEITEM_LISTEN".
	Setting string
	Err     error
}

// Error returns one line per problem.
func (e *InvalidError) Error() string {
	if len(e.Problems) == 1 {
		return fmt.Sprintf("%s %v; nothing was started", e.Problems[0].Setting, e.Problems[0].Err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d settings are wrong; nothing was started:", len(e.Problems))
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n  %s %v", p.Setting, p.Err)
	}
	return b.String()
}

// Validate checks all settings and returns an *InvalidError that lists every problem.
func (c Config) Validate() error {
	var problems []Problem
	check := func(name string, err error) {
		if err != nil {
			problems = append(problems, Problem{"--" + name, err})
		}
	}
	check("listen", checkListen(c.Listen))
	if c.Data == "" {
		check("data", errors.New("is empty: name a folder"))
	}
	check("database-url", checkDatabaseURL(c.DatabaseURL))
	check("public-url", checkPublicURL(c.PublicURL))
	if !slices.Contains([]string{BackendLocal, BackendFake}, c.Backend) {
		check("backend", fmt.Errorf("is %q: choose local or fake", c.Backend))
	}
	check("price-core-hour", checkPrice(c.PriceCoreHour))
	check("price-gb-hour", checkPrice(c.PriceGigabyteHour))
	check("currency", checkCurrency(string(c.Currency)))
	if c.SchedulerCores < 0 || c.SchedulerCores > 1024 {
		check("scheduler-cores", fmt.Errorf("is %d: a scheduler is charged for 0 to 1024 cores", c.SchedulerCores))
	}
	if c.SchedulerMemory < 0 {
		check("scheduler-memory", fmt.Errorf("is %d: memory cannot be negative", c.SchedulerMemory))
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "" || c.TimeZone == "Local" {
		check("time-zone", fmt.Errorf("is %q: give an IANA name like Europe/Berlin", c.TimeZone))
	}
	if c.WatchedTimeout < minWatchedTimeout || c.WatchedTimeout > 7*24*time.Hour {
		check("watched-timeout", fmt.Errorf("is %v: give 30s to 168h", c.WatchedTimeout))
	}
	problems = append(problems, c.checkMail()...)
	check("warehouse-retention", c.WarehouseRetention.check())
	if c.WarehouseCache < minWarehouseCache {
		check("warehouse-cache", fmt.Errorf("is %d bytes: give 100MB or more", c.WarehouseCache))
	}
	if c.SQLMemory < minSQLMemory {
		check("sql-memory", fmt.Errorf("is %d bytes: give 64MB or more", c.SQLMemory))
	}
	if c.SQLTime < time.Second || c.SQLTime > maxSQLTime {
		check("sql-time", fmt.Errorf("is %v: give 1s to %v", c.SQLTime, maxSQLTime))
	}
	if c.WarehouseMemory < minWarehouseMemory {
		check("warehouse-memory", fmt.Errorf("is %d bytes: give 128MB or more", c.WarehouseMemory))
	}
	if c.StopGrace < 0 || c.StopGrace > time.Hour {
		check("stop-grace", fmt.Errorf("is %v: give 0s to 1h", c.StopGrace))
	}
	if !slices.Contains([]string{LogText, LogJSON}, c.LogFormat) {
		check("log-format", fmt.Errorf("is %q: choose text or json", c.LogFormat))
	}
	if len(problems) > 0 {
		return &InvalidError{Problems: problems}
	}
	return nil
}

// checkMail checks the settings of the mail server.
func (c Config) checkMail() (problems []Problem) {
	add := func(name string, err error) { problems = append(problems, Problem{"--" + name, err}) }
	if c.SMTPAddress != "" {
		if host, _, err := net.SplitHostPort(c.SMTPAddress); err != nil || host == "" || checkListen(c.SMTPAddress) != nil {
			add("smtp-address", fmt.Errorf("is %q: give host:port, like mail.example.org:587", c.SMTPAddress))
		}
		if c.SMTPFrom == "" {
			add("smtp-from", errors.New("is empty: say who mails are from"))
		}
	}
	if _, err := mail.ParseAddress(c.SMTPFrom); c.SMTPFrom != "" && err != nil {
		add("smtp-from", fmt.Errorf("is %q: give a mail address, like lineitem@example.org", c.SMTPFrom))
	}
	if !slices.Contains([]string{SMTPStartTLS, SMTPTLS, SMTPNone}, c.SMTPSecurity) {
		add("smtp-security", fmt.Errorf("is %q: choose starttls, tls or none", c.SMTPSecurity))
	}
	if c.SMTPUser != "" && c.SMTPSecurity == SMTPNone {
		add("smtp-user", errors.New("would be sent in the clear, with its password: choose --smtp-security starttls or tls"))
	}
	return problems
}

func checkListen(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("is %q: give host:port, like 127.0.0.1:8470", text)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("has the port %q: give a number from 0 to 65535", port)
	}
	if strings.ContainsAny(host, " /") {
		return fmt.Errorf("has the host %q, which is none", host)
	}
	return nil
}

func checkDatabaseURL(text string) error {
	if text == "" {
		return nil
	}
	// The text may hold a password, so no complaint repeats it.
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || (u.Host == "" && u.Query().Get("host") == "") {
		return errors.New("is not the URL of a PostgreSQL database: give postgres://user:password@host/name, or leave it empty for SQLite")
	}
	return nil
}

func checkPublicURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("is %q: give scheme and host, like https://lineitem.example.org", text)
	}
	return nil
}

const maxPrice = 1_000_000 * cost.Nanos(1e9)

func checkPrice(p cost.Nanos) error {
	if p < 0 || p > maxPrice {
		return errors.New("is out of range: give 0 to 1000000 per hour")
	}
	return nil
}

func checkCurrency(text string) error {
	if len(text) != 3 || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return fmt.Errorf("is %q: give an ISO 4217 code like USD", text)
	}
	return nil
}

// defaultData follows the XDG base directories; without a home it is a folder beside the caller.
func defaultData(lookup func(string) (string, bool)) string {
	if base, ok := lookup("XDG_DATA_HOME"); ok && filepath.IsAbs(base) {
		return filepath.Join(base, "lineitem")
	}
	if home, ok := lookup("HOME"); ok && home != "" {
		return filepath.Join(home, ".local", "share", "lineitem")
	}
	return ".lineitem"
}

// FindPython returns the interpreter of clusters that choose none: the virtual environment beside the binary or in the working
// directory where there is one, else what PATH calls python3. Either argument may be empty.
func FindPython(executable, workingDir string) string {
	var folders []string
	if executable != "" {
		folders = append(folders, filepath.Join(filepath.Dir(executable), ".."), filepath.Dir(executable))
	}
	if workingDir != "" {
		folders = append(folders, workingDir)
	}
	for _, folder := range folders {
		python := filepath.Join(folder, ".venv", "bin", "python")
		if info, err := os.Stat(python); err == nil && !info.IsDir() {
			return python
		}
	}
	return "python3"
}
