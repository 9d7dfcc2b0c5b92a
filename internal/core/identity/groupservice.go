package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/id"
)

// GroupStore keeps groups and who is in them. Methods return errs.NotFound where nothing matches.
type GroupStore interface {
	// CreateGroup inserts a group; errs.Conflict if its path is taken.
	CreateGroup(ctx context.Context, g Group) error
	// Groups returns all groups by path.
	Groups(ctx context.Context) ([]Group, error)
	// UpdateGroup writes name, parent and path.
	UpdateGroup(ctx context.Context, g Group) error
	// DeleteGroup removes a group and gives its paths free.
	DeleteGroup(ctx context.Context, id GroupID) error
	// GroupOfPath returns the group that bears a path, or bore it last.
	GroupOfPath(ctx context.Context, path string) (Group, error)
	// KeepPath records that a group bears a path, and that no other does any more.
	KeepPath(ctx context.Context, path string, id GroupID, since time.Time) error
	// PathsOf returns all paths that a group bears or ever bore.
	PathsOf(ctx context.Context, id GroupID) ([]string, error)
	// PaidUnder reports whether anything was paid under a path or below it.
	PaidUnder(ctx context.Context, path string) (bool, error)
	// PaidBy reports whether a group itself ever paid.
	PaidBy(ctx context.Context, id GroupID) (bool, error)

	// PutMember makes a user a member, or changes what they are.
	PutMember(ctx context.Context, m Member, at time.Time) error
	DeleteMember(ctx context.Context, group GroupID, user UserID) error
	// SetPays makes one group of a user the one that pays.
	SetPays(ctx context.Context, user UserID, group GroupID) error
	// Members returns a group's members by name.
	Members(ctx context.Context, group GroupID) ([]Member, error)
	// MembershipsOf returns a user's groups by path.
	MembershipsOf(ctx context.Context, user UserID) ([]Membership, error)
	// CountMembers counts the members of each group that has any.
	CountMembers(ctx context.Context) (map[GroupID]int, error)

	UserByID(ctx context.Context, id UserID) (User, error)
	UserByName(ctx context.Context, name string) (User, error)
}

// Groups is what people do with groups. Admins manage them; everybody sees those that they are in, and who leads one sees all below it.
type Groups struct {
	store GroupStore
	tx    Transactor
}

// NewGroups makes a Groups.
func NewGroups(store GroupStore, tx Transactor) *Groups { return &Groups{store: store, tx: tx} }

// GroupView is a group as somebody sees it.
type GroupView struct {
	Group
	// Members counts those of the group itself.
	Members int
	// Role is what the actor is in it, empty if nothing; Pays tells that it pays where they name none.
	Role GroupRole
	Pays bool
}

func onlyAdmins(actor Actor) error {
	if actor.User.Role == RoleAdmin {
		return nil
	}
	return errs.New(errs.Forbidden, "", "Only admins manage groups and users; nothing was changed. Ask one.")
}

// List returns the groups that the actor may see, by path.
func (s *Groups) List(ctx context.Context, actor Actor) ([]GroupView, error) {
	all, err := s.store.Groups(ctx)
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	counts, err := s.store.CountMembers(ctx)
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	mine, err := s.Mine(ctx, actor)
	if err != nil {
		return nil, err
	}
	scope := actor.Scope()
	var out []GroupView
	for _, g := range all {
		v := GroupView{Group: g, Members: counts[g.ID]}
		if i := slices.IndexFunc(mine, func(m Membership) bool { return m.Group.ID == g.ID }); i >= 0 {
			v.Role, v.Pays = mine[i].Role, mine[i].Pays
		}
		if v.Role != "" || scope.Sees("", g.Path) {
			out = append(out, v)
		}
	}
	return out, nil
}

// Mine returns the groups that the actor is in, by path.
func (s *Groups) Mine(ctx context.Context, actor Actor) ([]Membership, error) {
	mine, err := s.store.MembershipsOf(ctx, actor.User.ID)
	if err != nil {
		return nil, fmt.Errorf("list the groups of a user: %w", err)
	}
	return mine, nil
}

