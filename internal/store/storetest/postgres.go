package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/lineitem/lineitem/internal/store"
)

const (
	// connsPerTest is small, because tests run side by side and a server has a hundred connections.
	connsPerTest = 8
	// templateLock is the advisory lock under which the template is made.
	templateLock = 7_251_894_416
)

var template struct {
	once sync.Once
	name string
	err  error
}

// createClone copies the template, which is made by the first test that needs it and stays on the server: its name is a hash of the migrations, so
// a later run with the same schema finds it.
func createClone(ctx context.Context, server string) (string, error) {
	template.once.Do(func() { template.name, template.err = makeTemplate(ctx, server) })
	if template.err != nil {
		return "", fmt.Errorf("make the template: %w", template.err)
	}
	name := "lineitem_test_" + strings.ToLower(rand.Text())
	return name, onServer(ctx, server, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CREATE DATABASE "+identifier(name)+" TEMPLATE "+identifier(template.name))
		return err
	})
}

func makeTemplate(ctx context.Context, server string) (string, error) {
	hash := sha256.New()
	for _, text := range store.Migrations(store.Postgres) {
		hash.Write([]byte(text))
	}
	name := "lineitem_template_" + hex.EncodeToString(hash.Sum(nil)[:8])
	return name, onServer(ctx, server, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(templateLock)); err != nil {
			return err
		}
		var there bool
		err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&there)
		if err != nil || there {
			return err
		}
		// Under another name until it is complete: a run that is killed must not leave half a template.
		draft := name + "_draft"
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+identifier(draft)+" WITH (FORCE)"); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+identifier(draft)); err != nil {
			return err
		}
		if err := migrate(ctx, server, draft); err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "ALTER DATABASE "+identifier(draft)+" RENAME TO "+identifier(name))
		return err
	})
}

func migrate(ctx context.Context, server, database string) error {
	address, err := withDatabase(server, database)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Config{DatabaseURL: address, MaxConns: 2})
	if err != nil {
		return err
	}
	if err := errors.Join(db.Migrate(ctx), db.Close()); err != nil {
		return err
	}
	// Each copy names itself: tests that run side by side are different installations.
	return onServer(ctx, address, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DELETE FROM installation")
		return err
	})
}

func dropDatabase(ctx context.Context, server, name string) error {
	return onServer(ctx, server, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+identifier(name)+" WITH (FORCE)")
		return err
	})
}

func onServer(ctx context.Context, server string, f func(conn *pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	return errors.Join(f(conn), conn.Close(ctx))
}

func withDatabase(server, name string) (string, error) {
	address, err := url.Parse(server)
	if err != nil || address.Scheme == "" {
		return "", errNotURL
	}
	address.Path = "/" + name
	return address.String(), nil
}

func identifier(name string) string { return pgx.Identifier{name}.Sanitize() }
