package console

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// DuckDB's settings alone, without a look at the statement, keep it within its folder.
func TestSettingsConfine(t *testing.T) {
	t.Parallel()
	folder, outside := t.TempDir(), t.TempDir()
	canary := filepath.Join(outside, "c.csv")
	if err := os.WriteFile(canary, []byte("word\nsecret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &worker{order: order{Bounds: Bounds{MemoryBytes: 64 << 20, SpillBytes: 1 << 20, Threads: 1}}}
	ctx := t.Context()
	if err := w.open(ctx, folder); err != nil {
		t.Fatal(err)
	}
	defer w.conn.Close()
	if err := w.set(ctx, locked...); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"SELECT * FROM '" + canary + "'", "SELECT * FROM read_text('" + canary + "')", "SELECT * FROM glob('" + outside + "/*')", "SELECT * FROM glob('/*')",
		"SELECT * FROM read_text('" + folder + "/../" + filepath.Base(outside) + "/c.csv')", "COPY (SELECT 1) TO '" + outside + "/out.csv'", "COPY (SELECT 1) TO '/tmp/lineitem-out.csv'",
		"ATTACH '" + outside + "/x.db'", "ATTACH ':memory:' AS m (TYPE sqlite)", "EXPORT DATABASE '" + outside + "/x'", "INSTALL httpfs", "LOAD httpfs", "LOAD '" + outside + "/x.so'",
		"SELECT * FROM 'https://127.0.0.1:1/x.csv'", "SELECT * FROM 's3://bucket/x.parquet'", "SET memory_limit = '10GB'", "SET enable_external_access = true", "SET allowed_directories = ['/']", "SET temp_directory = '/tmp'",
		"SET lock_configuration = false", "RESET memory_limit", "PRAGMA memory_limit = '10GB'", "SET threads = 64", "SET autoload_known_extensions = true", "SET extension_directory = '/tmp'",
		"SELECT getenv('HOME')",
	} {
		if _, err := w.conn.ExecContext(ctx, statement); err == nil {
			t.Errorf("%s\nis done", statement)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s\ntells %v", statement, err)
		}
	}
	if files, err := os.ReadDir(outside); err != nil || len(files) != 1 {
		t.Errorf("outside are %v, %v", files, err)
	}
}
