package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lineitem/lineitem/internal/core/errs"
	"github.com/lineitem/lineitem/internal/store"
	"github.com/lineitem/lineitem/internal/store/storetest"
)

func TestOpenAgainKeepsTheInstallation(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, engine := range storetest.Engines(t) {
		cfg := storetest.Config(t, engine)
		var first string
		for range 3 {
			db, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, err := db.InstallationID(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = got
			}
			if got != first || !strings.HasPrefix(got, "in_") {
				t.Errorf("%s: installation %q, then %q", engine, first, got)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if seen[first] {
			t.Errorf("%s: %s names two installations", engine, first)
		}
		seen[first] = true
	}
}

func TestOpenRefusesBadConfig(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]store.Config{
		"nothing":   {},
		"both":      {Path: "a", DatabaseURL: "postgres://localhost/a"},
		"not a url": {DatabaseURL: "postgres://user:sesame@host:port/x"},
		"a folder":  {Path: t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := store.Open(t.Context(), cfg)
			if err == nil {
				db.Close()
				t.Fatal("opened")
			}
			if strings.Contains(err.Error(), "sesame") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestOpenTellsThatTheServerIsAway(t *testing.T) {
	t.Parallel()
	_, err := store.Open(t.Context(), store.Config{DatabaseURL: "postgres://user:sesame@127.0.0.1:1/x?connect_timeout=5"})
	if !errs.Is(err, errs.Unavailable) {
		t.Errorf("error = %v, want kind %s", err, errs.Unavailable)
	}
	if err != nil && strings.Contains(err.Error(), "sesame") {
		t.Errorf("the error tells the password: %v", err)
	}
}

func TestSQLiteFilesArePrivate(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "50% of ana's #1 data?")
	path := filepath.Join(folder, "lineitem.db")
	db, err := store.Open(t.Context(), store.Config{Path: path, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]os.FileMode{folder: 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", file, got, want)
		}
	}
}

func TestSQLiteMakesAWideFilePrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lineitem.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Config{Path: path, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode = %o, want 600", got)
	}
}
