package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

// maxSecretBytes bounds what is read from standard input as a code or token.
const maxSecretBytes = 4096

func newLoginCommand(c *connection) *cobra.Command {
	var code string
	var tokenStdin bool
	cmd := &cobra.Command{
		Use:   "login [SIGN-IN-LINK]",
		Short: "Sign in to a server and remember it",
		Long: `Sign in to a server and remember it for later commands and for the Python package.

A one-time link is printed by the server at its first start, and by "lineitem server sign-in-link". It is traded for
an API token, which is kept in ${XDG_CONFIG_HOME:-~/.config}/lineitem/credentials.json, readable by you alone.
Without an argument the link, or its code, is asked for.`,
		Example: `  lineitem login 'http://127.0.0.1:8470/signin#code=…'
  lineitem login --server https://lineitem.example.com --token-stdin < token.txt`,
		Args: rangeArgs(0, "SIGN-IN-LINK"),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := code
			if len(args) == 1 {
				if code != "" {
					return usage(cmd, "give the link or --code, not both.")
				}
				given = args[0]
			}
			if tokenStdin && given != "" {
				return usage(cmd, "--token-stdin brings a token of its own; leave the link and --code out.")
			}
			if given == "" {
				if !tokenStdin {
					fmt.Fprint(cmd.ErrOrStderr(), "Paste the one-time link or code: ")
				}
				var err error
				if given, err = readSecret(cmd.InOrStdin()); err != nil {
					return err
				}
			}
			return c.login(cmd.Context(), cmd.OutOrStdout(), given, tokenStdin)
		},
	}
	cmd.Flags().StringVar(&code, "code", "", "one-time code, the part of the sign-in link after code=")
	cmd.Flags().BoolVar(&tokenStdin, "token-stdin", false, "read an API token from standard input instead")
	return cmd
}

// login verifies the code or token with the server before it changes what is remembered.
func (c *connection) login(ctx context.Context, out io.Writer, given string, isToken bool) error {
	saved, err := loadCredentials(c.process)
	if err != nil {
		return err
	}
	address, secret := c.address(), given
	if !isToken {
		var fromLink string
		if fromLink, secret, err = parseLink(given); err != nil {
			return err
		}
		if address == "" {
			address = fromLink
		}
	}
	for _, fallback := range []string{saved.Default, defaultServer} {
		if address == "" {
			address = fallback
		}
	}
	entry := savedServer{Token: secret}
	if !isToken {
		anonymous, err := c.clientWith(address, "")
		if err != nil {
			return err
		}
		token, err := anonymous.CreateToken(ctx, sdk.TokenRequest{Name: tokenName(), Code: secret})
		if err != nil {
			return err
		}
		entry = savedServer{Token: token.Secret, TokenID: token.ID}
	}
	client, err := c.clientWith(address, entry.Token)
	if err != nil {
		return err
	}
	me, err := client.Me(ctx)
	if err != nil {
		return err
	}
	address = normalServer(client.BaseURL())
	saved.Servers[address] = entry
	saved.Default = address
	path, err := saveCredentials(c.process, saved)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Signed in to %s as %s. Kept in %s.\n", address, me.User.Name, path)
	return err
}

func newLogoutCommand(c *connection) *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "Forget a server and revoke the token made for this machine",
		Long: `Forget the server where you signed in last, or the one named by --server.

A token that "lineitem login" made from a one-time code is revoked at the server too. One that you brought yourself is only
forgotten here.`,
		Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			saved, err := loadCredentials(c.process)
			if err != nil {
				return err
			}
			address := c.address()
			if address == "" {
				address = saved.Default
			}
			entry, ok := saved.Servers[address]
			if !ok {
				fmt.Fprintln(cmd.OutOrStdout(), "You were not signed in; nothing was changed.")
				return nil
			}
			var revokeErr error
			if entry.TokenID != "" {
				client, err := c.clientWith(address, entry.Token)
				if err != nil {
					return err
				}
				revokeErr = client.DeleteToken(cmd.Context(), entry.TokenID)
			}
			delete(saved.Servers, address)
			if saved.Default == address {
				saved.Default = ""
			}
			if _, err := saveCredentials(c.process, saved); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Signed out of %s.\n", address)
			var refused *sdk.APIError
			if revokeErr != nil && !errors.As(revokeErr, &refused) {
				return fmt.Errorf("the token was forgotten here but could not be revoked at the server: %w", revokeErr)
			}
			return nil
		},
	}
}

func newWhoamiCommand(c *connection) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "whoami",
		Short: "Show who you are, at which server, and its prices",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			me, err := client.Me(cmd.Context())
			if err != nil {
				return err
			}
			table := format.NewTable(format.Header{}, format.Header{})
			table.Row("User", fmt.Sprintf("%s (%s)", me.User.Name, me.User.Role))
			var groups []string
			for _, g := range me.Groups {
				groups = append(groups, g.Path)
				table.Row(groupWord(g), g.Path)
			}
			table.Row("Server", client.BaseURL())
			table.Row("Version", me.Version)
			table.Row("Organisation", me.Organisation)
			table.Row("Time zone", me.TimeZone)
			table.Row("Core", format.Rate(me.Rates.CoreHourNanos, me.Rates.Currency))
			table.Row("Memory", format.Rate(me.Rates.GigabyteHourNanos, me.Rates.Currency)+" for 1 GB")
			table.Row("Prices", me.Rates.Source)
			if me.Rates.AsOf != nil {
				table.Row("As of", day(*me.Rates.AsOf))
			}
			return o.write(cmd, answer{
				json: me,
				header: []string{
					"server", "user_id", "user_name", "role", "organisation", "time_zone", "version",
					"currency", "core_hour_nanos", "gigabyte_hour_nanos", "groups",
				},
				rows: [][]string{{
					client.BaseURL(), me.User.ID, me.User.Name, me.User.Role, me.Organisation, me.TimeZone, me.Version,
					me.Rates.Currency, whole(me.Rates.CoreHourNanos), whole(me.Rates.GigabyteHourNanos), strings.Join(groups, " "),
				}},
				table: table,
			})
		},
	}
	o.flag(cmd)
	return cmd
}

// parseLink takes a sign-in link or the bare code of one; the server is empty for a bare code.
func parseLink(text string) (server, code string, err error) {
	if !strings.Contains(text, "://") {
		return "", text, nil
	}
	link, err := url.Parse(text)
	if err != nil {
		// The cause would repeat the link, which is a secret.
		return "", "", errors.New("that is not a sign-in link; it looks like http://127.0.0.1:8470/signin#code=…")
	}
	values, err := url.ParseQuery(link.EscapedFragment())
	code = values.Get("code")
	if err != nil || code == "" {
		return "", "", errors.New("the link has no code; a sign-in link looks like http://127.0.0.1:8470/signin#code=…")
	}
	server = strings.TrimSuffix(link.Scheme+"://"+link.Host+strings.TrimSuffix(link.Path, "/"), "/signin")
	return server, code, nil
}

// readSecret reads the first line of the input.
func readSecret(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxSecretBytes)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", errors.New("nothing was entered, so nothing was changed")
	}
	return line, nil
}

// tokenName says in the list of tokens where this one is.
func tokenName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "command line"
	}
	return "command line on " + host
}
