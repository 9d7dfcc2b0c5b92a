package identity

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/id"
)

// Lifetimes.
const (
	// CodeLifetime is how long a sign-in code can be used.
	CodeLifetime = 24 * time.Hour
	// SessionLifetime is how long a browser stays signed in.
	SessionLifetime = 30 * 24 * time.Hour
	// touchEvery is how precisely LastUsedAt is kept: writing it at every request would cost more than the request.
	touchEvery = time.Minute
)

// AdminName is the name of the user that the first start creates.
const AdminName = "admin"

// maxTokenName is the longest name of a token, in characters.
const maxTokenName = 100

// Service signs people in, and tells who a secret belongs to.
type Service struct {
	store Store
	tx    Transactor
}

// NewService makes a service.
func NewService(store Store, tx Transactor) *Service {
	return &Service{store: store, tx: tx}
}

// unauthenticated is the one answer to every secret that is not valid: it does not tell what was wrong with it.
func unauthenticated() error {
	return errs.New(errs.Unauthenticated, "", "You are not signed in, or your token, session or sign-in code is not valid (any more). "+
		"Sign in again, or use another token.")
}

// Bootstrap creates the admin on the very first start and returns a sign-in code for them; later it returns "".
func (s *Service) Bootstrap(ctx context.Context, now time.Time) (string, error) {
	var code string
	err := s.tx.Atomically(ctx, func(ctx context.Context) error {
		code = ""
		n, err := s.store.CountUsers(ctx)
		if err != nil || n > 0 {
			return err
		}
		admin := User{ID: UserID(id.New("us", now)), Name: AdminName, Role: RoleAdmin, CreatedAt: now}
		if err := s.store.CreateUser(ctx, admin); err != nil {
			return err
		}
		code, err = s.createCode(ctx, now, admin.ID)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("create the first user: %w", err)
	}
	return code, nil
}

// NewSignInCode makes a one-time code for a user; errs.NotFound if there is no user of that name. Who may call it is the caller's to
// decide: it is for the operator of the server.
func (s *Service) NewSignInCode(ctx context.Context, now time.Time, userName string) (string, error) {
	var code string
	err := s.tx.Atomically(ctx, func(ctx context.Context) error {
		user, err := s.store.UserByName(ctx, userName)
		if errs.Is(err, errs.NotFound) {
			return errs.New(errs.NotFound, "", "There is no user named %q; no code was made.", userName)
		}
		if err != nil {
			return err
		}
		code, err = s.createCode(ctx, now, user.ID)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make a sign-in code: %w", err)
	}
	return code, nil
}

func (s *Service) createCode(ctx context.Context, now time.Time, user UserID) (string, error) {
	code := newSecret(secretCode)
	return code, s.store.CreateSignInCode(ctx, SignInCode{
		Hash: HashOf(code), UserID: user, CreatedAt: now, ExpiresAt: now.Add(CodeLifetime),
	})
}

// SignIn exchanges a code for a session and returns the session's secret. The code is used up.
func (s *Service) SignIn(ctx context.Context, now time.Time, code string) (secret string, u User, err error) {
	err = s.tx.Atomically(ctx, func(ctx context.Context) error {
		var err error
		if u, err = s.takeCode(ctx, now, code); err != nil {
			return err
		}
		secret = newSecret(secretSession)
		return s.store.CreateSession(ctx, Session{
			Hash: HashOf(secret), UserID: u.ID, CreatedAt: now, ExpiresAt: now.Add(SessionLifetime),
		})
	})
	if err != nil {
		return "", User{}, fmt.Errorf("sign in: %w", err)
	}
	return secret, u, nil
}

// takeCode uses a code up and returns its user.
func (s *Service) takeCode(ctx context.Context, now time.Time, code string) (User, error) {
	if !wellFormed(secretCode, code) {
		return User{}, unauthenticated()
	}
	taken, err := s.store.TakeSignInCode(ctx, HashOf(code))
	if err != nil {
		return User{}, hideMissing(err)
	}
	if !now.Before(taken.ExpiresAt) {
		return User{}, unauthenticated()
	}
	u, err := s.store.UserByID(ctx, taken.UserID)
	return u, hideMissing(err)
}

// SignOut ends a session. One that is not there is signed out already.
func (s *Service) SignOut(ctx context.Context, secret string) error {
	if !wellFormed(secretSession, secret) {
		return nil
	}
	if err := s.store.DeleteSession(ctx, HashOf(secret)); err != nil && !errs.Is(err, errs.NotFound) {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// AuthenticateSession tells whose session a secret is.
func (s *Service) AuthenticateSession(ctx context.Context, now time.Time, secret string) (Actor, error) {
	if !wellFormed(secretSession, secret) {
		return Actor{}, unauthenticated()
	}
	session, err := s.store.SessionByHash(ctx, HashOf(secret))
	if err != nil {
		return Actor{}, hideMissing(err)
	}
	if !now.Before(session.ExpiresAt) {
		return Actor{}, unauthenticated()
	}
	user, err := s.store.UserByID(ctx, session.UserID)
	if err != nil {
		return Actor{}, hideMissing(err)
	}
	return s.actor(ctx, user, "")
}

// actor is a user with what groups they lead.
func (s *Service) actor(ctx context.Context, user User, token string) (Actor, error) {
	a := Actor{User: user, TokenID: token}
	if user.Role == RoleAdmin {
		return a, nil
	}
	var err error
	if a.Leads, err = s.store.LedPaths(ctx, user.ID); err != nil {
		return Actor{}, fmt.Errorf("look what groups a user leads: %w", err)
	}
	return a, nil
}

// AuthenticateToken tells whose API token a secret is, and notes its use, at most once a minute.
func (s *Service) AuthenticateToken(ctx context.Context, now time.Time, secret string) (Actor, error) {
	if !wellFormed(secretToken, secret) {
		return Actor{}, unauthenticated()
	}
	token, err := s.store.TokenByHash(ctx, HashOf(secret))
	if err != nil {
		return Actor{}, hideMissing(err)
	}
	if !token.ExpiresAt.IsZero() && !now.Before(token.ExpiresAt) {
		return Actor{}, unauthenticated()
	}
	user, err := s.store.UserByID(ctx, token.UserID)
	if err != nil {
		return Actor{}, hideMissing(err)
	}
	if now.Sub(token.LastUsedAt) >= touchEvery {
		err := s.store.TouchToken(ctx, token.ID, now)
		// Not found means that it was deleted a moment ago: then it is not valid. A database that cannot write, such as on a full disk,
		// is no reason to refuse who only wants to read.
		if err != nil && !errs.Is(err, errs.Unavailable) {
			return Actor{}, hideMissing(err)
		}
	}
	return s.actor(ctx, user, token.ID)
}

// hideMissing makes "not found" the one answer to secrets that are not valid; other errors stay what they are.
func hideMissing(err error) error {
	if errs.Is(err, errs.NotFound) {
		return unauthenticated()
	}
	return err
}

// CreateToken makes an API token for the actor and returns its secret, which is nowhere kept. A ttl of 0 makes a token without end.
func (s *Service) CreateToken(ctx context.Context, now time.Time, actor Actor, name string, ttl time.Duration) (Token, string, error) {
	if err := validateToken(name, ttl); err != nil {
		return Token{}, "", err
	}
	token, secret, err := s.createToken(ctx, now, actor.User.ID, name, ttl)
	if err != nil {
		return Token{}, "", fmt.Errorf("create a token: %w", err)
	}
	return token, secret, nil
}

// TokenForCode exchanges a sign-in code for an API token: how a program without a browser signs in. The code is used up, unless the
// name or the ttl are refused.
func (s *Service) TokenForCode(ctx context.Context, now time.Time, code, name string, ttl time.Duration) (Token, string, error) {
	if err := validateToken(name, ttl); err != nil {
		return Token{}, "", err
	}
	var token Token
	var secret string
	err := s.tx.Atomically(ctx, func(ctx context.Context) error {
		user, err := s.takeCode(ctx, now, code)
		if err != nil {
			return err
		}
		token, secret, err = s.createToken(ctx, now, user.ID, name, ttl)
		return err
	})
	if err != nil {
		return Token{}, "", fmt.Errorf("exchange a sign-in code for a token: %w", err)
	}
	return token, secret, nil
}

func (s *Service) createToken(ctx context.Context, now time.Time, user UserID, name string, ttl time.Duration) (Token, string, error) {
	secret := newSecret(secretToken)
	token := Token{
		ID: id.New("tk", now), UserID: user, Name: strings.TrimSpace(name), Hash: HashOf(secret), CreatedAt: now.Truncate(time.Microsecond),
	}
	if ttl > 0 {
		token.ExpiresAt = token.CreatedAt.Add(ttl)
	}
	return token, secret, s.store.CreateToken(ctx, token)
}

func validateToken(name string, ttl time.Duration) error {
	var wrong []errs.Field
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		wrong = append(wrong, errs.Field{Name: "name", Message: "A token needs a name, so that you recognise it in the list."})
	case utf8.RuneCountInString(name) > maxTokenName:
		wrong = append(wrong, errs.Field{Name: "name", Message: fmt.Sprintf("The name of a token has at most %d characters.", maxTokenName)})
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		wrong = append(wrong, errs.Field{Name: "name", Message: "The name of a token holds text on one line, without control characters."})
	}
	if ttl < 0 {
		wrong = append(wrong, errs.Field{Name: "ttl", Message: "A token cannot end before it begins: give a positive time, or none for a token without end."})
	}
	return errs.InvalidFields(wrong...)
}

// ListTokens returns the actor's tokens, newest first.
func (s *Service) ListTokens(ctx context.Context, actor Actor) ([]Token, error) {
	tokens, err := s.store.ListTokensByUser(ctx, actor.User.ID)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return tokens, nil
}

// DeleteToken ends one of the actor's tokens; errs.NotFound if it is not theirs.
func (s *Service) DeleteToken(ctx context.Context, actor Actor, tokenID string) error {
	err := s.store.DeleteToken(ctx, actor.User.ID, tokenID)
	if errs.Is(err, errs.NotFound) {
		return errs.New(errs.NotFound, "", "You have no token %q; nothing was changed.", tokenID)
	}
	if err != nil {
		return fmt.Errorf("delete a token: %w", err)
	}
	return nil
}

// User returns a user; errs.NotFound if there is none with that id.
func (s *Service) User(ctx context.Context, user UserID) (User, error) {
	u, err := s.store.UserByID(ctx, user)
	if err != nil {
		return User{}, fmt.Errorf("read a user: %w", err)
	}
	return u, nil
}

// DeleteExpired forgets codes, sessions and tokens that have ended. They are refused anyway; this keeps the tables small.
func (s *Service) DeleteExpired(ctx context.Context, now time.Time) error {
	if err := s.store.DeleteExpired(ctx, now); err != nil {
		return fmt.Errorf("delete what has expired: %w", err)
	}
	return nil
}
