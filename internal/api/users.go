package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/sdk"
)

type createUserInput struct {
	Body sdk.CreateUserRequest
}

type userRef struct {
	User string `path:"user_name" minLength:"1" maxLength:"200"`
}

func (s *server) userRoutes(a huma.API) {
	register(s, a, operation(http.MethodGet, "/users", "list-users", tagIdentity, "List all users"), s.listUsers)
	register(s, a, created(operation(http.MethodPost, "/users", "create-user", tagIdentity, "Make a user, and a link with which they sign in once")), s.createUser)
	register(s, a, created(operation(http.MethodPost, "/users/{user_name}/code", "create-code", tagIdentity,
		"Make a link with which a user signs in once")), s.createCode)
}

func (s *server) listUsers(ctx context.Context, _ *struct{}) (*body[sdk.UserList], error) {
	users, err := s.Identity.Users(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return answer(sdk.UserList{Items: convert(users, userToAPI)}), nil
}

func (s *server) createUser(ctx context.Context, in *createUserInput) (*body[sdk.NewUser], error) {
	role := identity.Role(in.Body.Role)
	if role == "" {
		role = identity.RoleUser
	}
	user, code, err := s.Identity.CreateUser(ctx, s.Now(), actorOf(ctx), in.Body.Name, role)
	if err != nil {
		return nil, err
	}
	return answer(sdk.NewUser{User: userToAPI(user), SignInURL: s.signInURL(code)}), nil
}

func (s *server) createCode(ctx context.Context, in *userRef) (*body[sdk.SignInLink], error) {
	code, err := s.Identity.CodeFor(ctx, s.Now(), actorOf(ctx), in.User)
	if err != nil {
		return nil, err
	}
	return answer(sdk.SignInLink{SignInURL: s.signInURL(code)}), nil
}

// signInURL makes a link of a code. The code is in the fragment, which browsers keep to themselves.
func (s *server) signInURL(code string) string { return s.PublicURL + "/signin#code=" + code }
