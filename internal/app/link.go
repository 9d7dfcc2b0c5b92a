package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/config"
	"github.com/lineitem/lineitem/internal/core/identity"
	"github.com/lineitem/lineitem/internal/store"
)

// SignInLink makes a one-time link for the admin of the server with these settings, which may run meanwhile: whoever can open its database
// may sign in. The server must have been started once.
func SignInLink(ctx context.Context, cfg config.Config) (link string, err error) {
	if err := cfg.Validate(); err != nil {
		return "", err
	}
	database := store.Config{DatabaseURL: cfg.DatabaseURL}
	if cfg.DatabaseURL == "" {
		database.Path = filepath.Join(cfg.Data, "lineitem.db")
		if _, err := os.Stat(database.Path); errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("no server has run with the data folder %s yet, so nobody can sign in to it; name its folder with --data", cfg.Data)
		}
	}
	db, err := store.Open(ctx, database)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	code, err := identity.NewService(db, db).NewSignInCode(ctx, time.Now().UTC(), identity.AdminName)
	if err != nil {
		return "", err
	}
	address := cfg.PublicURL
	if address == "" {
		// A server on every address is on this one too.
		address = "http://" + strings.NewReplacer("0.0.0.0:", "127.0.0.1:", "[::]:", "127.0.0.1:").Replace(cfg.Listen)
	}
	return address + "/signin#code=" + code, nil
}
