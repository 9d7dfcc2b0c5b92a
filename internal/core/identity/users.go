package identity

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/id"
)

// maxUserName is the longest name of a user, in characters.
const maxUserName = 100

// Users lists all users by name. Only admins may.
func (s *Service) Users(ctx context.Context, actor Actor) ([]User, error) {
	if err := onlyAdmins(actor); err != nil {
		return nil, err
	}
	users, err := s.store.ListUsers(ctx)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return users, nil
}

// CreateUser makes a user and a one-time code with which they sign in. Only admins may.
func (s *Service) CreateUser(ctx context.Context, now time.Time, actor Actor, name string, role Role) (User, string, error) {
	if err := onlyAdmins(actor); err != nil {
		return User{}, "", err
	}
	if err := checkUser(name, role); err != nil {
		return User{}, "", err
	}
	user := User{ID: UserID(id.New("us", now)), Name: name, Role: role, CreatedAt: now.UTC().Truncate(time.Microsecond)}
	var code string
	err := s.tx.Atomically(ctx, func(ctx context.Context) error {
		err := s.store.CreateUser(ctx, user)
		if errs.Is(err, errs.Conflict) {
			return errs.New(errs.Conflict, "user_exists", "There is a user %q already; nothing was changed.", name)
		}
		if err != nil {
			return err
		}
		code, err = s.createCode(ctx, now, user.ID)
		return err
	})
	if err != nil {
		return User{}, "", fmt.Errorf("create a user: %w", err)
	}
	return user, code, nil
}

// CodeFor makes a one-time code for a user who cannot sign in any more. Only admins may.
func (s *Service) CodeFor(ctx context.Context, now time.Time, actor Actor, userName string) (string, error) {
	if err := onlyAdmins(actor); err != nil {
		return "", err
	}
	return s.NewSignInCode(ctx, now, userName)
}

func checkUser(name string, role Role) error {
	var wrong []errs.Field
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.+@", r)
	}
	switch {
	case name == "" || len(name) > maxUserName:
		wrong = append(wrong, errs.Field{Name: "name", Message: fmt.Sprintf("The name of a user has 1 to %d characters. Nothing was changed.", maxUserName)})
	case strings.ContainsFunc(name, odd) || strings.ContainsRune("-_.+@", rune(name[0])):
		wrong = append(wrong, errs.Field{Name: "name", Message: fmt.Sprintf(
			"%.200q is no name of a user: it holds lower-case letters, digits and - _ . + @, and begins with a letter or digit. Nothing was changed.", name)})
	case strings.HasPrefix(name, "us_"):
		wrong = append(wrong, errs.Field{Name: "name", Message: "Ids of users begin with us_, so no name does. Nothing was changed."})
	}
	if role != RoleAdmin && role != RoleUser {
		wrong = append(wrong, errs.Field{Name: "role", Message: fmt.Sprintf("The role is %q or %q, not %.40q. Nothing was changed.", RoleAdmin, RoleUser, role)})
	}
	return errs.InvalidFields(wrong...)
}
