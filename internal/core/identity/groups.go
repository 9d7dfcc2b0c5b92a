package identity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
)

// GroupID identifies a group: "gr_" and a time-ordered, lower-case ULID.
type GroupID string

// Bounds of the tree.
const (
	// maxGroupName is the longest name of a group, in characters.
	maxGroupName = 60
	// maxGroupDepth is how many groups may be one in another.
	maxGroupDepth = 12
	// maxGroups bounds the tree, which is read as a whole.
	maxGroups = 10_000
)

// Group is people who pay together: a department, a team, a project. Groups are a tree.
type Group struct {
	ID GroupID
	// Name is unique among the groups of one parent: "genomics".
	Name string
	// Parent is empty for a group at the top.
	Parent GroupID
	// Path is the names from the top: "/research/genomics". A path is of one group for ever once something was paid under it.
	Path      string
	CreatedAt time.Time
}

// GroupRole is what a user is in a group.
type GroupRole string

// Roles in groups.
const (
	// RoleMember lets the group pay.
	RoleMember GroupRole = "member"
	// RoleLead also sees what the group and those below it pay for.
	RoleLead GroupRole = "lead"
)

// Member is a user in a group.
type Member struct {
	Group GroupID
	User  User
	Role  GroupRole
	// Pays is true for the group that pays where the user names none: one of a user's groups.
	Pays bool
}

// Membership is a group that a user is in.
type Membership struct {
	Group Group
	Role  GroupRole
	Pays  bool
	// Since orders memberships by age.
	Since time.Time
}

// Payer is the group that pays for something, as it was when that began; the zero Payer is nobody.
type Payer struct {
	Group GroupID
	Path  string
}

func checkGroupName(name string) error {
	switch {
	case name == "" || len(name) > maxGroupName:
		return errs.InvalidFields(errs.Field{Name: "name", Message: fmt.Sprintf("The name of a group has 1 to %d characters. Nothing was changed.", maxGroupName)})
	case name[0] == '-' || strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }):
		return errs.InvalidFields(errs.Field{
			Name: "name", Message: fmt.Sprintf("%.100q is no name of a group: it holds lower-case letters, digits and '-', and does not begin with '-'. Nothing was changed.", name),
		})
	}
	return nil
}

// tree is all groups of one moment.
type tree struct {
	all  []Group
	byID map[GroupID]Group
}

func newTree(all []Group) tree {
	t := tree{all: all, byID: make(map[GroupID]Group, len(all))}
	for _, g := range all {
		t.byID[g.ID] = g
	}
	return t
}

// find returns the group that ref names: an id, a path, or a name that one group alone has.
func (t tree) find(ref string) (Group, error) {
	if g, ok := t.byID[GroupID(ref)]; ok {
		return g, nil
	}
	var named []Group
	for _, g := range t.all {
		if g.Path == ref {
			return g, nil
		}
		if g.Name == ref {
			named = append(named, g)
		}
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		return Group{}, errs.New(errs.NotFound, "", "There is no group %.200q that you may see.", ref)
	}
	return Group{}, errs.New(errs.Conflict, "ambiguous_group", "%d groups have the name %.100q, as %s and %s; give the path.",
		len(named), ref, named[0].Path, named[1].Path)
}

// children returns the groups right below one.
func (t tree) children(id GroupID) []Group {
	var out []Group
	for _, g := range t.all {
		if g.Parent == id {
			out = append(out, g)
		}
	}
	return out
}

// place decides where a group goes, by its name and parent, and returns it and all below it with their new paths, parents first. A group is never put
// below itself.
func (t tree) place(g Group) ([]Group, error) {
	above := ""
	depth := 1
	for at := g.Parent; at != ""; depth++ {
		if at == g.ID {
			return nil, errs.New(errs.Conflict, "group_circle", "A group cannot be put below itself: %s is %s or below it. Nothing was changed.",
				t.byID[g.Parent].Path, t.byID[g.ID].Path)
		}
		parent, ok := t.byID[at]
		if !ok {
			return nil, fmt.Errorf("the group %s is in one that is not there: %s", g.ID, at)
		}
		if depth == 1 {
			above = parent.Path
		}
		at = parent.Parent
	}
	g.Path = above + "/" + g.Name
	moved := []Group{g}
	for i := 0; i < len(moved); i++ {
		for _, child := range t.children(moved[i].ID) {
			child.Path = moved[i].Path + "/" + child.Name
			moved = append(moved, child)
		}
	}
	for _, m := range moved {
		if strings.Count(m.Path, "/") > maxGroupDepth {
			return nil, errs.New(errs.Invalid, "group_depth", "%s would be deeper than %d groups. Nothing was changed.", m.Path, maxGroupDepth)
		}
	}
	return moved, nil
}

// nextPayer is the membership that pays once the one that did is gone: the oldest.
func nextPayer(all []Membership) (GroupID, bool) {
	if len(all) == 0 {
		return "", false
	}
	return slices.MinFunc(all, func(a, b Membership) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Group.ID, b.Group.ID))
	}).Group.ID, true
}