// Create makes a group below the one that parent names, at the top for "".
func (s *Groups) Create(ctx context.Context, now time.Time, actor Actor, name, parent string) (Group, error) {
	if err := onlyAdmins(actor); err != nil {
		return Group{}, err
	}
	if err := checkGroupName(name); err != nil {
		return Group{}, err
	}
	var made Group
	err := s.change(ctx, func(ctx context.Context, t tree) error {
		if len(t.all) >= maxGroups {
			return errs.New(errs.Conflict, "too_many_groups", "There are %d groups, the most that there may be; nothing was changed.", len(t.all))
		}
		g := Group{ID: GroupID(id.New("gr", now)), Name: name, CreatedAt: now.UTC().Truncate(time.Microsecond)}
		if parent != "" {
			above, err := t.find(parent)
			if err != nil {
				return err
			}
			g.Parent = above.ID
		}
		placed, err := t.place(g)
		if err != nil {
			return err
		}
		made = placed[0]
		if err := s.freePath(ctx, made); err != nil {
			return err
		}
		if err := s.store.CreateGroup(ctx, made); err != nil {
			return err
		}
		return s.store.KeepPath(ctx, made.Path, made.ID, now)
	})
	if err != nil {
		return Group{}, fmt.Errorf("create a group: %w", err)
	}
	return made, nil
}

// GroupChange is what is to be different about a group; nil for what stays.
type GroupChange struct {
	Name *string
	// Parent names the group to put it below, "" for the top.
	Parent *string
}

