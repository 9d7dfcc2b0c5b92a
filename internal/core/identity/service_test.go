package identity_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/id"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, kind errs.Kind) {
	t.Helper()
	if got := errs.KindOf(err); got != kind {
		t.Errorf("error = %v (kind %q), want kind %q", err, got, kind)
	}
}

// each runs f on each engine with a service that has seen its first start, and the sign-in code from there.
func each(t *testing.T, f func(t *testing.T, s *identity.Service, db *store.DB, code string)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := identity.NewService(db, db)
		code, err := s.Bootstrap(t.Context(), noon)
		must(t, err)
		f(t, s, db, code)
	})
}

func TestBootstrapOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := identity.NewService(db, db)
		var codes atomic.Int64
		var group sync.WaitGroup
		for range 4 { // servers that start together
			group.Go(func() {
				code, err := s.Bootstrap(t.Context(), noon)
				if err != nil {
					t.Error(err)
				}
				if code != "" {
					codes.Add(1)
				}
			})
		}
		group.Wait()
		if codes.Load() != 1 {
			t.Errorf("%d codes were made, want 1", codes.Load())
		}
		code, err := s.Bootstrap(t.Context(), noon.Add(time.Hour))
		must(t, err)
		if code != "" {
			t.Error("a later start made a code")
		}
		admin, err := db.UserByName(t.Context(), identity.AdminName)
		must(t, err)
		if admin.Role != identity.RoleAdmin || !id.Valid("us", string(admin.ID)) || !admin.CreatedAt.Equal(noon) {
			t.Errorf("admin = %+v", admin)
		}
	})
}

func TestSignInWithACodeOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *identity.Service, _ *store.DB, code string) {
		ctx := t.Context()
		secret, user, err := s.SignIn(ctx, noon, code)
		must(t, err)
		if user.Name != identity.AdminName || !strings.HasPrefix(secret, "lis_") || !strings.HasPrefix(code, "lic_") {
			t.Errorf("user %+v, secret %.4s…, code %.4s…", user, secret, code)
		}
		_, _, err = s.SignIn(ctx, noon, code)
		wantKind(t, err, errs.Unauthenticated)

		actor, err := s.AuthenticateSession(ctx, noon.Add(identity.SessionLifetime-time.Microsecond), secret)
		must(t, err)
		if diff := cmp.Diff(identity.Actor{User: user}, actor); diff != "" {
			t.Error(diff)
		}
		_, err = s.AuthenticateSession(ctx, noon.Add(identity.SessionLifetime), secret)
		wantKind(t, err, errs.Unauthenticated)

		must(t, s.SignOut(ctx, secret))
		must(t, s.SignOut(ctx, secret))
		must(t, s.SignOut(ctx, "nonsense"))
		_, err = s.AuthenticateSession(ctx, noon, secret)
		wantKind(t, err, errs.Unauthenticated)
	})
}

func TestSignInTogether(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *identity.Service, _ *store.DB, code string) {
		var in, refused atomic.Int64
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				var err error
				if i%2 == 0 {
					_, _, err = s.SignIn(t.Context(), noon, code)
				} else {
					_, _, err = s.TokenForCode(t.Context(), noon, code, "laptop", 0)
				}
				switch errs.KindOf(err) {
				case "":
					in.Add(1)
				case errs.Unauthenticated:
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if in.Load() != 1 || refused.Load() != 7 {
			t.Errorf("%d got in and %d were refused, want 1 and 7", in.Load(), refused.Load())
		}
	})
}

