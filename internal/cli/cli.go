// Package cli is the command line: `lineitem server` starts the server, every other command reaches the product through its
// REST API and package sdk only.
//
// Answers go to standard output, everything else to standard error. The exit status is 0, 1 after a failure and 2 after wrong use;
// `run` passes on the status of the script.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/sdk"
)

// Exit statuses.
const (
	exitFailure = 1
	exitUsage   = 2
)

// Process is what the command line takes from the operating system, so that tests can give it something else.
type Process struct {
	Args    []string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Environ []string
	// Executable is the path of the running binary; empty where it is not known.
	Executable string
	// Version of the binary.
	Version string
}

// OSProcess returns the process that this really is.
func OSProcess(version string) Process {
	executable, err := os.Executable()
	if err != nil {
		executable = ""
	}
	return Process{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(),
		Executable: executable, Version: version,
	}
}

// getenv returns a variable of the process's environment, the last one of that name as the operating system's own getenv does not
// promise but every shell does.
func (p Process) getenv(name string) string {
	for i := len(p.Environ) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(p.Environ[i], name+"="); ok {
			return value
		}
	}
	return ""
}

func (p Process) lookupEnv(name string) (string, bool) {
	value := p.getenv(name)
	return value, value != ""
}

// Main runs the command that the arguments name and returns the exit status.
func Main(ctx context.Context, p Process) int {
	root := NewCommand(p)
	root.SetArgs(p.Args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var exit *exitError
	if errors.As(err, &exit) && exit.err == nil {
		return exit.code
	}
	fmt.Fprintln(p.Stderr, sentence(err))
	var usage *usageError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &usage):
		return exitUsage
	default:
		return exitFailure
	}
}

// NewCommand returns the root command.
func NewCommand(p Process) *cobra.Command {
	root := group(&cobra.Command{
		Use:   "lineitem",
		Short: "Dask clusters with a bill, down to the line of code",
		Long: `Lineitem starts Dask clusters and says what each line of your code cost on them.

Begin with "lineitem demo". Or start a server with "lineitem server", sign in with "lineitem login",
and run a script of yours with "lineitem run script.py".`,
		SilenceErrors: true,
		SilenceUsage:  true,
	})
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%v", err) })

	c := &connection{process: p}
	root.PersistentFlags().StringVar(&c.server, "server", "",
		"address of the server (else LINEITEM_SERVER, else where you signed in last)")
	root.AddCommand(
		newServerCommand(p),
		newLoginCommand(c),
		newUserCommand(c),
		newGroupCommand(c),
		newLogoutCommand(c),
		newWhoamiCommand(c),
		newClusterCommand(c),
		newCostCommand(c),
		newReportCommand(c),
		newBillCommand(c),
		newLinesCommand(c),
		newProfileCommand(c),
		newPackagesCommand(c),
		newPricesCommand(c),
		newWarehouseCommand(c),
		newSQLCommand(c),
		newLedgerCommand(c),
		newEnvironmentCommand(c),
		newSubmissionsCommand(c),
		newReadsCommand(c),
		newRunCommand(c),
		newWatchCommand(c),
		newDemoCommand(c),
		newVersionCommand(p),
	)
	root.InitDefaultHelpCmd()
	return root
}

// group makes a command that only holds others: alone it prints its help, and an unknown word is wrong use.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs
	cmd.SuggestionsMinimumDistance = 2
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		hint := ""
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = fmt.Sprintf(" Did you mean %q?", near[0])
		}
		return usage(cmd, "there is no command %q.%s", args[0], hint)
	}
	return cmd
}

// usageError is wrong use of a command: the exit status is 2.
type usageError struct {
	command string
	message string
}

func (e *usageError) Error() string {
	return fmt.Sprintf("%s See %q.", full(e.message), e.command+" --help")
}

func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{command: cmd.CommandPath(), message: fmt.Sprintf(format, args...)}
}

// exitError ends the command with a status of its own; without err nothing is printed, because everything has been said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exactArgs wants one argument for each name.
func exactArgs(names ...string) cobra.PositionalArgs {
	return rangeArgs(len(names), names...)
}

// rangeArgs wants an argument for each name, of which those from the given count on may be left out.
func rangeArgs(least int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usage(cmd, "%s is missing.", names[len(args)])
		case len(args) > len(names):
			return usage(cmd, "%q is one argument too many.", args[len(names)])
		default:
			return nil
		}
	}
}

// sentence turns an error into what a person reads: what happened, and what to do.
func sentence(err error) string {
	var refused *sdk.APIError
	var unreachable *sdk.UnreachableError
	switch {
	case errors.As(err, &unreachable):
		return full(unreachable.Error()) + ` Start one with "lineitem server", or name another with --server.`
	case errors.As(err, &refused) && refused.Status == 401:
		return full(refused.Error()) + ` Sign in with "lineitem login".`
	case errors.As(err, &refused):
		return full(refused.Error())
	case errors.Is(err, context.Canceled):
		return "Interrupted."
	default:
		return full(err.Error())
	}
}

// full makes a sentence of a message: a capital at its start, a stop at its end.
func full(message string) string {
	first, size := utf8.DecodeRuneInString(message)
	if size == 0 {
		return "Something failed without saying why."
	}
	message = string(unicode.ToUpper(first)) + message[size:]
	if !strings.ContainsAny(message[len(message)-1:], ".!?") {
		message += "."
	}
	return message
}