// Change renames or moves a group, with all below it. What was paid keeps the paths of then.
func (s *Groups) Change(ctx context.Context, now time.Time, actor Actor, ref string, to GroupChange) (Group, error) {
	if err := onlyAdmins(actor); err != nil {
		return Group{}, err
	}
	if to.Name != nil {
		if err := checkGroupName(*to.Name); err != nil {
			return Group{}, err
		}
	}
	var changed Group
	err := s.change(ctx, func(ctx context.Context, t tree) error {
		g, err := t.find(ref)
		if err != nil {
			return err
		}
		if to.Name != nil {
			g.Name = *to.Name
		}
		if to.Parent != nil {
			g.Parent = ""
			if *to.Parent != "" {
				above, err := t.find(*to.Parent)
				if err != nil {
					return err
				}
				g.Parent = above.ID
			}
		}
		placed, err := t.place(g)
		if err != nil {
			return err
		}
		changed = placed[0]
		for _, p := range placed {
			if p.Path == t.byID[p.ID].Path {
				continue
			}
			if err := s.freePath(ctx, p); err != nil {
				return err
			}
			if err := s.store.UpdateGroup(ctx, p); err != nil {
				return err
			}
			if err := s.store.KeepPath(ctx, p.Path, p.ID, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Group{}, fmt.Errorf("change a group: %w", err)
	}
	return changed, nil
}

// freePath refuses a path that another group bears, or bore when something was paid: bills of then name it.
func (s *Groups) freePath(ctx context.Context, g Group) error {
	other, err := s.store.GroupOfPath(ctx, g.Path)
	switch {
	case errs.Is(err, errs.NotFound) || (err == nil && other.ID == g.ID):
		return nil
	case err != nil:
		return err
	case other.Path == g.Path:
		return errs.New(errs.Conflict, "group_exists", "There is a group %s already; nothing was changed.", g.Path)
	}
	paid, err := s.store.PaidUnder(ctx, g.Path)
	if err == nil && paid {
		return errs.New(errs.Conflict, "group_path_used",
			"%s was the path of the group that is %s now, and clusters were paid under it; their bills keep it, so no other group gets it. Nothing was changed; choose another name.",
			g.Path, other.Path)
	}
	return err
}

// Delete removes a group that has no groups below it and no members, and that never paid.
func (s *Groups) Delete(ctx context.Context, actor Actor, ref string) error {
	if err := onlyAdmins(actor); err != nil {
		return err
	}
	err := s.change(ctx, func(ctx context.Context, t tree) error {
		g, err := t.find(ref)
		if err != nil {
			return err
		}
		if below := t.children(g.ID); len(below) > 0 {
			return errs.New(errs.Conflict, "group_not_empty", "%s has groups below it, as %s; nothing was deleted. Move or delete those first.", g.Path, below[0].Path)
		}
		members, err := s.store.Members(ctx, g.ID)
		if err != nil {
			return err
		}
		if len(members) > 0 {
			return errs.New(errs.Conflict, "group_not_empty", "%s has %s; nothing was deleted. Remove them from it first.", g.Path, countMembers(len(members)))
		}
		paid, err := s.store.PaidBy(ctx, g.ID)
		if err != nil {
			return err
		}
		if paid {
			return errs.New(errs.Conflict, "group_paid", "%s has paid for clusters, whose bills name it; nothing was deleted. Rename it, or move it out of the way.", g.Path)
		}
		return s.store.DeleteGroup(ctx, g.ID)
	})
	if err != nil {
		return fmt.Errorf("delete a group: %w", err)
	}
	return nil
}

func countMembers(n int) string {
	if n == 1 {
		return "a member"
	}
	return fmt.Sprintf("%d members", n)
}

// Members returns the members of a group to admins and to who leads it or one above.
func (s *Groups) Members(ctx context.Context, actor Actor, ref string) (Group, []Member, error) {
	all, err := s.store.Groups(ctx)
	if err != nil {
		return Group{}, nil, fmt.Errorf("list groups: %w", err)
	}
	scope := actor.Scope()
	g, err := newTree(slices.DeleteFunc(all, func(g Group) bool { return !scope.Sees("", g.Path) })).find(ref)
	if err != nil {
		return Group{}, nil, err
	}
	members, err := s.store.Members(ctx, g.ID)
	if err != nil {
		return Group{}, nil, fmt.Errorf("list members: %w", err)
	}
	return g, members, nil
}

// Paths finds a group of whose spend the actor may see all, and the paths under which it paid, as far as they may see what was paid there: a group that moved keeps
// its history. The group is named as everywhere, or by a path that it bore; where they may see what it paid under that one but not what it pays now, that is its path here.
func (s *Groups) Paths(ctx context.Context, actor Actor, ref string) (Group, []string, error) {
	all, err := s.store.Groups(ctx)
	if err != nil {
		return Group{}, nil, fmt.Errorf("list groups: %w", err)
	}
	scope := actor.Scope()
	g, err := newTree(slices.DeleteFunc(all, func(g Group) bool { return !scope.Sees("", g.Path) })).find(ref)
	if errs.Is(err, errs.NotFound) {
		g, err = s.bearer(ctx, actor, ref, err)
	}
	if err != nil {
		return Group{}, nil, err
	}
	paths, err := s.store.PathsOf(ctx, g.ID)
	if err != nil {
		return Group{}, nil, fmt.Errorf("list the paths of a group: %w", err)
	}
	return g, slices.DeleteFunc(paths, func(path string) bool { return !scope.Sees("", path) }), nil
}

// bearer finds the group that bore a path under which the actor may see what was paid; else it refuses, to members of the group by saying who may.
func (s *Groups) bearer(ctx context.Context, actor Actor, ref string, unknown error) (Group, error) {
	scope := actor.Scope()
	if scope.Sees("", ref) {
		g, err := s.store.GroupOfPath(ctx, ref)
		switch {
		case errs.Is(err, errs.NotFound):
			return Group{}, unknown
		case err != nil:
			return Group{}, fmt.Errorf("look whose path it was: %w", err)
		}
		if !scope.Sees("", g.Path) {
			g.Path = ref
		}
		return g, nil
	}
	mine, err := s.Mine(ctx, actor)
	if err != nil {
		return Group{}, err
	}
	for _, m := range mine {
		if m.Group.Path == ref || m.Group.Name == ref || string(m.Group.ID) == ref {
			return Group{}, errs.New(errs.Forbidden, "not_lead", "What %s pays for is seen by who leads it or a group above, and by admins. You see your own clusters.", m.Group.Path)
		}
	}
	return Group{}, unknown
}

// PutMember makes a user a member of a group, or changes their role in it. The first group of a user pays where they name none; pays makes it this one.
func (s *Groups) PutMember(ctx context.Context, now time.Time, actor Actor, ref, user string, role GroupRole, pays bool) (Member, error) {
	if err := onlyAdmins(actor); err != nil {
		return Member{}, err
	}
	if role != RoleMember && role != RoleLead {
		return Member{}, errs.InvalidFields(errs.Field{Name: "role", Message: fmt.Sprintf("The role is %q or %q, not %.40q. Nothing was changed.", RoleMember, RoleLead, role)})
	}
	var m Member
	err := s.change(ctx, func(ctx context.Context, t tree) error {
		g, u, err := s.findBoth(ctx, t, ref, user)
		if err != nil {
			return err
		}
		memberships, err := s.store.MembershipsOf(ctx, u.ID)
		if err != nil {
			return err
		}
		m = Member{Group: g.ID, User: u, Role: role, Pays: pays || len(memberships) == 0}
		for _, had := range memberships {
			if had.Group.ID == g.ID {
				m.Pays = pays || had.Pays
			}
		}
		if err := s.store.PutMember(ctx, m, now); err != nil || !m.Pays {
			return err
		}
		return s.store.SetPays(ctx, u.ID, g.ID)
	})
	if err != nil {
		return Member{}, fmt.Errorf("put a member: %w", err)
	}
	return m, nil
}

// RemoveMember takes a user out of a group. Where it was the one that paid for them, their oldest group pays from then on.
func (s *Groups) RemoveMember(ctx context.Context, actor Actor, ref, user string) error {
	if err := onlyAdmins(actor); err != nil {
		return err
	}
	err := s.change(ctx, func(ctx context.Context, t tree) error {
		g, u, err := s.findBoth(ctx, t, ref, user)
		if err != nil {
			return err
		}
		err = s.store.DeleteMember(ctx, g.ID, u.ID)
		if errs.Is(err, errs.NotFound) {
			return errs.New(errs.NotFound, "", "%s is not a member of %s; nothing was changed.", u.Name, g.Path)
		}
		if err != nil {
			return err
		}
		left, err := s.store.MembershipsOf(ctx, u.ID)
		if err != nil || slices.ContainsFunc(left, func(m Membership) bool { return m.Pays }) {
			return err
		}
		if next, ok := nextPayer(left); ok {
			return s.store.SetPays(ctx, u.ID, next)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove a member: %w", err)
	}
	return nil
}

// findBoth finds a group and a user, by id or name.
func (s *Groups) findBoth(ctx context.Context, t tree, group, user string) (Group, User, error) {
	g, err := t.find(group)
	if err != nil {
		return Group{}, User{}, err
	}
	var u User
	if strings.HasPrefix(user, "us_") {
		u, err = s.store.UserByID(ctx, UserID(user))
	} else {
		u, err = s.store.UserByName(ctx, user)
	}
	if errs.Is(err, errs.NotFound) {
		err = errs.New(errs.NotFound, "", "There is no user %.100q; nothing was changed.", user)
	}
	return g, u, err
}

// Payer finds who pays for what the actor starts: the group that ref names, or for "" the one that pays for them by default. They must be in that
// group, lead one above it, or be an admin. It joins the caller's transaction, so that the path is that of the moment.
func (s *Groups) Payer(ctx context.Context, actor Actor, ref string) (Payer, error) {
	mine, err := s.Mine(ctx, actor)
	if err != nil {
		return Payer{}, err
	}
	if ref == "" {
		for _, m := range mine {
			if m.Pays {
				return Payer{Group: m.Group.ID, Path: m.Group.Path}, nil
			}
		}
		return Payer{}, nil
	}
	all, err := s.store.Groups(ctx)
	if err != nil {
		return Payer{}, fmt.Errorf("list groups: %w", err)
	}
	scope := actor.Scope()
	all = slices.DeleteFunc(all, func(g Group) bool { // a name need be unique only among those that may pay
		return !scope.Sees("", g.Path) && !slices.ContainsFunc(mine, func(m Membership) bool { return m.Group.ID == g.ID })
	})
	g, err := newTree(all).find(ref)
	switch {
	case errs.Is(err, errs.NotFound):
		return Payer{}, errs.InvalidFields(errs.Field{Name: "group", Message: fmt.Sprintf(
			"There is no group %.200q that may pay for you; nothing was started. %s", ref, yours(mine))})
	case err != nil:
		return Payer{}, err
	}
	return Payer{Group: g.ID, Path: g.Path}, nil
}

func yours(mine []Membership) string {
	if len(mine) == 0 {
		return "You are in none: ask an admin."
	}
	var paths []string
	for _, m := range mine {
		paths = append(paths, m.Group.Path)
	}
	return "You are in " + strings.Join(paths, ", ") + "."
}

// change runs f in a transaction with the tree as it is then.
func (s *Groups) change(ctx context.Context, f func(ctx context.Context, t tree) error) error {
	return s.tx.Atomically(ctx, func(ctx context.Context) error {
		all, err := s.store.Groups(ctx)
		if err != nil {
			return err
		}
		return f(ctx, newTree(all))
	})
}
