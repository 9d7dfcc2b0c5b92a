package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/sdk"
)

const tagGroups = "groups"

// Groups is what the routes ask of core/identity about groups. Every method decides for itself what the actor may do, and answers errs.NotFound for what
// they may not see. A group is named by its id, its path, or a name that it alone has.
type Groups interface {
	List(ctx context.Context, actor identity.Actor) ([]identity.GroupView, error)
	Mine(ctx context.Context, actor identity.Actor) ([]identity.Membership, error)
	Create(ctx context.Context, now time.Time, actor identity.Actor, name, parent string) (identity.Group, error)
	Change(ctx context.Context, now time.Time, actor identity.Actor, ref string, to identity.GroupChange) (identity.Group, error)
	Delete(ctx context.Context, actor identity.Actor, ref string) error
	Members(ctx context.Context, actor identity.Actor, ref string) (identity.Group, []identity.Member, error)
	PutMember(ctx context.Context, now time.Time, actor identity.Actor, ref, user string, role identity.GroupRole, pays bool) (identity.Member, error)
	RemoveMember(ctx context.Context, actor identity.Actor, ref, user string) error
}

// GroupRef is the path parameter of all that belongs to a group. It is exported because huma looks at exported fields only.
type GroupRef struct {
	Group string `path:"group_id" minLength:"1" maxLength:"1000" doc:"Id, path with its slashes escaped, or a name that one group alone has"`
}

type createGroupInput struct {
	Body sdk.CreateGroupRequest
}

type changeGroupInput struct {
	GroupRef
	Body sdk.ChangeGroupRequest
}

// MemberRef are the path parameters of a member; exported for the same reason.
type MemberRef struct {
	GroupRef
	User string `path:"user_id" minLength:"1" maxLength:"200" doc:"Id or name"`
}

type putMemberInput struct {
	MemberRef
	Body sdk.PutMemberRequest
}

func (s *server) groupRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/groups", "list-groups", tagGroups, "List the groups that the caller is in, leads, or manages"), s.listGroups)
	register(s, a, created(operation(http.MethodPost, "/groups", "create-group", tagGroups, "Make a group")), s.createGroup)
	register(s, a, operation(http.MethodPatch, "/groups/{group_id}", "change-group", tagGroups, "Rename or move a group"), s.changeGroup)
	register(s, a, operation(http.MethodDelete, "/groups/{group_id}", "delete-group", tagGroups, "Delete an empty group that never paid"), s.deleteGroup)
	register(s, a, operation(http.MethodGet, "/groups/{group_id}/members", "list-members", tagGroups, "List the members of a group"), s.listMembers)
	register(s, a, operation(http.MethodPut, "/groups/{group_id}/members/{user_id}", "put-member", tagGroups,
		"Make a user a member of a group, or change their role in it"), s.putMember)
	register(s, a, operation(http.MethodDelete, "/groups/{group_id}/members/{user_id}", "remove-member", tagGroups, "Take a user out of a group"), s.removeMember)
}

func (s *server) listGroups(ctx context.Context, _ *struct{}) (*body[sdk.GroupList], error) {
	groups, err := s.Groups.List(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return answer(sdk.GroupList{Items: convert(groups, func(v identity.GroupView) sdk.Group {
		g := groupToAPI(v.Group)
		g.Members, g.Role, g.Pays = v.Members, string(v.Role), v.Pays
		return g
	})}), nil
}

func (s *server) createGroup(ctx context.Context, in *createGroupInput) (*body[sdk.Group], error) {
	g, err := s.Groups.Create(ctx, s.Now(), actorOf(ctx), in.Body.Name, in.Body.Parent)
	if err != nil {
		return nil, err
	}
	return answer(groupToAPI(g)), nil
}

func (s *server) changeGroup(ctx context.Context, in *changeGroupInput) (*body[sdk.Group], error) {
	g, err := s.Groups.Change(ctx, s.Now(), actorOf(ctx), in.Group, identity.GroupChange{Name: in.Body.Name, Parent: in.Body.Parent})
	if err != nil {
		return nil, err
	}
	return answer(groupToAPI(g)), nil
}

func (s *server) deleteGroup(ctx context.Context, in *GroupRef) (*struct{}, error) {
	return nil, s.Groups.Delete(ctx, actorOf(ctx), in.Group)
}

func (s *server) listMembers(ctx context.Context, in *GroupRef) (*body[sdk.MemberList], error) {
	g, members, err := s.Groups.Members(ctx, actorOf(ctx), in.Group)
	if err != nil {
		return nil, err
	}
	return answer(sdk.MemberList{Group: groupToAPI(g), Items: convert(members, memberToAPI)}), nil
}

func (s *server) putMember(ctx context.Context, in *putMemberInput) (*body[sdk.Member], error) {
	role := identity.GroupRole(in.Body.Role)
	if role == "" {
		role = identity.RoleMember
	}
	m, err := s.Groups.PutMember(ctx, s.Now(), actorOf(ctx), in.Group, in.User, role, in.Body.Pays)
	if err != nil {
		return nil, err
	}
	return answer(memberToAPI(m)), nil
}

func (s *server) removeMember(ctx context.Context, in *MemberRef) (*struct{}, error) {
	return nil, s.Groups.RemoveMember(ctx, actorOf(ctx), in.Group, in.User)
}

func groupToAPI(g identity.Group) sdk.Group {
	return sdk.Group{ID: string(g.ID), Name: g.Name, ParentID: string(g.Parent), Path: g.Path, CreatedAt: g.CreatedAt.UTC()}
}

func memberToAPI(m identity.Member) sdk.Member {
	return sdk.Member{User: userToAPI(m.User), Role: string(m.Role), Pays: m.Pays}
}
