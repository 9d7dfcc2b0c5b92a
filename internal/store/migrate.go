package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/core/id"
	"github.com/lineitem/lineitem/internal/store/sqlcgen"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// Migrate brings the schema up to date, and names the installation the first time. Servers that start together on PostgreSQL take turns.
func (db *DB) Migrate(ctx context.Context) error {
	provider, err := db.migrations()
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	at, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrate the database: read its version: %w", err)
	}
	if at > newest {
		return errs.New(errs.Conflict, "database_newer",
			"The database has schema version %d, and this program knows up to %d; nothing was changed. Use the newer program that made it.", at, newest)
	}
	if at < newest {
		results, err := provider.Up(ctx)
		if err != nil {
			return fmt.Errorf("migrate the database: %w", err)
		}
		for _, r := range results {
			db.log.LogAttrs(ctx, slog.LevelInfo, "database migrated", slog.Int64("version", r.Source.Version), slog.Duration("took", r.Duration))
		}
	}
	now := time.Now()
	err = db.write(ctx).CreateInstallation(ctx, sqlcgen.CreateInstallationParams{ID: id.New("in", now), CreatedAt: micros(now)})
	return fail("name the installation", err)
}

func (db *DB) migrations() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+string(db.engine))
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	dialect := goose.DialectSQLite3
	if db.engine == Postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(dialect, db.writer.db, files, options...)
}

// Migrations returns the texts of an engine's migrations, oldest first.
func Migrations(engine Engine) []string {
	folder := "migrations/" + string(engine)
	entries, err := migrations.ReadDir(folder)
	if err != nil {
		return nil
	}
	texts := make([]string, 0, len(entries))
	for _, e := range entries { // sorted by name, and so by version
		b, err := migrations.ReadFile(folder + "/" + e.Name())
		if err != nil {
			return nil // cannot be: it is embedded
		}
		texts = append(texts, string(b))
	}
	return texts
}
