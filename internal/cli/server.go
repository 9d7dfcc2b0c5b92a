package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/app"
	"github.com/lineitem/lineitem/internal/config"
)

func newServerCommand(p Process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run the server",
		Long: `Run the server: API, web pages, telemetry and the clusters themselves, until it is told to stop (Ctrl-C).

Clusters outlive the server: the next one on the same data folder finds them again. The first start makes the admin; every start prints
a one-time link to sign in. Every flag is also an environment variable: --price-core-hour is LINEITEM_PRICE_CORE_HOUR.`,
		Example: `  lineitem server
  lineitem server --listen 0.0.0.0:8470 --public-url https://lineitem.example.com --data /var/lib/lineitem`,
		Args: exactArgs(),
	}
	flags := config.AddFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := loadConfig(cmd, p, flags)
		if err != nil {
			return err
		}
		signals, stop := notifySignals()
		defer stop()
		i, ctx := watchInterrupts(cmd.Context(), signals)
		defer i.stop()
		return serve(ctx, p, cfg, app.NewLogger(cfg, cmd.ErrOrStderr()), cmd.OutOrStdout())
	}
	cmd.AddCommand(newSignInLinkCommand(p))
	return cmd
}

// loadConfig makes settings of flags and environment; what is wrong with them is wrong use.
func loadConfig(cmd *cobra.Command, p Process, flags *config.Flags) (config.Config, error) {
	cfg, err := flags.Load(p.lookupEnv)
	var invalid *config.InvalidError
	if errors.As(err, &invalid) {
		return cfg, usage(cmd, "%v", invalid)
	}
	return cfg, err
}

// serve runs a server until the context ends. It prints where it is, and the way in.
func serve(ctx context.Context, p Process, cfg config.Config, logger *slog.Logger, out io.Writer) error {
	a, err := openApp(ctx, p, cfg, logger)
	if err != nil {
		return err
	}
	if err := a.Announce(ctx, out); err != nil {
		return errors.Join(err, a.Close())
	}
	return a.Run(ctx)
}

func openApp(ctx context.Context, p Process, cfg config.Config, logger *slog.Logger) (*app.App, error) {
	folder, err := os.Getwd()
	if err != nil {
		folder = "" // the interpreter is then not looked for here
	}
	return app.Open(ctx, cfg, app.Options{Version: p.Version, Logger: logger, Executable: p.Executable, WorkingDir: folder})
}

func newSignInLinkCommand(p Process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sign-in-link",
		Short: "Print a new one-time link to sign in as the admin",
		Long: `Print a new one-time link to sign in as the admin of the server with this data folder. The server may run meanwhile.

Whoever can read the data folder may do this, so keep the folder private. Give the same flags or variables as to the server.`,
		Args: exactArgs(),
	}
	flags := config.AddFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := loadConfig(cmd, p, flags)
		if err != nil {
			return err
		}
		link, err := app.SignInLink(cmd.Context(), cfg)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), link)
		return err
	}
	return cmd
}
