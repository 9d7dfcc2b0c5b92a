package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli"
	"github.com/lineitem/lineitem/internal/cli/clitest"
)

// TestHelp pins what every command says about itself.
func TestHelp(t *testing.T) {
	t.Parallel()
	named := map[string]bool{}
	walk(cli.NewCommand(cli.Process{Stderr: io.Discard, Stdout: io.Discard}), func(cmd *cobra.Command) {
		if !cmd.IsAvailableCommand() || cmd.Name() == "help" {
			return
		}
		path := strings.Fields(cmd.CommandPath())
		file := filepath.Join("help", strings.Join(path, "-")+".txt")
		named[file] = true
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			t.Parallel()
			result := start(t, cli.Process{Args: append(path[1:], "--help")})
			if result.status != 0 || result.stderr != "" {
				t.Fatalf("--help ends with %d and says %q", result.status, result.stderr)
			}
			clitest.Golden(t, file, result.stdout)
		})
	})
	files, err := filepath.Glob(filepath.Join("testdata", "help", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.TrimPrefix(file, "testdata"+string(os.PathSeparator)); !named[name] {
			t.Errorf("%s is of a command that is no more; remove it", file)
		}
	}
}

// TestEveryAnswerHasEveryFormat holds for all commands that answer with data.
func TestEveryAnswerHasEveryFormat(t *testing.T) {
	t.Parallel()
	without := map[string]bool{ // these print a sentence, or run until they are stopped
		"lineitem": true, "lineitem cluster": true, "lineitem help": true,
		"lineitem login": true, "lineitem logout": true, "lineitem server": true, "lineitem server sign-in-link": true, "lineitem watch": true,
		"lineitem user": true, "lineitem user create": true, "lineitem user link": true, "lineitem group": true, "lineitem group delete": true,
		"lineitem group add": true, "lineitem group remove": true,
	}
	walk(cli.NewCommand(cli.Process{Stderr: io.Discard, Stdout: io.Discard}), func(cmd *cobra.Command) {
		if got := cmd.Flags().Lookup("output") == nil; got != without[cmd.CommandPath()] {
			t.Errorf("%q: without --output is %v", cmd.CommandPath(), got)
		}
	})
}

func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, child := range cmd.Commands() {
		walk(child, visit)
	}
}

// ended is what a command left.
type ended struct {
	status         int
	stdout, stderr string
}

// start runs a command to its end, in an environment without a home unless the process names one.
func start(t *testing.T, p cli.Process) ended {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p.Stdout, p.Stderr = &stdout, &stderr
	if p.Stdin == nil {
		p.Stdin = strings.NewReader("")
	}
	if p.Version == "" {
		p.Version = "1.2.3"
	}
	status := cli.Main(context.WithoutCancel(t.Context()), p)
	return ended{status, stdout.String(), stderr.String()}
}