func TestCodesExpire(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *identity.Service, db *store.DB, first string) {
		ctx := t.Context()
		second, err := s.NewSignInCode(ctx, noon, identity.AdminName)
		must(t, err)
		_, _, err = s.SignIn(ctx, noon.Add(identity.CodeLifetime), first)
		wantKind(t, err, errs.Unauthenticated)
		_, _, err = s.TokenForCode(ctx, noon.Add(identity.CodeLifetime), first, "laptop", 0)
		wantKind(t, err, errs.Unauthenticated)
		_, _, err = s.SignIn(ctx, noon.Add(identity.CodeLifetime-time.Microsecond), second)
		must(t, err)

		must(t, s.DeleteExpired(ctx, noon.Add(identity.CodeLifetime+time.Microsecond)))
		_, err = db.TakeSignInCode(ctx, identity.HashOf(first))
		wantKind(t, err, errs.NotFound)

		_, err = s.NewSignInCode(ctx, noon, "nobody")
		wantKind(t, err, errs.NotFound)
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *identity.Service, db *store.DB, code string) {
		ctx := t.Context()
		endless, endlessSecret, err := s.TokenForCode(ctx, noon, code, " laptop ", 0)
		must(t, err)
		if endless.Name != "laptop" || !endless.ExpiresAt.IsZero() || !id.Valid("tk", endless.ID) || !strings.HasPrefix(endlessSecret, "lit_") {
			t.Errorf("token = %+v, secret %.4s…", endless, endlessSecret)
		}
		actor, err := s.AuthenticateToken(ctx, noon.Add(100*365*24*time.Hour), endlessSecret)
		must(t, err)
		if actor.User.Name != identity.AdminName || actor.TokenID != endless.ID {
			t.Errorf("actor = %+v", actor)
		}

		short, shortSecret, err := s.CreateToken(ctx, noon.Add(time.Second), actor, "ci", time.Hour)
		must(t, err)
		_, err = s.AuthenticateToken(ctx, noon.Add(time.Second+time.Hour-time.Microsecond), shortSecret)
		must(t, err)
		_, err = s.AuthenticateToken(ctx, noon.Add(time.Second+time.Hour), shortSecret)
		wantKind(t, err, errs.Unauthenticated)

		listed, err := s.ListTokens(ctx, actor)
		must(t, err)
		if len(listed) != 2 || listed[0].ID != short.ID || listed[1].ID != endless.ID {
			t.Errorf("tokens = %+v", listed)
		}
		stored := listed[0]
		stored.LastUsedAt = time.Time{}
		if diff := cmp.Diff(short, stored); diff != "" {
			t.Errorf("what was returned is not what was stored (-returned +stored):\n%s", diff)
		}

		stranger := identity.Actor{User: identity.User{ID: "us_stranger", Role: identity.RoleAdmin}}
		wantKind(t, s.DeleteToken(ctx, stranger, short.ID), errs.NotFound)
		must(t, s.DeleteToken(ctx, actor, short.ID))
		wantKind(t, s.DeleteToken(ctx, actor, short.ID), errs.NotFound)
		_, err = s.AuthenticateToken(ctx, noon.Add(time.Second), shortSecret)
		wantKind(t, err, errs.Unauthenticated)

		user, err := s.User(ctx, actor.User.ID)
		must(t, err)
		if user != actor.User {
			t.Errorf("user = %+v, want %+v", user, actor.User)
		}
		_, err = s.User(ctx, "us_nobody")
		wantKind(t, err, errs.NotFound)
		if n, err := db.CountUsers(ctx); n != 1 || err != nil {
			t.Errorf("%d users, %v", n, err)
		}
	})
}

func TestLastUseIsKeptToTheMinute(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *identity.Service, db *store.DB, code string) {
		ctx := t.Context()
		_, secret, err := s.TokenForCode(ctx, noon, code, "laptop", 0)
		must(t, err)
		for _, step := range []struct{ at, want time.Duration }{
			{0, 0}, {time.Second, 0}, {time.Minute - 1, 0}, {time.Minute, time.Minute}, {90 * time.Second, time.Minute}, {time.Hour, time.Hour}, {0, time.Hour},
		} {
			_, err := s.AuthenticateToken(ctx, noon.Add(step.at), secret)
			must(t, err)
			token, err := db.TokenByHash(ctx, identity.HashOf(secret))
			must(t, err)
			if want := noon.Add(step.want); !token.LastUsedAt.Equal(want) {
				t.Errorf("after a use at %v the last use is %v, want %v", step.at, token.LastUsedAt, want)
			}
		}
	})
}

