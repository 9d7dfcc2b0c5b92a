package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

func newUserCommand(c *connection) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "user",
		Short: "List and make users, if you are an admin",
	})
	cmd.AddCommand(newUserListCommand(c), newUserCreateCommand(c), newUserLinkCommand(c))
	return cmd
}

func newUserListCommand(c *connection) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List all users",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			list, err := client.ListUsers(cmd.Context())
			if err != nil {
				return err
			}
			a := answer{json: list, header: []string{"id", "name", "role"}, table: format.NewTable(format.Header{Name: "user"}, format.Header{Name: "role"})}
			for _, u := range list.Items {
				a.rows = append(a.rows, []string{u.ID, u.Name, u.Role})
				a.table.Row(u.Name, u.Role)
			}
			return o.write(cmd, a)
		},
	}
	o.flag(cmd)
	return cmd
}

func newUserCreateCommand(c *connection) *cobra.Command {
	var request sdk.CreateUserRequest
	var admin bool
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a user, and a link with which they sign in once",
		Args:  exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			request.Name = args[0]
			if admin {
				request.Role = "admin"
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			made, err := client.CreateUser(cmd.Context(), request)
			if err != nil {
				return err
			}
			return say(cmd, fmt.Sprintf("There is a user %s now. The link signs in once, within a day; it also works as in: lineitem login '<link>'\n%s",
				made.User.Name, made.SignInURL))
		},
	}
	cmd.Flags().BoolVar(&admin, "admin", false, "they see and change everything")
	return cmd
}

func newUserLinkCommand(c *connection) *cobra.Command {
	return &cobra.Command{
		Use:   "link NAME",
		Short: "Make a link with which a user signs in once",
		Args:  exactArgs("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			made, err := client.CreateSignInLink(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return say(cmd, made.SignInURL)
		},
	}
}

// say prints a sentence, as the answer of a command that has no data.
func say(cmd *cobra.Command, sentence string) error {
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), sentence); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	return nil
}
