package config_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/lineitem/lineitem/internal/config"
	"github.com/lineitem/lineitem/internal/core/cost"
)

func environment(pairs ...string) func(string) (string, bool) {
	m := map[string]string{"HOME": "/home/ana"}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) (string, bool) { v, ok := m[name]; return v, ok }
}

func load(t *testing.T, env func(string) (string, bool), args ...string) (config.Config, error) {
	t.Helper()
	fs := pflag.NewFlagSet("server", pflag.ContinueOnError)
	flags := config.AddFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatalf("parse %q: %v", args, err)
	}
	return flags.Load(env)
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := load(t, environment())
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Listen: "127.0.0.1:8470", Data: "/home/ana/.local/share/lineitem", Backend: config.BackendLocal,
		PriceCoreHour: 40_000_000, PriceGigabyteHour: 5_000_000, Currency: "USD", SchedulerCores: 1, SchedulerMemory: 1e9,
		TimeZone: "UTC", SourceText: true, StopGrace: 10 * time.Second, WatchedTimeout: 5 * time.Minute, WarehouseRetention: config.Retention{Reads: 36, Packages: 36, GPU: 36, Events: 36}, WarehouseCache: 10_000_000_000, WarehouseMemory: 768_000_000, SQLMemory: 512_000_000, SQLTime: 45 * time.Second, SMTPSecurity: config.SMTPStartTLS, LogLevel: slog.LevelInfo, LogFormat: config.LogText,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	if got := got.Card(); got != (cost.Card{Currency: "USD", CoreHour: 40_000_000, GigabyteHour: 5_000_000, SchedulerCore: 1, SchedulerMem: 1e9, Source: got.Source}) || got.Source == "" {
		t.Errorf("card = %+v", got)
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	env := environment("LINEITEM_LISTEN", "127.0.0.1:1", "LINEITEM_CURRENCY", "EUR", "LINEITEM_PYTHON", "", "XDG_DATA_HOME", "/data", "LINEITEM_SOURCE_TEXT", "false")
	got, err := load(t, env, "--listen", "127.0.0.1:2", "--public-url", "https://lineitem.example.org/")
	if err != nil {
		t.Fatal(err)
	}
	if got.Listen != "127.0.0.1:2" {
		t.Errorf("listen = %q, want the flag's", got.Listen)
	}
	if got.Currency != "EUR" {
		t.Errorf("currency = %q, want the variable's", got.Currency)
	}
	if got.Data != "/data/lineitem" {
		t.Errorf("data = %q, want the XDG folder", got.Data)
	}
	if got.SourceText {
		t.Error("source text is on, want off by variable")
	}
	if got.PublicURL != "https://lineitem.example.org" {
		t.Errorf("public url = %q, want no slash at the end", got.PublicURL)
	}
	on, err := load(t, env, "--source-text")
	if err != nil || !on.SourceText {
		t.Errorf("--source-text alone: %v, %v; want on", on.SourceText, err)
	}
}

func TestMailServer(t *testing.T) {
	t.Parallel()
	got, err := load(t, environment("LINEITEM_SMTP_PASSWORD", "hunter2"), "--smtp-address", "mail.example.org:587", "--smtp-from", "Lineitem <lineitem@example.org>", "--smtp-user", "lineitem")
	if err != nil || got.SMTPAddress != "mail.example.org:587" || got.SMTPPassword != "hunter2" || got.SMTPSecurity != config.SMTPStartTLS {
		t.Errorf("%+v, %v", got, err)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"--smtp-from", []string{"--smtp-address", "mail.example.org:587"}},
		{"--smtp-from", []string{"--smtp-from", "nobody"}},
		{"--smtp-address", []string{"--smtp-address", "mail.example.org", "--smtp-from", "a@example.org"}},
		{"--smtp-address", []string{"--smtp-address", ":587", "--smtp-from", "a@example.org"}},
		{"--smtp-security", []string{"--smtp-security", "rot13"}},
		{"--smtp-user", []string{"--smtp-user", "lineitem", "--smtp-security", "none"}},
	} {
		_, err := load(t, environment("LINEITEM_SMTP_PASSWORD", "hunter2"), c.args...)
		if err == nil || !strings.HasPrefix(err.Error(), c.want+" ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v: %v, want a complaint of %s", c.args, err, c.want)
		}
	}
}

