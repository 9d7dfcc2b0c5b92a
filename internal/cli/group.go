package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lineitem/lineitem/internal/cli/format"
	"github.com/lineitem/lineitem/sdk"
)

// groupFlag adds the flag that says who pays.
func groupFlag(flags *pflag.FlagSet, group *string, p Process) {
	flags.StringVar(group, "group", "", "group that pays, by path or name (default LINEITEM_GROUP, else the one that pays for you)")
	flags.Lookup("group").DefValue = ""
	if value := p.getenv("LINEITEM_GROUP"); value != "" {
		*group = value
	}
}

func newGroupCommand(c *connection) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "group",
		Short: "Look at and manage the groups that pay",
		Long: `Look at and manage the groups that pay: departments, teams, projects, in a tree.

GROUP is a path like /research/genomics, a name that one group alone has, or an id (gr_…). A cluster is paid by one group, for its whole life:
that of --group or LINEITEM_GROUP, else the one that pays for its owner. Who leads a group sees what it and those below it pay for.`,
	})
	cmd.AddCommand(
		newGroupListCommand(c), newGroupCreateCommand(c), newGroupMoveCommand(c), newGroupRenameCommand(c), newGroupDeleteCommand(c),
		newGroupMembersCommand(c), newGroupAddCommand(c), newGroupRemoveCommand(c),
	)
	return cmd
}

func newGroupListCommand(c *connection) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the groups that you are in or lead; admins see all",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			list, err := client.ListGroups(cmd.Context())
			if err != nil {
				return err
			}
			return o.write(cmd, groupListAnswer(list))
		},
	}
	o.flag(cmd)
	return cmd
}

var groupHeader = []string{"path", "name", "id", "parent_id", "n_members", "role", "pays", "created_at"}

func groupRow(g sdk.Group) []string {
	return []string{g.Path, g.Name, g.ID, g.ParentID, strconv.Itoa(g.Members), g.Role, strconv.FormatBool(g.Pays), moment(&g.CreatedAt)}
}

func groupListAnswer(list sdk.GroupList) answer {
	a := answer{json: list, header: groupHeader}
	for _, g := range list.Items {
		a.rows = append(a.rows, groupRow(g))
	}
	if len(list.Items) == 0 {
		a.text = "There is no group that you may see. Admins make them with \"lineitem group create\".\n"
		return a
	}
	a.table = format.NewTable(format.Header{Name: "group"}, format.Header{Name: "members", Align: format.Right}, format.Header{Name: "you"})
	for _, g := range list.Items {
		you := format.Dash
		if g.Role != "" {
			you = g.Role
		}
		if g.Pays {
			you += ", it pays for you"
		}
		a.table.Row(g.Path, strconv.Itoa(g.Members), you)
	}
	return a
}

// groupAnswer tells of one group after a change.
func groupAnswer(g sdk.Group, said string) answer {
	return answer{json: g, header: groupHeader, rows: [][]string{groupRow(g)}, text: said + "\n"}
}

func newGroupCreateCommand(c *connection) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:     "create PATH",
		Short:   "Make a group",
		Long:    "Make a group. Those above it in the path must be there.",
		Example: "  lineitem group create /research\n  lineitem group create /research/genomics",
		Args:    exactArgs("PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			parent, name := splitPath(args[0])
			client, err := c.client()
			if err != nil {
				return err
			}
			g, err := client.CreateGroup(cmd.Context(), sdk.CreateGroupRequest{Name: name, Parent: parent})
			if err != nil {
				return err
			}
			return o.write(cmd, groupAnswer(g, "There is a group "+g.Path+" now."))
		},
	}
	o.flag(cmd)
	return cmd
}

