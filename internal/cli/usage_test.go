package cli_test

import (
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/cli"
)

// TestWrongUse checks that wrong use ends with status 2 and a sentence that says where help is.
func TestWrongUse(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"clustr":                             `There is no command "clustr". Did you mean "cluster"? See "lineitem --help".`,
		"cluster crate":                      `There is no command "crate". Did you mean "create"? See "lineitem cluster --help".`,
		"version --bogus":                    `Unknown flag: --bogus. See "lineitem version --help".`,
		"version now":                        `"now" is one argument too many. See "lineitem version --help".`,
		"version -o xml":                     `there is no format "xml", choose from table, json, csv`,
		"bill":                               `CLUSTER is missing. See "lineitem bill --help".`,
		"bill a --limit -1":                  `--limit must not be negative; 0 shows all lines.`,
		"submissions":                        `CLUSTER is missing.`,
		"submissions a --limit -1":           `--limit must not be negative; 0 shows all submissions.`,
		"reads":                              `CLUSTER is missing.`,
		"lines":                              `CLUSTER is missing. See "lineitem lines --help".`,
		"lines a --limit -1":                 `--limit must not be negative; 0 shows all lines.`,
		"profile":                            `CLUSTER is missing. See "lineitem profile --help".`,
		"profile a --format svg":             `There is no format "svg", choose from pprof, speedscope, folded.`,
		"profile a -o /dev/ptmx":             `A pprof profile is no text, so it is not written to a terminal; give it a file, as in -o bill.pb.gz, or choose --format folded.`,
		"cost a --since 7d":                  `The bill of one cluster covers all of its life; leave --since and --until out.`,
		"cost a --by user":                   `Give a cluster or --by; of one cluster only: --by line --where name=a.`,
		"cost -o parquet":                    `-o parquet needs --by, as in --by operation.`,
		"cost --where user=ana":              `--where, --zone, --limit, --figures and --sql need --by, as in --by operation.`,
		"cost --since yesterday":             `--since "yesterday" is not understood: write a time like 2026-11-19`,
		"cluster scale a":                    `WORKERS is missing.`,
		"cluster scale a many":               `"many" is not a number of workers.`,
		"cluster scale a -- -1":              `"-1" is not a number of workers.`,
		"cluster list --all --status failed": `Give --all or --status, not both.`,
		"cluster list --limit 0":             `--limit must be at least 1, not 0.`,
		"cluster create --memory much":       `"much" is not an amount of memory; write 2GB or 512MiB`,
		"cluster create --env PATH":          `"PATH" is not a variable; write NAME=VALUE.`,
		"run":                                `SCRIPT is missing.`,
		"run nowhere.py":                     `There is no script "nowhere.py".`,
		"run testdata":                       `There is no script "testdata".`,
		"run --workers 0 golden_test.go":     `--workers must be at least 1, not 0.`,
		"watch":                              `ADDRESS is missing.`,
		"watch 10.0.0.4:8786":                `is not the address of a scheduler; one looks like tcp://10.0.0.4:8786`,
		"watch inproc://1/2":                 `cannot be reached from outside; only tcp:// and tls:// can.`,
		"watch tls://x:1":                    `TLS needs three files: the CA, a certificate signed by it, and its key (--tls-ca, --tls-cert, --tls-key)`,
		"watch tls://x:1 --tls-ca a --tls-cert b --tls-key c": `Read the CA: open a`,
		"watch tcp://x:1 --tls-ca a":                          `The scheduler at tcp://x:1 is not secured by TLS; leave --tls-ca, --tls-cert and --tls-key out`,
		"demo now":                                            `"now" is one argument too many.`,
		"demo --workers 0":                                    `--workers must be at least 1, not 0.`,
		"login --code a b":                                    `Give the link or --code, not both.`,
		"login --token-stdin b":                               `--token-stdin brings a token of its own; leave the link and --code out.`,
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			result := start(t, cli.Process{Args: strings.Fields(command)})
			if result.status != 2 {
				t.Errorf("ends with %d, want 2", result.status)
			}
			if result.stdout != "" {
				t.Errorf("prints %q to standard output", result.stdout)
			}
			if !strings.Contains(result.stderr, want) || strings.Count(result.stderr, "\n") != 1 {
				t.Errorf("says %q, want %q", result.stderr, want)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	result := start(t, cli.Process{Args: []string{"version"}})
	if result.status != 0 || !strings.HasPrefix(result.stdout, "lineitem 1.2.3, go") {
		t.Errorf("version ends with %d and prints %q", result.status, result.stdout)
	}
	result = start(t, cli.Process{Args: []string{"version", "-o", "csv"}})
	if !strings.HasPrefix(result.stdout, "version,go,os,arch\n1.2.3,go") {
		t.Errorf("version -o csv prints %q", result.stdout)
	}
}
