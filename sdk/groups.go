package sdk

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Group is people who pay together. Groups are a tree.
type Group struct {
	ID   string `json:"id"`
	Name string `json:"name" example:"genomics"`
	// ParentID is empty for a group at the top.
	ParentID  string    `json:"parent_id"`
	Path      string    `json:"path" doc:"Names from the top" example:"/research/genomics"`
	CreatedAt time.Time `json:"created_at"`
	// Members counts those of the group itself. Filled in lists only, as what follows.
	Members int `json:"n_members"`
	// Role is what the caller is in the group: "member", "lead", or empty for nothing.
	Role string `json:"role" enum:",member,lead"`
	// Pays is true for the group that pays where the caller names none.
	Pays bool `json:"pays"`
}

// GroupList lists groups by path.
type GroupList struct {
	Items []Group `json:"items" nullable:"false"`
}

// Membership is a group that a user is in.
type Membership struct {
	ID   string `json:"id"`
	Path string `json:"path" example:"/research/genomics"`
	Role string `json:"role" enum:"member,lead"`
	// Pays is true for the group that pays where the user names none.
	Pays bool `json:"pays"`
}

// CreateGroupRequest asks for a group.
type CreateGroupRequest struct {
	Name   string `json:"name" maxLength:"60" doc:"Lower-case letters, digits and -"`
	Parent string `json:"parent,omitempty" maxLength:"1000" doc:"Path, name or id of the group to put it below; empty for the top"`
}

// ChangeGroupRequest renames or moves a group; what is absent stays.
type ChangeGroupRequest struct {
	Name   *string `json:"name,omitempty" maxLength:"60"`
	Parent *string `json:"parent,omitempty" maxLength:"1000" doc:"Path, name or id of the group to put it below; empty for the top"`
}

// Member is a user in a group.
type Member struct {
	User User   `json:"user"`
	Role string `json:"role" enum:"member,lead"`
	// Pays is true where the group pays for what the user starts without naming a group.
	Pays bool `json:"pays"`
}

// MemberList lists the members of a group by name.
type MemberList struct {
	Group Group    `json:"group"`
	Items []Member `json:"items" nullable:"false"`
}

// PutMemberRequest says what a user is in a group.
type PutMemberRequest struct {
	Role string `json:"role,omitempty" enum:"member,lead" doc:"member if absent"`
	// Pays makes the group the one that pays where the user names none. The first group of a user pays in any case.
	Pays bool `json:"pays,omitempty"`
}

// UserList lists users by name.
type UserList struct {
	Items []User `json:"items" nullable:"false"`
}

// CreateUserRequest asks for a user.
type CreateUserRequest struct {
	Name string `json:"name" maxLength:"100" doc:"Lower-case letters, digits and - _ . + @"`
	Role string `json:"role,omitempty" enum:"admin,user" doc:"user if absent"`
}

// NewUser is a user that was just made.
type NewUser struct {
	User User `json:"user"`
	// SignInURL signs them in, once, within a day.
	SignInURL string `json:"sign_in_url"`
}

// SignInLink signs somebody in, once, within a day.
type SignInLink struct {
	SignInURL string `json:"sign_in_url"`
}

// ListGroups lists the groups that the caller is in, leads, or manages. A group is named below by its id, its path, or a name that it alone has.
func (c *Client) ListGroups(ctx context.Context) (GroupList, error) {
	return call[GroupList](ctx, c, http.MethodGet, "/groups", nil, nil)
}

// CreateGroup makes a group.
func (c *Client) CreateGroup(ctx context.Context, in CreateGroupRequest) (Group, error) {
	return call[Group](ctx, c, http.MethodPost, "/groups", nil, in)
}

// ChangeGroup renames or moves a group, with all below it. What was paid keeps the paths of then.
func (c *Client) ChangeGroup(ctx context.Context, group string, in ChangeGroupRequest) (Group, error) {
	return call[Group](ctx, c, http.MethodPatch, groupPath(group, ""), nil, in)
}

// DeleteGroup deletes an empty group that never paid.
func (c *Client) DeleteGroup(ctx context.Context, group string) error {
	return c.call(ctx, http.MethodDelete, groupPath(group, ""), nil, nil, nil)
}

// ListMembers lists the members of a group.
func (c *Client) ListMembers(ctx context.Context, group string) (MemberList, error) {
	return call[MemberList](ctx, c, http.MethodGet, groupPath(group, "/members"), nil, nil)
}

// PutMember makes a user a member of a group, or changes their role in it.
func (c *Client) PutMember(ctx context.Context, group, user string, in PutMemberRequest) (Member, error) {
	return call[Member](ctx, c, http.MethodPut, groupPath(group, "/members/"+url.PathEscape(user)), nil, in)
}

// RemoveMember takes a user out of a group.
func (c *Client) RemoveMember(ctx context.Context, group, user string) error {
	return c.call(ctx, http.MethodDelete, groupPath(group, "/members/"+url.PathEscape(user)), nil, nil, nil)
}

// ListUsers lists all users.
func (c *Client) ListUsers(ctx context.Context) (UserList, error) {
	return call[UserList](ctx, c, http.MethodGet, "/users", nil, nil)
}

// CreateUser makes a user, and a link with which they sign in once.
func (c *Client) CreateUser(ctx context.Context, in CreateUserRequest) (NewUser, error) {
	return call[NewUser](ctx, c, http.MethodPost, "/users", nil, in)
}

// CreateSignInLink makes a link with which a user signs in once.
func (c *Client) CreateSignInLink(ctx context.Context, user string) (SignInLink, error) {
	return call[SignInLink](ctx, c, http.MethodPost, "/users/"+url.PathEscape(user)+"/code", nil, nil)
}

func groupPath(group, rest string) string { return "/groups/" + url.PathEscape(group) + rest }