func TestEveryProblemIsReported(t *testing.T) {
	t.Parallel()
	env := environment("LINEITEM_CURRENCY", "dollars", "LINEITEM_SCHEDULER_CORES", "many", "LINEITEM_DATABASE_URL", "mysql://root:hunter2@db/x")
	_, err := load(t, env, "--listen", "8470", "--price-core-hour", "0.0000000001", "--time-zone", "Mars/Olympus", "--log-level", "loud",
		"--log-format", "xml", "--backend", "cloud", "--stop-grace", "-1s", "--watched-timeout", "5s", "--public-url", "ftp://x", "--scheduler-memory", "-1GB", "--data", "",
		"--warehouse-retention", "-1", "--warehouse-memory", "1MB")
	var invalid *config.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("err = %v, want an InvalidError", err)
	}
	got := map[string]bool{}
	for _, p := range invalid.Problems {
		if got[p.Setting] {
			t.Errorf("%s is reported twice", p.Setting)
		}
		got[p.Setting] = true
	}
	for _, want := range []string{
		"LINEITEM_CURRENCY", "LINEITEM_SCHEDULER_CORES", "LINEITEM_DATABASE_URL", "--listen", "--price-core-hour", "--time-zone", "--log-level",
		"--log-format", "--backend", "--stop-grace", "--watched-timeout", "--public-url", "--scheduler-memory", "--data",
		"--warehouse-retention", "--warehouse-memory",
	} {
		if !got[want] {
			t.Errorf("%s is not reported in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the complaint repeats a password: %v", err)
	}
}

func TestParseNanos(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]cost.Nanos{
		"0": 0, "0.04": 40_000_000, "1": 1e9, "0.000000001": 1, "12.5": 12_500_000_000, "0.100000000000": 100_000_000, "007": 7e9,
	} {
		if got, err := config.ParseNanos(text); err != nil || got != want {
			t.Errorf("ParseNanos(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", ".", ".5", "5.", "-1", "+1", "1e3", "0,04", "0.0000000001", "1 000", "99999999999999999999", "NaN", "0x1"} {
		if got, err := config.ParseNanos(text); err == nil {
			t.Errorf("ParseNanos(%q) = %d, want an error", text, got)
		}
	}
}

func TestParseBytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "1GB": 1e9, "1 GB": 1e9, "1.5GB": 1_500_000_000, "512MiB": 512 << 20, "1GiB": 1 << 30, "123": 123, "123B": 123, "2TB": 2e12, "4kB": 4000,
	} {
		if got, err := config.ParseBytes(text); err != nil || got != want {
			t.Errorf("ParseBytes(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "GB", "-1GB", "1.0000000001kB", "1XB", "1G B", "9999999999TB"} {
		if got, err := config.ParseBytes(text); err == nil {
			t.Errorf("ParseBytes(%q) = %d, want an error", text, got)
		}
	}
}

func FuzzParseNanos(f *testing.F) {
	f.Add("0.04")
	f.Add("1e9")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := config.ParseNanos(text)
		if err == nil && got < 0 {
			t.Errorf("ParseNanos(%q) = %d, below zero", text, got)
		}
	})
}

func TestFindPython(t *testing.T) {
	t.Parallel()
	tree := t.TempDir()
	python := filepath.Join(tree, ".venv", "bin", "python")
	if got := config.FindPython(filepath.Join(tree, "bin", "lineitem"), ""); got != "python3" {
		t.Errorf("without an environment: %q, want python3", got)
	}
	if err := os.MkdirAll(filepath.Dir(python), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(python, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := config.FindPython(filepath.Join(tree, "bin", "lineitem"), ""); got != python {
		t.Errorf("beside the binary: %q, want %q", got, python)
	}
	if got := config.FindPython("", tree); got != python {
		t.Errorf("in the working directory: %q, want %q", got, python)
	}
}

func TestReferenceIsCurrent(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "reference", "configuration.md")
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Reference(), string(got)); diff != "" {
		t.Errorf("%s is not current; run: go run ./internal/config/configgen -o docs/reference/configuration.md\n%s", path, diff)
	}
}