// splitPath divides a path into the one above, "" for the top, and the name.
func splitPath(path string) (parent, name string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

func newGroupMoveCommand(c *connection) *cobra.Command {
	return newGroupChangeCommand(c, &cobra.Command{
		Use:   "move GROUP PARENT",
		Short: "Put a group below another one",
		Long: `Put a group, with all below it, below another one, or to the top if PARENT is /.

What was paid stays where it was paid: it keeps the path of then.`,
		Args: exactArgs("GROUP", "PARENT"),
	}, func(argument string) sdk.ChangeGroupRequest {
		argument = strings.TrimSuffix(argument, "/")
		return sdk.ChangeGroupRequest{Parent: &argument}
	})
}

func newGroupRenameCommand(c *connection) *cobra.Command {
	return newGroupChangeCommand(c, &cobra.Command{
		Use:   "rename GROUP NAME",
		Short: "Give a group another name",
		Long: `Give a group another name, in its own path and in those of the groups below it.

What was paid keeps the path of then.`,
		Args: exactArgs("GROUP", "NAME"),
	}, func(argument string) sdk.ChangeGroupRequest { return sdk.ChangeGroupRequest{Name: &argument} })
}

func newGroupChangeCommand(c *connection, cmd *cobra.Command, change func(argument string) sdk.ChangeGroupRequest) *cobra.Command {
	var o output
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := c.client()
		if err != nil {
			return err
		}
		g, err := client.ChangeGroup(cmd.Context(), args[0], change(args[1]))
		if err != nil {
			return err
		}
		return o.write(cmd, groupAnswer(g, args[0]+" is "+g.Path+" from now on."))
	}
	o.flag(cmd)
	return cmd
}

func newGroupDeleteCommand(c *connection) *cobra.Command {
	return &cobra.Command{
		Use:   "delete GROUP",
		Short: "Delete a group that is empty and never paid",
		Args:  exactArgs("GROUP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			if err := client.DeleteGroup(cmd.Context(), args[0]); err != nil {
				return err
			}
			return say(cmd, args[0]+" is deleted.")
		},
	}
}

func newGroupMembersCommand(c *connection) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "members GROUP",
		Short: "List who is in a group",
		Args:  exactArgs("GROUP"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			list, err := client.ListMembers(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return o.write(cmd, membersAnswer(list))
		},
	}
	o.flag(cmd)
	return cmd
}

func membersAnswer(list sdk.MemberList) answer {
	a := answer{json: list, header: []string{"user_id", "user_name", "role", "pays"}}
	for _, m := range list.Items {
		a.rows = append(a.rows, []string{m.User.ID, m.User.Name, m.Role, strconv.FormatBool(m.Pays)})
	}
	if len(list.Items) == 0 {
		a.text = "Nobody is in " + list.Group.Path + ". Add somebody with \"lineitem group add\".\n"
		return a
	}
	a.table = format.NewTable(format.Header{Name: "user"}, format.Header{Name: "role"}, format.Header{Name: "pays by default"})
	for _, m := range list.Items {
		pays := format.Dash
		if m.Pays {
			pays = "yes"
		}
		a.table.Row(m.User.Name, m.Role, pays)
	}
	return a
}

func newGroupAddCommand(c *connection) *cobra.Command {
	var request sdk.PutMemberRequest
	var lead bool
	cmd := &cobra.Command{
		Use:   "add GROUP USER",
		Short: "Put a user into a group, or change what they are in it",
		Long: `Put a user into a group, or change what they are in it: a member, whose clusters it may pay, or a lead, who also sees what it and the groups below
it pay for.`,
		Example: "  lineitem group add /research/genomics ana\n  lineitem group add /research lea --lead",
		Args:    exactArgs("GROUP", "USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			request.Role = "member"
			if lead {
				request.Role = "lead"
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			m, err := client.PutMember(cmd.Context(), args[0], args[1], request)
			if err != nil {
				return err
			}
			said := m.User.Name + " is a " + m.Role + " of " + args[0] + "."
			if m.Pays {
				said += " It pays where they name no other group."
			}
			return say(cmd, said)
		},
	}
	cmd.Flags().BoolVar(&lead, "lead", false, "they lead it")
	cmd.Flags().BoolVar(&request.Pays, "pays", false, "it pays where they name no other group")
	return cmd
}

func newGroupRemoveCommand(c *connection) *cobra.Command {
	return &cobra.Command{
		Use:   "remove GROUP USER",
		Short: "Take a user out of a group",
		Args:  exactArgs("GROUP", "USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			if err := client.RemoveMember(cmd.Context(), args[0], args[1]); err != nil {
				return err
			}
			return say(cmd, args[1]+" is not in "+args[0]+" any more.")
		},
	}
}

// groupWord says what somebody is in a group.
func groupWord(m sdk.Membership) string {
	word := "Group"
	if m.Role == "lead" {
		word = "Leads"
	}
	if m.Pays {
		word += " (pays)"
	}
	return word
}