// TestOneAnswerToBadSecrets: who guesses learns nothing, not even which kind of secret it was.
func TestOneAnswerToBadSecrets(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *identity.Service, _ *store.DB, code string) {
		ctx := t.Context()
		admin, err := s.NewSignInCode(ctx, noon, identity.AdminName)
		must(t, err)
		_, token, err := s.TokenForCode(ctx, noon, admin, "laptop", 0)
		must(t, err)
		other, err := s.NewSignInCode(ctx, noon, identity.AdminName)
		must(t, err)
		session, _, err := s.SignIn(ctx, noon, other)
		must(t, err)

		change := func(secret string) string { // one character
			if secret[10] == 'a' {
				return secret[:10] + "b" + secret[11:]
			}
			return secret[:10] + "a" + secret[11:]
		}
		messages := map[string]bool{}
		for name, try := range map[string]func(secret string) error{
			"session": func(secret string) error { _, err := s.AuthenticateSession(ctx, noon, secret); return err },
			"token":   func(secret string) error { _, err := s.AuthenticateToken(ctx, noon, secret); return err },
			"sign in": func(secret string) error { _, _, err := s.SignIn(ctx, noon, secret); return err },
			"trade":   func(secret string) error { _, _, err := s.TokenForCode(ctx, noon, secret, "laptop", 0); return err },
		} {
			right := map[string]string{"session": session, "token": token, "sign in": code, "trade": code}[name]
			for _, secret := range []string{
				"", "x", right + "x", right[:len(right)-1], change(right), " " + right, strings.ToUpper(right),
				strings.Repeat("x", 1<<20), "lit_", "lit_\x00" + right[5:],
			} {
				err := try(secret)
				wantKind(t, err, errs.Unauthenticated)
				var e *errs.Error
				if errors.As(err, &e) {
					messages[e.Message+e.CodeOrKind()] = true
				}
			}
			for kind, secret := range map[string]string{"session": session, "token": token, "sign in": code} {
				if secret != right {
					if err := try(secret); !errs.Is(err, errs.Unauthenticated) {
						t.Errorf("%s took the secret of %s: %v", name, kind, err)
					}
				}
			}
		}
		if len(messages) != 1 {
			t.Errorf("%d different answers: %v", len(messages), messages)
		}
	})
}

func TestTokensNeedAName(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *identity.Service, _ *store.DB, code string) {
		ctx := t.Context()
		for _, bad := range []struct {
			name string
			ttl  time.Duration
		}{{"", 0}, {"  ", 0}, {"a\nb", 0}, {"\xff", 0}, {strings.Repeat("ü", 101), 0}, {"laptop", -1}} {
			_, _, err := s.TokenForCode(ctx, noon, code, bad.name, bad.ttl)
			wantKind(t, err, errs.Invalid)
			_, _, err = s.CreateToken(ctx, noon, identity.Actor{}, bad.name, bad.ttl)
			wantKind(t, err, errs.Invalid)
		}
		// The code is not used up by that.
		_, _, err := s.TokenForCode(ctx, noon, code, strings.Repeat("ü", 100), time.Hour)
		must(t, err)
	})
}

// TestNothingSecretIsStored looks for secrets in the bytes of a database.
func TestNothingSecretIsStored(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	cfg := storetest.Config(t, store.SQLite)
	db, err := store.Open(ctx, cfg)
	must(t, err)
	must(t, db.Migrate(ctx))
	s := identity.NewService(db, db)
	used, err := s.Bootstrap(ctx, noon)
	must(t, err)
	unused, err := s.NewSignInCode(ctx, noon, identity.AdminName)
	must(t, err)
	session, user, err := s.SignIn(ctx, noon, used)
	must(t, err)
	token, secret, err := s.CreateToken(ctx, noon, identity.Actor{User: user}, "laptop", 0)
	must(t, err)
	must(t, db.Close())
	content, err := os.ReadFile(cfg.Path)
	must(t, err)
	if !bytes.Contains(content, []byte(token.Hash)) {
		t.Error("the token's hash is not in the file: this test looks in the wrong place")
	}
	for name, text := range map[string]string{"used code": used, "unused code": unused, "session": session, "token": secret} {
		if bytes.Contains(content, []byte(text[len("lit_"):])) {
			t.Errorf("the %s is in the file", name)
		}
	}
}

func TestSecretsNeverRepeat(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	s := identity.NewService(db, db)
	_, err := s.Bootstrap(t.Context(), noon)
	must(t, err)
	seen := map[string]bool{}
	must(t, db.Atomically(t.Context(), func(ctx context.Context) error {
		for range 200 {
			code, err := s.NewSignInCode(ctx, noon, identity.AdminName)
			if err != nil {
				return err
			}
			if seen[code] || len(code) != len("lic_")+43 {
				t.Errorf("code %d repeats or has %d characters", len(seen), len(code))
			}
			seen[code] = true
		}
		return nil
	}))
}
