package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		equal(t, get(t, ctx, db.CountUsers), 0)
		ana := newUser(t, db, "ana")
		bob := newUser(t, db, "bob")
		equal(t, get(t, ctx, db.CountUsers), 2)
		equal(t, getBy(t, ctx, db.UserByID, bob.ID), bob)
		equal(t, getBy(t, ctx, db.UserByName, "ana"), ana)

		other := ana
		other.ID = "us_other"
		wantKind(t, db.CreateUser(ctx, other), errs.Conflict)
		other.Name, other.ID = "carla", ana.ID
		wantKind(t, db.CreateUser(ctx, other), errs.Conflict)
		equal(t, get(t, ctx, db.CountUsers), 2)

		_, err := db.UserByID(ctx, "us_nobody")
		wantKind(t, err, errs.NotFound)
		_, err = db.UserByName(ctx, "Ana")
		wantKind(t, err, errs.NotFound)
	})
}

func TestSecretsNeedAUser(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		wantKind(t, db.CreateSignInCode(ctx, identity.SignInCode{Hash: "a", UserID: "us_nobody", CreatedAt: noon, ExpiresAt: noon}), errs.NotFound)
		wantKind(t, db.CreateSession(ctx, identity.Session{Hash: "a", UserID: "us_nobody", CreatedAt: noon, ExpiresAt: noon}), errs.NotFound)
		wantKind(t, db.CreateToken(ctx, identity.Token{ID: "a", Hash: "a", UserID: "us_nobody", CreatedAt: noon}), errs.NotFound)
	})
}

func TestTakeSignInCodeOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ana := newUser(t, db, "ana")
		code := identity.SignInCode{Hash: "c0de", UserID: ana.ID, CreatedAt: noon.UTC(), ExpiresAt: noon.Add(time.Hour).UTC()}
		must(t, db.CreateSignInCode(ctx, code))
		wantKind(t, db.CreateSignInCode(ctx, code), errs.Conflict)

		var got, missed atomic.Int64
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				take := func(ctx context.Context) error {
					taken, err := db.TakeSignInCode(ctx, "c0de")
					if err == nil {
						equal(t, taken, code)
					}
					return err
				}
				var err error
				if i%2 == 0 { // as the service does it
					err = db.Atomically(ctx, take)
				} else {
					err = take(ctx)
				}
				switch errs.KindOf(err) {
				case "":
					got.Add(1)
				case errs.NotFound:
					missed.Add(1)
				default:
					t.Errorf("take: %v", err)
				}
			})
		}
		group.Wait()
		if got.Load() != 1 || missed.Load() != 15 {
			t.Errorf("%d callers got the code and %d did not, want 1 and 15", got.Load(), missed.Load())
		}
	})
}

func TestSessions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ana := newUser(t, db, "ana")
		s := identity.Session{Hash: "5e55", UserID: ana.ID, CreatedAt: noon.UTC(), ExpiresAt: noon.Add(time.Hour).UTC()}
		must(t, db.CreateSession(ctx, s))
		wantKind(t, db.CreateSession(ctx, s), errs.Conflict)
		equal(t, getBy(t, ctx, db.SessionByHash, "5e55"), s)
		must(t, db.DeleteSession(ctx, "5e55"))
		wantKind(t, db.DeleteSession(ctx, "5e55"), errs.NotFound)
		_, err := db.SessionByHash(ctx, "5e55")
		wantKind(t, err, errs.NotFound)
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ana, bob := newUser(t, db, "ana"), newUser(t, db, "bob")
		endless := identity.Token{ID: "tk_1", UserID: ana.ID, Name: "laptop", Hash: "h1", CreatedAt: noon.UTC()}
		short := identity.Token{ID: "tk_2", UserID: ana.ID, Name: "laptop", Hash: "h2", CreatedAt: noon.UTC(), ExpiresAt: noon.Add(time.Hour).UTC()}
		must(t, db.CreateToken(ctx, endless))
		must(t, db.CreateToken(ctx, short))
		equal(t, getBy(t, ctx, db.TokenByHash, "h1"), endless)
		equal(t, getBy(t, ctx, db.ListTokensByUser, ana.ID), []identity.Token{short, endless})
		equal(t, getBy(t, ctx, db.ListTokensByUser, bob.ID), []identity.Token{})

		must(t, db.TouchToken(ctx, "tk_1", noon.Add(time.Minute)))
		endless.LastUsedAt = noon.Add(time.Minute).UTC()
		equal(t, getBy(t, ctx, db.TokenByHash, "h1"), endless)
		wantKind(t, db.TouchToken(ctx, "tk_3", noon), errs.NotFound)

		wantKind(t, db.DeleteToken(ctx, bob.ID, "tk_1"), errs.NotFound)
		must(t, db.DeleteToken(ctx, ana.ID, "tk_1"))
		wantKind(t, db.DeleteToken(ctx, ana.ID, "tk_1"), errs.NotFound)
		_, err := db.TokenByHash(ctx, "h1")
		wantKind(t, err, errs.NotFound)
	})
}

func TestDeleteExpired(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ana := newUser(t, db, "ana")
		for hash, end := range map[identity.Hash]time.Time{"old": noon.Add(-time.Microsecond), "now": noon, "new": noon.Add(time.Hour)} {
			must(t, db.CreateSignInCode(ctx, identity.SignInCode{Hash: hash, UserID: ana.ID, CreatedAt: noon, ExpiresAt: end}))
			must(t, db.CreateSession(ctx, identity.Session{Hash: hash, UserID: ana.ID, CreatedAt: noon, ExpiresAt: end}))
			must(t, db.CreateToken(ctx, identity.Token{ID: string(hash), Hash: hash, UserID: ana.ID, CreatedAt: noon, ExpiresAt: end}))
		}
		must(t, db.CreateToken(ctx, identity.Token{ID: "endless", Hash: "endless", UserID: ana.ID, CreatedAt: noon}))
		must(t, db.DeleteExpired(ctx, noon))

		for hash, kind := range map[identity.Hash]errs.Kind{"old": errs.NotFound, "now": "", "new": ""} {
			_, err := db.TakeSignInCode(ctx, hash)
			wantKind(t, err, kind)
			_, err = db.SessionByHash(ctx, hash)
			wantKind(t, err, kind)
			_, err = db.TokenByHash(ctx, hash)
			wantKind(t, err, kind)
		}
		_, err := db.TokenByHash(ctx, "endless")
		must(t, err)
	})
}
